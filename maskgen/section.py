"""Base of all settings: a section of them, and the command-line option of one.

A setting is declared once. The field gives its name, type, default and bounds; the docstring below it is its help; an
`Option` in its annotation adds it to the command line. `--help`, `--print-config` and `docs/commands.md` are generated
from these declarations.

The default of a section within another is `Field(default_factory=...)`. An instance would be validated on import,
which took a sixth of the time of `--help` and of a completion by TAB.
"""

import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

# Headings of `--help`.
COMMON, PHOTOS, MASKS, OUTPUT, RUN = "Every command", "Photos and faces", "Masks", "Output", "Run"


@dataclass(frozen=True)
class Option:
    """Command-line option of a setting: the properties that its field does not have.

    Attributes:
        metavar: placeholder of the value in `--help`; "" takes the choices or the type of the field.
        panel: heading in `--help` below which the option is listed.
        flag: flag such as "--faces", or name of a positional argument such as "DIR"; "" is `--` and the field's name.
        default: text of the default in `--help`; "" takes the field's own default, if it has one.
        required: for a setting that may not stay empty, a text that says how to give it.
    """

    metavar: str = ""
    panel: str | None = None
    flag: str = ""
    default: str = ""
    required: str = ""


@cache
def _field_docstrings(module: str) -> dict[str, dict[str, str]]:
    """Reads the docstrings below the fields of a module's classes: class -> field -> text; empty without source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError):
        return {}
    return {
        part.name: {
            field.target.id: inspect.cleandoc(text.value.value)
            for field, text in pairwise(part.body)
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
            if isinstance(text.value.value, str)
        }
        for part in tree.body
        if isinstance(part, ast.ClassDef)
    }


class Section(BaseModel):
    """Group of settings: frozen; unknown keys are refused; docstrings below the fields are their help."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Takes the docstrings below the fields as their descriptions.

        pydantic's own option for this reads the source once per class, which doubles the time of `unmask --help`.
        """
        for name, text in _field_docstrings(cls.__module__).get(cls.__name__, {}).items():
            cls.model_fields[name].description = text

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_nul(cls, value: Any) -> Any:
        """Refuses NUL characters, which no path can hold and no other text needs."""
        inside = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        texts = inside if isinstance(inside, (list, tuple)) else [inside]
        if any(isinstance(text, str) and "\0" in text for text in texts):
            raise ValueError("must not hold a NUL character")
        return value

    def conflicts(self) -> Iterator[str]:
        """Finds values that do not fit each other, which no single field can see.

        Yields:
            One message per conflict.
        """
        yield from ()


def as_texts(value: object) -> object:
    """Converts one text to a tuple of it, or of none if it is empty."""
    return ((value,) if value else ()) if isinstance(value, str) else value


Jobs = Annotated[int, Field(ge=1, le=1024)]
Seed = Annotated[int, Field(ge=0)]
