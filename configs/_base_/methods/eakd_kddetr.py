# EA-KD's sample weight on KD-DETR: the weight of a query follows from the entropies of the
# teacher's and of the student's prediction for it, and not from the teacher's confidence. The
# weights are divided by their mean, as KD-DETR's are. The combination is ours.
_base_ = "./erkd_kddetr.py"

weight = dict(type="mmkd.EntropyAdaptiveWeight")
method = dict(queries=dict(model=dict(terms=dict(kddetr=dict(sample_weight=weight)))))
del weight
