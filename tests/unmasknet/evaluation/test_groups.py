"""Groups of people in an evaluation: their scores, the worst group, and the skin tone that is measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from maskgen.dataset import shard_record, shards
from maskgen.dataset.reader import open_data_set
from maskgen.settings import ShardSettings
from tests.helpers import evaluation as toys
from unmasknet.evaluation.attributes import SKIN_AND_MASK, attributes_by_key
from unmasknet.evaluation.evaluate import evaluate
from unmasknet.evaluation.group_comparison import LEAST, LEAST_PEOPLE, compare_groups, measure_by_draws
from unmasknet.evaluation.group_tables import group_tables
from unmasknet.evaluation.report import html, markdown
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.metrics import statistics

LIGHT, DARK = (225, 190, 165), (95, 62, 48)  # sRGB of skin with an ITA of about 60 and -46 degrees


def compared(groups: list[str], values: np.ndarray, better: str = "higher", people: list[str] | None = None):
    """Compares groups by the mean of a score."""
    people = people or [f"p{number}" for number in range(len(groups))]
    draws = statistics.draws(people, 300, 7)
    measure = measure_by_draws(groups, draws, lambda index: {"score": float(values[index].mean())})
    return compare_groups("hat", groups, people, measure, {"score": better})


def test_a_group_has_its_own_mean_and_interval() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(10, 1, 400), rng.normal(12, 1, 400)])
    found = compared(["a"] * 400 + ["b"] * 400, values)
    part = found["groups"]["a"]
    assert (part["n"], part["people"]) == (400, 400)
    assert part["score"] == pytest.approx(values[:400].mean(), rel=1e-5)
    low, high = part["ci95"]["score"]
    error = values[:400].std() / 20  # the normal approximation
    assert (low, high) == pytest.approx(
        (part["score"] - 1.96 * error, part["score"] + 1.96 * error), abs=0.03
    )


def test_the_worst_group_and_its_gap_are_found() -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(10, 1, 300)
    values[:100] -= 2
    groups = ["a"] * 100 + ["b"] * 100 + ["c"] * 100
    gap = compared(groups, values)["gaps"]["score"]
    assert gap["worst"] == "a"
    assert gap["gap"] == pytest.approx(values[:100].mean() - values[100:].mean(), rel=1e-4)
    assert gap["ci95"][0] < gap["gap"] < gap["ci95"][1] < 0
    lower = compared(groups, values, "lower")["gaps"]["score"]
    assert lower["worst"] != "a"
    ratios = np.repeat([0.5, 1.1, 1.6], 100)
    assert (
        compared(groups, ratios, "near 1")["gaps"]["score"]["worst"] == "a"
    )  # half is farther than 1.6 times


def test_equal_groups_have_no_significant_gap() -> None:
    values = np.tile(np.random.default_rng(3).normal(10, 1, 200), 2)
    gap = compared(["a"] * 200 + ["b"] * 200, values)["gaps"]["score"]
    assert gap["ci95"][0] < 0 < gap["ci95"][1]


def test_small_groups_are_never_the_worst_and_unknown_ones_are_in_none() -> None:
    groups = ["a"] * (LEAST - 1) + ["b"] * 100 + ["c"] * 100 + [""] * 7
    values = np.concatenate([np.zeros(LEAST - 1), np.full(100, 5.0), np.full(100, 6.0), np.full(7, -99.0)])
    found = compared(groups, values)
    assert found["unknown"] == 7
    assert found["smallest"] == {"group": "a", "n": LEAST - 1}
    assert found["gaps"]["score"]["worst"] == "b"
    assert found["gaps"]["score"]["rest"] == pytest.approx(600 / (100 + LEAST - 1))
    assert list(found["groups"]) == ["a", "b", "c"]


def test_photos_of_one_person_count_once_in_the_interval() -> None:
    values = np.repeat(np.random.default_rng(4).normal(0, 1, 20), 20)
    groups = ["a"] * 400
    apart = compared(groups, values)["groups"]["a"]["ci95"]["score"]
    together = compared(groups, values, people=[f"p{number // 20}" for number in range(400)])
    part = together["groups"]["a"]
    assert part["people"] == 20
    assert np.diff(part["ci95"]["score"]) > 3 * np.diff(apart)


def test_few_people_have_no_interval_however_many_their_photos() -> None:
    values = np.random.default_rng(5).normal(10, 1, 300)
    values[:100] -= 3
    few = [f"p{number % (LEAST_PEOPLE - 1)}" for number in range(100)]
    people = [*few, *(f"q{number}" for number in range(200))]
    found = compared(["a"] * 100 + ["b"] * 100 + ["c"] * 100, values, people=people)
    assert found["groups"]["a"]["ci95"] == {}
    assert found["groups"]["b"]["ci95"]["score"]
    assert found["gaps"]["score"]["worst"] == "a"
    assert found["gaps"]["score"]["ci95"] is None


def write_tones(folder: Path, count: int) -> None:
    """Writes `count` samples: every second one shows dark skin, the first half wears black masks, the rest white."""
    folder.mkdir()
    name = "test-000000"
    with shards.ShardWriter(folder, folder, name, count) as writer:
        for number in range(count):
            drawn = toys.triplet(number)
            noise = np.random.default_rng(number).normal(0, 4, drawn.gt.shape)
            gt = np.clip(np.array(DARK if number % 2 else LIGHT) + noise, 0, 255).astype(np.uint8)
            masked = gt.copy()
            masked[drawn.parts > 0] = 20 if number < count // 2 else 245
            origin = shards.Origin(f"p{number}/{number}.jpg", f"p{number}", "test", "toy terms")
            sample = replace(drawn, gt=gt, masked=masked)
            writer.add_photo(
                [(f"toy-{number:03d}", shards.encode(sample, origin, ShardSettings(format="png")))]
            )
        size, digest = writer.finish()
    shard_record.write_record(
        folder, shard_record.ShardReport(name, "test", count, count, size, digest, "0" * 16)
    )


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones") / "toys"
    write_tones(folder, 64)
    return folder


def test_tone_is_measured_where_no_mask_hides_the_skin(tones: Path) -> None:
    keys = [f"toy-{number:03d}" for number in range(64)]
    found, warnings = attributes_by_key(open_data_set(tones), "test", keys, ["tone"])
    assert warnings == ()
    assert [found[key]["tone"] for key in keys] == ["very light", "dark"] * 32
    assert found["toy-000"][SKIN_AND_MASK] == "light skin, dark mask"
    assert found["toy-063"][SKIN_AND_MASK] == "dark skin, light mask"


def test_scores_are_given_by_tone_and_by_a_table_at_once(tones: Path, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("photo,hat\n" + "\n".join(f"{n}.jpg,{'yes' if n % 4 else 'no'}" for n in range(60)))
    run = str(toys.write_run(tmp_path / "segm", "segm"))
    settings = toys.quick(tones, by=("tone", str(table)), weights=[run])
    evaluation = evaluate(settings)
    summary = evaluation.summary
    assert list(summary["by_group"]) == ["hat", "tone", SKIN_AND_MASK]
    assert list(summary["by_group"]["tone"]) == ["very light", "dark"]
    assert list(summary["by_group"][SKIN_AND_MASK]) == [
        f"{skin} skin, {mask} mask" for skin in ("light", "dark") for mask in ("light", "dark")
    ]
    part = summary["by_group"]["tone"]["dark"]
    assert part["n"] == 32
    assert 0 <= part["dice"] <= 1
    for score in ("masked", "bare", "wear"):  # fractions of photos
        assert (part[score] * 32) == pytest.approx(round(part[score] * 32), abs=1e-3)
    assert part["psnr"] is None  # no generator
    gaps = summary["group_gaps"]
    assert gaps["hat"]["unknown"] == 4
    assert gaps["hat"]["smallest"] == {"group": "no", "n": 15}
    assert gaps["hat"]["gaps"] == {}  # fewer than two large groups
    assert gaps["tone"]["gaps"]["dice"]["worst"] in ("very light", "dark")
    text = markdown(summary, "toys")
    assert "## By skin tone" in text
    assert "## By skin and mask" in text
    assert "4 samples are in no group" in text
    assert "describes the photo, not the person" in html(evaluation, "toys")


def test_worst_groups_are_listed_where_the_interval_excludes_zero() -> None:
    gap = {"worst": "dark", "value": 0.9, "rest": 0.97, "gap": -0.07, "ci95": [-0.1, -0.04]}
    facts = {
        "unknown": 0,
        "smallest": {"group": "dark", "n": 40},
        "gaps": {"dice": gap, "ssim": gap | {"ci95": [-0.1, 0.01]}},
    }
    part = {"n": 40, "people": 40, "dice": 0.9, "ci95": {}}
    summary = {"by_group": {"tone": {"dark": part}}, "group_gaps": {"tone": facts}}
    tables = {table.title: table for table in group_tables(summary)}
    assert tables["Worst groups"].rows == (
        ("skin tone", "Dice", "dark", "0.900", "0.970", "-0.070 [-0.100, -0.040]"),
    )
    assert "The smallest group is dark with 40 samples" in tables["By skin tone"].note
    without = group_tables({"by_group": {"tone": {"dark": part}}})  # JSON of an older version
    assert [table.title for table in without] == ["By skin tone"]


@pytest.mark.fault
def test_row662_a_table_of_other_photos_is_a_warning(tones: Path, tmp_path: Path) -> None:
    table = tmp_path / "people.csv"
    table.write_text("photo,hat\nother.jpg,yes\n")
    evaluation = evaluate(toys.quick(tones, by=str(table), n=4))
    assert evaluation.summary["by_group"] == {}
    assert any("states nothing about the 4 samples" in line for line in evaluation.warnings)


def test_one_text_in_a_settings_file_is_one_source() -> None:
    assert EvalSettings.model_validate({"by": "utkface"}).by == ("utkface",)
    assert EvalSettings.model_validate({"by": ""}).by == ()
