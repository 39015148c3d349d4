# EBKD: several teachers, weighted by their entropies.
_base_ = "./aver.py"

weight = dict(type="mmkd.EBKDWeight", divide_by_k=True)
method = dict(classifier=dict(model=dict(terms=dict(kd=dict(teacher_weight=weight)))))
del weight
