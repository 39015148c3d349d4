# mdistiller's settings of OFD on CIFAR-100; a config adds the batch norms of its teacher.
ofd = dict(connector=dict(type="mmkd.ConvBNConnector"), weight=1e-3)
