_base_ = "../kd/fasterrcnn_r101_r50_180k_coco.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
