pkd = dict(loss=dict(type="mmkd.PKDLoss", loss_weight=6.0))
levels = [f"neck[{level}]" for level in range(4)]
detector = dict(model=dict(terms=dict(pkd=dict(student=levels, teacher=levels, **pkd))))
method = dict(roi=detector, dense=detector)
options = dict(weight="model.terms.pkd.loss.loss_weight")
