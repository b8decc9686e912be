"""Report: contains the scores, makes no requests, and warns that results are invented."""

import html
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.evaluation import quick, write_run, write_split
from unmasknet.evaluation import tables
from unmasknet.evaluation.evaluate import Evaluation, evaluate
from unmasknet.evaluation.report import markdown, write_report
from unmasknet.evaluation.table import number, with_interval
from unmasknet.evaluation.verdict import verdict


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    folder = tmp_path_factory.mktemp("page")
    write_split(folder / "toys", "train", 4)
    write_split(folder / "toys", "test", 9)
    runs = (str(write_run(folder / "segm", "segm")), str(write_run(folder / "gan", "gan")))
    return evaluate(quick(folder / "toys", weights=runs))


def test_page_markdown_and_sheet_are_written(evaluation: Evaluation, tmp_path: Path) -> None:
    files = write_report(tmp_path / "new" / "eval.html", evaluation, "toys")
    assert [file.suffix for file in files] == [".html", ".md", ".png"]
    assert all(file.stat().st_size > 1000 for file in files)


def test_page_is_one_file_that_makes_no_requests(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(tmp_path / "eval.html", evaluation, "a <b>name</b>")
    text = (tmp_path / "eval.html").read_text("utf-8")
    assert "<b>name</b>" not in text
    assert not re.search(r"(src|href)=[\"']?(?!data:|#)", text.replace('src="data:', ""))
    assert "invented" in text


def test_the_markdown_has_every_method_and_its_score(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(tmp_path / "eval.html", evaluation, "toys")
    text = (tmp_path / "eval.md").read_text("utf-8")
    for name, values in evaluation.summary["baselines"].items():
        assert f"| {name} | {values['hole']['psnr']:.2f} [" in text
    assert f"| **restored** | {evaluation.summary['hole']['psnr']:.2f} [" in text
    assert "Din et al. 2020" in text


def test_samples_that_were_trained_on_are_not_called_held_out(evaluation: Evaluation) -> None:
    assert "held-out samples" in markdown(evaluation.summary, "toys")
    for split, trained_on, kind in (
        ("train", "yes", "samples that were trained on"),
        ("val", "yes", "samples that were trained on"),
        ("train", "no", "samples of a source that the weights do not name"),
        ("train", "unknown", "9 samples (train)"),
        ("train", None, "9 samples (train)"),
    ):
        text = markdown({**evaluation.summary, "split": split, "trained_on": trained_on}, "toys")
        assert "held-out" not in text
        assert kind in text


def test_worst_middle_and_best_are_shown_in_that_order(evaluation: Evaluation) -> None:
    groups = {
        group: [e.psnr for e in evaluation.examples if e.group == group]
        for group in ("worst", "middle", "best")
    }
    assert max(groups["worst"]) <= min(groups["middle"])
    assert max(groups["middle"]) <= min(groups["best"])
    assert len({example.sample.key for example in evaluation.examples}) == 9


def test_all_rows_of_a_table_have_as_many_cells_as_its_head(evaluation: Evaluation) -> None:
    for table in tables.tables(evaluation.summary):
        assert {len(row) for row in table.rows} == {len(table.head)}, table.title


def test_published_results_name_their_protocol() -> None:
    table = tables.published()
    assert len(table.rows) >= 8
    for row in table.rows:
        assert row[table.head.index("over")]
        assert row[table.head.index("data")]


def test_an_undefined_value_is_a_dash() -> None:
    assert number(None, 2) == "-"
    assert with_interval(1.234, [1.0, 1.5], "psnr") == "1.23 [1.00, 1.50]"
    assert with_interval(-1.234, [-2.0, 1.5], "psnr", sign=True) == "-1.23 [-2.00, +1.50]"


def test_the_page_begins_with_verdict_samples_and_main_scores(evaluation: Evaluation, tmp_path: Path) -> None:
    write_report(tmp_path / "eval.html", evaluation, "toys")
    text = (tmp_path / "eval.html").read_text("utf-8")
    first = text.partition("<section>")[0]
    assert verdict(evaluation.summary)[0] in html.unescape(first)
    assert [first.count(f"<figcaption>{group}: ") for group in ("worst", "middle", "best")] == [1, 1, 1]
    assert "Hole PSNR, dB" in first
    for heading in ("More samples", "By mask, wear", "Published by others"):
        assert f'<details class="fold"><summary>{heading}' in text
    assert "Din et al. 2020" in text.rpartition('<details class="fold">')[2]
    for example in evaluation.examples:
        psnr = f"<b>{example.psnr:.1f} dB</b>"
        assert psnr in text


def test_the_warnings_are_on_the_page(evaluation: Evaluation, tmp_path: Path) -> None:
    warned = replace(evaluation, warnings=("<i>few</i> samples",))
    write_report(tmp_path / "eval.html", warned, "toys")
    assert '<p class="warning">&lt;i&gt;few&lt;/i&gt; samples</p>' in (tmp_path / "eval.html").read_text()


def scored(psnr: float | None, lead: list[float] | None, **more: object) -> dict[str, Any]:
    """Returns the parts of a summary that a verdict reads, with a mean face of 15 dB."""
    return {
        "hole": {"psnr": psnr},
        "map": {"dice": None},
        "baselines": {"mean face": {"hole": {"psnr": 15.0}}, "telea": {"hole": {"psnr": 14.0}}},
        "compare": {},
        "ahead": {},
        "ci95": {"hole.psnr minus mean face": lead},
        **more,
    }


def test_the_verdict_compares_with_the_best_baseline_and_its_interval() -> None:
    (line,) = verdict(scored(20.0, [4.0, 6.0]))
    assert line.startswith("Restoring beats every trivial baseline")
    assert "+5.00 [+4.00, +6.00] dB over mean face" in line
    assert verdict(scored(15.2, [-0.5, 0.9]))[0].startswith("Restoring is not shown to beat")
    assert verdict(scored(13.0, [-3.0, -1.0]))[0].startswith("Restoring is worse than a trivial baseline")


def test_the_verdict_covers_other_methods_maps_and_bare_baselines() -> None:
    other = {"compare": {"lama": {}}, "ahead": {"lama": {"psnr": 0.5}}}
    intervals = {"hole.psnr minus mean face": [4.0, 6.0], "hole.psnr minus lama": [-0.2, 1.1]}
    lines = verdict(scored(20.0, None, map={"dice": 0.9}, **other, ci95=intervals))
    assert lines[1] == "Against lama: +0.50 [-0.20, +1.10] dB (no significant difference)."
    assert lines[2] == "The map of the mask has a Dice of 0.900."
    assert verdict(scored(None, None)) == [
        "Only trivial baselines are scored; the best is mean face, hole PSNR 15.00 dB."
    ]
