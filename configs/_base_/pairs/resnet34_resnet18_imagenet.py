_base_ = ["../imagenet_100e.py", "../models/pairs/resnet34_resnet18_imagenet.py"]
