# 8,000 of the 60,000 training images, 800 of each class, so that a CPU can compare methods.
# The test images are all 10,000.
_base_ = "./fashion_mnist.py"

train_dataloader = dict(dataset=dict(subset=8000))
