"""Layout `tfrecord`: one TFRecord file of `tf.train.Example` per shard, as TensorFlow reads them.

    train-000000.tfrecord   a record per sample
    README.md               how to read it

Shards without samples have no file.
"""

from pathlib import Path
from typing import Any

from maskgen.dataset.reader import Encoded
from maskgen.dataset.unpack.base import Contents, File, LayoutFacts, LayoutOptions
from maskgen.dataset.unpack.example import encode_example
from maskgen.dataset.unpack.shard_files import PartFile, clear_folder
from maskgen.dataset.unpack.shard_notes import tfrecord_notes
from maskgen.dataset.unpack.shard_sample import ShardSample, ShardSamples
from maskgen.tfrecords import frame


class TfRecord:
    """Layout of a TFRecord file per shard. See `StreamLayout`."""

    accepts: frozenset[str] = frozenset()
    strangers = True

    def __init__(self, _: LayoutOptions) -> None:
        self._samples = ShardSamples()
        self._folder, self._about = Path(), dict[str, Any]()
        self._shards: list[str] = []
        self._part: PartFile | None = None
        self._count = 0  # of records in the open file

    def prepare(self, folder: Path, contents: Contents) -> None:
        """Checks that the folder holds no TFRecord files of other shards.

        Raises:
            UsageError: it does.
        """
        clear_folder(folder, "", "*.tfrecord", {f"{name}.tfrecord" for name in contents.shards})
        self._folder, self._about = folder, contents.about

    def append(self, sample: Encoded) -> list[str]:
        """Appends a sample, and returns its file and record, such as `train-000000.tfrecord:12`.

        Raises:
            InputError: a member is missing or damaged, or the images have several formats.
        """
        entry = self._samples.read(sample)
        if self._part is None or entry.shard != self._shards[-1]:
            self._end_shard()
            self._shards.append(entry.shard)
            self._part, self._count = PartFile(self._folder / f"{entry.shard}.tfrecord"), 0
        with self._part.errors():
            self._part.file.write(frame(encode_example(_features(entry))))
        self._count += 1
        return [f"{entry.shard}.tfrecord:{self._count - 1}"]

    def closing(self) -> list[File]:
        """Ends the last file, and returns notes on how to read them."""
        self._end_shard()
        notes = tfrecord_notes(self._about, self._shards, self._samples.counts, self._samples.suffix)
        return [("README.md", notes.encode("utf-8"))]

    def abandon(self) -> None:
        """Removes the unfinished file."""
        if self._part is not None:
            self._part.abandon()

    def facts(self) -> LayoutFacts:
        """Returns the number of files."""
        return LayoutFacts(files=len(self._shards))

    def _end_shard(self) -> None:
        if self._part is not None:
            self._part.finish()
            self._part = None


def _features(sample: ShardSample) -> dict[str, list[Any]]:
    """Returns the features of a sample; those of faces have one entry per face, in the order of the faces."""
    labels, faces = sample.labels, sample.labels["faces"]
    poses, masks = [face["pose"] for face in faces], [face["mask"] for face in faces]
    features: dict[str, list[Any]] = {role: [data] for role, data in sample.images.items()}
    features |= {name: [labels[name]] for name in ("source", "identity", "split", "seed", "hole", "valid")}
    features |= {"key": [sample.key], "terms": [labels["terms"]]}
    features |= {"width": [sample.width], "height": [sample.height]}
    features |= {
        "faces/box": [value for face in faces for value in face["box"]],
        "faces/landmarks": [value for face in faces for point in face["landmarks"] for value in point],
        "faces/landmarks_count": [len(face["landmarks"]) for face in faces],
        "faces/scheme": [face["scheme"] for face in faces],
    }
    features |= {f"faces/{name}": [pose[name] for pose in poses] for name in ("yaw", "pitch", "roll")}
    names = ("family", "texture", "colour", "strength", "wear")
    return features | {f"faces/{name}": [mask[name] for mask in masks] for name in names}
