"""Exit status of the findings: 0 still so, 1 changed, 2 could not be tried because the packages are missing."""

import os
import subprocess
from pathlib import Path

import pytest

FINDINGS = sorted((Path(__file__).parent.parent / "findings").glob("*.sh"))
# Stands for python3: makes environments of itself, and ends as the variables say.
PYTHON = """#!/bin/sh
case "$*" in
    *"-m venv"*)
        for folder; do :; done
        mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" && exit "$VENV" ;;
    *"-m pip"*) exit "$PIP" ;;
    *"-c import"*) exit "$IMPORT" ;;
    *) cat > /dev/null; exit 1 ;;
esac
"""


def status(script: Path, folder: Path, **failing: int) -> tuple[int, str]:
    """Runs a finding whose Python fails at the named step, and else in its program."""
    (folder / "bin").mkdir()
    (folder / "bin" / "python3").write_text(PYTHON)
    (folder / "bin" / "python3").chmod(0o755)
    steps = {name: str(failing.get(name, 0)) for name in ("VENV", "PIP", "IMPORT")}
    env = {**os.environ, **steps, "PATH": f"{folder / 'bin'}:/usr/bin:/bin", "TMPDIR": str(folder)}
    done = subprocess.run(
        ["bash", str(script)], env=env, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert sorted(path.name for path in folder.iterdir()) == ["bin"]  # nothing is left behind
    return done.returncode, done.stderr


@pytest.mark.parametrize("script", FINDINGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("step", ["VENV", "PIP", "IMPORT"])
def test_a_finding_whose_packages_cannot_be_installed_ends_with_2(script, step, tmp_path):
    code, said = status(script, tmp_path, **{step: 1})
    assert code == 2
    assert "not tried: the packages cannot be installed" in said


@pytest.mark.parametrize("script", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_that_has_changed_ends_with_1(script, tmp_path):
    code, said = status(script, tmp_path)
    assert code == 1
    assert "not tried" not in said


@pytest.mark.parametrize("script", FINDINGS, ids=lambda path: path.stem)
def test_a_finding_explains_its_exit_status(script):
    assert "with 1 when it has changed, with 2 if the packages cannot be installed" in script.read_text()
