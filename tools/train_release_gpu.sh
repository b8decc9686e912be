#!/usr/bin/env bash
# Runs one leg of the training at 256 pixels on a GPU. Run it again, with the runs of the previous leg in RUNS, until it
# prints "done".
#
#   RUNS=runs MINUTES=8.5 tools/train_release_gpu.sh LFW UTKFACE
#
# A leg makes missing shards, trains the segmenter or, if that is finished, the generator, saves its state and stops after
# MINUTES, and prints images per second, the fraction of time spent waiting for data, and the GPU's utilisation.
# PRESET, SIZE and N (photos per data set) allow a test without a GPU.
set -euo pipefail
cd "$(dirname "$0")/.."

lfw=$1 utk=$2
runs=${RUNS:-data/runs} minutes=${MINUTES:-8.5} preset=${PRESET:-unmask} size=${SIZE:-256}
unmask=${UNMASK:-unmask}
shards=data/shards/gpu-$size
few=${N:+--n $N}
[ "$(basename "$lfw")" != "$(basename "$utk")" ] || {
    echo "$lfw, $utk: both are called $(basename "$lfw"), so their shards would collide; rename one of them" >&2
    exit 2
}

for source in "$lfw" "$utk"; do
    name=$(basename "$source")
    [ -f "$shards/$name/dataset.json" ] ||
        "$unmask" gen-data --src "$source" --size "$size" --per-face 3 --seed 8 --out "$shards/$name" $few
done
data=(--data "$shards/$(basename "$lfw")" --data "$shards/$(basename "$utk")")

segm=$runs/gpu-segm gan=$runs/gpu-gan
finished() { # whether the last line of metrics.jsonl is of the last step
    [ -f "$1/metrics.jsonl" ] && python3 -c '
import json, re, sys
step = json.loads(open(sys.argv[1] + "/metrics.jsonl").read().splitlines()[-1])["step"]
steps = re.search(r"(?m)^steps = (\d+)", open(sys.argv[1] + "/config.toml").read())[1]
sys.exit(step < int(steps))' "$1"
}
if ! finished "$segm"; then
    stage=segm out=$segm more=()
elif ! finished "$gan"; then
    stage=gan out=$gan more=(--segmenter "$segm")
else
    echo "done: $segm $gan"
    exit
fi

busy=$(mktemp)
if command -v nvidia-smi > /dev/null; then
    nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits -l 5 > "$busy" &
    trap 'kill %1 2> /dev/null || true' EXIT
fi
if [ -f "$out/checkpoints/last.pt" ]; then
    "$unmask" train "$stage" --out "$out" --resume --minutes "$minutes"
else
    "$unmask" train "$stage" --preset "$preset" --size "$size" "${data[@]}" --out "$out" --minutes "$minutes" "${more[@]}"
fi
python3 - "$out/metrics.jsonl" "$busy" <<'PY'
import json
import statistics
import sys

lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
steps = [line for line in lines if line["kind"] == "train"][-20:]
busy = [float(line) for line in open(sys.argv[2], encoding="utf-8")]
if steps:
    print(f"step {steps[-1]['step']}: {statistics.median(s['images_per_s'] for s in steps):.0f} images/s,",
          f"{100 * statistics.median(s['wait'] for s in steps):.1f} % waiting for data,",
          f"GPU {statistics.mean(busy):.0f} % busy" if busy else "no GPU")
PY
