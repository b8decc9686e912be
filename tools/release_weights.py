"""Makes the released weights from the runs of a segmenter and a generator.

    python -m tools.release_weights data/runs/segm data/runs/gan --data data/shards/lfw

Writes `segmenter.safetensors` and `generator.safetensors` (averaged weights, 16 bits) and `unmask.onnx` (both) into
`assets/models`, and their sizes and hashes into `models.toml`. Nothing is written unless the files are smaller than
40 MB in total, rounding to 16 bits costs less than .01 dB in the hole and .001 Dice on held-out samples, and the pixels
of all runtimes agree within one grey level.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskgen.assets import asset
from maskgen.config import read_toml
from maskgen.dataset.reader import DataSet, open_data_set
from maskgen.errors import UnmaskError
from maskgen.files import write_atomic
from unmasknet.evaluation.samples import SampleBatch, choose, in_batches, read_samples, stack, to_images
from unmasknet.export.export import GREY, compare, facts_of, opened, write
from unmasknet.export.pipeline import build_pipeline
from unmasknet.export.settings import ExportSettings
from unmasknet.metrics import image as image_metrics
from unmasknet.models.checkpoint import save_weights
from unmasknet.models.load import Trained, load_generator, load_segmenter
from unmasknet.models.released import EXPORTED, WEIGHTS
from unmasknet.models.two_stage import Restorer, load_restorer
from unmasknet.restore.runtimes.opencv_runtime import OpencvNetworks
from unmasknet.restore.runtimes.torch_runtime import TorchNetworks

MOST_BYTES = 40_000_000
MOST_LOST = {"hole PSNR, dB": 0.01, "Dice": 0.001}
BATCH = 16
CHECKED = 32  # images on which the runtimes are compared
KEPT = (
    "stage",
    "threshold",
    "step",
    "data",
    "validation",
    "torch",
)  # facts of a run that ship with its weights
CPU = torch.device("cpu")
LICENCE = (
    "research use only: learnt from LFW (research), UTKFace (non-commercial) and, by a face network, VGGFace2"
)


@dataclass(frozen=True)
class Release:
    """Release with its checks.

    Attributes:
        files: content by file name.
        costs: loss by rounding to 16 bits, by score.
        apart: difference from torch in grey levels, by runtime.
        samples: number of samples for `costs`.
    """

    files: dict[str, bytes]
    costs: dict[str, float]
    apart: dict[str, float]
    samples: int

    def __str__(self) -> str:
        lines = [f"{name}: {len(data) / 1e6:.2f} MB" for name, data in self.files.items()]
        lines.append(f"all: {sum(map(len, self.files.values())) / 1e6:.2f} MB of {MOST_BYTES / 1e6:.0f}")
        lines += [
            f"16 bits cost {cost:.6f} {score} on {self.samples:,} samples"
            for score, cost in self.costs.items()
        ]
        lines += [
            f"{runtime} differs from torch by {levels:.4f} grey levels"
            for runtime, levels in self.apart.items()
        ]
        return "\n".join(lines)


def make_release(segm: Path, gan: Path, data: DataSet, n: int, folder: Path) -> Release:
    """Makes the three files and checks them.

    Args:
        segm: run folder or weight file of the segmenter.
        gan: run folder or weight file of the generator.
        data: data set whose held-out samples are used for the checks.
        n: number of samples.
        folder: folder for the files.

    Raises:
        UnmaskError: the files are too large, lose too much accuracy, or the runtimes differ.
        InputError: an input cannot be read.
    """
    before = Restorer(load_segmenter(segm), load_generator(gan), ("before",))
    for trained in (before.segmenter, before.generator):
        assert trained is not None
        save_weights(folder / WEIGHTS[trained.stage], halved(trained), facts(trained))
    weights = [str(folder / name) for name in WEIGHTS.values()]
    after = load_restorer(weights, CPU)
    (folder / EXPORTED).write_bytes(exported(after))
    costs, batches, samples = compared(before, after, data, n)
    release = Release(
        {name: (folder / name).read_bytes() for name in (*WEIGHTS.values(), EXPORTED)},
        costs,
        {
            "ONNX Runtime": apart_onnx(after, folder, batches),
            "OpenCV": apart_opencv(weights, folder, batches),
        },
        samples,
    )
    check(release)
    return release


def halved(trained: Trained[Any]) -> dict[str, torch.Tensor]:
    """Returns a network's weights, with floats rounded to 16 bits."""
    return {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in trained.net.state_dict().items()
    }


def facts(trained: Trained[Any]) -> dict[str, str]:
    """Returns the metadata of the file; paths are reduced to names, because folders are those of one machine."""
    settings = trained.settings.model_dump(mode="json")
    settings["data"]["data"] = [Path(name).name for name in settings["data"]["data"]]
    if "segmenter" in settings:
        settings["segmenter"] = Path(settings["segmenter"]).name
        for name in ("perceptual_weights", "identity_net"):
            settings["loss"][name] = Path(settings["loss"][name]).name
    known = {name: trained.facts[name] for name in KEPT if name in trained.facts}
    return known | {"settings": json.dumps(settings), "terms": LICENCE}


def exported(restorer: Restorer) -> bytes:
    """Exports both networks as one ONNX file with the weights of the 16-bit files."""
    settings = ExportSettings(half=True)
    pipeline = build_pipeline(restorer, settings.grow)
    return write(pipeline, settings, facts_of(restorer, settings.grow))


def compared(
    before: Restorer, after: Restorer, data: DataSet, n: int
) -> tuple[dict[str, float], list[SampleBatch], int]:
    """Computes the loss by rounding for each score.

    Returns:
        The losses, the batches for comparing runtimes, and the number of samples.
    """
    assert after.size is not None
    split, keys = choose(data, "auto", n, 0)
    scores: dict[str, list[float]] = {name: [] for name in MOST_LOST}
    shown: list[SampleBatch] = []
    with torch.inference_mode():
        for cases in in_batches(read_samples(data, split, keys, after.size), BATCH):
            batch = stack(cases, CPU)
            if len(shown) * BATCH < CHECKED:
                shown.append(batch)
            old, new = (_scores(restorer, batch) for restorer in (before, after))
            for name, values in scores.items():
                values += (old[name] - new[name]).tolist()
    return {name: float(np.nanmean(values)) for name, values in scores.items()}, shown, len(keys)


def _scores(restorer: Restorer, batch: SampleBatch) -> dict[str, torch.Tensor]:
    result, _ = restorer.unmasked(batch.masked, ExportSettings().grow)
    dice, _ = image_metrics.overlap(restorer.predicted(batch.masked)[0], (batch.parts >= 2).float())
    return {"hole PSNR, dB": image_metrics.psnr(result, batch.truth, batch.map), "Dice": dice}


def apart_onnx(restorer: Restorer, folder: Path, batches: list[SampleBatch]) -> float:
    """Computes the largest difference between ONNX Runtime and torch in grey levels."""
    run = opened((folder / EXPORTED).read_bytes(), "onnxruntime")
    photos = torch.cat([batch.masked for batch in batches])
    return compare(build_pipeline(restorer, ExportSettings().grow), run, photos)[0] * 255


def apart_opencv(weights: list[str], folder: Path, batches: list[SampleBatch]) -> float:
    """Computes the largest difference between OpenCV and torch in grey levels, for each network alone."""
    torch_nets, opencv_nets = TorchNetworks(weights, "cpu", 0), OpencvNetworks(folder / EXPORTED)
    assert torch_nets.segmenter_side is not None
    worst = 0.0
    for batch in batches:
        photos, maps = np.stack(to_images(batch.masked)), batch.map[:, 0].numpy().astype(np.uint8)
        resized = torch.nn.functional.interpolate(batch.masked, (torch_nets.segmenter_side,) * 2)
        crops = np.stack(to_images(resized))
        likely = np.abs(torch_nets.hidden(crops) - opencv_nets.hidden(crops)).max() * 255
        made = np.abs(torch_nets.fill(photos, maps) - opencv_nets.fill(photos, maps)).max()
        worst = float(np.max([worst, likely, made]))
    return worst


def check(release: Release) -> None:
    """Raises UnmaskError if a limit is exceeded."""
    size = sum(map(len, release.files.values()))
    wrong = [f"{size / 1e6:.1f} MB, the limit is {MOST_BYTES / 1e6:.0f}"] if size > MOST_BYTES else []
    wrong += [
        f"16 bits cost {release.costs[score]:.5f} {score}, the limit is {most}"
        for score, most in MOST_LOST.items()
        if not release.costs[score] < most
    ]
    wrong += [
        f"{runtime} differs from torch by {levels:.3f} grey levels, the limit is 1"
        for runtime, levels in release.apart.items()
        if not levels <= GREY * 255
    ]
    if wrong:
        raise UnmaskError(f"nothing was written: {'; '.join(wrong)}")


def record(table: Path, release: Release, version: str) -> None:
    """Writes the files into the folder of `table`, and their sizes and hashes into it."""
    entries = read_toml(table)
    for name, data in release.files.items():
        write_atomic(table.with_name(name), data)
        entries[Path(name).stem] = {
            "file": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "licence": LICENCE,
            "origin": f"unmask {version}, by tools/release_weights.py; see MODEL_CARD.md",
        }
    head = "# Model files: name, origin, licence and hash of each.\n"
    text = head + "".join(
        f"\n[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in entry.items())
        for name, entry in entries.items()
    )
    write_atomic(table, text.encode("utf-8"))


def main() -> None:
    """Makes, checks and writes the release, and prints its summary."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("segm", type=Path, help="run folder of train segm")
    parser.add_argument("gan", type=Path, help="run folder of train gan")
    parser.add_argument(
        "--data", type=Path, required=True, help="data set whose held-out samples are used for the checks"
    )
    parser.add_argument("--n", type=int, default=400, help="samples")
    parser.add_argument(
        "--table", type=Path, help="models.toml; the files are written to its folder [assets/models]"
    )
    options = parser.parse_args()
    from maskgen import __version__

    table = options.table or asset("models/models.toml")
    try:
        with tempfile.TemporaryDirectory(prefix="unmask-release-") as folder:
            release = make_release(
                options.segm, options.gan, open_data_set(options.data), options.n, Path(folder)
            )
            record(table, release, __version__)
    except UnmaskError as error:
        sys.exit(f"{error}")
    print(release)


if __name__ == "__main__":
    main()
