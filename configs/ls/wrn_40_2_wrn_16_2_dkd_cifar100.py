_base_ = ["../_base_/pairs/wrn_40_2_wrn_16_2_cifar100.py", "../_base_/methods/ls.py"]

dkd = dict(
    loss=dict(alpha=12.0, beta=24.0, temperature=2.0, **_base_.ls_dkd),
    schedule=dict(warmup=20),
)
model = dict(terms=dict(dkd=dkd))
