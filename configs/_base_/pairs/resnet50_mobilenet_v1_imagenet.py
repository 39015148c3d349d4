_base_ = ["../imagenet_100e.py", "../models/pairs/resnet50_mobilenet_v1_imagenet.py"]
