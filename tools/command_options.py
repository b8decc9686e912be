"""Writes the tables of options in docs/commands.md, from the settings: python -m tools.command_options."""

import re
from pathlib import Path
from typing import Any

import typer.main

from unmasknet.cli.program import app

PAGE = Path(__file__).parent.parent / "docs/commands.md"
BEGIN, END = "<!-- options, written by tools/command_options.py -->", "<!-- end of options -->"
COMMON = (
    "--config",
    "--set",
    "--print-config",
    "--json",
    "--seed",
    "--help",
)  # described once, above the tables


def option_tables() -> str:
    """Formats the options of every command as a heading and a table."""
    return "\n\n".join(_sections(typer.main.get_command(app), "unmask"))


def with_tables(page: str) -> str:
    """Replaces the text between the two marks of a page by the current tables."""
    start, _, rest = page.partition(BEGIN)
    _, _, end = rest.partition(END)
    return f"{start}{BEGIN}\n\n{option_tables()}\n\n{END}{end}"


def _sections(group: Any, prefix: str) -> list[str]:
    sections = []
    for name, command in group.commands.items():
        rows = [_row(one) for one in command.params if one.opts[0] not in COMMON]
        table = ["| option | meaning |", "|---|---|", *rows] if rows else ["No options of its own."]
        inner = hasattr(command, "commands")
        if rows or not inner:
            sections.append("\n".join([f"### {prefix} {name}", "", *table]))
        if inner:
            sections += _sections(command, f"{prefix} {name}")
    return sections


def _row(parameter: Any) -> str:
    name = parameter.opts[0] if parameter.param_type_name == "option" else ""
    flag = f"{name} {parameter.metavar or ''}".strip().replace("|", "\\|")
    text = re.sub(r"\[default: (.*)\]$", r"Default: `\1`.", (parameter.help or "").replace("\\[", "["))
    return f"| `{flag}` | {text.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf-8")), "utf-8")
