"""Which recipe restores best, at one budget? Ours, ours with one thing changed, and the field's, on the same data.

    python -m benchmarks.recipes --data DIR [--data DIR] --out runs/recipes [--steps 250] [--n 150] [--size 64]

Every recipe sees the same photos under the same masks in the same order, `--steps` times 16 of them, on one thread,
with the true maps; the networks of other presets are narrowed to ours. Scores are those of `unmask eval --split val`.
A run that is there is not made again, so what was stopped goes on. Writes `recipes.md` and `recipes.json` into `--out`.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import unmask


@dataclass(frozen=True)
class Recipe:
    """A preset, what is changed of it, and what it was expected to do beside ours, written before it was run."""

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
    "ours": Recipe("tiny", (), "the yardstick"),
    "ours, sees the mask": Recipe(
        "tiny", ("generator.input=photo",), "the mask's colour says nothing of the face: as good, or .1 dB less"
    ),
    "ours, no judges": Recipe(
        "tiny", ("loss.whole=0", "loss.region=0"), "+.2 to .5 dB, blurrier: further off in KID, less like the person"
    ),
    "ours, losses of din2020": Recipe(
        "tiny",
        ("loss.measure=result", "loss.l1_hole=0", "loss.l1_whole=100", "loss.ssim=100", "loss.feature_matching=0",
         "loss.adversarial=bce", "loss.whole=.3", "loss.region=.7", "loss.whole_from=0"),
        "most of its error is what lies outside the hole, which nobody needs: .5 dB less",
    ),
    "din2020, as narrow as ours": Recipe("din2020", NARROW, "its learning rate is made for 100,000 steps: 1.5 dB less"),
    "fugan, as narrow as ours": Recipe("fugan", NARROW, "the same, whole judge from the start: 1.5 dB less"),
}  # fmt: skip
FIGURES = {  # heading: where it stands in eval's JSON, digits
    "PSNR, hole": (("hole", "psnr"), 2),
    "SSIM, hole": (("hole", "ssim"), 3),
    "KID": (("kid", "value"), 3),
    "likeness": (("identity", "restored"), 4),
}


def main() -> None:
    """Train and score what is missing, and print the table."""
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
    """One run, from where it was left."""
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
    """The full evaluation on validation people, as JSON."""
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
    """Markdown: what was expected, and what came."""
    lines = [f"| recipe | {' | '.join(FIGURES)} | expected |", "|---" * (len(FIGURES) + 2) + "|"]
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
