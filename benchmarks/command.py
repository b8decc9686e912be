"""Runs the program `unmask` in a subprocess, for the benchmarks."""

import subprocess
import sys


def unmask(*arguments: str) -> str:
    """Returns a command's stdout.

    Raises:
        CalledProcessError: the command fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
