"""Whole evaluation on a synthetic data set, with untrained networks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError, MissingError, UsageError
from maskgen.images.codecs import encode_lossless
from tests.helpers.evaluation import quick, write_run, write_split
from unmasknet.evaluation.attributes import read_attributes
from unmasknet.evaluation.evaluate import _warnings, evaluate
from unmasknet.evaluation.other_methods import open_others
from unmasknet.evaluation.report import markdown
from unmasknet.evaluation.score_csv import read_scores, write_scores
from unmasknet.evaluation.scores import ScoreTable
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.models import released, two_stage
from unmasknet.models.load import Trained
from unmasknet.models.two_stage import Restorer
from unmasknet.settings import GanSettings

KEYS = {
    *(
        "n",
        "split",
        "weights",
        "size",
        "parameters",
        "hole",
        "whole",
        "perceptual",
        "fid",
        "kid",
        "brisque",
        "map",
    ),
    *(
        "wearing",
        "identity",
        "detected",
        "by_hole",
        "by_family",
        "by_yaw",
        "by_group",
        "baselines",
        "compare",
        "ci95",
    ),
    *("seconds_per_image", "device"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eval") / "toys"
    write_split(folder, "train", 8)
    write_split(folder, "test", 14)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    return str(write_run(folder / "segm", "segm")), str(write_run(folder / "gan", "gan"))


def floats_in(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from floats_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from floats_in(inner)
    elif isinstance(value, float):
        yield value


def test_json_has_all_keys_and_only_finite_numbers(data: Path, runs: tuple[str, str]) -> None:
    summary = evaluate(quick(data, weights=runs)).summary
    assert summary.keys() >= KEYS
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert np.isfinite(list(floats_in(summary))).all()
    assert (summary["n"], summary["split"], summary["size"], summary["map_source"]) == (
        14,
        "test",
        64,
        "predicted",
    )
    assert set(summary["baselines"]) == {"masked input", "mean fill", "mean face", "telea"}
    assert set(summary["parameters"]) == {"segmenter", "generator"}
    assert summary["wearing"]["by_wear"].keys() == {"correct", "nose", "unmasked"}


def test_warnings_name_fewer_samples_and_the_training_split(data: Path, runs: tuple[str, str]) -> None:
    assert evaluate(quick(data, weights=runs)).warnings == ()
    few, training = evaluate(quick(data, weights=runs, n=9999, split="train")).warnings
    assert "are scored and not 9,999" in few
    assert "it is unknown whether the networks were trained on these samples" in training


def test_an_identity_network_that_the_generator_was_trained_with_is_a_warning() -> None:
    for learnt_from, network, expected in (
        ("faces/net.onnx", "elsewhere/net.onnx", ["set identity to another network"]),
        ("faces/net.onnx", "dlib", []),
        ("", "dlib", []),
        ("", "", []),
    ):
        settings = GanSettings.model_validate({"loss": {"identity": 1.0, "identity_net": learnt_from}})
        generator = Trained(torch.nn.Identity(), "gan", settings, {})
        warned = list(
            _warnings(EvalSettings(identity=network), Restorer(None, generator, ()), "test", ScoreTable())
        )
        assert [line.rpartition(": ")[2] for line in warned] == expected


def test_without_weights_only_trivial_baselines_are_scored(data: Path) -> None:
    summary = evaluate(quick(data)).summary
    assert summary["hole"] == {"psnr": None, "ssim": None, "l1": None}
    assert summary["baselines"]["telea"]["hole"]["psnr"] > 0
    assert summary["map"]["dice"] is None
    assert summary["seconds_per_image"] is None


def test_masked_input_scores_as_computed_by_hand(data: Path) -> None:
    summary = evaluate(quick(data)).summary
    psnr = []
    for sample in open_data_set(data).samples(split="test"):
        pixels = sample.decode()
        hole = pixels["map"] > 0
        gap = (pixels["masked"][hole].astype(float) - pixels["gt"][hole]) / 255
        psnr.append(-10 * np.log10((gap**2).mean()))
    assert summary["baselines"]["masked input"]["hole"]["psnr"] == pytest.approx(np.mean(psnr), abs=1e-3)


def test_the_batch_size_does_not_change_the_scores(data: Path, runs: tuple[str, str]) -> None:
    one, other = (evaluate(quick(data, weights=runs, batch=batch)).summary for batch in (3, 14))
    assert one["hole"]["psnr"] == pytest.approx(other["hole"]["psnr"], abs=1e-4)
    assert one["ci95"]["baselines.telea.hole.psnr"] == other["ci95"]["baselines.telea.hole.psnr"]


def test_generator_with_the_true_map_fills_the_hole_and_nothing_else(
    data: Path, runs: tuple[str, str]
) -> None:
    example = evaluate(quick(data, weights=runs, map="truth")).examples[0]
    outside = example.sample.map == 0
    assert np.array_equal(example.images["restored"][outside], example.sample.masked[outside])
    assert not np.array_equal(example.images["restored"], example.sample.masked)


def test_perfect_images_of_another_method_have_infinite_psnr_and_missing_ones_are_counted(
    data: Path, tmp_path: Path
) -> None:
    for number, sample in enumerate(open_data_set(data).samples(split="test")):
        if number % 7:
            truth = sample.decode()["gt"]
            (tmp_path / f"{sample.key}.png").write_bytes(encode_lossless(truth, "png"))
    summary = evaluate(quick(data, compare=[f"oracle={tmp_path}"])).summary["compare"]["oracle"]
    assert (summary["n"], summary["missing"]) == (12, 2)
    assert summary["hole"]["psnr"] is None  # infinite for each
    assert summary["hole"]["ssim"] == pytest.approx(1)
    assert summary["hole"]["l1"] == 0


def test_ahead_is_computed_over_the_samples_that_both_methods_have(
    data: Path, runs: tuple[str, str], tmp_path: Path
) -> None:
    samples = list(open_data_set(data).samples(split="test"))
    for number, sample in enumerate(samples[:4]):
        grey = np.full_like(sample.decode()["gt"], 90 + 20 * number)
        (tmp_path / f"{sample.key}.png").write_bytes(encode_lossless(grey, "png"))
    evaluation = evaluate(quick(data, weights=runs, map="truth", compare=[f"grey={tmp_path}"]))
    summary = evaluation.summary
    both = [sample.key for sample in samples[:4]]
    restored = [
        value
        for sample, value in zip(open_data_set(data).samples(split="test"), evaluation.psnrs, strict=True)
        if sample.key in both
    ]
    grey_psnr = summary["compare"]["grey"]["hole"]["psnr"]
    assert summary["ahead"]["grey"]["psnr"] == pytest.approx(np.mean(restored) - grey_psnr, abs=1e-3)
    assert summary["ahead"]["grey"]["psnr"] != pytest.approx(summary["hole"]["psnr"] - grey_psnr, abs=1e-3)


def test_ahead_is_empty_without_a_generator(data: Path) -> None:
    summary = evaluate(quick(data)).summary
    assert summary["ahead"] == {}
    assert [name for name in summary["ci95"] if "minus" in name] == []


def test_two_images_of_one_sample_are_refused(data: Path, tmp_path: Path) -> None:
    sample = next(open_data_set(data).samples(split="test"))
    for folder in ("inputs", "outputs"):  # as unmask unpack writes them
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{sample.key}.png").write_bytes(encode_lossless(sample.decode()["gt"], "png"))
    with pytest.raises(InputError, match="both images of"):
        evaluate(quick(data, compare=[f"x={tmp_path}"]))


def test_images_of_another_method_are_resampled_to_size(data: Path, tmp_path: Path) -> None:
    for sample in open_data_set(data).samples(split="test"):
        large = cv2.resize(sample.decode()["gt"], (128, 128), interpolation=cv2.INTER_CUBIC)
        (tmp_path / f"{sample.key}.png").write_bytes(encode_lossless(large, "png"))
    summary = evaluate(quick(data, compare=[f"large={tmp_path}"])).summary["compare"]["large"]
    assert summary["hole"]["l1"] < 0.005


@pytest.mark.parametrize("name", ["toy-test-000.avif", "toy-test-000.JPEG", "toy-test-000.ppm"])
def test_other_methods_may_write_every_format_that_photos_may_have(tmp_path: Path, name: str) -> None:
    for other in ("._toy-test-000.png", ".toy-test-000.jpg", "toy-test-000.txt"):
        (tmp_path / other).write_bytes(b"no image")
    (tmp_path / name).write_bytes(b"an image")
    (method,) = open_others([f"x={tmp_path}"], ["toy-test-000"])
    assert method.files == {"toy-test-000": tmp_path / name}


def test_compare_without_images_of_samples_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of its 0 images"):
        evaluate(quick(data, compare=[f"empty={tmp_path}"]))
    with pytest.raises(UsageError, match="give a name and a folder"):
        evaluate(quick(data, compare=["nonsense"]))


def test_the_face_detector_runs_on_results_truth_and_masked_photos(data: Path, runs: tuple[str, str]) -> None:
    def find(image: np.ndarray, side: int) -> list[np.ndarray]:
        # blue is dark without a mask
        return [np.eye(2, 3, dtype=np.float32)] if image[40, 32, 2] < 128 else []

    summary = evaluate(quick(data, weights=runs, detect=True), find).summary
    assert summary["detected"]["truth"] == 1
    assert summary["detected"]["masked"] < 1


def test_two_runs_of_one_stage_are_refused(data: Path, runs: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="two runs of train gan"):
        evaluate(quick(data, weights=(runs[1], runs[1])))


def test_a_predicted_map_needs_a_segmenter(data: Path, runs: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="needs a segmenter"):
        evaluate(quick(data, weights=runs[1:], map="predicted"))


def test_size_defaults_to_that_of_the_weights(data: Path, tmp_path: Path) -> None:
    run = str(write_run(tmp_path / "gan", "gan", side=32))
    summary = evaluate(quick(data, weights=[run], size=64, n=3)).summary
    assert (summary["size"], summary["n"]) == (64, 3)
    assert evaluate(quick(data, weights=[run], n=3)).summary["size"] == 32


def test_missing_released_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(released, "has_model", lambda name: False)
    with pytest.raises(MissingError, match="released"):
        two_stage.load_restorer(["released"], torch.device("cpu"))


def test_scores_are_given_by_group_and_without_intervals_of_two_people(
    data: Path, runs: tuple[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "people.csv"
    rows = [f"{number}.jpg,{'old' if number % 4 < 2 else 'young'}," for number in range(12)]
    # with the byte order mark that spreadsheets write
    table.write_text("\n".join(["photo,age,hat", *rows, "p0/12.jpg,young,red"]), encoding="utf-8-sig")
    evaluation = evaluate(quick(data, weights=runs, by=str(table)))
    groups = evaluation.summary["by_group"]
    assert {name: {group: part["n"] for group, part in parts.items()} for name, parts in groups.items()} == {
        "age": {"old": 6, "young": 7}, "hat": {"red": 1},
    }  # fmt: skip
    psnr = {row["source"]: float(row["psnr"]) for row in evaluation.rows}
    old = [value for source, value in psnr.items() if (n := int(source[3:-4])) < 12 and n % 4 < 2]
    part = groups["age"]["old"]
    assert part["psnr"] == pytest.approx(np.mean(old), abs=1e-3)
    assert part["people"] == 2
    assert part["ci95"] == {}  # two people say nothing about the variance between people
    assert part["dice"] is not None
    assert part["likeness"] is None
    text = markdown(evaluation.summary, "toys")
    assert "## By age" in text
    assert "| old | 6 |" in text


def test_a_table_of_people_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,age\na,3\n")
    for path in (tmp_path / "a.csv", tmp_path / "none.csv"):
        with pytest.raises(InputError, match=rf"--by .*{path.name}"):
            read_attributes(str(path))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("utkface/25_1_2_20170116174525125.jpg", {"sex": "female", "group": "Asian", "age": "20-34"}),
        ("1_0_4_20170116174525125.jpg.chip.jpg", {"sex": "male", "group": "other", "age": "0-12"}),
        ("110_0_0_20170116174525125.jpg", {"sex": "male", "group": "White", "age": "65+"}),
        ("lfw/Bono/Bono_0003.jpg", {}),
    ],
)
def test_utkface_file_names_give_sex_group_and_age(source: str, found: dict[str, str]) -> None:
    assert read_attributes("utkface")(source) == found


def test_scores_of_each_sample_are_written_and_read_back(
    data: Path, runs: tuple[str, str], tmp_path: Path
) -> None:
    evaluation = evaluate(quick(data, weights=runs))
    write_scores(tmp_path / "new/scores.csv", evaluation.rows)
    rows = read_scores(tmp_path / "new/scores.csv")
    assert rows == list(evaluation.rows)
    assert len(rows) == evaluation.summary["n"]
    assert np.mean([float(row["psnr"]) for row in rows]) == pytest.approx(
        evaluation.summary["hole"]["psnr"], abs=1e-3
    )
    assert {row["likeness"] for row in rows} == {""}
    (tmp_path / "other.csv").write_text("a,b\n")
    with pytest.raises(InputError, match="not a table of scores"):
        read_scores(tmp_path / "other.csv")


def test_realism_is_one_for_the_truth_and_shows_the_masks_colour_where_the_mask_stays(tmp_path):
    write_split(tmp_path, "test", 4)
    folder = tmp_path / "truth"
    folder.mkdir()
    for sample in open_data_set(tmp_path).samples(split="test"):
        (folder / f"{sample.key}.png").write_bytes(encode_lossless(sample.decode()["gt"], "png"))
    summary = evaluate(quick(tmp_path, compare=[f"same={folder}"])).summary
    same, masked = summary["compare"]["same"]["realism"], summary["baselines"]["masked input"]["realism"]
    assert set(same) == {"detail_1", "detail_2", "detail_4", "seam", "tone", "leak", "kid"}
    assert [same[name] for name in ("detail_1", "detail_2", "detail_4", "seam")] == pytest.approx([1] * 4)
    assert same["tone"] == pytest.approx(0, abs=1e-4)
    assert same["leak"] == pytest.approx(0, abs=1e-4)
    assert masked["leak"] == pytest.approx(1)
    assert masked["tone"] > 5
    assert summary["ci95"]["compare.same.realism.detail_1"] == pytest.approx([1, 1])


def test_bare_samples_are_left_out_of_restoring_and_count_for_wearing(tmp_path: Path) -> None:
    write_split(tmp_path / "all", "test", 6)
    write_split(tmp_path / "some", "test", 8, unmasked=(6, 7))
    weights = [str(write_run(tmp_path / stage, stage)) for stage in ("segm", "gan")]
    every, some = (evaluate(quick(tmp_path / name, weights=weights)) for name in ("all", "some"))
    assert (every.summary["n"], every.summary["bare"]) == (6, 0)
    assert (some.summary["n"], some.summary["bare"]) == (6, 2)
    for part in ("hole", "whole", "map", "by_family"):
        assert some.summary[part] == every.summary[part]
    counts = [one.summary["wearing"]["by_wear"]["unmasked"]["n"] for one in (every, some)]
    assert counts == [6, 8]
    assert "2 of 8 samples show no mask" in " ".join(some.warnings)
    assert "no mask" not in " ".join(every.warnings)


def test_a_bare_face_beside_a_masked_one_is_read_as_bare_once(tmp_path: Path) -> None:
    write_split(tmp_path / "data", "test", 5, own_bare=(4,))
    found = evaluate(quick(tmp_path / "data", weights=[str(write_run(tmp_path / "segm", "segm"))])).summary
    assert (found["n"], found["bare"]) == (5, 0)
    counts = {wear: row["n"] for wear, row in found["wearing"]["by_wear"].items()}
    assert counts == {"correct": 3, "nose": 1, "unmasked": 5}
    assert found["by_family"]["bare"]["n"] == 1
    assert found["by_wear"]["bare"]["n"] == 1


@pytest.mark.fault
def test_row602_data_in_which_no_face_wears_a_mask_cannot_be_scored(tmp_path: Path) -> None:
    write_split(tmp_path / "data", "test", 3, unmasked=range(3))
    with pytest.raises(InputError, match="none of the 3 samples of test shows a mask"):
        evaluate(quick(tmp_path / "data"))
