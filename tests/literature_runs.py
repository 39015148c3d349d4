"""Settings of small runs with many feature losses at once, for tests."""

from typing import Any

import mmkd  # noqa: F401

# isort: split
from mmengine.registry import DATASETS
from runs import TinyImages, distiller
from tiny import classifier


@DATASETS.register_module()
class IndexedImages(TinyImages):
    """Random images that know their index."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        item = super().__getitem__(index)
        item["data_samples"].set_metainfo(dict(sample_idx=index))
        return item


STAGES = ["backbone.layer1", "backbone.layer2", "backbone.layer3"]
BEFORE = [f"{stage}.0.relu:input" for stage in STAGES]
MAPS, LAST, POOLED = (dict(student=at, teacher=at) for at in (STAGES, "backbone", "neck"))
CONNECTED = dict(student=BEFORE, teacher=BEFORE, connector=dict(type="mmkd.ConvBNConnector"))
NORMS = [f"{stage}.0.bn2" for stage in STAGES]
WEIGHTS = dict(er=dict(type="mmkd.EntropyWeight"), ea=dict(type="mmkd.EntropyAdaptiveWeight"))
TERMS: dict[str, dict[str, Any]] = dict(
    ab=dict(CONNECTED, loss=dict(type="mmkd.ABLoss"), weight=1e-4),
    adjusted=dict(
        loss=dict(
            type="mmkd.KDLoss",
            temperature=dict(type="mmkd.FLSWTemperature"),
            target=dict(type="mmkd.ProbabilityShift"),
        )
    ),
    at=dict(MAPS, loss=dict(type="mmkd.ATLoss"), sample_weight=WEIGHTS["ea"]),
    batches=dict(loss=dict(type="mmkd.BatchCorrelationLoss")),
    cat=dict(LAST, loss=dict(type="mmkd.CATKDLoss")),
    cc=dict(POOLED, loss=dict(type="mmkd.AdjacentCCLoss", dim=4)),
    classes=dict(loss=dict(type="mmkd.ClassCorrelationLoss")),
    congruence=dict(POOLED, loss=dict(type="mmkd.CCLoss")),
    crd=dict(POOLED, loss=dict(type="mmkd.CRDLoss", num_samples=16, negatives=6, dim=4)),
    ctkd=dict(loss=dict(type="mmkd.KDLoss", temperature=dict(type="mmkd.CurriculumTemperature"))),
    cwd=dict(LAST, loss=dict(type="mmkd.CWDLoss")),
    dist=dict(loss=dict(type="mmkd.DISTLoss")),
    dkd=dict(loss=dict(type="mmkd.DKDLoss", transforms=[dict(type="mmkd.Standardize")])),
    dynamickd=dict(
        loss=dict(type="mmkd.KDLoss", student_transforms=[dict(type="mmkd.EntropyController")])
    ),
    deviation=dict(
        loss=dict(type="mmkd.KDLoss", temperature=dict(type="mmkd.DeviationTemperature"))
    ),
    er_dist=dict(loss=dict(type="mmkd.DISTLoss"), sample_weight=WEIGHTS["er"]),
    fcfd=dict(MAPS, loss=dict(type="mmkd.FCFD"), weight=0.01),
    fitnet=dict(
        LAST, connector=dict(type="mmkd.ConvRegConnector"), loss=dict(type="mmkd.HintLoss")
    ),
    gated=dict(loss=dict(type="mmkd.EntropyGatedLoss")),
    fsp=dict(MAPS, loss=dict(type="mmkd.FSPLoss")),
    ft=dict(LAST, loss=dict(type="mmkd.FTLoss")),
    jensen_shannon=dict(loss=dict(type="mmkd.JensenShannonLoss")),
    kd=dict(loss=dict(type="mmkd.KDLoss"), sample_weight=WEIGHTS["er"]),
    mft=dict(loss=dict(type="mmkd.KDLoss", target=dict(type="mmkd.Minifinetuning"))),
    mgd=dict(LAST, loss=dict(type="mmkd.MGDLoss")),
    mlkd=dict(loss=dict(type="mmkd.MLKDLoss"), sample_weight=WEIGHTS["ea"]),
    nkd=dict(loss=dict(type="mmkd.NKDLoss")),
    nst=dict(MAPS, loss=dict(type="mmkd.NSTLoss")),
    ofa=dict(loss=dict(type="mmkd.OFALoss"), sample_weight=WEIGHTS["er"]),
    ofa_stages=dict(student=STAGES, teacher="head.fc", loss=dict(type="mmkd.OFAStageLoss")),
    ofd=dict(CONNECTED, loss=dict(type="mmkd.OFDLoss", norms=NORMS), weight=1e-4),
    pad=dict(POOLED, loss=dict(type="mmkd.PADLoss"), sample_weight=WEIGHTS["er"]),
    pkd=dict(LAST, loss=dict(type="mmkd.PKDLoss")),
    pkt=dict(POOLED, loss=dict(type="mmkd.PKTLoss")),
    proteus=dict(
        student=["@pooled", "@map"],
        teacher=["@pooled", "@map"],
        loss=dict(type="mmkd.ProteusLoss"),
        sample_weight=WEIGHTS["er"],
    ),
    queue=dict(POOLED, loss=dict(type="mmkd.CRDLoss", queue_size=12, dim=4)),
    review=dict(
        MAPS, connector=dict(type="mmkd.ReviewConnector"), loss=dict(type="mmkd.ReviewKDLoss")
    ),
    reverse=dict(loss=dict(type="mmkd.ReverseKLLoss")),
    rkd=dict(POOLED, loss=dict(type="mmkd.RKDLoss")),
    rld=dict(loss=dict(type="mmkd.RLDLoss"), sample_weight=WEIGHTS["ea"]),
    sdd=dict(LAST, loss=dict(type="mmkd.SDDLoss", loss=dict(type="mmkd.KDLoss"))),
    seed=dict(
        POOLED,
        loss=dict(type="mmkd.SEEDLoss", loss=dict(type="mmkd.KDLoss", temperature=1.0), size=8),
    ),
    semckd=dict(MAPS, loss=dict(type="mmkd.SemCKDLoss", batch_size=8)),
    skew=dict(loss=dict(type="mmkd.SkewKLLoss")),
    sp=dict(LAST, loss=dict(type="mmkd.SPLoss")),
    srrl=dict(
        LAST,
        connector=dict(type="mmkd.ConvBNReLUConnector"),
        loss=dict(type="mmkd.SRRLLoss"),
        sample_weight=WEIGHTS["er"],
    ),
    svd=dict(MAPS, loss=dict(type="mmkd.KDSVDLoss"), weight=0.01),
    ttm=dict(
        loss=dict(type="mmkd.TTMLoss"), sample_weight=dict(type="mmkd.PowerSumWeight", gamma=0.1)
    ),
    unic=dict(
        student=["@pooled", "@map"],
        teacher=["@pooled", "@map"],
        connector=dict(type="mmkd.MLPConnector"),
        teacher_transform=dict(type="mmkd.RunningStandardize", iterations=4),
        teacher_weight=dict(type="mmkd.TeacherDropping"),
        loss=dict(type="mmkd.UNICLoss"),
    ),
    vid=dict(MAPS, loss=dict(type="mmkd.VIDLoss")),
    vkd=dict(LAST, loss=dict(type="mmkd.VkDLoss")),
    wkd=dict(loss=dict(type="mmkd.WKDLoss")),
    wkd_f=dict(LAST, loss=dict(type="mmkd.WKDFeatureLoss")),
    wsld=dict(loss=dict(type="mmkd.KDLoss"), sample_weight=dict(type="mmkd.WSLDWeight")),
)
# It freezes the student's classifier, which other terms train.
SIMKD = dict(simkd=dict(LAST, loss=dict(type="mmkd.SimKDLoss")))


def settings(
    batch_size: int, terms: dict[str, dict[str, Any]] = TERMS, **head: Any
) -> dict[str, Any]:
    """Fields of a run's config, and what is changed of the student's head."""
    student = classifier(4)
    student["head"].update(head)
    dataset = dict(type="IndexedImages")
    sampler = dict(type="DefaultSampler", shuffle=True)
    return dict(
        model=distiller(
            student=student, teacher=dict(model=classifier(4, init_cfg=None)), terms=terms
        ),
        train_dataloader=dict(
            batch_size=batch_size, num_workers=0, dataset=dataset, sampler=sampler
        ),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9)),
    )
