"""The program `unmask`, as the benchmarks run it."""

import subprocess
import sys


def unmask(*arguments: str) -> str:
    """What a command prints to stdout; CalledProcessError if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout
