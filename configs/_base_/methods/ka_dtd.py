# KA by probability shift under DTD's temperatures.
_base_ = "./dtd_flsw.py"

shift = dict(type="mmkd.ProbabilityShift")
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(loss=dict(target=shift))))))
del shift
