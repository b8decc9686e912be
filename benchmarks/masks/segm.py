"""Compares segmenters trained on our masks with segmenters trained on the flat baselines.

    unmask gen-data --src lfw --n 1200 --per-face 2 --size 128 --seed 3 --out ours
    python -m benchmarks.masks.flatten ours --to twin
    python -m benchmarks.masks.flatten ours --to field --as field
    python -m benchmarks.masks.segm --ours ours --flat twin --flat field --labelled DIR --labelled DIR --out runs

Photos, network (`tiny`), steps, augmentation and seeds are the same; only the masks differ (`benchmarks.masks.flat`).
The scores of each run are written to `runs/SET-SEED.json`, where SET is the name of the data set's folder. A run that
has scores is not repeated, so that a stopped comparison can be resumed; therefore all folders need different names.
The scores are those of `unmask eval --labelled`.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import unmask

T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}  # two-sided 95 % quantile of Student's t, by the number of seeds
FEW = "8"  # samples of the data set itself, which `eval` needs beside the labels


def train_and_score(
    data: Path, reference: Path, labelled: list[str], run: Path, seed: int, steps: int
) -> None:
    """Trains one run and writes its scores beside it; existing results are kept."""
    scores = run.with_suffix(".json")
    if scores.exists():
        return
    if not (run / "report.html").exists():  # written last
        again = ["--resume"] if (run / "checkpoints").exists() else []
        unmask("train", "segm", "--preset", "tiny", "--data", str(data), "--out", str(run), "--steps", str(steps),
                "--seed", str(seed), "--set", "loop.threads=1", *again)  # fmt: skip
    folders = [part for folder in labelled for part in ("--labelled", folder)]
    found = unmask("eval", "--data", str(reference), "--n", FEW, "--weights", str(run), *folders, "--json")
    scores.write_text(json.dumps(json.loads(found)["labelled"], indent=1) + "\n", encoding="utf-8")


def compare(out: Path, ours: str, others: Sequence[str], seeds: int) -> dict[str, object]:
    """Returns Dice per folder of labels, set and seed, and our lead over each other set with its interval."""
    scores = {
        name: [json.loads((out / f"{name}-{seed}.json").read_text()) for seed in range(seeds)]
        for name in (ours, *others)
    }
    table: dict[str, object] = {}
    for folder in scores[ours][0]:
        dice = {name: np.array([run[folder]["dice"] for run in runs]) for name, runs in scores.items()}
        table[folder] = {
            "dice": {name: [round(float(value), 3) for value in values] for name, values in dice.items()},
            "ahead_of": {name: _gain(dice[ours] - dice[name]) for name in others},
        }
    return table


def _gain(differences: np.ndarray) -> dict[str, object]:
    """Computes the mean over the seeds and its 95 % interval by Student's t."""
    mean = float(differences.mean())
    reach = T_95[len(differences)] * float(differences.std(ddof=1)) / len(differences) ** 0.5
    return {"mean": round(mean, 3), "95": [round(mean - reach, 3), round(mean + reach, 3)]}


def main() -> None:
    """Trains the missing runs, seed by seed, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--flat", type=Path, action="append", required=True)
    parser.add_argument("--labelled", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3, choices=sorted(T_95))
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    sets = [options.ours, *options.flat]
    if len({data.name for data in sets}) < len(sets):
        parser.error(f"{', '.join(map(str, sets))}: two folders have the same name; rename one")
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for data in sets:
            run = options.out / f"{data.name}-{seed}"
            train_and_score(data, options.ours, options.labelled, run, seed, options.steps)
    others = [data.name for data in options.flat]
    print(json.dumps(compare(options.out, options.ours.name, others, options.seeds), indent=1))


if __name__ == "__main__":
    main()
