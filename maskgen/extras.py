"""Commands that install the packages of an extra, for a checkout and for a wheel.

`pip install 'unmask[train]'` would search the package index for a package named unmask, so the commands name the
packages of the extra instead.
"""

import re
from importlib import metadata
from importlib.util import find_spec

from maskgen.errors import MissingError

# Packages that an extra must not list, because they require `opencv-python`, whose files overwrite those of our
# `opencv-python-headless`. Nothing in a package's metadata can leave out what another package requires, so they are
# installed by a command of their own, and the extra lists what else they require.
ALONE = {"fan": "face-alignment>=1.4"}

_EXTRA = re.compile(r"""extra\s*==\s*["']([\w-]+)["']""")
_OWN_EXTRAS = re.compile(r"unmask\[([\w,-]+)\]")


def install_line(extra: str) -> str:
    """Returns how to install an extra, for a message: `pip install 'av>=17' (the extra unmask[video])`.

    Args:
        extra: name of the extra; if the installed package does not know it, the command is for a checkout.
    """
    return f"{install_command(extra)} (the extra unmask[{extra}])"


def install_command(extra: str) -> str:
    """Returns the command that installs an extra of `pyproject.toml`, such as `pip install 'av>=17'`.

    Args:
        extra: name of the extra; if the installed package does not know it, the command is for a checkout.
    """
    wanted = _packages(extra)
    alone = f" && pip install --no-deps '{ALONE[extra]}'" if extra in ALONE else ""
    if not wanted:
        return f"pip install -e '.[{extra}]'{alone} in the checkout"
    return "pip install " + " ".join(f"'{name}'" for name in wanted) + alone


def require(what: str, extra: str, *packages: str) -> None:
    """Checks that packages can be imported.

    Args:
        what: the command or option that needs them, for the message.
        extra: the extra that installs them.
        packages: import names.

    Raises:
        MissingError: one of them cannot be imported.
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
        own = _OWN_EXTRAS.match(requirement.strip())
        more = [name for part in own[1].split(",") for name in _packages(part)] if own else []
        found |= dict.fromkeys(more or [re.sub(r"\s", "", requirement)])
    return list(found)


def _requirements() -> list[str]:
    try:
        return metadata.requires("unmask") or []
    except metadata.PackageNotFoundError:
        return []
