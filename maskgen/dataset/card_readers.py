"""Section of the data-set card about reading: lines to copy for each library, with this data set's own files."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from string import Template
from typing import Any

ABOUT = """\
`path/to/this/folder` stands for the path of this folder. The lines read the split `$split`; the table above has the
files of the others. Name members in full, such as `masked.$suffix`: a selector `$suffix` fits two members.
"""

HUGGING_FACE = """\
```python
from datasets import load_dataset

splits = load_dataset("path/to/this/folder")
for sample in splits["$split"]:  # Pillow images
    masked, gt, map = sample["masked.$suffix"], sample["gt.$suffix"], sample["map.png"]
    labels = sample["json"]
```

For a `DataLoader` of PyTorch, take the images alone: `json` makes no batch, as samples differ in the number of faces.

```python
from torch.utils.data import DataLoader

images = splits["$split"].select_columns(["masked.$suffix", "gt.$suffix", "map.png"])
batches = DataLoader(images.with_format("torch"), batch_size=8, shuffle=True)  # uint8: b c h w
```

`load_dataset` with `streaming=True` reads without a copy in the cache. On the hub:
`hf upload USER/NAME path/to/this/folder . --repo-type dataset --exclude ".work/*"`, then `load_dataset("USER/NAME")`.
"""

WEBDATASET = """\
```python
import io

import webdataset
from PIL import Image

folder = "path/to/this/folder"
grey = webdataset.handle_extension("map.png parts.png", lambda data: Image.open(io.BytesIO(data)))
samples = webdataset.WebDataset(folder + "/$files", shardshuffle=$shuffle)
samples = samples.decode(grey, "pil")
for masked, gt, map, labels in samples.to_tuple("masked.$suffix", "gt.$suffix", "map.png", "json"):
    pass  # Pillow images; without the decoder `grey`, webdataset makes map and parts RGB
```

A `DataLoader` makes batches of arrays, neither of Pillow images nor of `json`. It may have
one worker per shard ($workers); for more of them, give `WebDataset` also `empty_check=False`.

```python
import numpy
from torch.utils.data import DataLoader

images = samples.to_tuple("masked.$suffix", "gt.$suffix", "map.png")
arrays = images.map_tuple(numpy.array, numpy.array, numpy.array)
batches = DataLoader(arrays, batch_size=8, num_workers=$few)  # uint8: b h w 3, and b h w for the map
```
"""

ENERGON = """\
Once, in a shell:

```sh
energon prepare path/to/this/folder --non-interactive --sample-type CrudeWebdataset \\
  $parts
```

Then:

```python
from dataclasses import dataclass

import torch
from megatron.energon import Cooker, DefaultTaskEncoder, Sample, WorkerConfig
from megatron.energon import basic_sample_keys, get_loader, get_train_dataset, stateless


@dataclass
class Triplet(Sample):
    masked: torch.Tensor  # 3 h w, 0 to 1
    gt: torch.Tensor
    map: torch.Tensor  # 3 h w, three equal channels, 0 and 1


@stateless
def cook(sample):
    masked, gt, map = sample["masked.$suffix"], sample["gt.$suffix"], sample["map.png"]
    return Triplet(**basic_sample_keys(sample), masked=masked, gt=gt, map=map)


class TaskEncoder(DefaultTaskEncoder):
    cookers = [Cooker(cook)]


samples = get_train_dataset(
    "path/to/this/folder",
    worker_config=WorkerConfig.default_worker_config(num_workers=0),
    batch_size=8,
    shuffle_buffer_size=100,
    max_samples_per_sequence=None,
    task_encoder=TaskEncoder(),
)
for batch in get_loader(samples):  # without end
    masked, gt, map = batch.masked, batch.gt, batch.map
    break
```
"""

RAY = """\
```python
from glob import glob

import ray

samples = ray.data.read_webdataset(glob("path/to/this/folder/$split-*.tar"))
for sample in samples.iter_rows():
    masked, gt, map = sample["masked.$suffix"], sample["gt.$suffix"], sample["map.png"]
    labels = sample["json"]
```

$ray
"""

DALI = """\
```python
from glob import glob

from nvidia.dali import fn, pipeline_def, types


# on a GPU: device_id=0 here, and device="mixed" for the decoders
@pipeline_def(batch_size=8, num_threads=2, device_id=None)
def samples():
    masked, gt, map = fn.readers.webdataset(
        paths=sorted(glob("path/to/this/folder/$split-*.tar")),
        ext=["masked.$suffix", "gt.$suffix", "map.png"],
        missing_component_behavior="error",
    )
    return (
        fn.decoders.image(masked),
        fn.decoders.image(gt),
        fn.decoders.image(map, output_type=types.GRAY),
    )


pipe = samples()
masked, gt, map = pipe.run()
```
"""

TORCHVISION = """\
Once, in a shell: `unmask unpack path/to/this/folder --layout folders --split $split --to plain`. Then:

```python
from pathlib import Path

from torchvision.io import decode_image

for path in sorted(Path("plain/inputs").iterdir()):
    masked = decode_image(path)  # uint8, 3 h w
    gt = decode_image(f"plain/outputs/{path.name}")
    map = decode_image(f"plain/binary_mask/{path.stem}.png")  # uint8, 1 h w: 0 and 255
```
"""

TENSORFLOW = """\
`unmask unpack path/to/this/folder --layout tfrecord --to records` writes TFRecord files, and the lines that read them
into `records/README.md`.
"""

PLAIN = """\
```python
import io
import json
import tarfile
from glob import glob
from itertools import groupby

from PIL import Image

for shard in sorted(glob("path/to/this/folder/$split-*.tar")):
    with tarfile.open(shard) as tar:
        for key, members in groupby(tar, lambda member: member.name.split(".")[0]):
            files = {member.name[len(key) + 1 :]: tar.extractfile(member).read() for member in members}
            masked, gt, map = (
                Image.open(io.BytesIO(files[name])) for name in ("masked.$suffix", "gt.$suffix", "map.png")
            )
            labels = json.loads(files["json"])
```
"""

RAY_ARRAYS = "Images are arrays of uint8, map and parts without a third axis."
RAY_WEBP = "Map and parts are arrays of uint8; Ray does not decode WebP, so `masked` and `gt` are bytes."

OTHERS = """\
### Other readers

Pandas, Polars, DuckDB and others that read Parquet: `unmask unpack path/to/this/folder --layout parquet --to DIR`;
MosaicML Streaming: `--layout mds`. Each writes a README.md with the lines that read it. `unmask preview` shows this
data set, `unmask verify` checks every byte.
"""


def reader_text(facts: Mapping[str, Any]) -> str:
    """Formats the lines for all readers as Markdown.

    Args:
        facts: content of `dataset.json`.
    """
    shards = shards_by_split(facts) or {"train": ["train-000000"]}
    split, names = next(iter(shards.items()))
    values = {
        "split": split,
        "suffix": facts["settings"]["shards"]["format"],
        "files": files_of(names),
        "shuffle": "100" if len(names) > 1 else "False",
        "ray": RAY_WEBP if facts["settings"]["shards"]["format"] == "webp" else RAY_ARRAYS,
        "parts": " \\\n  ".join(
            f'--split-parts "{name}:{files_of(of_split)}"' for name, of_split in shards.items()
        ),
        "few": str(min(4, len(names))),
        "workers": ", ".join(f"{name} {len(of_split):,}" for name, of_split in shards.items()),
    }
    first = {"Hugging Face datasets": HUGGING_FACE, "webdataset": WEBDATASET}
    more = {
        "Ray Data": RAY,
        "NVIDIA DALI": DALI,
        "Megatron Energon": ENERGON,
        "torchvision": TORCHVISION,
        "TensorFlow": TENSORFLOW,
        "Plain Python": PLAIN,
    }
    details = f"<details><summary>{', '.join(more)}</summary>\n"  # the hub folds them
    parts = [ABOUT, *_titled(first), OTHERS, details, *_titled(more), "</details>\n"]
    return Template("\n".join(parts)).substitute(values)


def _titled(texts: Mapping[str, str]) -> list[str]:
    return [f"### {name}\n\n{text}" for name, text in texts.items()]


def shards_by_split(facts: Mapping[str, Any]) -> dict[str, list[str]]:
    """Lists the names of the shards with samples of each split that has any, in the order of the splits."""
    shards: dict[str, list[str]] = {split: [] for split in facts["splits"]}
    for shard in facts["shards"]:
        if shard["count"]:
            shards.setdefault(shard["name"].rpartition("-")[0], []).append(shard["name"])
    return {split: sorted(names) for split, names in shards.items() if names}


def files_of(names: Sequence[str], end: str = ".tar") -> str:
    """Joins names such as train-000000 to one pattern with braces, as webdataset and shells expand it.

    Args:
        names: sorted names of one split, at least one.
        end: suffix of the files.

    Returns:
        Such as `train-000000.tar`, `train-{000000..000003}.tar`, or `train-{{000000..000002},000005}.tar`.
    """
    split = names[0].rpartition("-")[0]
    numbers = [name.rpartition("-")[2] for name in names]
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), _distance)]
    texts = [run[0] if len(run) == 1 else f"{{{run[0]}..{run[-1]}}}" for run in runs]
    inside = texts[0] if len(texts) == 1 else f"{{{','.join(texts)}}}"
    return f"{split}-{inside}{end}"


def _distance(entry: tuple[int, str]) -> int:
    """Returns what is equal for consecutive numbers of a run."""
    place, number = entry
    return int(number) - place
