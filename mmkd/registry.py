"""The registries of mmkd: children of MMEngine's root registries, scope ``mmkd``.

``type='mmkd.KDLoss'`` therefore resolves from inside any OpenMMLab repository once ``mmkd`` can be
imported; the modules behind a registry are imported when the registry is first asked.
"""

from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import Registry, build_runner_from_cfg

MODELS = Registry(
    "model",
    parent=MMENGINE_MODELS,
    scope="mmkd",
    locations=[
        "mmkd.distillers",
        "mmkd.losses",
        "mmkd.weights",
        "mmkd.logits",
        "mmkd.connectors",
        "mmkd.locations",
        "mmkd.models",
    ],
)
HOOKS = Registry("hook", parent=MMENGINE_HOOKS, scope="mmkd", locations=["mmkd.hooks"])
DATASETS = Registry("dataset", parent=MMENGINE_DATASETS, scope="mmkd", locations=["mmkd.datasets"])
METRICS = Registry("metric", parent=MMENGINE_METRICS, scope="mmkd", locations=["mmkd.evaluation"])
OPTIM_WRAPPERS = Registry(
    "optim_wrapper",
    parent=MMENGINE_OPTIM_WRAPPERS,
    scope="mmkd",
    locations=["mmkd.engine"],
)
RUNNERS = Registry(
    "runner",
    build_func=build_runner_from_cfg,
    parent=MMENGINE_RUNNERS,
    scope="mmkd",
    locations=["mmkd.engine"],
)
