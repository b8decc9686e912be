#!/usr/bin/env bash
# Hugging Face datasets: in a folder of webdataset shards, as many JSON files as shards are loaded as the data set.
#
# Guess before the run: `load_dataset(folder)` of three shards, each with a file of statistics beside it, as img2dataset
# writes `00000.tar` and `00000_stats.json`, gives the samples of the shards; or it says that the folder holds two kinds
# of data.
# Seen with datasets 5.2.0: the suffix that most files have decides, and of two that are equally frequent, JSON wins over
# tar. With statistics of two of three shards the samples are loaded; with those of all three, the data set is three rows
# with the columns of the statistics, under the same name of the split, without a warning. One shard and one JSON file of
# any name are enough. So files about shards must have another suffix, or a card must name the shards.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q datasets==5.2.0 pillow==12.3.0 numpy==2.4.6
"$folder/venv/bin/python" -c "import datasets"
trap - ERR
export HF_HOME="$folder/cache" HF_HUB_OFFLINE=1
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import io
import json
import sys
import tarfile
from pathlib import Path

import datasets
from PIL import Image

datasets.disable_progress_bars()
SHARDS, PER_SHARD = 3, 2


def write_shard(path, number):
    with tarfile.open(path, "w") as tar:
        for key in range(PER_SHARD * number, PER_SHARD * (number + 1)):
            png = io.BytesIO()
            Image.new("RGB", (8, 8), (key, 0, 0)).save(png, "PNG")
            for name, content in ((f"{key:09d}.png", png.getvalue()), (f"{key:09d}.txt", b"a caption")):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))


def load(statistics):
    """Returns rows and columns of a folder whose first shards have statistics."""
    folder = Path(sys.argv[1]) / f"with-{statistics}"
    folder.mkdir()
    for number in range(SHARDS):
        write_shard(folder / f"{number:05d}.tar", number)
    for number in range(statistics):
        (folder / f"{number:05d}_stats.json").write_text(json.dumps({"count": PER_SHARD, "successes": PER_SHARD}))
    rows = datasets.load_dataset(str(folder))["train"]
    return len(rows), sorted(name for name in rows.column_names if not name.startswith("__"))


print("datasets", datasets.__version__)
seen = [load(statistics) for statistics in range(SHARDS + 1)]
for statistics, (count, columns) in enumerate(seen):
    print(f"{SHARDS} shards, statistics of {statistics}: {count} rows, columns {columns}")
samples = (SHARDS * PER_SHARD, ["png", "txt"])
sys.exit(seen != [samples] * SHARDS + [(SHARDS, ["count", "successes"])])
PYTHON
