"""Rows of the fault matrix that concern the evaluation."""

import json
from pathlib import Path

import pytest

from maskgen.dataset.reader import open_data_set
from maskgen.errors import InputError
from maskgen.images.codecs import encode_lossless
from tests.helpers.evaluation import quick, write_run, write_split
from tests.helpers.program import program
from unmasknet.evaluation.evaluate import evaluate


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("faults") / "toys"
    write_split(folder, "test", 4)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("runs")
    return str(write_run(folder / "segm", "segm")), str(write_run(folder / "gan", "gan"))


@pytest.mark.fault
def test_row33_empty_evaluation_set_is_unusable_input(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 3)
    with pytest.raises(InputError, match="nothing to score") as error:
        evaluate(quick(tmp_path))
    assert error.value.exit_code == 4


@pytest.mark.fault
def test_row33_one_sample_gives_valid_json_with_null_where_undefined(
    tmp_path: Path, runs: tuple[str, str]
) -> None:
    write_split(tmp_path, "test", 1)
    summary = evaluate(quick(tmp_path, weights=runs)).summary
    json.dumps(summary, allow_nan=False)
    assert summary["n"] == 1
    assert summary["fid"]["value"] is None
    assert "mean face" not in summary["baselines"]


@pytest.mark.fault
def test_row33_identical_images_give_null_and_not_infinity(data: Path, tmp_path: Path) -> None:
    for sample in open_data_set(data).samples(split="test"):
        (tmp_path / f"{sample.key}.png").write_bytes(encode_lossless(sample.decode()["gt"], "png"))
    summary = evaluate(quick(data, compare=[f"same={tmp_path}"])).summary
    json.dumps(summary, allow_nan=False)
    assert summary["compare"]["same"]["hole"]["psnr"] is None
    assert "compare.same.hole.psnr" not in summary["ci95"]


@pytest.mark.fault
def test_row32_truncated_weights_give_a_one_line_error(data: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "gan", "gan")
    file = run / "generator.safetensors"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError) as error:
        evaluate(quick(data, weights=[str(run)]))
    assert "\n" not in str(error.value)


@pytest.mark.fault
def test_row32_a_pickle_given_as_weights_is_never_executed(data: Path, tmp_path: Path) -> None:
    payload = tmp_path / "evil.pt"
    payload.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(InputError):
        evaluate(quick(data, weights=[str(payload)]))
    assert not (tmp_path / "ran").exists()


@pytest.mark.fault
def test_row32_weights_of_another_network_give_a_one_line_error(data: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "gan", "gan")
    other = write_run(tmp_path / "segm", "segm")
    (run / "generator.safetensors").write_bytes(b"\0" * 64 + (other / "segmenter.safetensors").read_bytes())
    with pytest.raises(InputError) as error:
        evaluate(quick(data, weights=[str(run)]))
    assert "\n" not in str(error.value)


@pytest.mark.fault
@pytest.mark.parametrize("option", ["--html", "--scores"])
def test_row17_an_unwritable_report_is_refused_before_the_work(tmp_path: Path, option: str) -> None:
    (tmp_path / "a-file").write_text("")
    for target, code in ((tmp_path, 2), (tmp_path / "a-file" / "report", 1)):
        done = program("eval", "--data", str(tmp_path / "nowhere"), option, str(target))
        assert done.returncode == code, done.stderr
        assert "nowhere" not in done.stderr
