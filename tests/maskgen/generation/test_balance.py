"""`--balance`: shares that are exact within a shard, the same however the shard was made."""

import json
from collections import Counter
from pathlib import Path

import pytest

from maskgen.dataset.reader import open_data_set, worn
from maskgen.errors import Skip
from maskgen.generation.pipeline import generate
from maskgen.generation.worker_tools import Kit, kit_of
from maskgen.settings import GenSettings
from maskgen.sources import Source
from tests.helpers.fake_worker_tools import contents, draw_photos, misbehave, settings_for
from tests.helpers.worn_masks import fixed_tools, turned_mesh

SPEC = "surgical-plain-blue:6, cloth-plain-black:4"
PHOTOS = 60


def build(settings: GenSettings, source: Source) -> Kit:
    """Builds the tools with a detector that finds one face in every photo, but none in those named `noface`."""
    mesh = turned_mesh(at=(128.0, 100.0)) / 4
    kit = kit_of(fixed_tools(settings, mesh), source)
    assert kit.deal is not None or not settings.masks.balance

    def failing(made: Kit) -> Kit:
        def mask(photo, base):
            misbehave(photo.ref.id)
            return Skip("no_face") if "noface" in photo.ref.id else made.mask(photo, base)

        return Kit(source, mask, {"fake": "1"}, settle=made.settle)

    whole = failing(kit)
    return Kit(source, whole.mask, {"fake": "1"}, deal=kit.deal and (lambda name: failing(kit.deal(name))))


def settings(photos: Path, out: Path, jobs: int = 1, **masks: object) -> GenSettings:
    return settings_for(
        photos,
        out,
        source={"val": 0, "test": 0},
        crop={"size": 64},
        faces={"min_size": 8},
        shards={"shard_size": 25, "readers": 1},
        masks={"masks": SPEC, "balance": True, **masks},
        run={"jobs": jobs, "max_failures": 1},
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_photos(tmp_path_factory.mktemp("source") / "people", PHOTOS, ("noface", "noface_too", "bug"))


@pytest.fixture(scope="module")
def made(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "out"
    assert generate(settings(photos, out), build=build).triplets == PHOTOS
    return out


def masks_of(labels) -> list[dict]:
    return [face["mask"] for face in labels["faces"] if face["mask"]["family"] != "bare"]


def families(out: Path, shard: str) -> Counter[str]:
    data = open_data_set(out)
    one = [record for record in data.records if record.name == shard]
    return Counter(
        mask["family"]
        for sample in type(data)(out, {}, tuple(one)).samples()
        for mask in masks_of(sample.labels)
    )


def test_shares_are_exact_within_each_shard_though_photos_are_skipped(made: Path) -> None:
    shards = [(record.name, record.count) for record in open_data_set(made).records]
    assert len(shards) == 3
    assert sum(count for _, count in shards) == PHOTOS
    for name, count in shards:
        for family, share in (("surgical", 0.6), ("cloth", 0.4)):
            assert abs(families(made, name)[family] - count * share) < 1
    masks = [worn(sample.labels) for sample in open_data_set(made).samples()]
    assert {(mask["family"], mask["texture"], mask["colour"]) for mask in masks} == {
        ("surgical", "plain", "#0000ff"),
        ("cloth", "plain", "#000000"),
    }


def test_bytes_do_not_depend_on_jobs_slices_or_a_restart(photos: Path, made: Path, tmp_path: Path) -> None:
    generate(settings(photos, tmp_path / "two", jobs=2), build=build)
    assert contents(tmp_path / "two") == contents(made)
    (tmp_path / "two" / "records/train-000001.record").unlink()
    generate(settings(photos, tmp_path / "two"), build=build)
    assert contents(tmp_path / "two") == contents(made)


def test_without_balance_nothing_depends_on_the_shard(photos: Path, tmp_path: Path) -> None:
    plain = settings(photos, tmp_path / "a", balance=False, share=0.7)
    large = plain.model_copy(
        update={
            "shards": plain.shards.model_copy(update={"shard_size": 1000, "readers": 2}),
            "run": plain.run.model_copy(update={"out": str(tmp_path / "b")}),
        }
    )
    found = []
    for one in (plain, large):
        generate(one, build=build)
        samples = open_data_set(one.run.out).samples()
        found.append({sample.key: (sample.labels, sample.members["masked.jpg"]) for sample in samples})
    assert found[0] == found[1]
    assert 0 < sum(not masks_of(labels) for labels, _ in found[0].values()) < PHOTOS / 2


def test_the_setting_is_part_of_the_data_set(made: Path) -> None:
    facts = json.loads((made / "dataset.json").read_text())
    assert facts["settings"]["masks"]["balance"] is True
    assert facts["settings"]["masks"]["share"] == 1.0
