default_scope = "mmpretrain"

# Registers mmkd's parts; mmpretrain's and mmdet's own tools then find type='mmkd....'.
custom_imports = dict(imports=["mmkd"], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=100),
    param_scheduler=dict(type="ParamSchedulerHook"),
    # 'auto' is the first metric of val_evaluator.
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2, save_best="auto"),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="VisualizationHook", enable=False),
    best_and_last=dict(type="mmkd.BestAndLastHook"),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)

vis_backends = [dict(type="LocalVisBackend")]
visualizer = dict(type="UniversalVisualizer", vis_backends=vis_backends)

# MMEngine's Runner with guards. It is the default of mmkd's tools; here it is for those of others.
runner_type = "mmkd.SafeRunner"

log_level = "INFO"
load_from = None
resume = False

# seed=None draws one and logs it.
randomness = dict(seed=None, deterministic=False)
