"""Program `unmask` in tests: lists its commands, and runs it in a new process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def commands_of(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the commands of a Click group and of the groups in it: full name, command.

    A group that does something by itself, such as `eval`, is a command too.
    """
    for name, command in group.commands.items():
        inner = hasattr(command, "commands")
        if not inner or command.invoke_without_command:
            yield prefix + name, command
        if inner:
            yield from commands_of(command, f"{prefix}{name} ")


def command_names(group: Any) -> list[str]:
    """Lists the full names of the commands of a Click group, such as "masks list"."""
    return [name for name, _ in commands_of(group)]


def program(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *args],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )
