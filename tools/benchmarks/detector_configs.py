"""Stock detectors of mmdet, by kind of head."""

# Configs of mmdet by kind of head: one for each class of head, and further families.
DENSE = """
atss/atss_r50_fpn_1x_coco autoassign/autoassign_r50-caffe_fpn_1x_coco
boxinst/boxinst_r50_fpn_ms-90k_coco centernet/centernet_r18_8xb16-crop512-140e_coco
centernet/centernet-update_r50-caffe_fpn_ms-1x_coco
centripetalnet/centripetalnet_hourglass104_16xb6-crop511-210e-mstest_coco
condinst/condinst_r50_fpn_ms-poly-90k_coco_instance
cornernet/cornernet_hourglass104_8xb6-210e-mstest_coco ddod/ddod_r50_fpn_1x_coco
dyhead/atss_r50_fpn_dyhead_1x_coco efficientnet/retinanet_effb3_fpn_8xb4-crop896-1x_coco
fcos/fcos_r50-caffe_fpn_gn-head_1x_coco foveabox/fovea_r50_fpn_4xb4-1x_coco
free_anchor/freeanchor_r50_fpn_1x_coco fsaf/fsaf_r50_fpn_1x_coco gfl/gfl_r50_fpn_1x_coco
ghm/retinanet_r50_fpn_ghm-1x_coco glip/glip_atss_swin-t_a_fpn_dyhead_pretrain_obj365
guided_anchoring/ga-retinanet_r50_fpn_1x_coco lad/lad_r50-paa-r101_fpn_2xb8_coco_1x
ld/ld_r18-gflv1-r101_fpn_1x_coco libra_rcnn/libra-retinanet_r50_fpn_1x_coco
nas_fcos/nas-fcos_r50-caffe_fpn_fcoshead-gn-head_4xb4-1x_coco
nas_fcos/nas-fcos_r50-caffe_fpn_nashead-gn-head_4xb4-1x_coco
nas_fpn/retinanet_r50_nasfpn_crop640-50e_coco paa/paa_r50_fpn_1x_coco
pisa/retinanet-r50_fpn_pisa_1x_coco pisa/ssd300_pisa_coco
pvt/retinanet_pvt-t_fpn_1x_coco reppoints/reppoints-moment_r50_fpn_1x_coco
retinanet/retinanet_r18_fpn_1x_coco rtmdet/rtmdet-ins_tiny_8xb32-300e_coco
rtmdet/rtmdet_tiny_8xb32-300e_coco sabl/sabl-retinanet_r50_fpn_1x_coco
solo/decoupled-solo_r50_fpn_1x_coco solo/solo_r50_fpn_1x_coco solov2/solov2_r50_fpn_1x_coco
ssd/ssd300_coco ssd/ssd512_coco ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco
tood/tood_r50_fpn_1x_coco tood/tood_r50_fpn_anchor-based_1x_coco vfnet/vfnet_r50_fpn_1x_coco
yolact/yolact_r50_1xb8-55e_coco yolo/yolov3_mobilenetv2_8xb24-320-300e_coco
yolof/yolof_r50-c5_8xb8-1x_coco yolox/yolox_tiny_8xb8-300e_coco
"""
ROI = """
albu_example/mask-rcnn_r50_fpn_albu-1x_coco carafe/faster-rcnn_r50_fpn-carafe_1x_coco
cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco
cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco
crowddet/crowddet-rcnn_r50_fpn_8xb2-30e_crowdhuman dcn/faster-rcnn_r50_fpn_dpool_1x_coco
dcnv2/faster-rcnn_r50_fpn_mdpool_1x_coco detectors/cascade-rcnn_r50-rfp_1x_coco
double_heads/dh-faster-rcnn_r50_fpn_1x_coco dynamic_rcnn/dynamic-rcnn_r50_fpn_1x_coco
empirical_attention/faster-rcnn_r50-attn0010_fpn_1x_coco fast_rcnn/fast-rcnn_r50_fpn_1x_coco
faster_rcnn/faster-rcnn_r50-caffe_c4-1x_coco faster_rcnn/faster-rcnn_r50_fpn_1x_coco
gcnet/mask-rcnn_r50-syncbn_fpn_1x_coco gn+ws/faster-rcnn_r50_fpn_gn-ws-all_1x_coco
gn/mask-rcnn_r50_fpn_gn-all_2x_coco grid_rcnn/grid-rcnn_r50_fpn_gn-head_1x_coco
groie/faste-rcnn_r50_fpn_groie_1x_coco guided_anchoring/ga-faster-rcnn_r50_fpn_1x_coco
hrnet/faster-rcnn_hrnetv2p-w18-1x_coco htc/htc-without-semantic_r50_fpn_1x_coco
htc/htc_r50_fpn_1x_coco libra_rcnn/libra-faster-rcnn_r50_fpn_1x_coco
lvis/mask-rcnn_r50_fpn_sample1e-3_ms-1x_lvis-v1 mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco
mask_rcnn/mask-rcnn_r50_fpn_1x_coco ms_rcnn/ms-rcnn_r50_fpn_1x_coco
openimages/faster-rcnn_r50_fpn_32xb2-1x_openimages pafpn/faster-rcnn_r50_pafpn_1x_coco
panoptic_fpn/panoptic-fpn_r50_fpn_1x_coco pisa/faster-rcnn_r50_fpn_pisa_1x_coco
point_rend/point-rend_r50-caffe_fpn_ms-1x_coco queryinst/queryinst_r50_fpn_1x_coco
res2net/faster-rcnn_res2net-101_fpn_2x_coco
resnest/faster-rcnn_s50_fpn_syncbn-backbone+head_ms-range-1x_coco
sabl/sabl-cascade-rcnn_r50_fpn_1x_coco sabl/sabl-faster-rcnn_r50_fpn_1x_coco
scnet/scnet_r50_fpn_1x_coco
seesaw_loss/mask-rcnn_r50_fpn_seesaw-loss_random-ms-2x_lvis-v1
sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco swin/mask-rcnn_swin-t-p4-w7_fpn_1x_coco
tridentnet/tridentnet_r50-caffe_1x_coco
v3det/faster_rcnn_r50_fpn_8x4_sample1e-3_mstrain_v3det_2x
"""
QUERIES = """
conditional_detr/conditional-detr_r50_8xb2-50e_coco dab_detr/dab-detr_r50_8xb2-50e_coco
ddq/ddq-detr-4scale_r50_8xb2-12e_coco deformable_detr/deformable-detr_r50_16xb2-50e_coco
detr/detr_r50_8xb2-150e_coco dino/dino-4scale_r50_8xb2-12e_coco
grounding_dino/grounding_dino_r50_scratch_8xb2_1x_coco
"""
CONFIGS = {"dense": DENSE.split(), "roi": ROI.split(), "queries": QUERIES.split()}
