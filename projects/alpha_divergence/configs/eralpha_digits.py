_base_ = "../../../configs/quickstart/erkd_digits.py"

custom_imports = dict(imports=["mmkd", "projects.alpha_divergence"], allow_failed_imports=False)

model = dict(terms=dict(kd=dict(loss=dict(type="mmkd.AlphaDivergenceLoss", temperature=4.0))))
