"""`unmask export`: writes networks to a file after a check that the file gives the same pixels as torch."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from maskgen import __version__
from maskgen.dataset.reader import open_data_set
from maskgen.errors import UnmaskError, UsageError
from maskgen.extras import require
from maskgen.files import make_folder, write_atomic
from maskgen.types import RGBImage
from unmasknet.evaluation.samples import fitted, to_tensor
from unmasknet.export.pipeline import Pipeline, build_pipeline
from unmasknet.export.resize import interpolated, multiplied
from unmasknet.export.settings import ExportSettings
from unmasknet.models.checkpoint import fingerprint
from unmasknet.models.digest import IN_COMMENT, KEY, UNSEALED, sealed, sealed_archive
from unmasknet.models.load import Trained
from unmasknet.models.two_stage import Restorer, load_restorer
from unmasknet.restore.provenance import NOTE

NAMES = {"onnx": "unmask.onnx", "torchscript": "unmask.torchscript.pt"}
CHECKED = 32  # images of a data set to compare on
RESIZED = 4  # of these, images to compare at other sizes than the network's
RUNTIMES = {
    "onnx": ("onnxruntime", "opencv"),
    "torchscript": ("torch",),
}  # that a file is checked in, by format
GREY = 1 / 255  # largest allowed difference of a pixel
GREY_HALF = 8 / 255  # the same if weights are rounded to 16 bits

Run = Callable[[Tensor, Tensor | None], list[Tensor]]


@dataclass(frozen=True)
class ExportReport:
    """Report on an exported file and its comparison with torch.

    Attributes:
        out: path of the file.
        format: "onnx" or "torchscript".
        bytes: size of the file.
        sides: side in pixels at which each network works.
        outputs: names of the pipeline's outputs.
        checked: number of images that torch and the file were compared on.
        sizes: their heights and widths in pixels; all images at the first one, some at the others.
        difference: largest difference of a value in any output but the map, on the scale 0-255.
        flipped: fraction of the map's pixels that differ; the largest of all runtimes and sizes.
        runtimes: largest difference by runtime that the file was run in.
        seconds: total time.
    """

    out: str
    format: str
    bytes: int
    sides: dict[str, int]
    outputs: list[str]
    checked: int
    sizes: list[tuple[int, int]]
    difference: float
    flipped: float
    runtimes: dict[str, float]
    seconds: float


def export(settings: ExportSettings, crops: Callable[[int], Sequence[RGBImage]]) -> ExportReport:
    """Writes the networks as one file, after comparing it with torch on real images.

    Args:
        settings: weights, format and path.
        crops: called with a side in pixels; returns crops of masked faces to compare on if no data set is given.

    Raises:
        UsageError, InputError: settings contradict each other, or an input cannot be read.
        MissingError: a package or the released weights are missing.
        UnmaskError: the file's pixels differ from torch's; nothing was written.
    """
    began = time.perf_counter()
    _check_settings(settings)
    restorer = load_restorer(settings.weights, torch.device("cpu"))
    pipeline = build_pipeline(restorer, settings.grow)
    sides = network_sides(pipeline)
    photos = to_tensor(_images(settings, max(sides.values()), crops), torch.device("cpu"))
    data = write(pipeline, settings, facts_of(restorer, settings.grow))
    sizes = sizes_to_check(photos.shape[-1])
    apart: dict[str, float] = {}
    flipped = 0.0
    for runtime in RUNTIMES[settings.format]:
        apart[runtime], flips = compare_sizes(pipeline, opened(data, runtime), photos, sizes)
        _check_difference(apart[runtime], runtime, settings.half)
        flipped = max(flipped, flips)
    out = Path(settings.out or NAMES[settings.format])
    make_folder(out.parent)
    write_atomic(out, data)
    return ExportReport(
        str(out),
        settings.format,
        len(data),
        sides,
        list(pipeline.outputs),
        len(photos),
        sizes,
        round(max(apart.values()) * 255, 6),
        flipped,
        {runtime: round(difference * 255, 6) for runtime, difference in apart.items()},
        round(time.perf_counter() - began, 3),
    )


def network_sides(pipeline: Pipeline) -> dict[str, int]:
    """Returns the side in pixels at which each network of the pipeline works."""
    parts = {"segmenter": pipeline.find, "generator": pipeline.fill}
    return {name: part.side for name, part in parts.items() if part is not None}


def write(pipeline: Pipeline, settings: ExportSettings, facts: Mapping[str, str]) -> bytes:
    """Returns the bytes of the file of a pipeline, with its digest."""
    if settings.format == "torchscript":
        from unmasknet.export.torchscript import to_torchscript

        return sealed_archive(to_torchscript(pipeline.exportable(interpolated), {**facts, KEY: IN_COMMENT}))
    from unmasknet.export.onnx_file import to_onnx

    return sealed(
        to_onnx(
            pipeline.exportable(multiplied), {**facts, KEY: UNSEALED}, half=settings.half
        ).SerializeToString()
    )


def facts_of(restorer: Restorer, grow: int) -> dict[str, str]:
    """Builds the metadata of the file: text by name."""
    facts = {"unmask": __version__, "synthetic": NOTE, "grow": str(grow)}
    if restorer.segmenter:
        net = restorer.segmenter
        more = {"threshold": net.threshold, "opening": net.net.opening}
        facts["segmenter"] = json.dumps(_about(net) | more)
    if restorer.generator:
        facts["generator"] = json.dumps(_about(restorer.generator))
    return facts


def _about(trained: Trained[Any]) -> dict[str, Any]:
    """Describes a network: side, hash of the weights, facts on their training, and settings without paths."""
    settings = trained.settings.model_dump(mode="json")
    settings["data"].pop("data")  # folders on the training machine
    settings.pop("segmenter", None)
    known = {name: trained.facts[name] for name in ("step", "data", "terms") if name in trained.facts}
    return {
        "side": trained.settings.data.size,
        "hash": fingerprint(trained.net),
        "facts": known,
        "settings": settings,
    }


def opened(data: bytes, runtime: str) -> Run:
    """Loads the bytes of a file as a function of a photo and, if needed, a map.

    Args:
        data: the bytes of the file.
        runtime: "onnxruntime" or "opencv" for ONNX, "torch" for TorchScript.
    """
    if runtime == "torch":
        from unmasknet.export.torchscript import load_torchscript

        traced = load_torchscript(data)
        return lambda photo, map: [*(traced(photo) if map is None else traced(photo, map))]
    if runtime == "opencv":
        return _opened_by_opencv(data)
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    def run(photo: Tensor, map: Tensor | None) -> list[Tensor]:
        return [torch.from_numpy(array) for array in session.run(None, _inputs(photo, map))]

    return run


def _opened_by_opencv(data: bytes) -> Run:
    import cv2
    import onnx

    names = [output.name for output in onnx.load_from_string(data).graph.output]
    net = cv2.dnn.readNetFromONNX(np.frombuffer(data, np.uint8), cv2.dnn.ENGINE_NEW)

    def run(photo: Tensor, map: Tensor | None) -> list[Tensor]:
        for name, values in _inputs(photo, map).items():
            net.setInput(values, name)
        return [torch.from_numpy(np.array(array)) for array in net.forward(names)]  # it reuses its memory

    return run


def _inputs(photo: Tensor, map: Tensor | None) -> dict[str, ndarray]:
    return {"photo": photo.numpy()} | ({} if map is None else {"map": map.numpy()})


def sizes_to_check(side: int) -> list[tuple[int, int]]:
    """Returns heights and widths in pixels to check a file at: the network's own, double, and an odd oblong between."""
    return [(side, side), (2 * side, 2 * side), (side * 5 // 4 + 1, side * 7 // 4)]


def compare_sizes(
    pipeline: Pipeline, run: Run, photos: Tensor, sizes: Sequence[tuple[int, int]]
) -> tuple[float, float]:
    """Compares a file with torch, as `compare` does, on all photos at the first size and on a few at the others."""
    found = [compare(pipeline, run, interpolated(photos[:RESIZED], *size)) for size in sizes[1:]]
    found.append(compare(pipeline, run, interpolated(photos, *sizes[0])))
    return float(np.max([worst for worst, _ in found])), max(flipped for _, flipped in found)


def compare(pipeline: Pipeline, run: Run, photos: Tensor) -> tuple[float, float]:
    """Compares a file with torch.

    A probability exactly at the threshold can flip a pixel of the map. The images made with such a map are not
    compared, because the generator had another input.

    Args:
        pipeline: the networks in torch.
        run: the exported file.
        photos: float images, compared one by one.

    Returns:
        The largest difference in any output but the map, outputs being in [0, 1]; NaN if one is NaN. The fraction of
        the map's pixels that differ.
    """
    worst, flips = 0.0, []
    for photo in torch.split(photos, 1):
        map = None if pipeline.find else _half_hidden(photo)
        with torch.no_grad():
            expected = dict(zip(pipeline.outputs, pipeline(photo, map), strict=True))
        exported = dict(zip(pipeline.outputs, run(photo, map), strict=True))
        if "map" in expected:
            flips.append(float((expected.pop("map") != exported.pop("map")).float().mean()))
        compared = [name for name in expected if name == "probability" or not flips or flips[-1] == 0]
        gaps = [float((expected[name] - exported[name]).abs().max()) for name in compared]
        worst = float(np.max([worst, *gaps]))  # unlike Python's max, it propagates NaN
    return worst, float(np.mean(flips)) if flips else 0.0


def _half_hidden(photo: Tensor) -> Tensor:
    """Returns a map for a generator without a segmenter: 1 in the lower half of the face."""
    map = torch.zeros_like(photo[:, :1])
    height, width = photo.shape[-2:]
    map[:, :, height // 2 : height * 7 // 8, width // 4 : width * 3 // 4] = 1
    return map


def _images(
    settings: ExportSettings, side: int, crops: Callable[[int], Sequence[RGBImage]]
) -> Sequence[RGBImage]:
    if not settings.data:
        return [fitted(crop, side) for crop in crops(side)]
    found = []
    for sample in open_data_set(Path(settings.data)).samples():
        pixels = sample.decode()["masked"]
        least = min(pixels.shape[:2])
        found.append(fitted(pixels[:least, :least], side))
        if len(found) == CHECKED:
            break
    return found


def _check_settings(settings: ExportSettings) -> None:
    if settings.half and settings.format != "onnx":
        raise UsageError(f"--half: is for --format onnx only; got {settings.format}")
    needed = ("onnx", "onnxruntime", "onnxscript") if settings.format == "onnx" else ()
    require(f"--format {settings.format}", "onnx", *needed)


def _check_difference(difference: float, runtime: str, half: bool) -> None:
    allowed = GREY_HALF if half else GREY
    if not difference <= allowed:
        raise UnmaskError(
            f"the exported pixels, computed by {runtime}, differ from torch's by up to {difference * 255:.2f} grey "
            f"levels, at most {allowed * 255:.0f} is allowed; nothing was written. Please report this with the preset "
            f"and the version of torch, {torch.__version__}"
        )
