"""Lines to copy of the data-set card and of the notes beside exports: they name this data set's files, and run."""

import json
import re
import warnings

import pytest

from compat.card_lines import check_images, lines_of, run_lines
from maskgen.dataset.card import card_text, write_card
from maskgen.dataset.card_readers import files_of
from maskgen.dataset.unpack import unpack
from tests.helpers.small_images import write_data_set
from tests.maskgen.dataset.test_card import FACTS

READERS = [
    "Hugging Face datasets",
    "webdataset",
    "Ray Data",
    "NVIDIA DALI",
    "Megatron Energon",
    "torchvision",
    "Plain Python",
]


def facts(shards, suffix="jpg"):
    """Facts with shards given as name -> number of samples."""
    entries = [{"name": name, "split": name[:-7], "photos": 9, "count": n} for name, n in shards.items()]
    return {**FACTS, "shards": entries, "settings": {**FACTS["settings"], "shards": {"format": suffix}}}


@pytest.fixture(params=["jpg", "png", "webp"])
def folder(tmp_path, request):
    out = write_data_set(tmp_path / "set", ["Ann/0.jpg", "Ann/1.jpg"], encoding=request.param)
    write_data_set(out, ["Ann/2.jpg"], encoding=request.param, number=1)
    write_data_set(out, ["Bob/0.jpg"], encoding=request.param, split="val")
    shards = {"train-000000": 2, "train-000001": 1, "val-000000": 1}
    (out / "dataset.json").write_text(json.dumps(facts(shards, request.param)))
    write_card(out)
    return out


def test_shards_are_named_by_braces_where_there_are_several():
    assert files_of(["val-000000"]) == "val-000000.tar"
    assert files_of([f"train-{n:06d}" for n in range(4)]) == "train-{000000..000003}.tar"
    assert files_of(["val-000001", "val-000002"], ".parquet") == "val-{000001..000002}.parquet"


def test_shards_without_samples_are_in_no_braces():
    braceexpand = pytest.importorskip("braceexpand").braceexpand
    for numbers in ([0, 1, 3], [0, 2], [1, 2, 5, 6, 7, 9], [3]):
        names = [f"train-{n:06d}" for n in numbers]
        assert list(braceexpand(files_of(names))) == [f"{name}.tar" for name in names]


def test_the_card_has_the_files_of_each_split_and_of_the_first_one_in_its_lines():
    text = card_text(facts({"train-000000": 4, "train-000001": 0, "val-000000": 2, "val-000001": 3}))
    assert "| train | 1 | 5 | 4 | `train-000000.tar` |" in text
    assert "`val-{000000..000001}.tar`" in text
    assert 'folder + "/train-000000.tar", shardshuffle=False' in text
    assert "one worker per shard (train 1, val 2)" in text
    text = card_text(facts({"train-000000": 4, "train-000001": 4, "val-000000": 2}))
    assert 'folder + "/train-{000000..000001}.tar", shardshuffle=100' in text
    assert '--split-parts "val:val-000000.tar"' in text


def test_a_data_set_without_a_split_train_is_read_by_another_one():
    text = card_text(facts({"train-000000": 0, "test-000000": 2}))
    assert 'folder + "/test-000000.tar"' in text
    assert 'splits["test"]' in text


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_lines_are_python_and_name_members_in_full(reader, suffix):
    code = lines_of(card_text(facts({"train-000000": 4}, suffix)), reader)
    compile(code, reader, "exec")
    selectors = re.findall(r'"(\w+\.(?:jpg|png|webp))"', code)
    assert {name for name in selectors if name[:3] != "map"} <= {
        f"masked.{suffix}",
        f"gt.{suffix}",
        "parts.png",
        "map.png parts.png",
    }
    assert "$" not in code


def test_webp_that_a_reader_does_not_decode_is_said():
    shards = {"train-000000": 4}
    assert "does not decode WebP" in card_text(facts(shards, "webp"))
    assert "does not decode WebP" not in card_text(facts(shards, "png"))


@pytest.mark.parametrize("reader", ["Hugging Face datasets", "webdataset", "Plain Python"])
def test_lines_of_the_card_read_the_data_set(folder, tmp_path, monkeypatch, reader):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raised by imports of other packages
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        space = run_lines(lines_of((folder / "README.md").read_text("utf-8"), reader), folder)
    check_images(space, folder, "train")
    assert "labels" in space


@pytest.mark.parametrize("reader", ["Hugging Face datasets", "webdataset"])
def test_the_second_lines_of_the_card_make_batches(folder, tmp_path, monkeypatch, reader):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    section = (folder / "README.md").read_text("utf-8").partition(f"### {reader}\n")[2]
    blocks = lines_of(section, "0") + lines_of(section, "1").replace("num_workers=2", "num_workers=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("torch")
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        batches = list(run_lines(blocks, folder)["batches"])
    assert len(batches) == 1
    images = list(batches[0].values()) if isinstance(batches[0], dict) else batches[0]
    masked, gt, truth = images
    assert len(masked) == len(gt) == len(truth) == 3
    assert 3 in masked.shape[1:]
    assert set(truth.unique().tolist()) <= {0, 255}


@pytest.mark.parametrize("block", ["0", "1"])
def test_lines_beside_parquet_files_read_them(folder, tmp_path, monkeypatch, block):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    unpack(folder, tmp_path / "to", layout="parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
        code = lines_of((tmp_path / "to/README.md").read_text("utf-8"), block)
        space = run_lines(code, tmp_path / "to")
    if block == "0":
        check_images(space, folder, "train")
    else:
        assert len(space["table"]) == 3
        assert space["map"].mode == "L"


@pytest.mark.parametrize(
    ("layout", "counts"),
    [
        ("parquet", "| train | `data/train-{000000..000001}.parquet` | 3 |"),
        ("mds", "| train | `train/` | 3 |"),
        ("tfrecord", "| train | `train-{000000..000001}.tfrecord` | 3 |"),
    ],
)
def test_notes_beside_exports_have_terms_counts_and_lines(folder, tmp_path, layout, counts):
    unpack(folder, tmp_path / "to", layout=layout)
    text = (tmp_path / "to/README.md").read_text("utf-8")
    assert counts in text
    assert "Source: lfw. LFW: research only" in text
    assert "must not be used to tell who somebody is" in text
    for number in range(text.count("```python")):
        compile(lines_of(text, str(number)), layout, "exec")
    assert "$" not in text


def test_tensorflow_gets_the_decoder_of_the_format_and_one_frame_of_webp(folder, tmp_path):
    unpack(folder, tmp_path / "to", layout="tfrecord")
    text = (tmp_path / "to/README.md").read_text("utf-8")
    suffix = next(
        name for name in ("jpg", "png", "webp") if f"masked.{name}" in (folder / "README.md").read_text()
    )
    expected = {
        "jpg": 'tf.io.decode_jpeg(sample["gt"])\n',
        "png": 'tf.io.decode_png(sample["gt"])\n',
        "webp": 'tf.image.decode_webp(sample["gt"])[0]\n',
    }
    assert expected[suffix] in text
