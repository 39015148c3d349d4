_base_ = ["../imagenet_100e_256.py", "../models/pairs/resnet50_mobilenet_v1_imagenet.py"]
