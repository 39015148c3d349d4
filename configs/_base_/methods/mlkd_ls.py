# MLKD with logit standardisation, as in the code of LS: of the divergence alone, at the base
# temperature 2. The correlations are those of the raw logits.
five = [2.0, 3.0, 5.0, 2.0, 6.0]
instances = dict(
    type="mmkd.MLKDLoss",
    temperatures=five,
    views=2,
    class_weight=0.0,
    batch_weight=0.0,
    transforms=[dict(type="mmkd.Standardize")],
)
relations = dict(type="mmkd.MLKDLoss", temperatures=five, views=2, kl_weight=0.0)
