"""Comparison of training recipes at one budget: the preset `tiny`, variants of it, and presets after earlier work.

    python -m benchmarks.recipes --data DIR [--data DIR] --out runs/recipes [--steps 250] [--n 150] [--size 64]

Every recipe is trained on the same photos with the same masks in the same order, `--steps` times 16 of them, on one
thread, with the true maps; the networks of other presets are as narrow as those of `tiny`. Scores are those of
`unmask eval --split val`. Finished runs are not repeated and interrupted ones are resumed. Writes `recipes.md` and
`recipes.json` into `--out`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import unmask


@dataclass(frozen=True)
class Recipe:
    """Preset, changed settings, and the result expected in comparison with `tiny`, written before the run."""

    preset: str
    changes: tuple[str, ...]
    expected: str


NARROW = (
    "generator.width=24",
    "generator.max_width=96",
    "generator.depth=3",
    "discriminator.width=24",
    "data.batch=16",
)
RECIPES = {
    "tiny": Recipe("tiny", (), "reference"),
    "tiny, sees the mask": Recipe(
        "tiny", ("generator.input=photo",),
        "the colour of the mask carries no information about the face: equal, or .1 dB less",
    ),
    "tiny, no discriminators": Recipe(
        "tiny", ("loss.whole=0", "loss.region=0"), "+.2 to .5 dB, blurrier: worse KID, lower likeness"
    ),
    "tiny, losses of din2020": Recipe(
        "tiny",
        ("loss.measure=result", "loss.l1_hole=0", "loss.l1_whole=100", "loss.ssim=100", "loss.feature_matching=0",
         "loss.adversarial=bce", "loss.whole=.3", "loss.region=.7", "loss.whole_from=0"),
        "most of its loss is outside the hole, where the result is not used: .5 dB less",
    ),
    "din2020, as narrow as tiny": Recipe(
        "din2020", NARROW, "its learning rate is meant for 100,000 steps: 1.5 dB less"
    ),
    "fugan, as narrow as tiny": Recipe(
        "fugan", NARROW, "the same, whole discriminator from the start: 1.5 dB less"
    ),
}  # fmt: skip
FIGURES = {  # heading: keys in eval's JSON, digits
    "PSNR, hole": (("hole", "psnr"), 2),
    "SSIM, hole": (("hole", "ssim"), 3),
    "KID": (("kid", "value"), 3),
    "likeness": (("identity", "restored"), 4),
}


def main() -> None:
    """Trains and scores the missing recipes, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--n", type=int, default=150)
    parser.add_argument("--size", type=int, default=64)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    scores = {}
    for name, recipe in RECIPES.items():
        run = options.out / "".join(letter if letter.isalnum() else "-" for letter in name)
        if not run.with_suffix(".json").exists():
            train(recipe, run, options.data, options.steps, options.size)
            run.with_suffix(".json").write_text(score(run, options.data[0], options.n), encoding="utf-8")
        scores[name] = json.loads(run.with_suffix(".json").read_text(encoding="utf-8"))
    (options.out / "recipes.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    (options.out / "recipes.md").write_text(table(scores), encoding="utf-8")
    print(table(scores))


def train(recipe: Recipe, run: Path, data: list[str], steps: int, size: int) -> None:
    """Trains one recipe, or resumes its run."""
    if (run / "checkpoints/last.pt").exists():
        unmask("train", "gan", "--out", str(run), "--resume")
        return
    folders = [part for folder in data for part in ("--data", folder)]
    changes = (
        "loop.threads=1",
        f"loop.validate_every={steps}",
        f"loop.sample_every={steps}",
        *recipe.changes,
    )
    sets = [part for change in changes for part in ("--set", change)]
    unmask("train", "gan", "--preset", recipe.preset, *folders, "--size", str(size), "--steps", str(steps),
            "--out", str(run), *sets)  # fmt: skip


def score(run: Path, data: str, count: int) -> str:
    """Runs the full evaluation on people of the validation split; returns JSON."""
    return unmask(
        "eval",
        "--data",
        data,
        "--split",
        "val",
        "--map",
        "truth",
        "--n",
        str(count),
        "--weights",
        str(run),
        "--json",
    )


def table(scores: dict[str, dict]) -> str:  # type: ignore[type-arg]
    """Formats the scores and the expectations as Markdown."""
    lines = [f"| recipe | {' | '.join(FIGURES)} | expectation |", "|---" * (len(FIGURES) + 2) + "|"]
    for name, found in scores.items():
        cells = []
        for path, digits in FIGURES.values():
            value = found
            for key in path:
                value = value[key]
            cells.append(f"{value:.{digits}f}")
        lines.append(f"| {name} | {' | '.join(cells)} | {RECIPES[name].expected} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
