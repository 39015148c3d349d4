# DIST's own settings on CIFAR-100: hunto/image_classification_sota, dist_cifar.yaml.
dist = dict(
    loss=dict(type="mmkd.DISTLoss", beta=1.0, gamma=1.0, temperature=4.0),
    weight=2.0,
)
