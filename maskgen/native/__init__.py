"""C kernels for the loops over pixels that take most of the time of a mask, each mirroring a NumPy reference.

The NumPy reference implementation defines the result, and runs if there is no library. `compiled` replaces it by the C
function of the same name, which gives bit-identical results and is tens of times as fast.

    @compiled
    def halve(plane: UInt8[ndarray, "h w"], result: UInt8[ndarray, "h w"]) -> None:
        result[:] = plane >> 1

    int64_t halve(const uint8_t *plane, uint8_t *result, int64_t h, int64_t w)

An array is passed as a pointer, an `int` as int64_t, a `float` as float; the named sizes of the shapes follow, in the
order in which they first appear. If the function returns None, C returns DONE, or NO_MEMORY if it could not allocate
memory, which becomes a MemoryError. Type, shape and contiguity of each array are checked before its pointer is passed.
"""

import ctypes
import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from maskgen.native.build import LIBRARY, digest, digest_file, library_digest

P = ParamSpec("P")
R = TypeVar("R")
SWITCH = "UNMASK_KERNELS"  # "numpy" disables the library: for tests, and to measure its speed-up


def _load() -> tuple[ctypes.CDLL | None, str]:
    """Loads the library; returns it, or None and the reason why there is none.

    Its own digest is checked first: a loader maps a damaged library without a word, and the interpreter dies of it.
    """
    if os.environ.get(SWITCH) == "numpy":
        return None, f"{SWITCH}=numpy"
    if not LIBRARY.exists():
        return None, "not compiled"
    try:
        if library_digest() != digest_file().read_text("ascii", errors="replace").strip():
            return None, "damaged: its sha256 is not the one that was written when it was compiled"
    except OSError as error:
        return None, f"damaged, or compiled by an older version: {error.filename}: {error.strerror}"
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.digest.restype = ctypes.c_char_p
        if found.digest().decode() != digest():
            return None, "compiled from other sources"
    except (OSError, AttributeError) as error:
        return None, f"cannot be loaded: {error}"
    return found, ""


library, absent = _load()
# `_BEGINNING.from_buffer(array)` gives the array's address in a quarter of the time of `array.ctypes.data`.
_BEGINNING = ctypes.c_char * 0
_PLAIN = {int: ctypes.c_int64, float: ctypes.c_float}
_CONTIGUOUS, _WRITEABLE = 0x1, 0x400  # bits of `flags.num`, as in NumPy's C API


def compiled(twin: Callable[P, R]) -> Callable[P, R]:
    """Replaces a function by the library's kernel if there is a library. Arguments are positional."""
    takes = dict(twin.__annotations__)
    call = _caller(library, twin.__name__.lstrip("_"), takes, takes.pop("return")) if library else twin

    @wraps(twin)
    def run(*args: P.args, **options: P.kwargs) -> R:
        if library is None:
            return twin(*args, **options)
        assert not options, "arguments of a kernel are positional"
        return call(*args, **options)

    run.twin = twin  # type: ignore[attr-defined]
    return run


def _caller(home: ctypes.CDLL, name: str, takes: dict[str, Any], returns: Any) -> Callable[..., Any]:
    """Generates the Python function that checks a kernel's arrays and calls it, as `dataclass` generates `__init__`.

    A loop over the arrays would take three times as long, and a photo needs about twenty calls.
    """
    arrays = {array: kind for array, kind in takes.items() if kind not in _PLAIN}
    lines, alike, sizes = [], [], dict[str, str]()
    for array, kind in arrays.items():
        sides = kind.dim_str.split()
        held = [f"{array}_{i}" for i in range(len(sides))]
        lines.append(f"{', '.join(held)}, = {array}.shape")
        alike.append(f"{array}.dtype == {array}_dtype")
        for side, here in zip(sides, held, strict=True):
            first = side if side.isdigit() else sizes.setdefault(side, here)
            alike += [f"{here} == {first}"] * (here != first)
    flags = [f"{array}_flags" for array in arrays]
    given = dict(zip(takes, takes, strict=True))
    given |= {
        array: f"begin({array}) if {array}_flags & {_WRITEABLE} else {array}.ctypes.data" for array in arrays
    }
    it = f"function({', '.join([*given.values(), *sizes.values()])})"
    ends = f"if {it}: raise MemoryError('{name} got no memory')" if returns is None else f"return {it}"
    text = f"""
def call({", ".join(takes)}):
    try:
        {"; ".join(lines)}
    except ValueError:
        raise odd([{", ".join(arrays)}]) from None
    {"; ".join(f"{array}_flags = {array}.flags.num" for array in arrays)}
    if not ({" and ".join(alike)} and {" & ".join(flags)} & {_CONTIGUOUS}):
        raise odd([{", ".join(arrays)}])
    {ends}
"""
    function = getattr(home, name)
    signature = [_PLAIN.get(kind, ctypes.c_void_p) for kind in takes.values()]
    function.argtypes = signature + [ctypes.c_int64] * len(sizes)
    function.restype = ctypes.c_int64
    space: dict[str, Any] = {f"{array}_dtype": np.dtype(kind.dtypes[0]) for array, kind in arrays.items()}
    space |= {"begin": _BEGINNING.from_buffer, "function": function, "odd": partial(_odd, arrays)}
    exec(text, space)  # noqa: S102 (contains only names from this package)
    call: Callable[..., Any] = space["call"]
    return call


def _odd(kinds: dict[str, Any], arrays: list[Any]) -> Exception:
    """Builds the exception for the first array with a wrong type, shape or layout."""
    known: dict[str, int] = {}
    for (name, kind), array in zip(kinds.items(), arrays, strict=True):
        dtype, shape = np.dtype(kind.dtypes[0]), kind.dim_str.split()
        if array.dtype != dtype or array.ndim != len(shape) or not array.flags.c_contiguous:
            return TypeError(f"{name}: {array.dtype}, {array.shape}; contiguous {dtype}, {shape} needed")
        wanted = [
            int(side) if side.isdigit() else known.setdefault(side, n)
            for side, n in zip(shape, array.shape, strict=True)
        ]
        if (*wanted,) != array.shape:
            return ValueError(f"{name}: shape {array.shape}; {shape} needed, with {known}")
    raise AssertionError("nothing is wrong with these arrays")
