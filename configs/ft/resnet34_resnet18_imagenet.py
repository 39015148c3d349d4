_base_ = "../_base_/pairs/resnet34_resnet18_imagenet_256.py"

# torchdistill's: the paper's form, whose paraphraser's error has a weight of 1 behind the 1000.
model = dict(
    terms=dict(
        ft=dict(
            student="backbone.layer4",
            teacher="backbone.layer4",
            loss=dict(type="mmkd.FTLoss", form="factor", reconstruction_weight=0.001),
            weight=1000.0,
        )
    )
)

train_cfg = dict(max_epochs=90)
