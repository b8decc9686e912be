"""Exported files: the same pixels as torch at any size, metadata, and reading them in other runtimes."""

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from maskgen.errors import InputError, UnmaskError, UsageError
from tests.helpers.exports import write_model, write_weights
from unmasknet.export import export as module
from unmasknet.export.export import compare, export, facts_of, opened, write
from unmasknet.export.fourier import Waves, without_fft
from unmasknet.export.onnx_file import HALVED_FROM, halve
from unmasknet.export.pipeline import build_pipeline
from unmasknet.export.settings import ExportSettings
from unmasknet.export.torchscript import FACTS
from unmasknet.models.blocks import Spectral
from unmasknet.models.two_stage import load_restorer, widened
from unmasknet.restore.provenance import NOTE
from unmasknet.restore.runtimes import open as runtimes
from unmasknet.restore.runtimes.onnx_reader import read_exported
from unmasknet.restore.runtimes.onnx_runtime import OnnxNetworks, open_onnx
from unmasknet.restore.runtimes.open import choose_runtime
from unmasknet.restore.runtimes.opencv_runtime import OpencvNetworks, open_opencv
from unmasknet.restore.runtimes.torch_runtime import TorchNetworks

ROOT = Path(__file__).parents[3]
GREY = 1 / 255


def crops(side: int, count: int = 3) -> list[np.ndarray]:
    ramp = np.linspace(0, 255, side)
    wave = [np.sin(ramp[:, None] / (9 + k)) * np.cos(ramp[None] / 7) * 120 + 128 for k in range(count)]
    return [np.stack([plane, plane.T, 255 - plane], axis=2).astype(np.uint8) for plane in wave]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Weights, their pipeline, and an ONNX file of both networks with its report."""
    folder = tmp_path_factory.mktemp("export")
    weights = write_weights(folder)
    out = folder / "both.onnx"
    report = export(ExportSettings(weights=tuple(weights), out=str(out)), crops)
    return weights, build_pipeline(load_restorer(weights, torch.device("cpu")), 4), out, report


@pytest.mark.parametrize("side", [1, 2, 3, 8, 13, 16])
def test_matrix_products_equal_the_fourier_transform(side):
    torch.manual_seed(side)
    spectral = Spectral(8, "group")
    waves, x = Waves(spectral, side), torch.rand(2, 4, side, side)
    expected = torch.fft.rfft2(x, norm="ortho")
    real, imaginary = waves.transformed(x)
    assert torch.allclose(real, expected.real, atol=1e-6)
    assert torch.allclose(imaginary, expected.imag, atol=1e-6)
    # not the spectrum of a real plane, as after a convolution
    odd = torch.complex(torch.rand_like(real), torch.rand_like(real))
    back = torch.fft.irfft2(odd, s=(side, side), norm="ortho")
    assert torch.allclose(waves.back(odd.real, odd.imag), back, atol=1e-5)


def test_a_network_without_fft_computes_the_same_and_the_original_is_unchanged(made):
    generator = made[1].fill.generator
    photo, map = torch.rand(2, 3, 32, 32), (torch.rand(2, 1, 32, 32) > 0.5).float()
    copy = without_fft(generator, photo[:1], map[:1])
    assert any(isinstance(part, Waves) for part in copy.modules())
    assert any(isinstance(part, Spectral) for part in generator.modules())
    assert torch.allclose(copy(photo, map), generator(photo, map), atol=1e-5)


def test_the_pipeline_computes_the_same_as_the_evaluation(made):
    restorer = load_restorer(made[0], torch.device("cpu"))
    photo = torch.rand(2, 3, 48, 48)
    probability, map, restored, composited = made[1](photo)
    expected_map, expected_probability = restorer.predicted(photo)
    assert torch.equal(probability, expected_probability)
    assert torch.equal(map, widened(expected_map, 4))
    assert torch.equal(restored, restorer.restored(photo, map))
    assert torch.equal(composited[map.expand_as(photo) == 0], photo[map.expand_as(photo) == 0])


def test_the_file_gives_the_pixels_of_torch_and_the_report_says_so(made):
    _, _, out, report = made
    assert report.difference < 1
    assert report.checked == 3
    assert report.flipped == 0
    assert report.sides == {"segmenter": 64, "generator": 32}
    assert report.bytes == out.stat().st_size


@pytest.mark.fault
@pytest.mark.parametrize("runtime", ["onnxruntime", "opencv"])
@pytest.mark.parametrize("shape", [(1, 64, 64), (3, 48, 40), (2, 256, 256), (1, 33, 200), (1, 512, 300)])
def test_row53_number_and_size_of_images_are_dynamic_in_each_runtime(made, shape, runtime):
    count, height, width = shape
    photos = torch.rand(count, 3, height, width)
    run = opened(made[2].read_bytes(), runtime)
    ours, theirs = made[1](photos, None), run(photos, None)
    assert [tensor.shape for tensor in theirs] == [tensor.shape for tensor in ours]
    assert (ours[0] - theirs[0]).abs().max() < GREY
    assert (ours[1] != theirs[1]).float().mean() < 0.002
    if torch.equal(ours[1], theirs[1]):
        assert (ours[2] - theirs[2]).abs().max() < GREY


def test_the_metadata_have_the_note_and_settings_but_no_paths(made):
    facts = onnxruntime.InferenceSession(made[2]).get_modelmeta().custom_metadata_map
    assert facts["synthetic"] == NOTE
    assert json.loads(facts["segmenter"])["threshold"] == 0.4
    assert json.loads(facts["generator"])["settings"]["data"]["size"] == 32
    assert "/a/folder" not in json.dumps(facts)
    assert b"unmasknet" not in made[2].read_bytes()


def test_the_opset_is_stated_and_every_operator_is_a_standard_one(made):
    model = onnx.load(made[2])
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
    assert {node.op_type for node in model.graph.node}.isdisjoint({"DFT", "STFT", "If", "Loop"})


@pytest.mark.parametrize("open_file", [open_onnx, open_opencv])
def test_the_runtimes_agree(made, open_file):
    weights, _, out, _ = made
    ours, theirs = TorchNetworks(weights, "cpu", 1), open_file([str(out)], "auto", 1)
    for name in ("segmenter_side", "generator_side", "cleaning"):
        assert getattr(ours, name) == getattr(theirs, name)
    large, small = np.stack(crops(64)), np.stack(crops(32))
    maps = np.zeros(small.shape[:3], np.uint8)
    maps[:, 16:28, 8:24] = 1
    for count in (3, 1, 2):  # the same network, called with different numbers of faces
        assert np.abs(ours.hidden(large[:count]) - theirs.hidden(large[:count])).max() < GREY
        assert (
            np.abs(ours.fill(small[:count], maps[:count]) - theirs.fill(small[:count], maps[:count])).max()
            < 1
        )


def test_a_result_of_opencv_is_not_overwritten_by_the_next_call(made):
    networks = open_opencv([str(made[2])], "auto", 1)
    one, other = np.stack(crops(64, 2))[:, None]
    first = networks.hidden(one)
    kept = first.copy()
    assert not np.array_equal(networks.hidden(other), kept)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize("runtime", ["onnx", "opencv"])
def test_exported_files_run_without_torch(made, runtime):
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'onnx', *sys.argv[3:])))\n"
        "import numpy as np\n"
        "from unmasknet.restore.runtimes.open import open_networks\n"
        "networks = open_networks([sys.argv[1]], 'auto', 'auto', 1)\n"
        "print(networks.name.split('-')[0], networks.hidden(np.zeros((1, 64, 64, 3), np.uint8)).shape)\n"
    )
    missing = ["onnxruntime"] if runtime == "opencv" else []
    done = subprocess.run(
        [sys.executable, "-c", code, made[2], runtime, *missing],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    name = {"onnx": "onnxruntime", "opencv": "opencv"}[runtime]
    assert done.stdout.strip() == f"{name} (1, 64, 64)", done.stderr


def test_each_network_is_cut_out_as_a_valid_onnx_file(made):
    model = onnx.load(made[2])
    read = read_exported(made[2])
    for part, inputs, output, data in (
        ("find", ["photo"], "probability", read.find), ("fill", ["photo", "map"], "restored", read.fill),
    ):  # fmt: skip
        alone = onnx.load_from_string(data)
        onnx.checker.check_model(alone)
        assert [port.name for port in alone.graph.input] == inputs
        (found,) = [port.name for port in alone.graph.output]
        assert found == output or [node.output[0] for node in alone.graph.node if node.input[0] == found] == [
            output
        ]
        assert alone.opset_import == model.opset_import
        for name in ("node", "initializer"):
            ours = [entry for entry in getattr(model.graph, name) if entry.name.startswith(f"{part}/")]
            assert ours == [*getattr(alone.graph, name)]


def test_a_file_with_external_weights_is_refused(made, tmp_path):
    model, path = onnx.load(made[2]), tmp_path / "far.onnx"
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    write_model(model, path)
    with pytest.raises(InputError, match="not written by unmask export"):
        read_exported(path)


@pytest.mark.parametrize("kind", [OnnxNetworks, OpencvNetworks])
def test_a_file_with_an_unknown_operator_is_refused(made, tmp_path, kind, capfd):
    model, path = onnx.load(made[2]), tmp_path / "strange.onnx"
    next(node for node in model.graph.node if node.op_type == "Conv").op_type = "Convolute"
    write_model(model, path)
    with pytest.raises(InputError, match=r"strange\.onnx"):
        kind(path)


def test_weights_in_16_bits_halve_the_file_and_hardly_change_a_pixel(made):
    model = onnx.load(made[2])
    before = sum(numpy_helper.to_array(tensor).nbytes for tensor in model.graph.initializer)
    large = sum(
        array.nbytes
        for array in map(numpy_helper.to_array, model.graph.initializer)
        if array.size >= HALVED_FROM
    )
    halve(model.graph)
    after = sum(numpy_helper.to_array(tensor).nbytes for tensor in model.graph.initializer)
    assert after == before - large // 2
    onnx.checker.check_model(model, full_check=True)
    difference, _ = compare(
        made[1], opened(model.SerializeToString(), "onnxruntime"), torch.rand(2, 3, 48, 48)
    )
    assert difference < 8 * GREY


def test_torchscript_gives_the_pixels_of_torch_at_any_size(made, tmp_path):
    out = tmp_path / "both.pt"
    report = export(ExportSettings(weights=tuple(made[0]), out=str(out), format="torchscript"), crops)
    assert report.difference < 1
    extra = {FACTS: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        loaded = torch.jit.load(out, _extra_files=extra)
    assert json.loads(extra[FACTS])["synthetic"] == NOTE
    photos = torch.rand(3, 3, 64, 40)
    assert (loaded(photos)[0] - made[1](photos)[0]).abs().max() < GREY
    assert torch.equal(loaded.find_map(photos)[1], loaded(photos)[1])


def test_nothing_is_written_if_the_pixels_differ(made, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "compare", lambda *_: (2 * GREY, 0.0))
    out = tmp_path / "both.pt"
    with pytest.raises(UnmaskError, match=r"up to 2\.00 grey levels"):
        export(ExportSettings(weights=tuple(made[0]), out=str(out), format="torchscript"), crops)
    assert not out.exists()


def test_a_file_with_non_finite_pixels_is_refused(made):
    pipeline = made[1]

    def run(photo, map):
        return [torch.full_like(one, torch.nan) for one in pipeline(photo, map)]

    with torch.no_grad():
        difference, _ = compare(pipeline, run, torch.rand(1, 3, 48, 48))
    with pytest.raises(UnmaskError, match="nothing was written"):
        module._check_difference(difference, "torch", False)


def test_half_is_only_for_onnx(made):
    with pytest.raises(UsageError, match="--half"):
        export(ExportSettings(weights=tuple(made[0]), format="torchscript", half=True), crops)


def test_a_single_network_can_be_exported(made):
    restorer = load_restorer(made[0][1:], torch.device("cpu"))
    pipeline = build_pipeline(restorer, 4)
    settings = ExportSettings(weights=tuple(made[0][1:]), format="torchscript")
    data = write(pipeline, settings, facts_of(restorer, 4))
    difference, _ = compare(pipeline, opened(data, "torch"), torch.rand(1, 3, 32, 32))
    assert pipeline.outputs == ("restored", "composited")
    assert difference < GREY


def test_truncated_foreign_and_missing_files_are_refused(made, tmp_path):
    cut, foreign = tmp_path / "cut.onnx", tmp_path / "foreign.onnx"
    cut.write_bytes(made[2].read_bytes()[:-1000])
    model = onnx.load(made[2])
    del model.metadata_props[:]
    onnx.save(model, foreign)
    for path in (cut, foreign, tmp_path / "none.onnx"):
        with pytest.raises(InputError, match=path.name):
            read_exported(path)


@pytest.mark.parametrize("about", ["null", "3", '[["side"]]', '"text"', "{"])
def test_a_file_with_malformed_metadata_is_refused(made, tmp_path, about):
    model = onnx.load(made[2])
    next(fact for fact in model.metadata_props if fact.key == "generator").value = about
    write_model(model, tmp_path / "odd.onnx")
    with pytest.raises(InputError, match="damaged"):
        read_exported(tmp_path / "odd.onnx")


@given(st.data())
def test_a_file_with_corrupt_bytes_is_refused(made, tmp_path_factory, data):
    content = bytearray(made[2].read_bytes()[:4000])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("any") / "any.onnx"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with pytest.raises(InputError):
        read_exported(path)


def test_a_run_folder_is_refused_with_the_export_command(made):
    for open_file in (open_onnx, open_opencv):
        with pytest.raises(UsageError, match="unmask export --weights"):
            open_file(made[0], "auto", 1)
        with pytest.raises(UsageError, match="--device cuda"):
            open_file([str(made[2])], "cuda", 1)


def test_auto_chooses_an_installed_runtime_that_can_read_the_weights(made, monkeypatch):
    there = {"torch", "onnx", "opencv"}
    monkeypatch.setattr(runtimes, "has_runtime", lambda name: name in there)
    assert [choose_runtime(weights) for weights in (made[0], ["a.onnx"], ["released"])] == [
        "torch",
        "onnx",
        "torch",
    ]
    there.discard("torch")
    assert choose_runtime(["released"]) == "onnx"
    assert choose_runtime(["released"], device="cuda") == "torch"  # which then reports that torch is missing
    there.discard("onnx")
    assert [choose_runtime(weights) for weights in (["a.onnx"], ["released"])] == ["opencv", "opencv"]
    assert choose_runtime(["released"], "onnx") == "onnx"
