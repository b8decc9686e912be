"""Kernels: the loops over pixels that make up most of a mask, in C, each a copy of a function of numpy.

The function of numpy says what is computed, and is what runs where there is no library. `compiled` puts the C function
of the same name in its place: it computes the same to the bit, tens of times as fast.

    @compiled
    def halve(plane: UInt8[ndarray, "h w"], result: UInt8[ndarray, "h w"]) -> None:
        result[:] = plane >> 1

    void halve(const uint8_t *plane, uint8_t *result, int64_t h, int64_t w)

An array is handed over as a pointer, an `int` as int64_t, a `float` as float; then come the sizes that the shapes name,
in the order in which they are first named. No pointer is handed over before the array behind it was found to be of its
type and shape, in one piece.
"""

import ctypes
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from maskgen.native.build import LIBRARY, digest

P = ParamSpec("P")
R = TypeVar("R")
SWITCH = "UNMASK_KERNELS"  # "numpy" leaves the library alone: for tests, and to see what it is worth


def _load() -> tuple[ctypes.CDLL | None, str]:
    """The library, or why there is none."""
    if os.environ.get(SWITCH) == "numpy":
        return None, f"{SWITCH}=numpy"
    if not LIBRARY.exists():
        return None, "not compiled"
    try:
        found = ctypes.CDLL(str(LIBRARY))
        found.digest.restype = ctypes.c_char_p
        if found.digest().decode() != digest():
            return None, "compiled from other sources"
    except (OSError, AttributeError) as error:
        return None, f"cannot be loaded: {error}"
    return found, ""


library, absent = _load()
_BEGINNING = (
    ctypes.c_char * 0
)  # laid over an array it tells where that is, in a quarter of the time of `ctypes.data`


class _Array:
    """What an argument must be: type and shape."""

    c_type: Any = ctypes.c_void_p

    def __init__(self, name: str, annotation: Any, sizes: list[str]) -> None:
        self.name = name
        self.dtype = np.dtype(annotation.dtypes[0])
        self.shape = [int(side) if side.isdigit() else side for side in annotation.dim_str.split()]
        sizes.extend(side for side in self.shape if isinstance(side, str) and side not in sizes)

    def given(self, array: Any, known: dict[str, int]) -> Any:
        """Where an array begins that is what it must be; what its shape names is added to `known`."""
        if array.dtype != self.dtype or array.ndim != len(self.shape) or not array.flags.c_contiguous:
            raise TypeError(f"{self.name}: {array.dtype}, {array.shape}; {self.dtype}, {self.shape} needed")
        for side, wanted in zip(array.shape, self.shape, strict=True):
            if side != (known.setdefault(wanted, side) if isinstance(wanted, str) else wanted):
                raise ValueError(f"{self.name}: shape {array.shape}; {self.shape} needed, with {known}")
        return _BEGINNING.from_buffer(array) if array.flags.writeable else array.ctypes.data


class _Number:
    """An argument that is a number."""

    def __init__(self, kind: type) -> None:
        self.c_type: Any = ctypes.c_float if kind is float else ctypes.c_int64

    def given(self, number: Any, _: dict[str, int]) -> Any:
        """The number."""
        return number


def compiled(twin: Callable[P, R]) -> Callable[P, R]:
    """A function with the library's in its place, where it is there. Arguments go by their places."""
    annotations = dict(twin.__annotations__)
    returns = annotations.pop("return")
    sizes: list[str] = []
    kinds = [
        _Number(kind) if kind in (int, float) else _Array(name, kind, sizes)
        for name, kind in annotations.items()
    ]
    name = twin.__name__.lstrip("_")
    signature = [kind.c_type for kind in kinds] + [ctypes.c_int64] * len(sizes)

    @wraps(twin)
    def run(*args: P.args, **options: P.kwargs) -> R:
        if library is None:
            return twin(*args, **options)
        assert not options, "arguments of a kernel go by their places"
        known: dict[str, int] = {}
        given = [kind.given(value, known) for kind, value in zip(kinds, args, strict=True)]
        return _function(library, name, signature, returns)(*given, *[known[size] for size in sizes])

    run.twin = twin  # type: ignore[attr-defined]
    return run


def _function(home: ctypes.CDLL, name: str, signature: list[Any], returns: Any) -> Any:
    """A function of the library; told once what it takes."""
    function = getattr(home, name)
    if function.argtypes is None:
        function.argtypes = signature
        function.restype = None if returns is None else ctypes.c_int64
    return function
