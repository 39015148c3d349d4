# A term for each of MLKD's temperatures, at which the entropy is taken too.
erkd_mlkd = {
    f"mlkd_{temperature}": dict(
        loss=dict(type="mmkd.MLKDLoss", temperatures=[temperature], views=2),
        sample_weight=dict(type="mmkd.EntropyWeight", temperature=temperature),
        weight=0.9,
    )
    for temperature in (4, 3, 5, 2, 6)
}
