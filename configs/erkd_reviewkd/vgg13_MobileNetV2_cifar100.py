_base_ = "../reviewkd/vgg13_MobileNetV2_cifar100.py"

sample_weight = dict(type="mmkd.EntropyWeight", temperature=4.0)
model = dict(terms=dict(reviewkd=dict(sample_weight=sample_weight)))
# The recipe of ReviewKD's own code, which ER-KD's released code keeps here.
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=0.02, nesterov=True))
auto_scale_lr = dict(base_batch_size=128)
