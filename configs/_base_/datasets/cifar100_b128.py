# All 50,000 training images in batches of 128, from any of the layouts that mmkd.CIFAR100 reads.
# The images are held as one tensor, since small networks otherwise wait for them.
_base_ = "./cifar100.py"

dataset_type = "mmkd.CIFAR100"
train_dataloader = dict(type="mmkd.DeviceLoader", batch_size=128, dataset=dict(type=dataset_type))
val_dataloader = dict(batch_size=500, dataset=dict(type=dataset_type))
test_dataloader = val_dataloader
