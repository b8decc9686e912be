# /// script
# requires-python = ">=3.11"
# dependencies = ["tensorflow-cpu==2.21.0", "pillow==12.3.0", "numpy==2.4.6"]
# [tool.compat]
# reader = "TensorFlow, tf.data"
# kind = "loader"
# ///
"""tf.data, on the files of `unmask unpack --layout tfrecord`."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from loader_tools import MEMBERS, to_plain
from reader_tools import Data, Sample, Way, run

TEXTS = ("source", "identity", "split", "terms")
RAGGED = tf.io.RaggedFeature
POINTS = [RAGGED.RowLengths("faces/landmarks_count"), RAGGED.UniformRowLength(2)]
FACE_TEXTS = ("scheme", "family", "texture", "colour", "wear")
FACE_FLOATS = ("yaw", "pitch", "roll", "strength")
SPEC = (
    {name: tf.io.FixedLenFeature([], tf.string) for name in ("key", *MEMBERS, *TEXTS)}
    | {name: tf.io.FixedLenFeature([], tf.float32) for name in ("hole", "valid")}
    | {"seed": tf.io.FixedLenFeature([], tf.int64)}
    | {f"faces/{name}": RAGGED(tf.string) for name in FACE_TEXTS}
    | {f"faces/{name}": RAGGED(tf.float32) for name in FACE_FLOATS}
    | {"faces/box": RAGGED(tf.float32, partitions=[RAGGED.UniformRowLength(4)])}
    | {"faces/landmarks": RAGGED(tf.float32, partitions=POINTS)}
)


def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
    row = tf.io.parse_single_example(record, SPEC)
    for name in ("masked", "gt"):
        row[name] = tf.io.decode_jpeg(row[name])
    for name in ("map", "parts"):
        row[name] = tf.io.decode_png(row[name])
    return row


def faces_of(row: dict[str, tf.Tensor]) -> list[dict[str, Any]]:
    """Returns the label `faces`, of lists with an entry per face."""
    columns = {name.removeprefix("faces/"): value for name, value in row.items() if name.startswith("faces/")}
    lists = {
        name: value.to_list() if isinstance(value, tf.RaggedTensor) else to_plain(value)
        for name, value in columns.items()
    }
    faces = [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
    return [
        {name: to_plain(face[name]) for name in ("box", "landmarks", "scheme")}
        | {"pose": {name: face[name] for name in ("yaw", "pitch", "roll")}}
        | {
            "mask": {
                name: to_plain(face[name]) for name in ("family", "texture", "colour", "strength", "wear")
            }
        }
        for face in faces
    ]


def read(data: Data) -> Iterator[Sample]:
    files = tf.data.Dataset.list_files(f"{data.export('tfrecord')}/train-*.tfrecord")
    for row in tf.data.TFRecordDataset(files).map(parse):
        labels = {name: to_plain(row[name]) for name in (*TEXTS, "seed", "hole", "valid")}
        images = {name: row[name].numpy() for name in MEMBERS}
        yield {"key": to_plain(row["key"]), "labels": labels | {"faces": faces_of(row)}} | images


WAYS = [
    Way(
        'tf.data.TFRecordDataset(list_files("EXPORT/train-*.tfrecord")).map(parse)',
        read,
        {
            "samples": "right",
            "images": "right, uint8 h w 3",
            "map": "right, uint8 h w 1",
            "parts": "right, uint8 h w 1",
            "labels": "right",
        },
        split="train",
    ),
]

if __name__ == "__main__":
    run(WAYS, "tensorflow-cpu")
