"""Values that a shell offers for an option when TAB is pressed: `unmask gen-data --masks sur<TAB>`.

Where nothing is offered, shells complete names of files. A press of TAB starts the program, so nothing here imports
NumPy or OpenCV; names of masks and presets are those of files that ship with unmask.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import typer

from maskgen.assets import asset
from maskgen.errors import MissingError
from maskgen.settings import MaskSettings

# Of an option's values such as "auto|FILE.csv|tone", those to be typed as they are.
_CHOICE = re.compile(r"[a-z][a-z0-9-]*")


def values_of(flag: str, metavar: str) -> Callable[[str], list[str]] | None:
    """Returns what completes the value of an option or argument; None if shells should offer files.

    Args:
        flag: the option, such as "--masks".
        metavar: placeholder of its value in `--help`; "png|jpg" offers both.
    """
    if flag in _NAMED:
        names, listed = _NAMED[flag]
        return _complete_list(names) if listed else lambda incomplete: _matching(names(), incomplete)
    choices = [part for part in metavar.strip("[]").split("|") if _CHOICE.fullmatch(part)]
    return (lambda incomplete: _matching(choices, incomplete)) if choices else None


def argument(metavar: str, help: str) -> Any:
    """Declares a positional argument that is not a setting; its choices, such as "segm|gan", are completed."""
    return typer.Argument(
        metavar=metavar, help=help, show_default=False, autocompletion=values_of("", metavar)
    )


def _mask_families() -> list[str]:
    return sorted(path.parent.name for path in _shipped("masks", "*/template.toml"))


def _presets() -> list[str]:
    return sorted(path.stem for path in _shipped("configs/presets", "*.toml"))


def _wears() -> list[str]:
    """Lists the states from the default, which names all of them: their own module imports NumPy."""
    return [part.partition(":")[0] for part in MaskSettings.model_fields["wear"].default.split(",")]


# Option -> its names, and whether its value is a comma list of them.
_NAMED: dict[str, tuple[Callable[[], list[str]], bool]] = {
    "--masks": (_mask_families, True),
    "--like": (_mask_families, False),
    "--preset": (_presets, False),
    "--wear": (_wears, True),
}


def _shipped(folder: str, pattern: str) -> Iterable[Any]:
    try:
        return asset(folder).glob(pattern)
    except MissingError:  # a damaged installation says so when a command runs, not while one types
        return ()


def _complete_list(names: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    """Returns the completion of a comma list: that of its last part, without the names that stand before it."""

    def complete(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        used = {part.partition(":")[0] for part in before.split(",")}
        return [before + comma + name for name in _matching(names(), last) if name not in used]

    return complete


def _matching(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
