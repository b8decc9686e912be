"""Interpolates the weights of two generators, one of which was trained from the other.

    python -m tools.mix_weights data/runs/gan-before data/runs/gan --segmenter data/runs/segm \
        --data data/shards/lfw --to data/runs/mixed [--share .5] [--n 200]

Discriminators cost PSNR and give sharpness; interpolated weights keep most of both (network interpolation, Wang et al.
2018, "ESRGAN", section 3.4). Prints the scores of several fractions of the second run on people of the validation
split, with predicted maps: hole PSNR, hole SSIM, and likeness to the person (dlib's embedding). `--share` with `--to`
writes a run folder with the weights of that fraction.
"""

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from maskgen.dataset.reader import open_data_set
from maskgen.errors import UnmaskError, UsageError
from tools.faces import GROW
from unmasknet.evaluation.samples import choose, in_batches, read_samples, stack, to_images
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics.identity import build_identity
from unmasknet.models.checkpoint import save_weights
from unmasknet.models.load import Trained, load_generator
from unmasknet.models.released import WEIGHTS
from unmasknet.models.two_stage import Restorer, load_restorer

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
BATCH = 16
CPU = torch.device("cpu")


def mixed(first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Interpolates weights: 0 gives the first, 1 the second.

    Raises:
        UsageError: the weights belong to different networks.
    """
    if {name: value.shape for name, value in first.items()} != {
        name: value.shape for name, value in second.items()
    }:
        raise UsageError(
            "the two runs are of different networks; mix a run with the run that it was started --from"
        )
    return {name: torch.lerp(first[name], second[name], share) for name in first}


def score(restorer: Restorer, data: Path, n: int) -> tuple[float, float, float, float]:
    """Computes means over validation samples: hole PSNR, hole SSIM, likeness of restored and of masked images."""
    samples, identity = open_data_set(data), build_identity("dlib")
    assert restorer.size is not None
    split, keys = choose(samples, "val", n, seed=0)
    rows = []
    for cases in in_batches(read_samples(samples, split, keys, restorer.size), BATCH):
        batch = stack(cases, CPU)
        with torch.inference_mode():
            result, _ = restorer.unmasked(batch.masked, GROW)
            psnr = image_metrics.psnr(result, batch.truth, batch.map).tolist()
            ssim = image_metrics.ssim(result, batch.truth, batch.map).tolist()
        for case, picture, *scores in zip(cases, to_images(result), psnr, ssim, strict=True):
            alike = [np.nan, np.nan]
            if identity and case.points is not None:
                truth = identity.embed(case.truth, case.points)
                alike = [float(truth @ identity.embed(one, case.points)) for one in (picture, case.masked)]
            rows.append((*scores, *alike))
    means = np.nanmean(np.array(rows, np.float64), axis=0)
    return float(means[0]), float(means[1]), float(means[2]), float(means[3])


def write(second: Path, generator: Trained, weights: Mapping[str, Tensor], to: Path) -> None:  # type: ignore[type-arg]
    """Writes a copy of a run folder with other weights."""
    to.mkdir(parents=True)
    for name in ("config.toml", "metrics.jsonl"):
        shutil.copy(second / name, to / name)
    generator.net.load_state_dict(dict(weights))
    save_weights(to / WEIGHTS[generator.stage], generator.net.state_dict(), generator.facts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Scores several fractions, or writes the weights of one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--segmenter", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--share", type=float)
    parser.add_argument("--to", type=Path)
    options = parser.parse_args(arguments)
    try:
        before, after = (load_generator(run).net.state_dict() for run in (options.first, options.second))
        restorer = load_restorer([str(options.segmenter), str(options.second)], CPU)
        assert restorer.generator is not None
        if options.share is not None and options.to:
            write(options.second, restorer.generator, mixed(before, after, options.share), options.to)
            return
        print("| fraction | PSNR, hole | SSIM, hole | likeness | likeness, masked |\n|---|---|---|---|---|")
        for share in SHARES if options.share is None else (options.share,):
            restorer.generator.net.load_state_dict(mixed(before, after, share))
            psnr, ssim, restored, masked = score(restorer, options.data, options.n)
            print(f"| {share} | {psnr:.2f} | {ssim:.3f} | {restored:.4f} | {masked:.4f} |", flush=True)
    except UnmaskError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
