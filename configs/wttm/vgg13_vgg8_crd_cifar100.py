_base_ = "../_base_/pairs/vgg13_vgg8_cifar100.py"

crd = dict(
    student="neck", teacher="neck", loss=dict(type="mmkd.CRDLoss", num_samples=50000), weight=0.8
)
model = dict(
    terms=dict(
        crd=crd,
        wttm=dict(
            loss=dict(type="mmkd.TTMLoss", gamma=0.2),
            sample_weight=dict(type="mmkd.PowerSumWeight", gamma=0.2),
            weight=4.0,
        ),
    )
)
