"""Writes the model card of the released weights and the README's table from measurements; no number is typed by hand.

    python -m tools.model_card data/runs/segm data/runs/gan --eval LFW=data/eval/lfw.json \
        --eval UTKFace=data/eval/utkface.json --verdicts docs/results-looked-at.csv --script tools/train_release.sh

`--eval` takes the JSON of `unmask eval --json`; the README shows the first one. The text around the numbers is in
`model_card.md` in this folder. Run it after `tools.release_weights`: sizes and hashes are read from `models.toml`.
"""

import argparse
import csv
import json
import math
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from maskgen import __version__
from maskgen.assets import asset
from maskgen.config import read_toml
from maskgen.errors import InputError, UnmaskError
from maskgen.files import write_atomic
from unmasknet.evaluation.scores import Summary
from unmasknet.evaluation.table import NOTHING, Table, as_markdown, number, percent, with_interval
from unmasknet.evaluation.tables import measured
from unmasknet.models.released import NAMES, WEIGHTS

WORDS = Path(__file__).with_suffix(".md")
README = Path(__file__).parent.parent / "README.md"
RANKED = "docs/images/ranked.jpg"  # the README's image, written by tools.ranked
CAPTION = "Masked, predicted map, restored, truth: from worst to best by hole PSNR"
BEGIN, END = "<!-- figures, written by tools/model_card.py -->", "<!-- end of figures -->"
MACHINE = "two x86-64 cores, without a GPU"
NETWORKS = {"segm": "segmenter", "gan": "generator"}
SHOWN = {  # label: the most informative settings of a network
    "size of the images, px": "data.size",
    "batch": "data.batch",
    "learning rate": "optimiser.lr",
    "weights averaged over, images": "optimiser.ema_images",
    "seed": "seed",
}
Z = 1.959964  # standard deviations; half-width of a 95 % interval of the normal distribution


def card(
    table: Mapping[str, Any],
    runs: Mapping[str, Path],
    begun: Sequence[Path],
    evals: Mapping[str, Summary],
    verdicts: Path | None,
    script: Path | None,
    machine: str,
) -> str:
    """Builds the model card.

    Args:
        table: content of `models.toml`.
        runs: run folders by stage.
        begun: earlier runs whose weights later runs started from, in order.
        evals: results by the name of the data set.
        verdicts: filled table of `tools.looked`.
        script: program that trained the weights.
        machine: description of the machine.

    Raises:
        InputError: a file cannot be read or is incomplete.
    """
    parts = {
        "version": __version__,
        "files": files(table),
        "data": data_sets(evals),
        "machine": machine,
        "recipe": recipe(runs, begun, next(iter(evals.values()))),
        "script": reproduce(runs, script),
        "results": "\n\n".join(results(name, figures) for name, figures in evals.items()),
        "verdicts": looked_at(verdicts) if verdicts else "",
    }
    text = re.sub(r"\{(\w+)\}", lambda found: parts[found[1]], WORDS.read_text("utf-8"))
    return re.sub(r"\n{3,}", "\n\n", text)


def files(table: Mapping[str, Any]) -> str:
    """Formats the released files, with sizes and hashes."""
    rows = tuple(
        (f"`{table[name]['file']}`", f"{table[name]['bytes'] / 1e6:.2f} MB", f"`{table[name]['sha256']}`")
        for name in NAMES
    )
    total = sum(table[name]["bytes"] for name in NAMES)
    note = (
        f"{total / 1e6:.2f} MB in all. Weights are stored with 16 bits, inference computes with 32; the ONNX file "
        "contains both networks again, for machines without torch. The hashes are checked at each loading."
    )
    return as_markdown(Table("", ("file", "size", "sha256"), rows, note))


def data_sets(evals: Mapping[str, Summary]) -> str:
    """Lists the data sets of the evaluations."""
    return "\n".join(
        f"- **{name}**: {figures['n']:,} samples of the split {figures['split']} are evaluated below."
        for name, figures in evals.items()
    )


def recipe(runs: Mapping[str, Path], begun: Sequence[Path], figures: Summary) -> str:
    """Formats a table of settings, images seen and hours, with one column per network and leg."""
    columns = {}
    for stage, run in runs.items():
        name = NETWORKS[stage]
        legs = [leg for leg in begun if stage_of(leg) == stage]
        columns |= {f"{name}, leg {number}": learnt(leg) for number, leg in enumerate(legs, 1)}
        last = f"{name}, leg {len(legs) + 1}" if legs else name
        columns[last] = learnt(run) | {"parameters": f"{figures['parameters'].get(name, 0):,}"}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    rows = tuple((name, *(column.get(name, NOTHING) for column in columns.values())) for name in names)
    return as_markdown(Table("", ("", *columns), rows))


def stage_of(run: Path) -> str:
    """Returns the stage of a run folder.

    Raises:
        InputError: the folder is not a run.
    """
    try:
        return "gan" if "generator" in read_toml(run / "config.toml") else "segm"
    except OSError as error:
        raise InputError(f"{run}: is not a run folder ({error}); name one of unmask train") from error


def learnt(run: Path) -> dict[str, str]:
    """Reads the facts of a training from its run folder, formatted as text.

    Raises:
        InputError: the folder is not that of a finished run.
    """
    try:
        settings = read_toml(run / "config.toml")
        lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
        last = [row for row in map(json.loads, lines) if row["kind"] == "train"][-1]
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise InputError(
            f"{run}: is not a folder of a finished run ({error}); name one of unmask train"
        ) from error
    images = last["step"] * settings["data"]["batch"]
    facts = {
        "data": ", ".join(Path(name).name for name in settings["data"]["data"]),
        "steps": f"{last['step']:,}",
        "images seen": f"{images:,}",
        "hours": f"{last['seconds'] / 3600:.1f}",
    }
    for words, name in SHOWN.items():
        section, _, key = name.rpartition(".")
        facts[words] = f"{(settings[section] if section else settings)[key]:,}"
    return facts


def reproduce(runs: Mapping[str, Path], script: Path | None) -> str:
    """Formats the training script and all settings."""
    parts = []
    if script:
        parts.append(
            f"The script `{script.name}` reproduces the weights from photos:\n\n```bash\n{_read(script).strip()}\n```"
        )
    for stage, run in runs.items():
        settings = re.sub(
            r"(?m)^(data|segmenter|\w+_net|\w+_weights) = .*$", _names_alone, _read(run / "config.toml")
        )
        plain = "\n".join(line for line in settings.splitlines() if line and not line.startswith("#"))
        parts.append(
            f"<details><summary>All settings of the {NETWORKS[stage]}: <code>unmask train {stage} --config FILE</code>"
            f"</summary>\n\n```toml\n{plain}\n```\n\n</details>"
        )
    return "\n\n".join(parts)


def _names_alone(line: re.Match[str]) -> str:
    """Reduces the paths in a setting to file names, without the folders of the training machine."""
    return re.sub(r'"[^"]*/([^"/]+)/?"', r'"\1"', line[0])


def results(name: str, figures: Summary) -> str:
    """Formats all tables of one evaluation."""
    source = "true" if figures["map_source"] == "truth" else "predicted"
    head = f"### {name}: {figures['n']:,} samples at {figures['size']} px, {source} maps"
    tables = [f"**{table.title}**\n\n{as_markdown(table)}" for table in measured(figures)]
    return "\n\n".join([head, *tables])


def looked_at(path: Path) -> str:
    """Formats the verdicts on individually inspected results.

    Raises:
        InputError: a verdict is missing, or the file is not a table of verdicts.
    """
    rows = list(csv.DictReader(_read(path).splitlines()))
    verdicts = [row.get("verdict") for row in rows]
    if not rows or not set(verdicts) <= {"yes", "no"}:
        raise InputError(f"{path}: each row needs the verdict yes or no; fill the table of tools.looked")
    good, of = verdicts.count("yes"), len(rows)
    low, high = wilson(good, of)
    head = (
        f"### {of:,} individually inspected results\n\nChosen at random (`python -m tools.looked`) and judged by the "
        f"author at a glance: {good:,} of {of:,} ({percent(good / of)}; 95 % interval by Wilson {percent(low)} to "
        f"{percent(high)}) could be taken for a photo."
    )
    notes = tuple((row["number"], row["family"], row["wear"], row["note"]) for row in rows if row["note"])
    return head + (
        "\n\n" + as_markdown(Table("", ("number", "mask", "worn", "fault"), notes)) if notes else ""
    )


def wilson(good: int, of: int) -> tuple[float, float]:
    """Computes the 95 % Wilson score interval of a fraction."""
    fraction = good / of
    middle = (fraction + Z**2 / (2 * of)) / (1 + Z**2 / of)
    half = Z / (1 + Z**2 / of) * math.sqrt(fraction * (1 - fraction) / of + Z**2 / (4 * of**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def summary(name: str, figures: Summary, picture: str = "") -> str:
    """Formats the README's table: the restored images and the trivial baselines.

    Args:
        name: name of the data set.
        figures: results of the evaluation.
        picture: path of an image in the repository to show above the table; empty: none.
    """
    likeness = {"restored": figures["identity"]["restored"], "masked input": figures["identity"]["masked"]}
    every = {"restored": figures} | figures["baselines"]
    rows = []
    for method, values in every.items():
        prefix = "" if method == "restored" else f"baselines.{method}."
        scores = [
            with_interval(values["hole"][score], figures["ci95"].get(f"{prefix}hole.{score}"), score)
            for score in ("psnr", "ssim")
        ]
        rows.append((method, *scores, number(likeness.get(method), 3)))
    table = Table("", ("", "hole PSNR, dB", "hole SSIM", "likeness"), tuple(rows))
    dice = with_interval(figures["map"]["dice"], figures["ci95"].get("map.dice"), "ssim")
    source = "true maps" if figures["map_source"] == "truth" else f"predicted maps (Dice {dice})"
    shown = f"![{CAPTION}]({picture})\n\n" if picture else ""
    return (
        f"{shown}{name}: {figures['n']:,} samples not used in training, at {figures['size']} px, with "
        f"{source}:\n\n{as_markdown(table)}\n\nSquare brackets hold 95 % confidence intervals. "
        "Likeness is the cosine similarity to the ground truth\nin the embedding of a face-recognition network."
    )


def filled(readme: str, text: str) -> str:
    """Puts `text` between the two marks of the README.

    Raises:
        InputError: the marks are missing.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"README.md: holds no {BEGIN} and {END}; put them where the table belongs")
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); name another file") from error


def read_evals(given: Sequence[str]) -> dict[str, Summary]:
    """Reads evaluation results given as NAME=FILE.

    Raises:
        InputError: a file is not JSON.
    """
    found = {}
    for entry in given:
        name, _, file = entry.partition("=")
        try:
            found[name] = json.loads(_read(Path(file)))
        except ValueError as error:
            raise InputError(
                f"--eval {entry}: is not JSON ({error}); give the output of unmask eval --json"
            ) from error
    return found


def main() -> None:
    """Writes the card and the README's table, and prints their paths."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("segm", type=Path, help="run folder of train segm")
    parser.add_argument("gan", type=Path, help="run folder of train gan")
    parser.add_argument(
        "--begun",
        type=Path,
        action="append",
        default=[],
        help="run folder whose weights a later run started from; repeatable, in order",
    )
    parser.add_argument("--eval", action="append", required=True, metavar="NAME=FILE.json", dest="evals")
    parser.add_argument("--verdicts", type=Path, help="filled table of tools.looked")
    parser.add_argument("--script", type=Path, help="program that trained the weights")
    parser.add_argument("--machine", default=MACHINE, help="description of the training machine")
    parser.add_argument(
        "--table", type=Path, help="models.toml; the card is written next to it [assets/models]"
    )
    parser.add_argument("--readme", type=Path, default=README)
    options = parser.parse_args()
    try:
        table = options.table or asset("models/models.toml")
        entries = read_toml(table)
        if not set(NAMES) <= entries.keys():
            raise InputError(f"{table}: lists no weights; run tools.release_weights first")
        evals = read_evals(options.evals)
        runs = dict(zip(WEIGHTS, (options.segm, options.gan), strict=True))
        text = card(entries, runs, options.begun, evals, options.verdicts, options.script, options.machine)
        picture = RANKED if (options.readme.parent / RANKED).is_file() else ""
        readme = filled(_read(options.readme), summary(*next(iter(evals.items())), picture))
        write_atomic(table.with_name("MODEL_CARD.md"), text.encode("utf-8"))
        write_atomic(options.readme, readme.encode("utf-8"))
    except UnmaskError as error:
        sys.exit(f"{error}")
    print(f"{table.with_name('MODEL_CARD.md')}\n{options.readme}")


if __name__ == "__main__":
    main()
