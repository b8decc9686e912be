"""How to install what a part of the program needs beyond the base: one line that works from a checkout and a wheel.

`pip install 'unmask[train]'` would ask an index for a package of our name; so the packages themselves are named.
"""

import re
from importlib import metadata
from importlib.util import find_spec

from maskgen.errors import MissingError

_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")
_OURS = re.compile(r"unmask\[([\w,-]+)\]")


def install_line(extra: str) -> str:
    """Returns the line that installs an extra of `pyproject.toml`, such as `pip install 'av>=17'`.

    Args:
        extra: its name; one that is not there gives the line for a checkout.
    """
    wanted = _packages(extra)
    if not wanted:
        return f"pip install -e '.[{extra}]' in the checkout"
    return "pip install " + " ".join(f"'{name}'" for name in wanted)


def require(what: str, extra: str, *packages: str) -> None:
    """Pass if packages can be imported.

    Args:
        what: needs them: a command, an option.
        extra: brings them.
        packages: names to import.

    Raises:
        MissingError: one cannot.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise MissingError(f"{what} needs {', '.join(missing)}: {install_line(extra)}")


def _packages(extra: str) -> list[str]:
    """Lists the packages of an extra, including those of extras that it names, without duplicates."""
    found: dict[str, None] = {}
    for line in _requirements():
        requirement, _, marker = line.partition(";")
        if extra not in _EXTRA.findall(marker):
            continue
        ours = _OURS.match(requirement.strip())
        more = [name for part in ours[1].split(",") for name in _packages(part)] if ours else []
        found |= dict.fromkeys(more or [re.sub(r"\s", "", requirement)])
    return list(found)


def _requirements() -> list[str]:
    try:
        return metadata.requires("unmask") or []
    except metadata.PackageNotFoundError:
        return []
