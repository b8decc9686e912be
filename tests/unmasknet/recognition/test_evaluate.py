"""Verification from end to end, on drawn people with known answers."""

import json

import numpy as np
import pytest

from tests.helpers.recognition import (
    LOWER,
    UPPER,
    PatternNetwork,
    RandomNetwork,
    embedder,
    quick,
    restore_by_reference,
    write_people,
)
from unmasknet.recognition.evaluate import evaluate
from unmasknet.recognition.pair_csv import COLUMNS, write_pairs
from unmasknet.recognition.report import html, markdown, write_report
from unmasknet.recognition.settings import ROWS
from unmasknet.recognition.tables import as_text


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return write_people(tmp_path_factory.mktemp("people") / "toys", [4] * 14 + [1] * 4)


@pytest.fixture(scope="module")
def evaluation(people):
    return evaluate(quick(people, html="page.html"), embedder())


def rates_of(evaluation, row):
    found = evaluation.summary["rows"][row]
    return found["accuracy"], found["auc"], found["tar_at_far"]["0.01"], found["eer"]


def test_embeddings_that_know_the_person_give_100_per_cent(people):
    found = evaluate(quick(people, weights=["none"]), embedder(restore=None))
    assert rates_of(found, "plain-plain") == (1.0, 1.0, 1.0, 0.0)
    assert found.summary["rows"]["plain-plain"]["tar_at_far"]["0.001"] == 1.0
    assert found.summary["rows"]["plain-plain"]["ci95"]["accuracy"] == [1.0, 1.0]
    assert list(found.summary["rows"]) == ["plain-plain", "plain-masked", "masked-masked"]


def test_random_embeddings_give_chance(people):
    found = evaluate(quick(people), embedder(RandomNetwork()))
    for row in ROWS:
        accuracy, auc, tar, eer = rates_of(found, row)
        # of 84 pairs of one person: a standard error of about .05
        assert accuracy == pytest.approx(0.5, abs=0.15)
        assert auc == pytest.approx(0.5, abs=0.15)
        assert tar == pytest.approx(0.01, abs=0.04)
        assert eer == pytest.approx(0.5, abs=0.15)
    assert any("even without masks" in warning for warning in found.warnings)


def test_a_network_that_sees_only_the_hidden_half_is_blind_to_masked_faces(people):
    found = evaluate(quick(people), embedder(PatternNetwork(LOWER)))
    assert rates_of(found, "plain-plain")[:2] == (1.0, 1.0)
    for row in ("plain-masked", "masked-masked", "plain-restored", "masked-restored"):
        assert rates_of(found, row)[1] == pytest.approx(0.5, abs=0.05), row
    assert rates_of(found, "plain-reference-restored")[:2] == (1.0, 1.0), (
        "the reference shows the hidden half"
    )
    gap = found.summary["differences"]["restoring the probe by a reference"]
    assert gap["auc"] == pytest.approx(0.5, abs=0.05)
    assert gap["ci95"]["auc"][0] > 0.3
    lost = found.summary["differences"]["a mask on the probe"]
    assert lost["accuracy"] < -0.3
    assert lost["ci95"]["accuracy"][1] < 0


def test_a_network_that_sees_only_the_upper_half_loses_nothing(people):
    found = evaluate(quick(people), embedder(PatternNetwork(UPPER)))
    for row in ROWS:
        assert rates_of(found, row)[:2] == (1.0, 1.0), row
    for gap in found.summary["differences"].values():
        assert gap["accuracy"] == gap["auc"] == 0.0
        assert gap["ci95"]["accuracy"] == [0.0, 0.0]


def test_a_restorer_that_ruins_faces_is_reported_as_taking(people):
    ruin = lambda masked, map, references: (np.full_like(masked, 127), False)  # noqa: E731
    found = evaluate(quick(people), embedder(PatternNetwork(UPPER), ruin))
    taken = found.summary["differences"]["restoring the probe"]
    assert taken["auc"] == pytest.approx(-0.5, abs=0.02)
    assert taken["ci95"]["auc"][1] < 0


def test_probes_are_restored_by_photos_that_are_not_of_their_pair(people):
    by_bytes, seen = {}, []

    def restore(masked, map, references):
        seen.extend((masked.tobytes(), one.tobytes()) for one in references)
        return restore_by_reference(masked, map, references)

    found = evaluate(quick(people), embedder(restore=restore))
    from maskgen.dataset.reader import open_data_set

    for encoded in open_data_set(people).samples():
        sample = encoded.decode()
        by_bytes[sample["masked"].tobytes()] = by_bytes[sample["gt"].tobytes()] = encoded.key
    jobs = {(by_bytes[probe], by_bytes[reference]) for probe, reference in seen}
    assert jobs
    for probe, reference in jobs:
        assert probe != reference
        assert probe.split("-")[1] == reference.split("-")[1], "a reference shows the probe's person"
    pairs = found.scored.listed
    for gallery, probe, reference in zip(pairs.gallery, pairs.probe, found.scored.references, strict=True):
        assert reference not in (gallery, probe)
        if reference >= 0:
            assert (found.photos[probe].key, found.photos[reference].key) in jobs


def test_the_true_map_is_given_where_asked_for(people):
    maps = []

    def restore(masked, map, references):
        maps.append(map)
        return masked, False

    rows = ("plain-restored",)
    evaluate(quick(people, rows=rows, n=4), embedder(restore=restore))
    assert maps
    assert all(map is None for map in maps)
    maps.clear()
    by_truth = embedder(restore=restore)
    object.__setattr__(by_truth, "true_map", True)
    found = evaluate(quick(people, rows=rows, n=4, map="truth"), by_truth)
    assert all(map.sum() == 64 * 32 for map in maps)
    assert found.summary["unrestored"] == found.summary["photos"], "nothing was changed"


def test_the_result_depends_on_the_seed_alone(people):
    first, again, other = (evaluate(quick(people, seed=s, n=12), embedder()).summary for s in (0, 0, 1))
    for summary in (first, again, other):
        summary.pop("seconds")
    assert first == again
    assert first != other
    assert first["people"] == 12


def test_groups_are_those_of_the_masked_probes(evaluation):
    summary = evaluation.summary
    listed, photos = evaluation.scored.listed, evaluation.photos
    families = [photos[probe].family for probe in listed.probe[listed.same]]
    for family, group in summary["by_family"].items():
        assert group["same"] == families.count(family)
        assert group["rows"]["plain-plain"]["tar"] == 1.0
        assert group["rows"]["plain-plain"]["far"] <= 0.03
    assert sum(group["same"] for group in summary["by_wear"].values()) == summary["pairs"]["same"]
    assert list(summary["by_yaw"]) == sorted(summary["by_yaw"], key=lambda name: int(name.split("-")[0]))


def test_attributes_of_a_table_make_groups(people, tmp_path):
    table = tmp_path / "who.csv"
    table.write_text(
        "photo,side\n"
        + "".join(
            f"p{i:03d}/p{i:03d}_{n:04d}.jpg,{'even' if i % 2 else 'odd'}\n"
            for i in range(14)
            for n in range(1, 5)
        )
    )
    summary = evaluate(quick(people, by=str(table), rows=("plain-plain",)), embedder()).summary
    assert set(summary["by_group"]["side"]) == {"even", "odd"}
    assert sum(one["people"] for one in summary["by_group"]["side"].values()) == 14


def test_the_summary_is_json_with_documented_keys(evaluation):
    json.dumps(evaluation.summary, allow_nan=False)
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs/recognition.md").read_text("utf-8")

    def check(part, known):
        for key, value in part.items():
            assert known or f"`{key}`" in page, f"docs/recognition.md does not name {key}"
            inner = key.startswith("by_") or key in ("rows", "differences", "ci95", "left_out")
            if isinstance(value, dict):
                check(value, inner or (known and key in evaluation.summary))

    check(evaluation.summary, False)
    for row in evaluation.summary["rows"].values():
        check(row, False)
    check(next(iter(evaluation.summary["differences"].values())), False)
    group = next(iter(evaluation.summary["by_family"].values()))
    check({key: value for key, value in group.items() if key != "rows"}, False)
    check(next(iter(group["rows"].values())), False)


def test_the_page_shows_rows_curves_and_pairs(evaluation, tmp_path):
    files = write_report(tmp_path / "out" / "page.html", evaluation)
    assert [file.suffix for file in files] == [".html", ".md"]
    page = html(evaluation)
    for row in ROWS:
        assert row in page
        assert row in markdown(evaluation)
        assert row in as_text(evaluation.summary)
    assert page.count('<polyline class="curve') == len(ROWS)
    assert page.count("data:image/jpeg") == sum(len(one.images) for one in evaluation.examples) > 0
    assert "http" not in page.replace("http-equiv", "")
    assert "by reference" in page


def test_similarities_of_the_pairs_are_written(evaluation, tmp_path):
    path = tmp_path / "new" / "pairs.csv"
    write_pairs(path, evaluation.photos, evaluation.scored)
    head, *lines = path.read_text("utf-8").splitlines()
    assert head.split(",") == list(COLUMNS)
    assert len(lines) == len(evaluation.scored.listed)
    first = dict(zip(COLUMNS, lines[0].split(","), strict=True))
    assert float(first["plain-plain"]) == pytest.approx(
        evaluation.scored.listed_similarity["plain-plain"][0], abs=1e-6
    )


def test_faces_that_are_not_found_match_nobody(people):
    blind = embedder(PatternNetwork())
    hidden = np.array((30, 90, 160))
    object.__setattr__(
        blind,
        "find_points",
        lambda image, box: None if (image[-1, 0] == hidden).all() else np.zeros((5, 2), np.float32),
    )
    summary = evaluate(quick(people), blind).summary
    assert summary["rows"]["plain-plain"]["not_found"] == 0
    masked = summary["rows"]["plain-masked"]
    assert masked["not_found"] == masked["same"] + masked["different"]
    assert masked["accuracy"] == 0.5, "all pairs of two people are told apart, no pair of one"
    assert masked["tar_at_far"]["0.01"] == 0.0


def test_one_text_in_a_settings_file_is_one_source():
    assert quick("people", by="utkface").by == ("utkface",)
    assert quick("people", by="").by == ()
