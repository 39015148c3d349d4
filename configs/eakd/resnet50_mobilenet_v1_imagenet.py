_base_ = "../kd/resnet50_mobilenet_v1_imagenet.py"

# Not released for this pair. An interpretation: the settings of ResNet34 and ResNet18.
sample_weight = dict(type="mmkd.EntropyAdaptiveWeight", temperature=2.0)
model = dict(student_loss_weight=1.0, terms=dict(kd=dict(sample_weight=sample_weight)))
