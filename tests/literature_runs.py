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
TERMS: dict[str, dict[str, Any]] = dict(
    ab=dict(CONNECTED, loss=dict(type="mmkd.ABLoss"), weight=1e-4),
    cat=dict(LAST, loss=dict(type="mmkd.CATKDLoss")),
    cc=dict(POOLED, loss=dict(type="mmkd.AdjacentCCLoss", dim=4)),
    crd=dict(POOLED, loss=dict(type="mmkd.CRDLoss", num_samples=16, negatives=6, dim=4)),
    fsp=dict(MAPS, loss=dict(type="mmkd.FSPLoss")),
    ft=dict(LAST, loss=dict(type="mmkd.FTLoss")),
    ofd=dict(CONNECTED, loss=dict(type="mmkd.OFDLoss", norms=NORMS), weight=1e-4),
    queue=dict(POOLED, loss=dict(type="mmkd.CRDLoss", queue_size=12, dim=4)),
    semckd=dict(MAPS, loss=dict(type="mmkd.SemCKDLoss", batch_size=8)),
    srrl=dict(
        LAST,
        connector=dict(type="mmkd.ConvBNReLUConnector"),
        loss=dict(type="mmkd.SRRLLoss"),
        sample_weight=dict(type="mmkd.EntropyWeight"),
    ),
    svd=dict(MAPS, loss=dict(type="mmkd.KDSVDLoss"), weight=0.01),
    vid=dict(MAPS, loss=dict(type="mmkd.VIDLoss")),
)


def settings(batch_size: int) -> dict[str, Any]:
    """Fields of a run's config."""
    dataset = dict(type="IndexedImages")
    sampler = dict(type="DefaultSampler", shuffle=True)
    return dict(
        model=distiller(
            student=classifier(4), teacher=dict(model=classifier(4, init_cfg=None)), terms=TERMS
        ),
        train_dataloader=dict(
            batch_size=batch_size, num_workers=0, dataset=dataset, sampler=sampler
        ),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.01, momentum=0.9)),
    )
