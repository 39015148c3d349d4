# EA-DKD: DKD weighted by the entropies of teacher and student.
_base_ = "./dkd.py"

places = dict(
    model=dict(
        terms=dict(dkd=dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=4.0)))
    )
)
method = dict(
    classifier=dict(
        model=dict(
            terms=dict(
                dkd=dict(sample_weight=dict(type="mmkd.EntropyAdaptiveWeight", temperature=3.0))
            )
        )
    ),
    roi=places,
    segmentor=places,
)
options = dict(entropy_temperature="model.terms.dkd.sample_weight.temperature")
published = dict(
    resnet34_resnet18_imagenet=dict(
        model=dict(terms=dict(dkd=dict(sample_weight=dict(temperature=2.0))))
    )
)
del places
