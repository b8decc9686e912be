"""Text of README.md in the layouts `parquet`, `mds` and `tfrecord`: what is there, terms, lines that read it."""

import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from maskgen.dataset.card import CAUTION, PARTS, size_category, terms_line
from maskgen.dataset.card_readers import files_of
from maskgen.dataset.shard_record import SPLITS

PARQUET_LINES = """\
```python
from datasets import load_dataset

splits = load_dataset("path/to/this/folder")
for sample in splits["$split"]:
    masked, gt, map = sample["masked"], sample["gt"], sample["map"]  # Pillow images
    faces = sample["faces"]
```

```python
import io

import pandas
from PIL import Image

table = pandas.read_parquet("path/to/this/folder/data", filters=[("split", "==", "$split")])
for sample in table.itertuples():
    map = Image.open(io.BytesIO(sample.map["bytes"]))
```

```python
import polars

table = polars.scan_parquet("path/to/this/folder/data/$split-*.parquet").select("key", "hole", "map").collect()
maps = table["map"].struct.field("bytes")
```

```python
import duckdb

rows = duckdb.sql(
    "select key, hole, map.bytes from 'path/to/this/folder/data/$split-*.parquet' where len(faces) > 0"
).fetchall()
```

On the hub: `hf upload USER/NAME path/to/this/folder . --repo-type dataset`, then `load_dataset("USER/NAME")`.
"""

MDS_LINES = """\
```python
from streaming import StreamingDataset

samples = StreamingDataset(local="path/to/this/folder", split="$split", shuffle=True, batch_size=8)
for sample in samples:
    masked, gt, map = sample["masked"], sample["gt"], sample["map"]  # $kind
    faces = sample["faces"]
```

`batch_size` is the one of the loader, whose `collate_fn` must make arrays of the images.
"""

TFRECORD_LINES = """\
```python
import tensorflow as tf

files = tf.data.Dataset.list_files("path/to/this/folder/$split-*.tfrecord")
spec = {
    "masked": tf.io.FixedLenFeature([], tf.string),
    "gt": tf.io.FixedLenFeature([], tf.string),
    "map": tf.io.FixedLenFeature([], tf.string),  # likewise: parts, key, source, identity, split, terms
    "hole": tf.io.FixedLenFeature([], tf.float32),  # likewise: valid; tf.int64: seed, width, height
    "faces/box": tf.io.RaggedFeature(tf.float32, partitions=[tf.io.RaggedFeature.UniformRowLength(4)]),
    "faces/landmarks": tf.io.RaggedFeature(
        tf.float32,
        partitions=[
            tf.io.RaggedFeature.RowLengths("faces/landmarks_count"),
            tf.io.RaggedFeature.UniformRowLength(2),
        ],
    ),
    "faces/family": tf.io.RaggedFeature(tf.string),  # likewise: texture, colour, wear, scheme
    "faces/yaw": tf.io.RaggedFeature(tf.float32),  # likewise: pitch, roll, strength
}


def parse(record):
    sample = tf.io.parse_single_example(record, spec)
    sample["masked"] = $masked
    sample["gt"] = $gt
    sample["map"] = tf.io.decode_png(sample["map"], channels=1)
    return sample


for sample in tf.data.TFRecordDataset(files).map(parse):
    masked, gt, map, boxes = sample["masked"], sample["gt"], sample["map"], sample["faces/box"]
```
"""

_DECODERS = {
    "jpg": "tf.io.decode_jpeg({})",
    "png": "tf.io.decode_png({})",
    "webp": "tf.image.decode_webp({})[0]",  # the first axis is that of the frames
}

COLUMNS = f"""\
| column | what |
|---|---|
| `key` | key of the sample |
| `masked`, `gt` | the photo with masks, and the same without; encoded as in the data set |
| `map` | PNG, grey: 255 where mask or shadow changed the photo, else 0 |
| `parts` | PNG, {PARTS} |
| `width`, `height` | of all four images in pixels |
| `source`, `identity`, `split`, `seed`, `hole`, `valid`, `terms` | labels of the sample |
| `faces` | of each face: `box` (x0, y0, x1, y1), `landmarks` (x, y), `scheme`, `pose`, `mask` |
"""

FACES_FLAT = """\
In TFRecord files, the labels of the faces are lists with an entry per face, such as `faces/family` and `faces/yaw`;
`faces/box` has four numbers per face, `faces/landmarks` two per point, and `faces/landmarks_count` says how many points
each face has. Floats are stored with 32 bits.
"""


def parquet_card(about: Mapping[str, Any], shards: Sequence[str], samples: Mapping[str, int]) -> str:
    """Builds the card of Parquet files, from which Hugging Face `datasets` and the hub take the splits.

    Args:
        about: content of `dataset.json`, or empty.
        shards: names of the shards that were written.
        samples: split -> number of samples.
    """
    splits = _by_split(shards)
    files = [f'  - split: {split}\n    path: "data/{split}-*.parquet"' for split in splits]
    head = [
        "---",
        f"pretty_name: {json.dumps(_title(about))}",
        "license: other",
        "task_categories:\n- image-segmentation\n- image-to-image",
        f"size_categories:\n- {size_category(sum(samples.values()))}",
        "tags:\n- face-mask\n- synthetic",
        *(["configs:\n- config_name: default\n  data_files:", *files] if files else []),
        "---\n\n",
    ]
    names = {split: f"data/{files_of(names, '.parquet')}" for split, names in splits.items()}
    return "\n".join(head) + _notes(about, names, samples, PARQUET_LINES)


def mds_notes(about: Mapping[str, Any], samples: Mapping[str, int], suffix: str) -> str:
    """Describes folders of MosaicML Streaming.

    Args:
        about: content of `dataset.json`, or empty.
        samples: split -> number of samples.
        suffix: of the images: jpg, png or webp.
    """
    names = {split: f"{split}/" for split in SPLITS if samples.get(split)}
    kind = "bytes of WebP; the map is a Pillow image" if suffix == "webp" else "Pillow images"
    return _notes(about, names, samples, MDS_LINES, kind=kind)


def tfrecord_notes(
    about: Mapping[str, Any], shards: Sequence[str], samples: Mapping[str, int], suffix: str
) -> str:
    """Describes TFRecord files; the arguments are as in `parquet_card` and `mds_notes`."""
    names = {split: files_of(names, ".tfrecord") for split, names in _by_split(shards).items()}
    decode = _DECODERS[suffix]
    code = {role: decode.format(f'sample["{role}"]') for role in ("masked", "gt")}
    return _notes(about, names, samples, TFRECORD_LINES, more=FACES_FLAT, **code)


def _notes(
    about: Mapping[str, Any],
    files: Mapping[str, str],
    samples: Mapping[str, int],
    lines: str,
    more: str = "",
    **values: str,
) -> str:
    rows = [f"| {split} | `{name}` | {samples[split]:,} |" for split, name in files.items()]
    made = f"from the data set with the hash `{about['hash']}` " if "hash" in about else ""
    text = Template(lines).substitute(values, split=next(iter(files), "train"))
    return "\n".join(
        [
            f"# {_title(about)}\n",
            f"Faces, and the same faces with a mask drawn over them; written {made}by `unmask unpack`.\n",
            "| split | files | samples |\n|---|---|---|",
            *rows,
            f"\n## Terms\n\n{terms_line(about)}\n\n{CAUTION}",
            f"## Loading\n\n{text}",
            f"## Columns\n\n{COLUMNS}\n{more}",
            "`samples.csv` lists the samples, `skipped.csv` the photos of the source that gave none, with reasons.",
            "",
        ]
    )


def _title(about: Mapping[str, Any]) -> str:
    return f"{about['source']}, masked" if about.get("source") else "Masked faces"


def _by_split(shards: Sequence[str]) -> dict[str, list[str]]:
    found = {split: sorted(name for name in shards if name.startswith(f"{split}-")) for split in SPLITS}
    return {split: names for split, names in found.items() if names}
