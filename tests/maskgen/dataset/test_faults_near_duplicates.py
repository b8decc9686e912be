"""Row 55 of the fault matrix: re-encoded and resized copies of a photo are counted, and named if in two splits."""

import json
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskgen.cli.gen_data import report_text
from maskgen.dataset.card import card_text
from maskgen.dataset.near_copies import CopyCount, near_pairs
from maskgen.dataset.shard_record import ShardReport, parse_record, read_record, record_bytes, write_record
from maskgen.dataset.verify import verify
from maskgen.generation.pipeline import generate
from maskgen.images.likeness import DCT_BITS, STEP_BITS, likeness
from tests.helpers.fake_worker_tools import build, contents, settings_for

pytestmark = pytest.mark.fault

WIDE = {"val": 0.3, "test": 0.3}


def drawn(number: int, size: tuple[int, int] = (250, 250)) -> np.ndarray:
    """Draws a photo: large soft shapes with texture on them."""
    rng = np.random.default_rng(number)
    shapes = cv2.resize(rng.integers(0, 255, (7, 7, 3), np.uint8), size, interpolation=cv2.INTER_CUBIC)
    return cv2.add(shapes, rng.integers(0, 12, shapes.shape, np.uint8))


def coded(pixels: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(
        cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
    )


def scaled(pixels: np.ndarray, factor: float, way: int) -> np.ndarray:
    return coded(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=way), 85)


COPIES = {
    "quality 40": lambda pixels: coded(pixels, 40),
    "quality 95": lambda pixels: coded(pixels, 95),
    "half the size": lambda pixels: scaled(pixels, 0.5, cv2.INTER_AREA),
    "a third, sharp": lambda pixels: scaled(pixels, 1 / 3, cv2.INTER_LANCZOS4),
    "twice the size": lambda pixels: scaled(pixels, 2, cv2.INTER_CUBIC),
    "seven times the size": lambda pixels: scaled(pixels, 7, cv2.INTER_LINEAR),
    "brighter": lambda pixels: cv2.convertScaleAbs(pixels, alpha=0.9, beta=15),
    "grey": lambda pixels: cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
}


def distance(one: str, other: str) -> tuple[int, int]:
    differ = int(one, 16) ^ int(other, 16)
    return (differ >> 64).bit_count(), (differ & (1 << 64) - 1).bit_count()


def near(one: str, other: str) -> bool:
    steps = distance(one, other)
    return steps[0] <= DCT_BITS and steps[1] <= STEP_BITS


@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES)
def test_row55_copies_are_alike(way):
    alike = [near(likeness(drawn(number)), likeness(way(drawn(number)))) for number in range(60)]
    assert sum(alike) >= 57


def test_row55_other_photos_and_changed_ones_are_not_alike():
    looks = [likeness(drawn(number)) for number in range(150)]
    assert not any(near(one, other) for i, one in enumerate(looks) for other in looks[:i])
    mirrored = [likeness(np.ascontiguousarray(drawn(number)[:, ::-1])) for number in range(20)]
    assert not any(map(near, looks, mirrored))


@pytest.mark.parametrize("shape", [(16, 16), (16, 4000), (4000, 16), (96, 96), (97, 31)])
def test_row55_every_photo_has_a_print(shape):
    assert len(likeness(drawn(1, shape))) == 32
    assert likeness(np.full((*shape, 3), 9, np.uint8)) == likeness(np.full((*shape, 3), 255, np.uint8))


def test_row55_a_print_is_the_same_everywhere():
    ramp = np.arange(300 * 200 * 3, dtype=np.uint64).reshape(200, 300, 3)
    assert likeness((ramp * 2654435761 >> 24).astype(np.uint8) // 2 + (ramp // 800).astype(np.uint8)) == PRINT


PRINT = "cb3255f2245d43ba424951120b4b5a4a"


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)), max_size=12), st.data())
def test_row55_exactly_the_pairs_within_the_limits_are_found(seeds, data):
    looks = list(seeds)
    for dct, steps in seeds:
        for bits in data.draw(st.lists(st.sets(st.integers(0, 127), max_size=14), max_size=3)):
            flips = sum(1 << bit for bit in bits)
            looks.append((dct ^ flips >> 64, steps ^ flips & (1 << 64) - 1))
    expected = [
        [i, j]
        for i, (a, b) in enumerate(looks)
        for j, (c, d) in enumerate(looks)
        if i < j and (a ^ c).bit_count() <= DCT_BITS and (b ^ d).bit_count() <= STEP_BITS
    ]
    assert near_pairs(np.array(looks, np.uint64).reshape(-1, 2)).tolist() == expected


def test_row55_the_search_grows_with_the_photos_and_not_with_their_pairs():
    rng = np.random.default_rng(5)
    times = []
    for count in (20_000, 80_000):
        looks = rng.integers(0, 2**64, (count, 2), np.uint64)
        looks[-100:] = looks[:100] ^ np.uint64(1 << 17)
        began = time.process_time()
        assert len(near_pairs(looks)) == 100
        times.append(time.process_time() - began)
    assert times[1] < 12 * times[0] + 0.5  # all pairs would take 16 times as long


def save(path: Path, pixels: np.ndarray, quality: int = 92) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Twelve people; each has a photo, a re-encoded one, and one of half the size under a stranger's name."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(12):
        save(folder / f"p{number}/a.jpg", drawn(number))
        save(folder / f"p{number}/b.jpg", drawn(number), 60)
        small = cv2.resize(drawn(number), (125, 125), interpolation=cv2.INTER_AREA)
        save(folder / f"q{number}/c.jpg", small)
    return folder


@pytest.fixture(scope="module")
def made(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "out"
    settings = settings_for(photos, out, source=WIDE | {"people": "folders"})
    return out, settings, generate(settings, build=build)


def splits_of(out: Path) -> dict[str, str]:
    records = [parse_record(path.read_bytes()) for path in out.glob("records/*.record")]
    return {photo: record.split for record in records for photo, _, _ in record.prints}


def test_row55_pairs_are_counted_and_those_in_two_splits_are_named(made):
    out, _, report = made
    copies = json.loads((out / "dataset.json").read_bytes())["copies"]
    splits = splits_of(out)
    expected = [
        pair
        for number in range(12)
        for pair in ([f"p{number}/a.jpg", f"q{number}/c.jpg"], [f"p{number}/b.jpg", f"q{number}/c.jpg"])
        if splits[pair[0]] != splits[pair[1]]
    ]
    assert len(splits) == 36
    assert copies["identical"] == {"photos": 0, "across_splits": 0}
    assert (copies["near"]["pairs"], copies["near"]["across_splits"]) == (36, len(expected))
    assert sorted(copies["near"]["examples"]) == sorted(expected)[:20]
    assert 0 < len(expected) <= 20
    assert report.near_duplicates == 36
    assert "36 pairs of photos look alike" in report_text(report)
    (line,) = [line for line in report.warnings if "look alike" in line]
    assert f"{len(expected)} pairs" in line
    card = (out / "README.md").read_text()
    assert f"{len(expected)} of the pairs are in two splits" in card
    assert all(json.dumps(name) in card for pair in expected for name in pair)
    assert verify(out).ok


def test_row55_names_of_pairs_cannot_break_the_card(made):
    facts = json.loads((made[0] / "dataset.json").read_bytes())
    facts["copies"]["near"]["examples"] = [['```\n# a "title"', "<script>"]]
    card = card_text(facts)
    assert "\n# a" not in card
    assert '"```\\n# a \\"title\\"" "<script>"' in card


def test_row55_counts_do_not_depend_on_jobs_slices_and_kills(made, photos, tmp_path):
    out, settings, _ = made
    for part in ("1::2", "0::2"):
        run = settings.run.model_copy(update={"out": str(tmp_path / "out"), "shards": part, "jobs": 2})
        report = generate(settings.model_copy(update={"run": run}), build=build)
    assert report.near_duplicates == 36
    assert contents(tmp_path / "out") == contents(out)
    (tmp_path / "out/records/train-000000.record").unlink()
    run = settings.run.model_copy(update={"out": str(tmp_path / "out")})
    generate(settings.model_copy(update={"run": run}), build=build)
    assert contents(tmp_path / "out") == contents(out)


def test_row55_a_changed_print_is_found_by_verify(made, tmp_path):
    settings = made[1]
    run = settings.run.model_copy(update={"out": str(tmp_path / "out")})
    generate(settings.model_copy(update={"run": run}), build=build)
    record = read_record(tmp_path / "out", "train-000000")
    assert record is not None
    photo, content, look = record.prints[0]
    changed = f"{int(look, 16) ^ 1:032x}"
    write_record(tmp_path / "out", replace(record, prints=((photo, content, changed), *record.prints[1:])))
    assert not verify(tmp_path / "out").ok


@pytest.mark.parametrize(
    "bad", [["a", "b"], ["a", "0" * 16, "0" * 31], ["a", "G" * 16, "0" * 32], [1, "0" * 16, "0" * 32], "abc"]
)
def test_row55_a_record_with_odd_prints_is_none(made, bad):
    values = json.loads((made[0] / "records/train-000000.record").read_bytes())
    with pytest.raises(ValueError, match="no record"):
        parse_record(json.dumps(values | {"prints": [bad]}).encode())


def test_row55_records_without_prints_keep_their_bytes_and_count_as_unknown(made, tmp_path):
    out, settings, _ = made
    record = read_record(out, "train-000000")
    assert record is not None
    old = record_bytes(replace(record, prints=()))
    assert b"prints" not in old
    assert record_bytes(parse_record(old)) == old
    assert CopyCount().result() is None
    count = CopyCount()
    count.add(replace(record, prints=()))
    assert count.result() is None
    run = settings.run.model_copy(update={"out": str(tmp_path / "out")})
    later = settings.model_copy(update={"run": run})
    generate(later, build=build)
    names = [path.stem for path in (tmp_path / "out").glob("records/*.record")]
    for name in names:
        write_record(tmp_path / "out", replace(read_record(tmp_path / "out", name), prints=()))
    report = generate(later, build=build)
    assert (report.made, report.near_duplicates) == (0, 0)
    assert "copies" not in json.loads((tmp_path / "out/dataset.json").read_bytes())
    assert "Not known" in (tmp_path / "out/README.md").read_text()
    assert verify(tmp_path / "out").ok


def test_row55_many_photos_of_one_look_cost_neither_time_nor_memory_for_all_their_pairs():
    count = CopyCount()
    prints = tuple((f"{number}.jpg", "0" * 16, "0" * 32) for number in range(3000))
    count.add(ShardReport("train-000000", "train", 3000, 3000, 10**9, "", "", prints=prints))
    assert count.result()["identical"] == {"photos": 2999, "across_splits": 0}
    assert count.result()["near"]["pairs"] == 0
    scene = np.zeros((30_000, 2), np.uint64)  # 450 million pairs
    pairs = near_pairs(scene, most=50_000)
    assert 50_000 <= len(pairs) < 130_000
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()
