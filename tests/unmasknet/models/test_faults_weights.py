"""Rows 51 and 52 of docs/faults.md: damaged, malformed and non-finite weights are refused in one line."""

import hashlib
import json
import shutil
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save as to_safetensors
from safetensors.torch import save_file

from maskgen.assets import asset
from maskgen.errors import InputError
from tests.helpers.exports import write_model, write_weights
from tests.helpers.training import SEGM, settings, train, write_data
from unmasknet import check_file
from unmasknet.export.export import NAMES, export
from unmasknet.export.settings import ExportSettings
from unmasknet.export.torchscript import load_torchscript
from unmasknet.foreign_weights import load_foreign
from unmasknet.models import checkpoint, perceptual
from unmasknet.models.digest import UncheckedFile
from unmasknet.models.load import build, load_trained
from unmasknet.restore.runtimes.onnx_reader import read_exported
from unmasknet.restore.runtimes.onnx_runtime import OnnxNetworks
from unmasknet.restore.runtimes.open import open_networks
from unmasknet.restore.runtimes.opencv_runtime import OpencvNetworks
from unmasknet.settings import SegmSettings

pytestmark = pytest.mark.fault
FLIPS, CUTS = 60, 30  # per kind of file; `benchmarks/bit_flips.py` makes 200 and 100 in the shipped networks
KINDS = ("safetensors", "checkpoint", "onnx", "torchscript")


def grey_crops(side: int) -> list[np.ndarray]:
    return [
        np.full((side, side, 3), 90, np.uint8),
        np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8),
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """One file of each kind that unmask writes, by kind."""
    folder = tmp_path_factory.mktemp("weights")
    weights = write_weights(folder)
    run = folder / "run"
    train("segm", settings("segm", write_data(folder / "data"), loop={"steps": 2}), run)
    found = {"safetensors": Path(weights[1]), "checkpoint": run / "checkpoints" / "last.pt"}
    for kind, name in NAMES.items():
        found[kind] = folder / name
        export(ExportSettings(weights=tuple(weights), format=kind, out=str(found[kind])), grey_crops)
    return found


def read(kind: str, path: Path) -> object:
    """Reads a file as the commands do."""
    if kind == "checkpoint":
        return checkpoint.load_run(path)
    if kind == "safetensors":
        return load_trained(path)
    return read_exported(path) if kind == "onnx" else load_torchscript(path.read_bytes(), path)


def damages(data: bytes) -> list[bytes]:
    """Returns copies with one bit flipped, and copies that were cut: anywhere, and near both ends."""
    rng = np.random.default_rng(51)
    size = len(data)
    places = [
        *rng.integers(0, size, FLIPS),
        *rng.integers(0, 300, FLIPS),
        *rng.integers(size - 200, size, FLIPS),
    ]
    copies = []
    for place in places:
        copy = bytearray(data)
        copy[place] ^= 1 << int(rng.integers(0, 8))
        copies.append(bytes(copy))
    lengths = [*rng.integers(0, size, CUTS), *range(size - CUTS, size)]
    return copies + [data[:length] for length in lengths]


def is_intact(path: Path) -> bool:
    """Tells what `check_file` finds. A file cut before its digest has none; others are refused."""
    try:
        return check_file(path)
    except InputError:
        return False


@pytest.mark.parametrize("kind", KINDS)
def test_row51_every_flipped_bit_and_every_cut_is_found(files, tmp_path, kind):
    original = files[kind]
    read(kind, original)
    assert check_file(original)
    path = tmp_path / original.name
    for number, copy in enumerate(damages(original.read_bytes())):
        path.write_bytes(copy)
        with pytest.raises(InputError, match=path.name) as error:
            read(kind, path)
        assert "\n" not in str(error.value), number
        assert not is_intact(path), number


def test_row51_a_flipped_bit_ends_the_commands_with_exit_code_4(files, tmp_path):
    for kind in ("safetensors", "onnx"):
        data = bytearray(files[kind].read_bytes())
        data[len(data) // 2] ^= 1
        path = tmp_path / files[kind].name
        path.write_bytes(data)
        with pytest.raises(InputError, match="damaged") as error:
            open_networks([str(path)])
        assert error.value.exit_code == 4


def test_row51_a_run_is_not_resumed_from_a_flipped_checkpoint(files, tmp_path):
    chosen = settings("segm", write_data(tmp_path / "data"), loop={"steps": 2})
    train("segm", chosen, tmp_path / "run")
    last = tmp_path / "run" / "checkpoints" / "last.pt"
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 4
    last.write_bytes(data)
    longer = settings("segm", tmp_path / "data", loop={"steps": 4})
    with pytest.raises(InputError, match=r"last\.pt: the file is damaged"):
        train("segm", longer, tmp_path / "run", resume=True)
    with pytest.raises(InputError, match=r"last\.pt: the file is damaged"):
        train("segm", longer, tmp_path / "other", start=str(tmp_path / "run"))


def without_digest(kind: str, path: Path, files: dict[str, Path]) -> None:
    """Writes a file as versions without digests did."""
    if kind == "checkpoint":
        torch.save({"format": 1, **checkpoint.load(files[kind])}, path)
    elif kind == "safetensors":
        tensors, facts = checkpoint.load_weights(files[kind])
        save_file(tensors, path, facts)
    else:
        model = onnx.load(files[kind])
        kept = [fact for fact in model.metadata_props if fact.key != "digest"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        onnx.save(model, path)


@pytest.mark.parametrize("kind", ["safetensors", "checkpoint", "onnx"])
def test_row51_an_older_file_without_a_digest_is_read_with_a_warning(files, tmp_path, kind):
    path = tmp_path / f"older{files[kind].suffix}"
    without_digest(kind, path, files)
    with pytest.warns(UncheckedFile, match=r"older.*has no digest"):
        read(kind, path)
    assert not check_file(path)


def test_row51_the_checksums_in_an_older_checkpoint_are_checked(files, tmp_path):
    path = tmp_path / "older.pt"
    without_digest("checkpoint", path, files)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
        data[data.index(archive.read(largest)) + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"the checksum of .* does not match"):
        checkpoint.load(path)


def test_row51_a_run_resumed_from_an_older_checkpoint_equals_an_uninterrupted_one(tmp_path):
    chosen = settings("segm", write_data(tmp_path / "data"), loop={"steps": 4, "keep_every": 2})
    train("segm", chosen, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "part")
    state = checkpoint.load(tmp_path / "whole" / "checkpoints" / "000002.pt")
    torch.save({"format": 1, **state}, tmp_path / "part" / "checkpoints" / "last.pt")
    with pytest.warns(UncheckedFile, match="has no digest"):
        train("segm", chosen, tmp_path / "part", resume=True)
    whole, part = (checkpoint.load(tmp_path / run / "checkpoints" / "last.pt") for run in ("whole", "part"))
    assert part["progress"]["step"] == whole["progress"]["step"] == 4
    for name, tensor in whole["nets"]["segmenter"].items():
        assert torch.equal(part["nets"]["segmenter"][name], tensor), name
    assert check_file(tmp_path / "part" / "checkpoints" / "last.pt")


@pytest.mark.parametrize("name", ["generator.safetensors", "unmask.onnx"])
def test_row51_copies_of_shipped_files_are_known_by_their_hash(tmp_path, name):
    kind = "onnx" if name.endswith(".onnx") else "safetensors"
    path = tmp_path / name
    data = bytearray(asset(f"models/{name}").read_bytes())
    path.write_bytes(data)
    read(kind, path)
    assert check_file(path)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"as long as the shipped {name}, but differs from it"):
        read(kind, path)


def test_row51_weights_are_written_with_16_bytes_of_order_alike(tmp_path):
    """The digest changes neither tensors nor metadata, and the archive stays one that torch reads."""
    tensors = {"b": torch.arange(5.0), "a": torch.ones(2, 2)}
    checkpoint.save_weights(tmp_path / "w.safetensors", tensors, {"stage": "segm"})
    found, facts = checkpoint.load_weights(tmp_path / "w.safetensors")
    assert facts == {"stage": "segm"}
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    checkpoint.save(tmp_path / "w.pt", {"nets": tensors})
    assert torch.equal(torch.load(tmp_path / "w.pt", weights_only=True)["nets"]["b"], tensors["b"])


def segmenter(**data: object) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Returns tensors and metadata of a small segmenter."""
    torch.manual_seed(0)
    chosen = SegmSettings.model_validate({**SEGM, "data": {"size": 32}})
    facts = {
        "stage": "segm",
        "settings": json.dumps(chosen.model_dump(mode="json")),
        "threshold": "0.4",
        **data,
    }
    return build(chosen).state_dict(), facts


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_row52_weights_that_are_not_finite_are_refused(tmp_path, value):
    tensors, facts = segmenter()
    tensors["unet.last.weight"].view(-1)[0] = value
    checkpoint.save_weights(tmp_path / "w.safetensors", tensors, facts)
    with pytest.raises(InputError, match=r"w\.safetensors: unet\.last\.weight has NaN or infinite weights"):
        load_trained(tmp_path / "w.safetensors")


@pytest.mark.parametrize("threshold", ["nan", "inf", "-0.5", "0", "1", "2.5", "half", ""])
def test_row52_a_threshold_outside_0_and_1_is_refused(tmp_path, threshold):
    checkpoint.save_weights(tmp_path / "w.safetensors", *segmenter(threshold=threshold))
    with pytest.raises(InputError, match=r"w\.safetensors: the threshold in its metadata is"):
        load_trained(tmp_path / "w.safetensors")


@pytest.mark.parametrize(
    "change",
    [{"threshold": 1.5}, {"threshold": "0.4"}, {"threshold": None}, {"side": -3}, {"side": 0.5}, {"side": True},
     {"opening": 1.5}, {"opening": 10**6}, {"side": 10**9}],
)  # fmt: skip
def test_row52_metadata_of_an_exported_file_are_checked(files, tmp_path, change):
    model = onnx.load(files["onnx"])
    about = next(fact for fact in model.metadata_props if fact.key == "segmenter")
    about.value = json.dumps(json.loads(about.value) | change)
    path = tmp_path / "odd.onnx"
    write_model(model, path)
    with pytest.raises(InputError, match=rf"odd\.onnx: .*{next(iter(change))}") as error:
        read_exported(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["find", "fill"])
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_row52_an_exported_file_whose_weights_are_not_finite_is_refused(files, tmp_path, part, kind):
    model = onnx.load(files["onnx"])
    weight = next(
        tensor for tensor in model.graph.initializer if tensor.name.startswith(part) and len(tensor.dims) == 4
    )
    values = numpy_helper.to_array(weight).astype(kind)
    values.flat[3] = np.nan
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    write_model(model, tmp_path / "odd.onnx")
    with pytest.raises(InputError, match=rf"{part}/.* has NaN or infinite weights"):
        read_exported(tmp_path / "odd.onnx")


def overflowing(weights: list[str], name: str, tensor: str) -> None:
    """Makes the finite weights of a network so large that its output overflows."""
    path = next(path for path in weights if name in path)
    tensors, facts = checkpoint.load_weights(Path(path))
    tensors[tensor] = torch.full_like(tensors[tensor], 3e38)
    checkpoint.save_weights(Path(path), tensors, facts)


def test_row52_networks_whose_output_is_not_finite_are_reported_by_torch(tmp_path):
    weights = write_weights(tmp_path)
    overflowing(weights, "segm", "unet.last.weight")
    overflowing(weights, "gan", "unet.down.0.0.conv.weight")
    networks = open_networks(weights, "torch", "cpu", 1)
    crops, maps = np.stack(grey_crops(64)), np.ones((2, 32, 32), np.uint8)
    with pytest.raises(InputError, match="the segmenter computed NaN"):
        networks.hidden(crops)
    with pytest.raises(InputError, match="the generator computed NaN"):
        networks.fill(crops[:, ::2, ::2], maps)


class NoNumbers:
    """Session and net whose results are NaN."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def run(self, *_):
        return [np.full(self.shape, np.nan, np.float32)]

    def setInput(self, *_):  # noqa: N802 (name given by OpenCV)
        pass

    def forward(self):
        return np.full(self.shape, np.nan, np.float32)


@pytest.mark.parametrize("kind", [OnnxNetworks, OpencvNetworks])
def test_row52_networks_whose_output_is_not_finite_are_reported_by_each_runtime(files, kind):
    networks = kind(files["onnx"], 1)
    networks._find, networks._fill = NoNumbers((1, 1, 64, 64)), NoNumbers((1, 3, 32, 32))
    with pytest.raises(InputError, match="the segmenter computed NaN"):
        networks.hidden(np.zeros((1, 64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="the generator computed NaN"):
        networks.fill(np.zeros((1, 32, 32, 3), np.uint8), np.ones((1, 32, 32), np.uint8))


def test_row52_the_generator_is_cut_before_the_clip_that_hides_nan(files):
    """OpenCV's Clip turns NaN into a bound, so the runtimes compute what stands before it and clip themselves."""
    graph = onnx.load_from_string(read_exported(files["onnx"]).fill).graph
    last = next(node for node in graph.node if node.output[0] == graph.output[0].name)
    assert last.op_type != "Clip"


@pytest.mark.parametrize(
    "facts",
    [{}, {"stage": "other"}, {"stage": "segm"}, {"stage": "segm", "settings": "["},
     {"stage": "segm", "settings": '{"data": 3}'}, {"stage": "segm", "settings": "[" * 100_000},
     {"stage": "gan", "settings": "null"}],
)  # fmt: skip
def test_row52_weights_with_malformed_metadata_are_refused_in_one_line(tmp_path, facts):
    checkpoint.save_weights(tmp_path / "w.safetensors", segmenter()[0], facts)
    with pytest.raises(InputError, match=r"w\.safetensors") as error:
        load_trained(tmp_path / "w.safetensors")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"ema": {}},
        {"facts": 3, "ema": []},
        {"facts": {"stage": "segm"}, "ema": {"w": 1}},
        {"facts": {}, "ema": {}},
    ],
)
def test_row52_a_checkpoint_without_its_parts_is_refused_in_one_line(tmp_path, state):
    checkpoint.save(tmp_path / "w.pt", state)
    with pytest.raises(InputError, match=r"w\.pt: is not the checkpoint of a training run") as error:
        load_trained(tmp_path / "w.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "head",
    [
        b"[]",
        b"null",
        b'{"__metadata__": 3}',
        b'{"__metadata__": {"stage": 3}}',
        b"{" * 50_000,
        b'{"a": {"dtype": "F32"}}',
    ],
)
def test_row52_a_malformed_safetensors_header_is_refused_in_one_line(tmp_path, head):
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UncheckedFile)
        with pytest.raises(InputError, match=r"w\.safetensors") as error:
            load_trained(path)
    assert "\n" not in str(error.value)


def test_row52_weights_of_whole_numbers_are_refused(tmp_path):
    tensors, facts = segmenter()
    tensors["unet.last.weight"] = torch.ones(tensors["unet.last.weight"].shape, dtype=torch.int64)
    checkpoint.save_weights(tmp_path / "w.safetensors", tensors, facts)
    with pytest.raises(InputError, match="whole numbers"):
        load_trained(tmp_path / "w.safetensors")


def test_row52_a_file_of_other_tensors_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(to_safetensors({"a": torch.zeros(3)}, {"format": "pt"}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UncheckedFile)
        with pytest.raises(InputError, match="its settings are missing"):
            load_trained(tmp_path / "w.safetensors")


def vgg_file(folder: Path, name: str) -> Path:
    """Writes weights of VGG-16's shape under torch.hub's kind of name."""
    stages = perceptual.vgg_stages("vgg16")
    convs = [part for stage in stages for part in stage.modules() if isinstance(part, torch.nn.Conv2d)]
    tensors = {}
    for place, conv in zip(perceptual._vgg_places("vgg16"), convs, strict=False):
        tensors |= {
            f"features.{place}.weight": conv.weight.detach(),
            f"features.{place}.bias": conv.bias.detach(),
        }
    torch.save(tensors, folder / "w.pth")
    start = hashlib.sha256((folder / "w.pth").read_bytes()).hexdigest()[:8]
    return (folder / "w.pth").rename(folder / name.format(start))


@pytest.mark.parametrize(
    ("name", "words"), [("w-{}.pth", "SHA-256 does not begin with"), ("w.pth", "the checksum of")]
)
def test_row51_a_flipped_bit_in_weights_of_other_programs_is_found(tmp_path, name, words):
    path = vgg_file(tmp_path, name)
    perceptual.load_vgg("vgg16", path, unit=False)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 2
    path.write_bytes(data)
    with pytest.raises(InputError, match=words) as error:
        perceptual.load_vgg("vgg16", path, unit=False)
    assert "\n" not in str(error.value)


def test_row52_weights_of_other_programs_must_be_finite(tmp_path):
    torch.save({"a": torch.tensor([1.0, float("nan")])}, tmp_path / "w.pth")
    with pytest.raises(InputError, match="other things than finite tensors"):
        load_foreign(tmp_path / "w.pth")
