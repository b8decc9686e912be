#!/usr/bin/env bash
# torch: the seed that `get_worker_info()` tells a worker of a DataLoader is new in each epoch, unless the workers persist.
#
# Guess before the run: `get_worker_info().seed` is a new number in each epoch, as the DataLoader draws a base seed
# whenever it is iterated; `persistent_workers=True` only saves the start of the processes. An augmentation that hashes
# this seed with a sample's index would differ from epoch to epoch in both cases.
# Seen with torch 2.13.0: the base seed is drawn for each epoch, and reaches new workers. Persistent ones keep the seed of
# their first epoch, without a word: the same augmentation repeats in every epoch. A transform must therefore be told the
# epoch, through memory that running workers share, or go on counting.
#
# Exits with 0 while this is so, with 1 when it has changed, with 2 if the packages cannot be installed.
set -euo pipefail
trap 'echo "not tried: the packages cannot be installed" >&2; exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --disable-pip-version-check -q torch==2.13.0 numpy==2.2.6
"$folder/venv/bin/python" -c "import torch, torch.utils.data"
trap - ERR
cat > "$folder/seeds.py" <<'PYTHON'
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info


class Seeds(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return get_worker_info().seed


def epochs(persistent):
    torch.manual_seed(0)
    loader = DataLoader(Seeds(), batch_size=2, num_workers=2, persistent_workers=persistent)
    return [sorted({int(seed) for batch in loader for seed in batch}) for _ in range(3)]


if __name__ == "__main__":
    print("torch", torch.__version__)
    fresh, kept = epochs(False), epochs(True)
    for name, found in (("new workers", fresh), ("persistent workers", kept)):
        for epoch, seeds in enumerate(found):
            print(f"{name}, epoch {epoch}: {seeds}")
    differ = len({tuple(seeds) for seeds in fresh}) == 3
    same = len({tuple(seeds) for seeds in kept}) == 1
    raise SystemExit(0 if differ and same and fresh[0] == kept[0] else 1)
PYTHON
"$folder/venv/bin/python" "$folder/seeds.py"
