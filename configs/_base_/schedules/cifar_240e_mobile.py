# The recipe of cifar_240e.py with the rate that the literature uses for MobileNetV2, ShuffleV1 and
# ShuffleV2.
_base_ = "./cifar_240e.py"

optim_wrapper = dict(optimizer=dict(lr=0.01))
