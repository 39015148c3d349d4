#!/usr/bin/env bash
# Train the runs that docs/papers/ shows: seed 0 of docs/benchmarks/four_papers.md, of some methods.
#
# Usage, from the root of the repository, with one or more configs of methods:
#   bash tools/docs/train_papers.sh configs/erkd/resnet20_resnet8_w8_fmnist8k.py
set -euo pipefail

python tools/benchmarks/compare_methods.py --teacher configs/baseline/resnet20_fmnist8k.py \
    --student configs/baseline/resnet8_w8_fmnist8k.py --methods "$@" \
    --seeds 0 --teacher-per-seed --jobs 2 \
    --work-dir work_dirs/fmnist --out work_dirs/fmnist/table.md \
    --cfg-options train_dataloader.dataset.subset=4000 train_cfg.val_interval=5
