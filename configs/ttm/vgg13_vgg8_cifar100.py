_base_ = "../_base_/pairs/vgg13_vgg8_cifar100.py"

model = dict(terms=dict(ttm=dict(loss=dict(type="mmkd.TTMLoss", gamma=0.1), weight=45.0)))
