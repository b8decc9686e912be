"""What a segmenter learns from drawn masks: one trained on ours against its twin trained on the flat baseline.

    unmask gen-data --src lfw --n 1200 --per-face 2 --size 128 --seed 3 --out ours
    python -m benchmarks.masks.flatten ours --to flat
    python -m benchmarks.masks.segm --ours ours --flat flat --labelled DIR --labelled DIR --out runs

Same photos, families, colours, network (`tiny`), steps, augmentation and seeds; only the masks' drawing
differs. Each run leaves its scores in `runs/KIND-SEED.json` and is not made again, so what was stopped goes on. Scores
are those of `unmask eval --labelled`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

KINDS = ("ours", "flat")
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}  # Student's t, two-sided, by the number of seeds
FEW = "8"  # samples of the data set itself that are scored beside the labels


def train_and_score(
    data: Path, reference: Path, labelled: list[str], run: Path, seed: int, steps: int
) -> None:
    """One run, and its scores beside it; what is there is kept."""
    scores = run.with_suffix(".json")
    if scores.exists():
        return
    if not (run / "report.html").exists():  # written last
        again = ["--resume"] if (run / "checkpoints").exists() else []
        _unmask("train", "segm", "--preset", "tiny", "--data", str(data), "--out", str(run), "--steps", str(steps),
                "--seed", str(seed), "--set", "loop.threads=1", *again)  # fmt: skip
    folders = [part for folder in labelled for part in ("--labelled", folder)]
    found = _unmask("eval", "--data", str(reference), "--n", FEW, "--weights", str(run), *folders, "--json")
    scores.write_text(json.dumps(json.loads(found)["labelled"], indent=1) + "\n", encoding="utf-8")


def _unmask(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def compare(out: Path, seeds: int) -> dict[str, object]:
    """Dice of every folder of labels by kind and seed, and the difference with its interval."""
    scores = {
        kind: [json.loads((out / f"{kind}-{seed}.json").read_text()) for seed in range(seeds)]
        for kind in KINDS
    }
    table: dict[str, object] = {}
    for folder in scores["ours"][0]:
        dice = {kind: np.array([run[folder]["dice"] for run in scores[kind]]) for kind in KINDS}
        gain = dice["ours"] - dice["flat"]
        reach = T_95[seeds] * gain.std(ddof=1) / np.sqrt(seeds)
        table[folder] = {
            **{kind: [round(float(value), 3) for value in dice[kind]] for kind in KINDS},
            "mean": {kind: round(float(dice[kind].mean()), 3) for kind in KINDS},
            "gain": round(float(gain.mean()), 3),
            "gain_95": [round(float(gain.mean() + sign * reach), 3) for sign in (-1, 1)],
        }
    return table


def main() -> None:
    """Train what is missing, seed by seed, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ours", type=Path, required=True)
    parser.add_argument("--flat", type=Path, required=True)
    parser.add_argument("--labelled", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3, choices=sorted(T_95))
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for kind in KINDS:
            data = getattr(options, kind)
            run = options.out / f"{kind}-{seed}"
            train_and_score(data, options.ours, options.labelled, run, seed, options.steps)
    print(json.dumps(compare(options.out, options.seeds), indent=1))


if __name__ == "__main__":
    main()
