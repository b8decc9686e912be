#!/usr/bin/env bash
# From photos to the released weights, seeded, each step resumable: run it again after a stop and it goes on.
#
#   tools/train_release.sh LFW UTKFACE        # folders or tars of photos; takes some hours on two CPU cores
#
# LFW deep-funneled (research use) and UTKFace (non-commercial research use); what is trained on them inherits that.
# Logs, settings and curves stay in data/runs/small-*; what came of it is told in assets/models/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

lfw=$1 utk=$2
unmask=${UNMASK:-unmask}
shards=(--data data/shards/release-lfw --data data/shards/release-utk)

# A run that is there goes on with the settings it has; a finished one has nothing left to do.
train() { # STAGE OUT OPTIONS...
    local stage=$1 out=$2
    shift 2
    if [ -f "$out/checkpoints/last.pt" ]; then
        "$unmask" train "$stage" --out "$out" --resume
    else
        "$unmask" train "$stage" --preset small "${shards[@]}" --out "$out" --set loop.threads=1 "$@"
    fi
}

"$unmask" gen-data --src "$lfw" --size 128 --per-face 3 --seed 8 --out data/shards/release-lfw
"$unmask" gen-data --src "$utk" --size 128 --per-face 3 --seed 8 --out data/shards/release-utk
train segm data/runs/small-segm
# First leg: nothing but the truth, by true maps. Second: half of the maps as the segmenter finds them, features, the judges.
train gan data/runs/small-gan1 --set loss.whole=0 --set loss.region=0
train gan data/runs/small-gan --from data/runs/small-gan1 --segmenter data/runs/small-segm --steps 600 \
    --set predicted=.5 --set optimiser.lr=.001 --set loss.whole_from=0 --set loss.region_from=.1 \
    --set loss.perceptual_net=efficientnet
# The judges cost a decibel: the weights that ship lie between the two legs.
[ -d data/runs/small-mixed ] || "${PYTHON:-python}" -m tools.mix_weights data/runs/small-gan1 data/runs/small-gan \
    --segmenter data/runs/small-segm --data data/shards/release-lfw --share .6 --to data/runs/small-mixed
