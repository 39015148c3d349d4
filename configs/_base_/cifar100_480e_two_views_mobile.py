# The same with the rate of MobileNetV2 and ShuffleV2.
_base_ = "./cifar100_480e_two_views.py"

optim_wrapper = dict(optimizer=dict(lr=0.01))
