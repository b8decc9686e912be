"""One reader's turn: its environment, its script, the verdicts, the difference from what it expects."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compat.environments import InstallError, prepare
from compat.expected import Expected
from compat.judge import is_as_expected, judge_way
from compat.script import KIT, Script

RUN_SECONDS = 900


@dataclass
class Turn:
    """What came of one reader.

    Attributes:
        script: the reader.
        result: what stands in the table: version, ways with verdicts; empty if it did not run.
        problems: differences from what the script expects, or why it did not run.
    """

    script: Script
    result: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def take_turn(script: Script, cache: Path, expected: dict[str, Expected]) -> Turn:
    """Installs and runs one reader, and judges what it returned.

    Args:
        script: the reader.
        cache: folder with the data sets under `data`; environments and outputs are written to it.
        expected: samples by suffix of the data set.
    """
    out = cache / "out" / script.name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        command = prepare(script, cache / "environments")
    except InstallError as error:
        return Turn(script, problems=[f"not installed: {error}"])
    failure = _run(command, cache / "data", out)
    report = out / "report.json"
    if failure or not report.exists():
        return Turn(script, problems=[f"did not run: {failure or 'it wrote no report'}; see {out}/stderr"])
    return judge(script, json.loads(report.read_text(encoding="utf-8")), out, expected)


def judge(script: Script, report: dict[str, Any], out: Path, expected: dict[str, Expected]) -> Turn:
    """Judges the report of a script.

    Args:
        script: the reader.
        report: what its script wrote.
        out: folder of the arrays, one folder per way.
        expected: samples by suffix of the data set.
    """
    turn = Turn(
        script, {"reader": script.reader, "kind": script.kind, "version": report["version"], "ways": []}
    )
    for number, way in enumerate(report["ways"]):
        verdicts = judge_way(way, out / str(number), expected[way["suffix"]])
        turn.result["ways"].append(
            {"code": way["code"], "suffix": way["suffix"], "verdicts": verdicts, "note": way["note"]}
        )
        turn.problems += differences(way, verdicts)
    return turn


def differences(way: dict[str, Any], verdicts: dict[str, str]) -> list[str]:
    """Returns one message per verdict that is not the expected one, and one if a bad verdict has no note."""
    found = []
    for member, verdict in verdicts.items():
        wanted = way["expect"].get(member, "nothing")
        if not is_as_expected(verdict, wanted):
            found.append(f"{way['code']} ({way['suffix']}): {member}: expected {wanted!r}, got {verdict!r}")
    if not way["note"] and any(not verdict.startswith("right") for verdict in verdicts.values()):
        found.append(f"{way['code']} ({way['suffix']}): not all is right, but no note says what to do")
    return found


def _run(command: list[str], data: Path, out: Path) -> str:
    """Runs a script; returns why it failed, or ""."""
    environment = os.environ | {
        "COMPAT_DATA": str(data),
        "COMPAT_OUT": str(out),
        "PYTHONPATH": str(KIT),
        "PYTHONSAFEPATH": "1",  # readers/NAME.py must not shadow the package NAME
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with (out / "stderr").open("w") as errors:
        try:
            done = subprocess.run(
                command,
                stdout=errors,
                stderr=errors,
                timeout=RUN_SECONDS,
                env=environment,
                cwd=out,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"took longer than {RUN_SECONDS} s"
        except OSError as error:
            return str(error)
    return f"exit code {done.returncode}" if done.returncode else ""
