_base_ = "../kd/retinanet_r101_r50_coco.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
