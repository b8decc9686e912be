"""Groups of people in a verification: the same comparison as in `unmask eval`, over pairs."""

import json

import numpy as np
import pytest

from tests.helpers.recognition import embedder, quick, write_people
from unmasknet.recognition.bootstrap import bootstrap_weights
from unmasknet.recognition.evaluate import evaluate
from unmasknet.recognition.groups import GroupedPairs
from unmasknet.recognition.pairs import NONE, Pairs
from unmasknet.recognition.report import markdown
from unmasknet.recognition.scored_rows import Scored, build_rows
from unmasknet.recognition.tables import tables

PEOPLE = 90  # of two photos each; photo 2 i + 1 of a person is the probe of the pair of that person


def grouped(alike: np.ndarray) -> GroupedPairs:
    """Builds pairs of one person with these similarities, and 2,000 pairs of two people between -.2 and .4."""
    rng = np.random.default_rng(1)
    fold = np.arange(PEOPLE) % 10
    own = Pairs(2 * np.arange(PEOPLE), 2 * np.arange(PEOPLE) + 1, np.ones(PEOPLE, bool), fold)
    one, other = rng.integers(0, PEOPLE, (2, 2000))
    nothing = np.zeros((one != other).sum(), np.int64)
    strangers = Pairs(2 * one[one != other], 2 * other[one != other] + 1, nothing > 0, nothing)
    values = rng.uniform(-0.2, 0.4, len(strangers))
    scored = Scored(
        own, strangers, {"plain-masked": alike}, {"plain-masked": values}, np.full(PEOPLE, NONE, np.int64)
    )
    people = np.repeat(np.arange(PEOPLE), 2)
    return GroupedPairs(build_rows(scored, people), scored, people, bootstrap_weights(PEOPLE, 200, 0))


def test_the_group_that_is_recognised_worst_is_found() -> None:
    alike = np.full(PEOPLE, 0.9)
    alike[:30] = np.where(np.arange(30) % 2, 0.9, 0.1)
    groups = np.repeat(["a", "b", "c"], PEOPLE // 3).repeat(2).tolist()
    found = grouped(alike).compare("hat", groups)
    rows = {name: entry["rows"]["plain-masked"] for name, entry in found["groups"].items()}
    assert [rows[name]["tar"] for name in "abc"] == [0.5, 1.0, 1.0]
    assert found["groups"]["a"] | {"rows": {}, "impostors": 0} == {
        "photos": 60, "people": 30, "same": 30, "impostors": 0, "rows": {},
    }  # fmt: skip
    gap = found["gaps"]["plain-masked.tar"]
    assert (gap["worst"], gap["value"], gap["rest"], gap["gap"]) == ("a", 0.5, 1.0, -0.5)
    low, high = gap["ci95"]
    assert -0.75 < low < -0.5 < high < -0.25
    overall = sum(rows[name]["far"] * found["groups"][name]["impostors"] for name in "abc")
    assert overall / sum(entry["impostors"] for entry in found["groups"].values()) <= 0.01


def test_few_people_have_rates_without_intervals() -> None:
    groups = ["few"] * 8 + ["many"] * (2 * PEOPLE - 12) + [""] * 4
    found = grouped(np.full(PEOPLE, 0.9)).compare("hat", groups)
    few, many = (found["groups"][name]["rows"]["plain-masked"] for name in ("few", "many"))
    assert few["tar"] == many["tar"] == 1.0
    assert few["ci95"] == {}
    assert set(many["ci95"]) == {"tar", "far"}
    assert found["unknown"] == 4
    assert found["smallest"] == {"group": "few", "n": 8}
    assert found["gaps"] == {}, "a group of eight photos is no worst group"


def test_groups_are_named_as_for_eval(tmp_path) -> None:
    folder = write_people(tmp_path / "toys", [4] * 16)
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    names = [f"p{i:03d}/p{i:03d}_{n:04d}" for i in range(16) for n in range(1, 5)]
    one.write_text("photo,hat\n" + "".join(f"{name}.jpg,{int(name[3]) % 2}\n" for name in names))
    other.write_text(
        "photo,age\n" + "".join(f"{name.split('/')[1]},{20 + at}\n" for at, name in enumerate(names[:9]))
    )
    by = (str(one), str(other), "utkface", "tone")
    with pytest.raises(Exception, match="both state age"):
        evaluate(quick(folder, by=by), embedder())
    evaluation = evaluate(quick(folder, by=(str(one), str(other), "tone"), rows=("plain-plain",)), embedder())
    summary = evaluation.summary
    assert list(summary["by_group"])[:3] == ["hat", "age", "tone"]
    assert summary["group_gaps"]["age"]["unknown"] == 64 - 9
    assert summary["group_gaps"]["hat"]["gaps"]["plain-plain.tar"]["gap"] == 0.0
    json.dumps(summary, allow_nan=False)
    text = markdown(evaluation)
    assert "55 samples are in no group" in text
    assert "The probe's skin tone" in text
    assert "describes the photo, not the person" in text
    assert "Worst groups" not in text, "no gap is significant"
    summary["group_gaps"]["hat"]["gaps"]["plain-plain.tar"] |= {"gap": -0.1, "ci95": [-0.2, -0.05]}
    (worst,) = [table for table in tables(summary) if table.title == "Worst groups"]
    assert worst.rows[0][1] == "TAR of plain-plain, %"
    assert worst.rows[0][-1] == "-10.0 [-20.0, -5.0]"
