# CIRKD with the weights of the released code: KD of each pixel, similarities of pixels within a
# batch, and to a memory.
cirkd = dict(
    student="@map",
    teacher="@map",
    loss=dict(
        type="mmkd.CIRKDLoss",
        loss=dict(type="mmkd.KDLoss", temperature=1.0),
        temperature=0.1,
        pixel_weight=0.1,
        region_weight=0.1,
    ),
)
pixels = dict(type="mmkd.PixelLocations")
kd = dict(loss=dict(type="mmkd.KDLoss", temperature=1.0), locations=pixels)
method = dict(segmentor=dict(model=dict(terms=dict(kd=kd, cirkd=cirkd))))
options = dict(
    kd_weight="model.terms.kd.weight",
    weight="model.terms.cirkd.weight",
    pool="model.terms.cirkd.loss.pool",
    pixel_weight="model.terms.cirkd.loss.pixel_weight",
    region_weight="model.terms.cirkd.loss.region_weight",
)
del cirkd, pixels, kd
