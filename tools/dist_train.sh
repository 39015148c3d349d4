#!/usr/bin/env bash
# dist_train.sh CONFIG N [arguments of train.py]: N processes on N GPUs, or on the CPU without any.
# CONFIG is whatever train.py takes: dist_train.sh STUDENT 8 --teacher CONFIG FILE --method erkd.
# Environment: NNODES, NODE_RANK, MASTER_ADDR, PORT.
set -euo pipefail

if (($# < 2)); then
    echo "usage: $0 CONFIG NUMBER_OF_PROCESSES [arguments of train.py]" >&2
    exit 2
fi
CONFIG=$1
PROCESSES=$2
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
PORT=${PORT:-29500}
MASTER_ADDR=${MASTER_ADDR:-127.0.0.1}
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if ((NODE_RANK == 0)) && (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
    echo "$0: port $PORT is in use, by another run perhaps. Choose another: PORT=$((PORT + 1)) $0 ..." >&2
    exit 1
fi

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"
exec python -m mmkd.engine.torchrun \
    --nnodes="$NNODES" \
    --node_rank="$NODE_RANK" \
    --master_addr="$MASTER_ADDR" \
    --nproc_per_node="$PROCESSES" \
    --master_port="$PORT" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "${@:3}"
