"""`python -m compat`: runs the readers, writes their results and the tables of docs/readers.md."""

import argparse
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compat.data_sets import make_data_sets, read_data_sets
from compat.runner import Turn, take_turn
from compat.script import Script, all_scripts
from compat.table import RESULTS, write_page

CACHE = Path(__file__).parent.parent / ".compat"
FREE_GB = 15  # below it, an environment is deleted as soon as no reader needs it


def main() -> int:
    """Runs the readers that the command line names; returns 1 if one of them is not as its script expects."""
    options = _options()
    scripts = _chosen(all_scripts(), options.only)
    if options.list:
        print("\n".join(f"{script.name:24}{script.kind:10}{script.reader}" for script in scripts))
        return 0
    expected = (read_data_sets if options.keep_data else make_data_sets)(options.cache / "data")
    waiting = [script.environment for script in scripts]

    def turn(script: Script) -> Turn:
        made = take_turn(script, options.cache, expected)
        _write_result(made)
        waiting.remove(script.environment)
        _tidy(options, script, waiting)
        _tell(made)
        return made

    with ThreadPoolExecutor(options.jobs) as pool:
        turns = list(pool.map(turn, _in_order(scripts)))
    write_page()
    bad = [made.script.name for made in turns if made.problems]
    print(
        f"{len(turns) - len(bad)} of {len(turns)} readers as expected"
        + f"; not: {', '.join(bad)}" * bool(bad)
    )
    return 1 if bad else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m compat", description=__doc__)
    parser.add_argument("--only", metavar="NAMES", default="", help="names of readers, separated by commas")
    parser.add_argument("--list", action="store_true", help="print the names of the readers and exit")
    parser.add_argument("--jobs", type=int, default=2, help="readers at a time (default: 2)")
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder of data and environments (default: .compat)"
    )
    parser.add_argument("--keep-data", action="store_true", help="read the data sets of the last run")
    parser.add_argument(
        "--keep-environments", action="store_true", help=f"also below {FREE_GB} GB of free disk"
    )
    options = parser.parse_args()
    options.cache = options.cache.absolute()
    return options


def _chosen(scripts: list[Script], only: str) -> list[Script]:
    names = [name for name in only.split(",") if name]
    unknown = sorted(set(names) - {script.name for script in scripts})
    if unknown:
        raise SystemExit(f"no reader {', '.join(unknown)}; --list shows the names")
    return [script for script in scripts if not names or script.name in names]


def _in_order(scripts: list[Script]) -> list[Script]:
    """Returns readers of one environment one after the other, so that no two of them install it at once."""
    first: dict[str, Script] = {}
    for script in scripts:
        first.setdefault(script.environment, script)
    return [*first.values(), *(script for script in scripts if script not in first.values())]


def _tidy(options: argparse.Namespace, script: Script, waiting: list[str]) -> None:
    """Deletes an environment that no reader waits for, if the disk is almost full."""
    scarce = shutil.disk_usage(options.cache).free < FREE_GB << 30
    if scarce and not options.keep_environments and script.environment not in waiting:
        shutil.rmtree(options.cache / "environments" / script.environment, ignore_errors=True)


def _tell(turn: Turn) -> None:
    """Prints one JSON line per reader: name, version, verdicts by way, problems."""
    ways = [way["code"] for way in turn.result.get("ways", [])]
    line = {"reader": turn.script.name, "version": turn.result.get("version", ""), "ways": len(ways)}
    print(json.dumps(line | {"problems": turn.problems}), flush=True)


def _write_result(turn: Turn) -> None:
    """Writes what stands in the table; a reader that did not run keeps its last result."""
    RESULTS.mkdir(exist_ok=True)
    if turn.result:
        path = RESULTS / f"{turn.script.name}.json"
        path.write_text(json.dumps(turn.result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
