_base_ = "../kd/resnet50_mobilenet_v1_imagenet.py"

# ER-KD's released code has no ImageNet. An interpretation: KD's settings there, ER-KD's entropy.
sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(kd=dict(sample_weight=sample_weight)))
