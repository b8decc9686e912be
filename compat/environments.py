"""Environments of the readers: a virtual environment of Python, or a folder of npm packages, per set of pins."""

import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from threading import Lock

from compat.script import KIT, Script

INSTALL_SECONDS = 3600
STAMP = "complete"  # empty file of an environment that was installed to the end
_locks: defaultdict[str, Lock] = defaultdict(Lock)  # readers that share an environment install it once


class InstallError(Exception):
    """Packages could not be installed; the message is the last line that pip or npm wrote."""


def prepare(script: Script, folder: Path) -> list[str]:
    """Installs the packages of a script unless they are there.

    Args:
        script: the reader.
        folder: folder of all environments.

    Returns:
        The command that runs the script in its environment.

    Raises:
        InstallError: pip, npm or the interpreter is missing, or failed.
    """
    home = folder / script.environment
    with _locks[script.environment]:
        if not (home / STAMP).exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            (_install_npm if script.language == "javascript" else _install_pip)(script, home)
            (home / STAMP).touch()
    if script.language == "javascript":
        # Node looks for packages beside the script, not beside the interpreter.
        for path in (script.path, *KIT.glob("*.mjs")):
            shutil.copy(path, home)
        return ["node", str(home / script.path.name)]
    return [str(home / "bin" / "python"), str(script.path)]


def _install_pip(script: Script, home: Path) -> None:
    python = shutil.which(f"python{script.python}") if script.python else sys.executable
    if not python:
        raise InstallError(f"python{script.python} is not on the PATH")
    _call([python, "-m", "venv", str(home)])
    pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
    _call([*pip, *script.dependencies])
    if script.bare:
        _call([*pip, "--no-deps", *script.bare])


def _install_npm(script: Script, home: Path) -> None:
    _call(
        [
            "npm",
            "install",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
            "--prefix",
            str(home),
            *script.dependencies,
        ]
    )


def _call(command: list[str]) -> None:
    # A virtual environment that is active must not lend its packages.
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=environment, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(str(error)) from error
    if done.returncode:
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise InstallError(lines[-1] if lines else f"{command[0]} failed")
