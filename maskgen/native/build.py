"""Compile the kernels: `python maskgen/native/build.py [OPTIONS]`, what an install does where a C compiler is."""

import hashlib
import os
import shlex
import subprocess
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "kernels.so"
NO_COMPILER = "there is no C compiler"
# The results must be numpy's to the bit: no sum is reordered, no product and sum are fused. What the other options
# forbid - errno, traps - nobody looks at.
OPTIONS = [
    "-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared",
    "-fvisibility=hidden", "-Wall", "-Wextra",
]  # fmt: skip


def sources() -> list[Path]:
    """Lists the C files."""
    return sorted(FOLDER.glob("*.c"))


def digest() -> str:
    """Computes the digest by which a library tells whether it was made of the sources beside it."""
    found = hashlib.sha256(" ".join(OPTIONS).encode())
    for path in sorted(FOLDER.glob("*.[ch]")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def compilers() -> list[list[str]]:
    """Commands to try: the environment's, the one that Python was made with, the system's."""
    named = (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc")
    return [shlex.split(command) for command in dict.fromkeys(named) if command]


def compile_kernels(*more: str) -> str:
    """Makes `LIBRARY` of the sources, or none.

    Args:
        more: options beside `OPTIONS`.

    Returns:
        What the compiler said; `NO_COMPILER` where there is none. A library that was there before is gone then, if it
        can be deleted.
    """
    part, said = LIBRARY.with_suffix(f".{os.getpid()}.part"), NO_COMPILER
    mark = f'-DDIGEST="{digest()}"'
    for command in compilers():
        line = [*command, *OPTIONS, *more, mark, *map(str, sources()), "-o", str(part), "-lm"]
        with suppress(OSError):
            done = subprocess.run(line, capture_output=True, text=True, check=False)
            said = done.stderr.strip() or said.replace(NO_COMPILER, "")
            if done.returncode == 0:
                part.replace(LIBRARY)
                return done.stderr.strip()
    for left in (part, LIBRARY):
        with suppress(OSError):  # a folder that may only be read; a library of other sources is not used
            left.unlink(missing_ok=True)
    return said


def main() -> int:
    """Compiles; a machine without a compiler is no failure."""
    said = compile_kernels(*sys.argv[1:])
    sys.stderr.write(f"kernels: {said}\n" if said else "")
    return 0 if LIBRARY.exists() or said == NO_COMPILER else 1


if __name__ == "__main__":
    raise SystemExit(main())
