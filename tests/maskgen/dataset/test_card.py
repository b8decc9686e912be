import json
import re
import warnings

import pytest

from maskgen.assets import tomllib
from maskgen.dataset.card import card_text, write_card
from maskgen.errors import InputError
from tests.helpers.small_images import write_data_set

FACTS = {
    "format": 1,
    "source": "lfw",
    "terms": "LFW: research only",
    "hash": "0123456789abcdef",
    "photos": 9,
    "triplets": 6,
    "skipped": {"no_face": 3},
    "splits": {
        "train": {"shards": 1, "photos": 5, "triplets": 4},
        "val": {"shards": 1, "photos": 3, "triplets": 2},
        "test": {"shards": 1, "photos": 1, "triplets": 0},
    },
    "settings": {"seed": 0, "crop": {"size": 256, "border": "reflect"}, "shards": {"format": "jpg"}},
    "versions": {"maskgen": "0.1.0", "opencv python": "5.0"},
    "shards": [{"name": "train-000000", "count": 4}],
}


@pytest.fixture
def folder(tmp_path):
    out = write_data_set(tmp_path / "set", [f"Ann/{n}.jpg" for n in range(4)])
    write_data_set(out, [f"Bob/{n}.jpg" for n in range(2)], split="val")
    (out / "dataset.json").write_text(json.dumps(FACTS))
    write_card(out)
    return out


def test_card_depends_only_on_the_facts(folder):
    before = (folder / "README.md").read_bytes()
    assert write_card(folder).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir() if path.suffix == ".part") == []


def test_card_lists_the_shards_of_each_split_that_has_samples():
    head = card_text(FACTS).split("---")[1]
    assert re.findall(r'split: (\w+)\n\s+path: "([^"]+)"', head) == [
        ("train", "train-*.tar"),
        ("val", "val-*.tar"),
    ]


def test_card_without_samples_lists_no_files():
    empty = {**FACTS, "splits": {}, "triplets": 0, "shards": []}
    assert "configs:" not in card_text(empty)


def test_card_holds_source_terms_counts_and_reasons():
    text = card_text(FACTS)
    for part in (
        "LFW: research only",
        "| train | 1 | 5 | 4 |",
        "| all | 3 | 9 | 6 |",
        "| no_face |",
        "invents",
    ):
        assert part in text


def test_card_says_that_terms_are_unknown():
    assert "terms of use are not known" in card_text({**FACTS, "terms": ""})


def test_markup_in_terms_is_escaped():
    assert "<script>" not in card_text({**FACTS, "terms": "<script>\n---\n| x"})


def test_settings_in_the_card_are_toml():
    block = re.search(r"```toml\n(.*?)```", card_text(FACTS), re.DOTALL)[1]
    values = tomllib.loads(block)
    assert values["crop"] == {"size": 256, "border": "reflect"}
    assert values["versions"] == FACTS["versions"]


@pytest.mark.parametrize(
    ("count", "size"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (9999, "1K<n<10K"),
        (10_000, "10K<n<100K"),
        (10**9, "10M<n<100M"),
    ],
)
def test_size_category_is_that_of_the_hub(count, size):
    assert f"- {size}\n" in card_text({**FACTS, "triplets": count})


def test_missing_facts_are_refused_with_the_command_to_run(tmp_path):
    with pytest.raises(InputError, match=r"dataset\.json.*gen-data"):
        write_card(tmp_path)


def test_datasets_loads_every_split_with_the_right_types(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # raised by imports of other packages
        datasets = pytest.importorskip("datasets")
        loaded = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {"train": 4, "val": 2}
        features, first = loaded["train"].features, loaded["train"][0]
    images = {name for name, feature in features.items() if isinstance(feature, datasets.Image)}
    assert images == {"gt.jpg", "masked.jpg", "map.png", "parts.png"}
    assert first["masked.jpg"].size == first["map.png"].size == (64, 64)
    labels, mask = first["json"], first["json"]["faces"][0]["mask"]
    assert isinstance(labels["hole"], float)
    assert isinstance(labels["faces"][0]["pose"]["yaw"], float)
    assert isinstance(mask["strength"], float)
    assert isinstance(mask["colour"], str)
    assert labels["identity"] == "Ann"


def test_webdataset_reads_every_sample(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        webdataset = pytest.importorskip("webdataset")
        samples = list(webdataset.WebDataset(str(folder / "train-000000.tar"), shardshuffle=False))
    assert len(samples) == 4
    assert {"masked.jpg", "gt.jpg", "map.png", "parts.png", "json"} <= set(samples[0])
    assert json.loads(samples[0]["json"])["split"] == "train"
