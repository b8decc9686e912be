"""Makes a flat baseline of a data set: `python -m benchmarks.masks.flatten DIR --to DIR [--as twin|field]`.

Every sample keeps its key, photo and labels; its mask is drawn again by `benchmarks.masks.flat`. `twin` keeps family,
colour, texture and wear, so that networks trained on the two sets differ only because the drawing differs. `field`
draws the masks of today's generators, to compare our data with the data that users have today.
"""

import argparse
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.masks.flat import field_mask, paste
from maskgen.dataset.shard_record import ShardReport, read_record, write_record
from maskgen.dataset.shards import Members, ShardWriter, decode, read_shard
from maskgen.images import codecs
from maskgen.types import WornMask

BASELINES = ("twin", "field")


def flattened(members: Members, baseline: str = "twin", quality: int = 95) -> Members:
    """Returns a sample's members with a flat mask of one of `BASELINES`; its parts contain only the part mask."""
    sample = decode(members)
    (face,) = (face for face in sample["json"]["faces"] if face["mask"]["family"] != "bare")
    mesh = np.zeros((468, 3), np.float32)
    mesh[:, :2] = face["landmarks"]
    mask, seed = face["mask"], sample["json"]["seed"]
    if baseline == "field":
        worn, edge = field_mask(np.random.default_rng(seed)), "added"
    else:
        worn = WornMask(**{name: mask[name] for name in ("family", "texture", "colour", "strength", "wear")})
        edge = "blended"
    stage = SimpleNamespace(
        image=sample["gt"], inside=np.ones(sample["map"].shape, np.uint8), face=SimpleNamespace(mesh=mesh)
    )
    masked, map = paste(stage, worn, seed, edge)  # type: ignore[arg-type]
    labels = {**sample["json"], "hole": float(map.mean())}
    return {
        "gt.jpg": members["gt.jpg"],
        "json": json.dumps(labels, sort_keys=True).encode(),
        "map.png": codecs.encode_map(map),
        "masked.jpg": codecs.encode_jpeg(masked, quality),
        "parts.png": codecs.encode_parts(map * np.uint8(3)),
    }


def main() -> None:
    """Writes the baseline, shard by shard."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--as", dest="baseline", choices=BASELINES, default="twin")
    options = parser.parse_args()
    options.to.mkdir(parents=True)
    for path in sorted(options.source.glob("*.tar")):
        record = read_record(options.source, path.stem)
        assert record is not None, f"{path}: has no record; run unmask verify"
        with ShardWriter(options.to, options.to, path.stem, record.photos) as writer:
            for key, members in read_shard(path):
                writer.add_photo([(key, flattened(members, options.baseline))])
            size, digest = writer.finish()
        write_record(
            options.to,
            ShardReport(path.stem, record.split, record.photos, record.count, size, digest, "flat"),
        )
        print(f"{path.stem}: {record.count} samples")


if __name__ == "__main__":
    main()
