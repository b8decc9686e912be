"""Writes docs/settings.md, all settings of all commands, from the program: python -m tools.settings_reference."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from maskgen.cli.options import Option, SettingOption
from maskgen.config import allowed_choices, allowed_range
from tools.command_options import all_commands, cell
from unmasknet.settings import GanSettings, SegmSettings

PAGE = Path(__file__).parent.parent / "docs/settings.md"
INTRODUCTION = """# Settings

Reference: every setting of every command, with its default and its bounds. This page is written by
`python -m tools.settings_reference` from the settings classes; `unmask COMMAND --print-config` prints the same, as
TOML with the values of that call.

A setting is given as an option of its [command](commands.md) where it has one, as `--set section.name=value`
otherwise, or in a TOML file, `--config FILE`. Later values win: defaults, file, `--set`, options. A setting whose
default is `none` is not set; `--set section.name=none` unsets it.
"""
STAGES = {"unmask train": {"unmask train segm": SegmSettings, "unmask train gan": GanSettings}}
TRAINING = "The defaults are those of the preset `unmask`; the other [presets](presets.md) set other values."
QUOTES = '""'  # an empty text
WORDS = {int: "whole number", float: "number", str: "text", bool: "`true` or `false`"}


def settings_page() -> str:
    """Formats the page: a heading for each command, and a table for each section of its settings."""
    seen: dict[type[BaseModel], str] = {}
    parts = [INTRODUCTION]
    for name, command in all_commands():
        models = STAGES.get(name) or {name: getattr(command.callback, "settings", None)}
        for heading, model in models.items():
            if model is not None:
                parts.append(_command(heading, model, seen))
    return "\n".join(parts)


def _command(heading: str, model: type[BaseModel], seen: dict[type[BaseModel], str]) -> str:
    if model in seen:
        return f"## {heading}\n\nThe settings of [{seen[model]}](#{seen[model].replace(' ', '-')}).\n"
    seen[model] = heading
    remark = [TRAINING, ""] if model in (SegmSettings, GanSettings) else []
    return "\n".join([f"## {heading}", "", *remark, *_tables(model, "")])


def _tables(model: type[BaseModel], table: str) -> Iterator[str]:
    """Yields the lines of the tables of a section and of those inside it."""
    inner = {
        name: kind
        for name, field in model.model_fields.items()
        if isinstance(kind := field.annotation, type) and issubclass(kind, BaseModel)
    }
    if len(inner) < len(model.model_fields):
        if table:
            yield from (f"**[{table}]** {' '.join((model.__doc__ or '').split())}", "")
        yield from ("| setting | default | values | meaning |", "|---|---|---|---|")
        for name, field in model.model_fields.items():
            if name not in inner:
                yield _row(f"{table}.{name}" if table else name, field)
        yield ""
    for name, kind in inner.items():
        yield from _tables(kind, f"{table}.{name}" if table else name)


def _row(path: str, field: FieldInfo) -> str:
    declared = [SettingOption(path, field, one) for one in field.metadata if isinstance(one, Option)]
    option = f" Option: `{declared[0].flag}`." if declared else ""
    meaning = " ".join((field.description or "").split())
    return f"| `{path}` | {_default(field)} | {cell(_values(field))} | {cell(meaning + option)} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.model_dump()
    return f"`{cell('none' if value is None else json.dumps(value, ensure_ascii=False))}`"


def _values(field: FieldInfo) -> str:
    if choices := allowed_choices(field):
        return ", ".join(f"`{choice or QUOTES}`" for choice in choices)
    return ", ".join([_type(field.annotation), *allowed_range(field)])


def _type(annotation: Any) -> str:
    """Names a type in words: "list of text", "number or none"."""
    if hasattr(annotation, "__metadata__"):
        return _type(get_args(annotation)[0])
    parts = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) in (tuple, list):
        kinds = {one for one in parts if one is not Ellipsis}
        return f"list of {' and '.join(sorted(_type(one) for one in kinds))}"
    if get_origin(annotation) is dict:
        return "table"
    if parts:
        return " or ".join(dict.fromkeys(_type(one) for one in parts))
    return WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))


if __name__ == "__main__":
    PAGE.write_text(settings_page(), "utf-8")
