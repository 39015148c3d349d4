_base_ = ["../imagenet_100e_256.py", "../models/pairs/resnet34_resnet18_imagenet.py"]
