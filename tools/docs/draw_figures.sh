#!/usr/bin/env bash
# Draw figures of docs/papers/ and docs/roi_weights/ from the runs of the benchmarks.
#
# Usage, from the root of the repository, with the names of figures without their ending:
#   bash tools/docs/draw_figures.sh erkd_weights dynamickd_curves roi_weights
#
# The runs of docs/papers/ are those of seed 0 of docs/benchmarks/four_papers.md, whose command
# trains them into work_dirs/fmnist; tools/docs/train_papers.sh trains those of some methods alone.
# The runs were trained as members of cohorts, so that a run's folder has only the student's
# checkpoint. That is enough here, because none of the drawn terms has trained weights.
set -euo pipefail

papers=work_dirs/fmnist
scenes=work_dirs/compare_scenes

samples() { # a figure, the method and the pair of its run, other options
    python tools/analysis_tools/draw_samples.py "$papers/$2_seed0/$3_fmnist8k.py" \
        "$papers/$2_seed0/epoch_10_student.pth" --batches 63 --out "docs/papers/$1.png" "${@:4}"
}

draw() {
    case $1 in
    demkd_teachers) samples "$1" demkd resnet20_x3_resnet8_w8 --term nckd ;;
    ebkd_teachers | camkd_teachers) samples "$1" "${1%_*}" resnet20_x3_resnet8_w8 --term kd ;;
    roi_weights)
        python tools/analysis_tools/draw_roi_weights.py \
            configs/quickstart_detection/erkd_scenes.py \
            "$scenes/erkd_seed0/epoch_12_student.pth" --indices 7 10 --out-dir docs/roi_weights \
            --cfg-options "model.teacher.checkpoint=$scenes/teacher_seed0/epoch_12.pth"
        ;;
    *_weights | *_targets | *_temperatures) samples "$1" "${1%_*}" resnet20_resnet8_w8 ;;
    dynamickd_curves)
        python tools/analysis_tools/draw_curves.py "kd=$papers/kd_seed0" \
            "dynamickd=$papers/dynamickd_seed0" "teacher=$papers/teacher_seed0" \
            --keys kd/alpha entropy/student+entropy/teacher calibration/entropy \
            --out "docs/papers/$1.png"
        ;;
    dtd_curves)
        python tools/analysis_tools/draw_curves.py "FLSW=$papers/dtd_flsw_seed0" \
            "CWSM=$papers/dtd_cwsm_seed0" --keys kd/temperature kd/temperature_std kd/at_floor \
            --out "docs/papers/$1.png"
        ;;
    *)
        echo "There is no figure $1." >&2
        exit 2
        ;;
    esac
}

for name in "$@"; do
    draw "$name"
done
