# CTKD's own settings on CIFAR-100: zhengli97/CTKD, scripts/run_cifar_distill.sh.
ctkd = dict(
    loss=dict(type="mmkd.KDLoss", temperature=dict(type="mmkd.CurriculumTemperature")),
    weight=0.9,
)
