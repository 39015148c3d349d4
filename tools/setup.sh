#!/usr/bin/env bash
# Sets up mmkd in a virtual environment, from a clone, on Debian or Ubuntu with Python 3.10-3.12.
# Run it again at any time: what is already there is left alone.
set -euo pipefail

usage() {
    cat <<'TEXT'
bash tools/setup.sh [--tests] [--family onedl|openmmlab] [--venv DIR]

  --tests     also install what the test suite needs
  --family    the OpenMMLab packages: onedl (maintained, the default) or openmmlab (the original)
  --venv      the virtual environment, made if it is not there; relative to the clone
              (default: .venv)

Environment variables: PYTHON (the interpreter, default: the first of python3, python3.12,
python3.11, python3.10 that fits), MAX_JOBS and CFLAGS (how mmcv is compiled).
TEXT
}

say() { printf '[setup] %s\n' "$*"; }
fail() {
    printf '[setup] Failed: %s\n' "$*" >&2
    exit 1
}

parse_options() {
    family=onedl venv=.venv tests=no
    while [ $# -gt 0 ]; do
        case "$1" in
        --tests) tests=yes ;;
        --family | --venv)
            [ $# -ge 2 ] || fail "$1 needs a value; see --help"
            if [ "$1" = --family ]; then family=$2; else venv=$2; fi
            shift
            ;;
        -h | --help) usage && exit 0 ;;
        *) fail "unknown option $1; see --help" ;;
        esac
        shift
    done
    case "$family" in
    onedl) mmcv=onedl-mmcv ;;
    openmmlab) mmcv=mmcv ;;
    *) fail "--family is onedl or openmmlab, not $family" ;;
    esac
}

fits() { # Whether the interpreter $1 has a supported version.
    command -v "$1" >/dev/null &&
        "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

find_python() {
    local candidate
    [ ! -x "$venv/bin/python" ] || fits "$venv/bin/python" ||
        fail "$venv has another Python than 3.10-3.12: remove it or choose another with --venv"
    for candidate in "$venv/bin/python" ${PYTHON:+"$PYTHON"} \
        python3 python3.12 python3.11 python3.10; do
        if fits "$candidate"; then
            python=$candidate
            return 0
        fi
        [ "$candidate" != "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is not Python 3.10, 3.11 or 3.12"
    done
    return 1
}

missing_packages() { # Prints the system packages whose content $python or the shell do not find.
    if [ -z "${python:-}" ]; then
        echo python3 python3-venv python3-dev
    else
        local version
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "python$version-venv"
        "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
            echo "python$version-dev"
    fi
    command -v g++ >/dev/null || echo g++
    has_library libGL.so.1 || echo libgl1
    has_library libgthread-2.0.so.0 || echo libglib2.0-0
}

has_library() { # /sbin, where ldconfig is, may not be on the PATH of an ordinary user.
    PATH="$PATH:/usr/sbin:/sbin" ldconfig -p | grep -q -F "$1"
}

install_system_packages() {
    local packages as_root=()
    packages=$(missing_packages | xargs)
    [ -n "$packages" ] || return 0
    say "Missing system packages: $packages"
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    if ! command -v apt-get >/dev/null || ! command -v "${as_root[0]:-true}" >/dev/null; then
        fail "install these system packages (Debian's names), then run this again: $packages"
    fi
    # shellcheck disable=SC2086  # a list of words
    if ! "${as_root[@]}" apt-get update -q || ! "${as_root[@]}" env \
        DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages; then
        fail "apt-get did not install them. Ask an administrator for: apt-get install $packages"
    fi
}

pip_install() { "$venv/bin/python" -m pip install --disable-pip-version-check "$@"; }

install_family() {
    # -O1 -g0 compiles mmcv in a third of the time; its ops are as fast.
    local environment=("CFLAGS=${CFLAGS--O1 -g0}" "MAX_JOBS=${MAX_JOBS:-$(env -u OMP_NUM_THREADS nproc)}")
    # Where torch sees a GPU, mmcv wants to compile CUDA ops, which fails without nvcc.
    command -v nvcc >/dev/null || environment+=(CUDA_VISIBLE_DEVICES=)
    (export "${environment[@]}" && pip_install --no-build-isolation "$@")
}

has_ops() { "$venv/bin/python" -c 'import torch, mmcv._ext' 2>/dev/null; }

refuse_mixture() {
    local other=mmengine
    [ "$family" = onedl ] || other=onedl-mmengine
    ! "$venv/bin/python" -c "from importlib.metadata import version; version('$other')" 2>/dev/null ||
        fail "$venv holds the other family ($other). Remove it, or choose another environment with --venv DIR"
}

install_everything() {
    say "1/4 torch and what mmcv's build needs"
    pip_install -r requirements/build.txt || fail "pip did not install requirements/build.txt"
    say "2/4 the family $family (compiling mmcv takes 5 to 15 minutes the first time)"
    install_family -r "requirements/$family.txt" || fail "pip did not install the family $family"
    if ! has_ops; then
        # pip's cache may hold an mmcv built without torch, or with another one.
        say "This mmcv does not load its ops: compiling it again"
        "$venv/bin/python" -m pip cache remove "${mmcv//-/_}" || true
        install_family --force-reinstall --no-deps "$(grep "^$mmcv==" "requirements/$family.txt")"
        has_ops || fail "mmcv's compiled ops do not load; see $venv/bin/python -m mmkd doctor"
    fi
    say "3/4 the packages of the quickstart${1:+ and of the tests}"
    pip_install -r requirements/quickstart.txt "$@" || fail "pip did not install it"
    say "4/4 mmkd itself, editable"
    pip_install -q --no-build-isolation --no-deps -e . || fail "pip did not install mmkd"
    # MMEngine formats configs by yapf, which writes its grammar to a cache on its first import:
    # processes that start together must not do that at once.
    "$venv/bin/python" -c 'import yapf' || fail "yapf cannot be imported"
}

main() {
    parse_options "$@"
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    say "mmkd with the family $family in $venv"
    find_python || true
    install_system_packages
    find_python || fail "no Python 3.10, 3.11 or 3.12 found; name one with PYTHON=..."
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        say "Making the environment with $("$python" --version)"
        "$python" -m venv "$venv" || fail "$python -m venv $venv did not work"
    fi
    refuse_mixture
    local tests_files=() stamp=$venv/.mmkd-setup fingerprint
    if [ "$tests" = yes ]; then
        tests_files=(-r requirements/tests.txt)
        [ "$family" != onedl ] || tests_files+=(-r requirements/seg.txt)
    fi
    fingerprint=$(cat tools/setup.sh setup.py pyproject.toml requirements/*.txt | sha256sum)
    fingerprint="$PWD $family tests=$tests $fingerprint"
    if grep -q -x -F -e "$fingerprint" "$stamp" 2>/dev/null; then
        say "Everything is already installed ($venv/bin/python -m mmkd doctor examines it again)"
    else
        install_everything "${tests_files[@]}"
        "$venv/bin/python" -m mmkd doctor || fail "the doctor found something broken, see above"
        # What the tests need includes what the rest needs.
        { echo "$fingerprint" && echo "${fingerprint/tests=yes/tests=no}"; } >"$stamp"
    fi
}

main "$@"
