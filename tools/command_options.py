"""Writes the help and the tables of options in docs/commands.md, from the program: python -m tools.command_options."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from unmasknet.cli.program import app

PAGE = Path(__file__).parent.parent / "docs/commands.md"
BEGIN, END = "<!-- options, written by tools/command_options.py -->", "<!-- end of options -->"
# Described once, above the tables.
COMMON = ("--config", "--set", "--print-config", "--json", "--seed", "--help")


def option_tables() -> str:
    """Formats every command as a heading, its help, its example and a table of its options."""
    return "\n\n".join(section for name, command in all_commands() for section in _section(name, command))


def with_tables(page: str) -> str:
    """Replaces the text between the two marks of a page by the current tables."""
    start, _, rest = page.partition(BEGIN)
    _, _, end = rest.partition(END)
    return f"{start}{BEGIN}\n\n{option_tables()}\n\n{END}{end}"


def all_commands(group: Any = None, prefix: str = "unmask") -> Iterator[tuple[str, Any]]:
    """Yields the full name of every command and group, such as "unmask masks list", and the command of Typer."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        yield f"{prefix} {name}", command
        if hasattr(command, "commands"):
            yield from all_commands(command, f"{prefix} {name}")


def cell(text: str) -> str:
    """Escapes a text for a cell of a table, where a bar ends the cell, even inside code."""
    return text.replace("|", "\\|").replace("\n", " ")


def _section(name: str, command: Any) -> Iterator[str]:
    rows = [_row(one) for one in command.params if one.opts[0] not in COMMON]
    if hasattr(command, "commands") and not rows:
        return
    table = ["| option | meaning |", "|---|---|", *rows] if rows else ["No options of its own."]
    yield "\n".join([f"### {name}", "", *_help(command.help or ""), *table])


def _help(text: str) -> Iterator[str]:
    """Yields the help of a command as Markdown: paragraphs, and the example as a block of code."""
    for paragraph in re.sub(r"\[/?bold\]", "`", text).replace("\\[", "[").split("\n\n"):
        example = re.fullmatch(r"Example: `(.*)`", " ".join(paragraph.split()))
        yield f"    {example[1]}" if example else " ".join(paragraph.split())
        yield ""


def _row(parameter: Any) -> str:
    name = parameter.opts[0] if parameter.param_type_name == "option" else ""
    flag = f"{name} {parameter.metavar or ''}".strip()
    text = re.sub(r"\[default: (.*)\]$", r"Default: `\1`.", (parameter.help or "").replace("\\[", "["))
    return f"| `{cell(flag)}` | {cell(text)} |"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
