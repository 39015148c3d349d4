_base_ = "../kd/resnet34_resnet18_imagenet.py"

sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=2.0)
model = dict(student_loss_weight=1.0, terms=dict(kd=dict(sample_weight=sample_weight)))
