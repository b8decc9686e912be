"""Report: contains the scores, makes no requests, and warns that results are invented."""

import re
from pathlib import Path

import pytest

from tests.helpers.evaluation import quick, write_run, write_split
from unmasknet.evaluation import tables
from unmasknet.evaluation.evaluate import Evaluation, evaluate
from unmasknet.evaluation.report import markdown, write_report
from unmasknet.evaluation.table import number, with_interval


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
        ("train", "no", "samples that were not trained on"),
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
