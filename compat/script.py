"""A reader's script: the pins and the name in its comment block, without importing it."""

import re
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

READERS = Path(__file__).parent / "readers"
KIT = Path(__file__).parent / "kit"  # what the scripts import
KINDS = ("decoder", "consumer", "loader", "detection")
# Inline script metadata, PEP 723; scripts in JavaScript have `//` for `#`.
_BLOCK = re.compile(r"^(#|//) /// script\n((?:\1(?: .*)?\n)+?)\1 ///$", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """One reader.

    Attributes:
        path: the script.
        reader: name in the table.
        kind: one of `KINDS`; the table that it stands in.
        dependencies: pinned packages of PyPI, or of npm.
        python: version of Python, such as "3.12"; "" for the one that runs the driver.
        bare: pinned packages that are installed without what they ask for, where this is large and not needed to read.
    """

    path: Path
    reader: str
    kind: str
    dependencies: tuple[str, ...]
    python: str = ""
    bare: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Returns the name of the file without its suffix, by which `--only` selects it."""
        return self.path.stem

    @property
    def language(self) -> str:
        """Returns `python` or `javascript`."""
        return "javascript" if self.path.suffix == ".mjs" else "python"

    @property
    def environment(self) -> str:
        """Returns the name of the environment's folder; scripts with the same pins share one."""
        parts = [self.language, self.python, *sorted(self.dependencies), *sorted(self.bare)]
        return sha256("\n".join(parts).encode()).hexdigest()[:16]


def read_script(path: Path) -> Script:
    """Returns what the comment block of a reader's script says.

    Raises:
        ValueError: there is no block, it is not TOML, a field is missing or wrong, or a package has no version.
    """
    found = _BLOCK.search(path.read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"{path}: no block `/// script` at the top; see compat/README.md")
    mark, body = found.groups()
    try:
        block = tomllib.loads("\n".join(line.removeprefix(mark) for line in body.splitlines()))
        facts = block["tool"]["compat"]
        script = Script(
            path,
            facts["reader"],
            facts["kind"],
            tuple(block["dependencies"]),
            facts.get("python", ""),
            tuple(facts.get("bare", ())),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: the block `/// script` lacks or misspells {error}") from None
    if script.kind not in KINDS:
        raise ValueError(f"{path}: kind {script.kind!r} is none of {', '.join(KINDS)}")
    pin = r".+@\d.*" if script.language == "javascript" else r".+(==| @ ).+"
    loose = [each for each in (*script.dependencies, *script.bare) if not re.fullmatch(pin, each)]
    if loose:
        raise ValueError(f"{path}: no exact version of {', '.join(loose)}")
    return script


def all_scripts(folder: Path = READERS) -> list[Script]:
    """Returns the scripts of all readers, sorted by the names of their files."""
    return [read_script(path) for path in sorted(folder.iterdir()) if path.suffix in (".py", ".mjs")]
