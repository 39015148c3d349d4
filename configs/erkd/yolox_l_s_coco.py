_base_ = "../kd/yolox_l_s_coco.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0, activation="sigmoid")
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
