"""Layouts of few large files, read by libraries and by readers that were written from the formats' descriptions."""

import csv
import hashlib
import io
import json
import re
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from maskgen.dataset.reader import open_data_set
from maskgen.dataset.unpack import unpack
from maskgen.dataset.unpack.mds_file import MdsWriter
from maskgen.dataset.unpack.parquet_file import GROUP_ROWS
from tests.helpers.shard_layouts import mds_samples, parse_example, tfrecords
from tests.helpers.small_images import write_data_set

LAYOUTS = ("parquet", "mds", "tfrecord")
IMAGES = ("masked", "gt", "map", "parts")


@pytest.fixture
def folder(tmp_path):
    """Three shards in two splits, one face bare."""
    out = write_data_set(tmp_path / "set", [f"Ann/{n}.jpg" for n in range(3)], unmasked=["Ann/1.jpg"])
    write_data_set(out, ["Zoë/9.jpg", "stray.jpg"], number=2)
    return write_data_set(out, ["Bob/0.jpg"], split="val", skips=[("Bob/1.jpg", "no_face", "")])


def stored(folder, split=""):
    return list(open_data_set(folder).samples(split=split))


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def digests(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in files_below(folder)}


def float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_a_parquet_file_has_the_images_and_labels_of_its_shard(folder, tmp_path):
    report = unpack(folder, tmp_path / "to", layout="parquet")
    assert files_below(tmp_path / "to/data") == {
        "train-000000.parquet",
        "train-000002.parquet",
        "val-000000.parquet",
    }
    assert (report.samples, report.files) == (6, 3)
    rows = [
        row
        for path in sorted((tmp_path / "to/data").iterdir())
        for row in pyarrow.parquet.read_table(path).to_pylist()
    ]
    for row, sample in zip(rows, stored(folder), strict=True):
        assert row["key"] == sample.key
        for role in IMAGES:
            data, suffix = sample.member(role)
            assert row[role] == {"bytes": data, "path": f"{sample.key}.{role}.{suffix}"}
        assert {name: row[name] for name in sample.labels} == sample.labels
        assert (row["width"], row["height"]) == (64, 64)


def test_samples_csv_names_the_row_of_each_sample(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="parquet")
    table = list(csv.DictReader((tmp_path / "to/samples.csv").read_text("utf-8").splitlines()))
    assert len(table) == 6
    for entry in table:
        name, _, row = entry["file"].rpartition(":")
        assert pyarrow.parquet.read_table(tmp_path / "to" / name)["key"][int(row)].as_py() == entry["key"]


def test_row_groups_hold_a_hundred_samples_and_all_of_them_are_there(tmp_path):
    count = GROUP_ROWS * 2 + 5
    sources = [f"{number}.jpg" for number in range(count)]
    folder = write_data_set(tmp_path / "set", sources, photo=np.zeros((64, 64, 3), np.uint8))
    unpack(folder, tmp_path / "to", layout="parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "to/data/train-000000.parquet")
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [100, 100, 5]
    assert file.read(["key"])["key"].to_pylist() == [sample.key for sample in stored(folder)]


def test_large_images_make_small_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("maskgen.dataset.unpack.parquet_file.GROUP_BYTES", 10_000)
    photo = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)  # 6 kB as a JPEG
    folder = write_data_set(tmp_path / "set", [f"{number}.jpg" for number in range(4)], photo=photo)
    unpack(folder, tmp_path / "to", layout="parquet")
    file = pyarrow.parquet.ParquetFile(tmp_path / "to/data/train-000000.parquet")
    assert file.num_row_groups == 4


@pytest.mark.parametrize("encoding", ["jpg", "png", "webp"])
def test_hugging_face_finds_splits_images_and_types(tmp_path, monkeypatch, encoding):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = write_data_set(tmp_path / "set", ["Ann/0.jpg", "Ann/1.jpg"], encoding=encoding)
    write_data_set(folder, ["Bob/0.jpg"], split="val", encoding=encoding)
    unpack(folder, tmp_path / "to", layout="parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raised by imports of other packages
        datasets = pytest.importorskip("datasets")
        loaded = datasets.load_dataset(str(tmp_path / "to"), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 2, "val": 1}
        features, rows = loaded["train"].features, list(loaded["train"])
    assert {name for name, kind in features.items() if isinstance(kind, datasets.Image)} == set(IMAGES)
    for row, sample in zip(rows, stored(folder, "train"), strict=True):
        expected = sample.decode()
        assert np.array_equal(np.asarray(row["map"]), expected["map"] * 255)
        assert np.array_equal(np.asarray(row["parts"]), expected["parts"])
        assert row["map"].mode == row["parts"].mode == "L"
        for role in ("masked", "gt"):
            assert np.abs(np.asarray(row[role]).astype(int) - expected[role]).max() <= 3, role
        assert row["faces"] == sample.labels["faces"]
        assert row["hole"] == sample.labels["hole"]


def test_pandas_and_pyarrow_read_the_folder_of_files(folder, tmp_path):
    pandas = pytest.importorskip("pandas")
    unpack(folder, tmp_path / "to", layout="parquet")
    table = pandas.read_parquet(tmp_path / "to/data", filters=[("split", "==", "val")])
    (sample,) = stored(folder, "val")
    assert table["key"].tolist() == [sample.key]
    assert np.array_equal(pixels(table["map"][0]["bytes"]), sample.decode()["map"] * 255)


@pytest.mark.parametrize("encoding", ["jpg", "png", "webp"])
def test_mds_shards_have_the_images_and_labels_of_their_split(tmp_path, encoding):
    folder = write_data_set(tmp_path / "set", ["Ann/0.jpg", "b.jpg"], encoding=encoding, unmasked=["b.jpg"])
    write_data_set(folder, ["Zoë/0.jpg"], split="val", encoding=encoding)
    report = unpack(folder, tmp_path / "to", layout="mds")
    assert (report.samples, report.files) == (3, 2)
    for split, count in (("train", 2), ("val", 1)):
        read = list(mds_samples(tmp_path / "to" / split))
        assert len(read) == count
        for values, sample in zip(read, stored(folder, split), strict=True):
            images = {role: sample.member(role)[0] for role in IMAGES}
            assert values == {
                "key": sample.key,
                "width": 64,
                "height": 64,
                **images,
                **sample.labels,
            }
    index = json.loads((tmp_path / "to/train/index.json").read_bytes())["shards"][0]
    encodings = dict(zip(index["column_names"], index["column_encodings"], strict=True))
    assert encodings["masked"] == {"jpg": "jpeg", "png": "png", "webp": "bytes"}[encoding]
    assert (encodings["map"], encodings["parts"]) == ("png", "png")
    digest = hashlib.sha256((tmp_path / "to/train/shard.00000.mds").read_bytes()).hexdigest()
    assert index["raw_data"]["hashes"] == {"sha256": digest}


def test_an_mds_shard_stays_within_its_limit_unless_one_sample_is_larger(tmp_path):
    samples = [{"a": b"x" * size, "n": size} for size in (300, 300, 300, 5000, 10)]
    with MdsWriter(tmp_path, {"a": "bytes", "n": "int"}, limit=1024) as writer:
        assert [writer.add(sample) for sample in samples] == [0, 1, 2, 3, 4]
        index = writer.finish()
    (tmp_path / "index.json").write_bytes(index)
    assert list(mds_samples(tmp_path)) == samples
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("*.mds"))]
    assert [size <= 1024 for size in sizes] == [True, True, False, True]


def test_a_tfrecord_file_has_the_images_and_labels_of_its_shard(folder, tmp_path):
    report = unpack(folder, tmp_path / "to", layout="tfrecord")
    files = sorted((tmp_path / "to").glob("*.tfrecord"))
    assert [path.name for path in files] == [
        "train-000000.tfrecord",
        "train-000002.tfrecord",
        "val-000000.tfrecord",
    ]
    assert (report.samples, report.files) == (6, 3)
    read = [parse_example(content) for path in files for content in tfrecords(path)]
    for values, sample in zip(read, stored(folder), strict=True):
        labels, (face,) = sample.labels, sample.labels["faces"]
        assert {role: values[role] for role in IMAGES} == {role: [sample.member(role)[0]] for role in IMAGES}
        for name in ("source", "identity", "split", "terms"):
            assert values[name] == [labels[name].encode()], name
        assert values["key"] == [sample.key.encode()]
        assert (values["seed"], values["width"], values["height"]) == ([labels["seed"]], [64], [64])
        assert values["hole"] == [float32(labels["hole"])]
        assert values["faces/box"] == [float32(value) for value in face["box"]]
        assert values["faces/landmarks"] == [float32(v) for point in face["landmarks"] for v in point]
        assert values["faces/landmarks_count"] == [len(face["landmarks"])]
        assert values["faces/yaw"] == [float32(face["pose"]["yaw"])]
        assert values["faces/family"] == [face["mask"]["family"].encode()]
        assert values["faces/wear"] == [face["mask"]["wear"].encode()]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_data_set_gives_the_same_files(folder, tmp_path, layout):
    for to in ("a", "b"):
        unpack(folder, tmp_path / to, layout=layout)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    unpack(folder, tmp_path / "a", layout=layout, overwrite=True)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


@pytest.mark.parametrize(
    ("layout", "files"),
    [
        ("parquet", {"data/val-000000.parquet"}),
        ("mds", {"val/index.json", "val/shard.00000.mds"}),
        ("tfrecord", {"val-000000.tfrecord"}),
    ],
)
def test_one_split_and_the_photos_that_it_lacks(folder, tmp_path, layout, files):
    report = unpack(folder, tmp_path / "to", layout=layout, split="val")
    assert files_below(tmp_path / "to") == files | {"README.md", "samples.csv", "skipped.csv"}
    assert (report.samples, report.skipped) == (1, {"no_face": 1})
    assert "Bob/1.jpg" in (tmp_path / "to/skipped.csv").read_text()
    readme = (tmp_path / "to/README.md").read_text("utf-8")
    assert "train" not in readme
    assert "| val |" in readme


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_readme_lists_train_first_and_reads_it(folder, tmp_path, layout):
    write_data_set(folder, ["Cid/0.jpg"], split="test")
    unpack(folder, tmp_path / "to", layout=layout)
    readme = (tmp_path / "to/README.md").read_text("utf-8")
    assert re.findall(r"^\| (train|val|test) \|", readme, re.MULTILINE) == ["train", "val", "test"]
    assert re.search(r"""split="train"|\["train"\]|/train-""", readme.partition("## Loading")[2])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_crops_of_strangers_and_samples_without_known_faces_are_kept(tmp_path, layout):
    folder = write_data_set(tmp_path / "set", ["Ann/0.jpg"], strangers=["Ann/0.jpg#1"])
    report = unpack(folder, tmp_path / "to", layout=layout)
    assert (report.samples, report.left_out) == (2, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_maps_and_parts_of_format_1_become_8_bit_grey(tmp_path, layout):
    with zipfile.ZipFile(Path(__file__).parent / "format-1.zip") as packed:
        packed.extractall(tmp_path)
    folder = next(path.parent for path in tmp_path.rglob("dataset.json"))
    unpack(folder, tmp_path / "to", layout=layout)
    if layout == "parquet":
        rows = [
            {role: row[role]["bytes"] for role in IMAGES}
            for path in sorted((tmp_path / "to/data").iterdir())
            for row in pyarrow.parquet.read_table(path).to_pylist()
        ]
        rows = {row["masked"]: row for row in rows}
    elif layout == "mds":
        splits = [path.parent for path in (tmp_path / "to").glob("*/index.json")]
        rows = {row["masked"]: row for split in splits for row in mds_samples(split)}
    else:
        found = [parse_example(c) for path in (tmp_path / "to").glob("*.tfrecord") for c in tfrecords(path)]
        rows = {row["masked"][0]: {role: row[role][0] for role in IMAGES} for row in found}
    samples = stored(folder)
    assert len(rows) == len(samples) > 0
    for sample in samples:
        row, expected = rows[sample.member("masked")[0]], sample.decode()
        assert sample.member("map")[0] != row["map"]
        assert np.array_equal(pixels(row["map"]), expected["map"] * 255)
        assert np.array_equal(pixels(row["parts"]), expected["parts"])
