"""First screen of a run's report: verdict, the fixed samples, main curves; the rest is folded."""

import numpy as np
import pytest
import torch

from unmasknet.pictures import GAP, HEAD, halves, sheet
from unmasknet.training.first_screen import verdict
from unmasknet.training.report import illustrate
from unmasknet.training.run_folder import RunFolder


def row(step, psnr, mean_face=1.0, telea=2.0):
    return {"step": step, "psnr_hole": psnr, "over_mean_face": mean_face, "over_telea": telea}


def drawn(count, side=128, columns=4):
    return sheet([(str(n), torch.rand(count, 3, side, side)) for n in range(columns)])


def test_a_generator_is_judged_by_the_trivial_baselines():
    better, trend = verdict("gan", [row(100, 18.0), row(200, 20.0, 4.1, 5.2)])
    assert better.startswith("Better than the trivial baselines")
    assert "20.00 dB" in better
    assert "+4.10 dB over the mean face" in better
    assert "more steps may improve it" in trend
    worse = verdict("gan", [row(100, 14.0, -0.5, 0.3)])[0]
    assert worse.startswith("Not better than the mean face at its best")


def test_a_run_that_fell_back_names_its_best_step():
    trend = verdict("gan", [row(100, 20.0), row(200, 19.25)])[1]
    assert "Best at step 100" in trend
    assert "0.75 dB above the last validation at step 200" in trend
    assert "checkpoints/best.pt" in trend


def test_a_segmenter_is_judged_by_its_dice():
    assert verdict("segm", [{"step": 5, "dice": 0.95}])[0].startswith("The map can be used: Dice 0.950")
    assert verdict("segm", [{"step": 5, "dice": 0.5}])[0].startswith("The map is not good enough yet")
    assert "One validation" in verdict("segm", [{"step": 5, "dice": 0.5}])[1]


@pytest.mark.parametrize("rows", [[], [{"step": 5, "dice": None}]])
def test_a_run_without_scores_says_so(rows):
    assert verdict("segm", rows) == ["Not validated yet: there is no score on held-out samples."]


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (3, 1), (4, 2), (7, 2), (8, 2)])
def test_a_high_sheet_is_divided_without_losing_a_row(count, parts):
    picture = drawn(count)
    divided = halves(picture, 4)
    assert len(divided) == parts
    assert len({part.shape for part in divided}) == 1
    rows = [part[HEAD:] for part in divided]
    joined = np.concatenate(rows)[: count * (128 + GAP)]
    assert np.array_equal(joined, picture[HEAD : HEAD + count * (128 + GAP)])
    assert all(np.array_equal(part[:HEAD], picture[:HEAD]) for part in divided)


def test_the_page_shows_verdict_samples_and_curves_before_the_folded_details(tmp_path):
    run = RunFolder(tmp_path / "run", "gan")
    run.begin("seed = 0\n", resume=False)
    run.log("train", 100, {"seconds": 60.0, "images_per_s": 5.0, "loss": 1.0})
    run.log("validate", 100, {name: value for name, value in row(100, 20.0).items() if name != "step"})
    run.save_sample(100, drawn(8))
    illustrate(run)
    page = (run.folder / "report.html").read_text("utf-8")
    first, *folded = page.split('<details class="fold">')
    assert "Better than the trivial baselines" in first
    assert first.count("<img") == 3  # two halves of the samples, the curve of the PSNR
    for part, heading in zip(folded, ("The fixed samples over", "Curves", "Scores", "Settings"), strict=True):
        assert part.startswith(f"<summary>{heading}")
    assert "seed = 0" in folded[-1]
