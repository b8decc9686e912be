"""Compiles the kernels: `python maskgen/native/build.py [OPTIONS]`; an install runs it if there is a C compiler."""

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
# Results must be bit-identical to NumPy's: sums are not reordered, and products and sums not fused. The options that
# switch off errno and traps change no result.
OPTIONS = [
    "-std=gnu99", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared",
    "-fvisibility=hidden", "-Wall", "-Wextra",
]  # fmt: skip


def sources() -> list[Path]:
    """Lists the C files."""
    return sorted(FOLDER.glob("*.c"))


def digest() -> str:
    """Computes the digest of options and sources, by which a library is matched to the sources beside it."""
    found = hashlib.sha256(" ".join(OPTIONS).encode())
    for path in sorted(FOLDER.glob("*.[ch]")):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def library_digest() -> str:
    """Computes the hex sha256 of the compiled library."""
    return hashlib.sha256(LIBRARY.read_bytes()).hexdigest()


def digest_file() -> Path:
    """Returns the path of the file beside the library that holds the library's own digest."""
    return LIBRARY.with_suffix(".sha256")


def compilers() -> list[list[str]]:
    """Lists the compilers to try: the environment's, the one that built Python, the system's; GCC on Windows."""
    named = (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc", "gcc")
    return [shlex.split(command) for command in dict.fromkeys(named) if command]


def compile_kernels(*more: str) -> str:
    """Compiles the sources to `LIBRARY`, and writes its digest. If that fails, an older library is deleted if possible.

    Until the digest of a new library is written, the old one refuses it, so no process loads half of anything.

    Args:
        more: options in addition to `OPTIONS`.

    Returns:
        The messages of the compiler; `NO_COMPILER` if there is none.
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
                part.write_text(f"{library_digest()}\n", "ascii")
                part.replace(digest_file())
                return done.stderr.strip()
    for left in (part, LIBRARY, digest_file()):
        with suppress(OSError):  # a read-only folder; a library of other sources is not used anyway
            left.unlink(missing_ok=True)
    return said


def main() -> int:
    """Compiles the kernels; a machine without a compiler is not an error."""
    said = compile_kernels(*sys.argv[1:])
    sys.stderr.write(f"kernels: {said}\n" if said else "")
    return 0 if LIBRARY.exists() or said == NO_COMPILER else 1


if __name__ == "__main__":
    raise SystemExit(main())
