# AEKD: several teachers, weighted so that their gradients agree as well as possible.
_base_ = "./aver.py"

weight = dict(type="mmkd.AEKDWeight", tolerance=0.6, temperature=4.0)
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(teacher_weight=weight)))))
options = dict(tolerance="model.terms.kd.teacher_weight.tolerance")
del weight
