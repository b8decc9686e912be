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
from itertools import chain
from operator import attrgetter, itemgetter
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
_LOOKS = attrgetter("shape", "dtype", "flags.num")
_IN_ONE_PIECE, _WRITEABLE = 0x1, 0x400  # of `flags.num`, as numpy's C API numbers them


class _Arrays:
    """The arrays that a kernel takes: their types, and shapes that agree on every size that they name."""

    def __init__(self, annotations: dict[str, Any]) -> None:
        self.names = list(annotations)
        self.dtypes = tuple(np.dtype(annotation.dtypes[0]) for annotation in annotations.values())
        self.shapes = [annotation.dim_str.split() for annotation in annotations.values()]
        self.dimensions = [len(shape) for shape in self.shapes]
        sides = [side for shape in self.shapes for side in shape]
        numbers = [side for side in dict.fromkeys(sides) if side.isdigit()]
        # All sides are compared at once, each with the first of its name; numbers are put before them.
        self.numbers = tuple(map(int, numbers))
        self.first = itemgetter(*map((numbers + sides).index, numbers + sides))
        self.sizes = [(numbers + sides).index(side) for side in dict.fromkeys(sides) if not side.isdigit()]

    def given(self, arrays: list[Any]) -> tuple[list[Any], list[int]]:
        """Where arrays begin, and their sizes.

        Raises:
            TypeError, ValueError: one is not what it must be.
        """
        shapes, dtypes, flags = zip(*map(_LOOKS, arrays), strict=True)
        sides = (*self.numbers, *chain.from_iterable(shapes))
        if (
            dtypes != self.dtypes
            or [*map(len, shapes)] != self.dimensions
            or self.first(sides) != sides
            or not all(map(_IN_ONE_PIECE.__and__, flags))
        ):
            raise self._odd(arrays)
        beginnings = [
            _BEGINNING.from_buffer(array) if flag & _WRITEABLE else array.ctypes.data
            for array, flag in zip(arrays, flags, strict=True)
        ]
        return beginnings, [sides[i] for i in self.sizes]

    def _odd(self, arrays: list[Any]) -> Exception:
        """What is wrong with the first array that is not what it must be."""
        known: dict[str, int] = {}
        for name, dtype, shape, array in zip(self.names, self.dtypes, self.shapes, arrays, strict=True):
            if array.dtype != dtype or array.ndim != len(shape) or not array.flags.c_contiguous:
                return TypeError(
                    f"{name}: {array.dtype}, {array.shape}; {dtype}, {shape} needed, in one piece"
                )
            wanted = [
                int(side) if side.isdigit() else known.setdefault(side, n)
                for side, n in zip(shape, array.shape, strict=True)
            ]
            if (*wanted,) != array.shape:
                return ValueError(f"{name}: shape {array.shape}; {shape} needed, with {known}")
        raise AssertionError("nothing is wrong with these arrays")


def compiled(twin: Callable[P, R]) -> Callable[P, R]:
    """A function with the library's in its place, where it is there. Arguments go by their places."""
    annotations = dict(twin.__annotations__)
    returns = annotations.pop("return")
    plain = {int: ctypes.c_int64, float: ctypes.c_float}
    arrays = _Arrays({name: kind for name, kind in annotations.items() if kind not in plain})
    places = [place for place, kind in enumerate(annotations.values()) if kind not in plain]
    name = twin.__name__.lstrip("_")
    signature = [plain.get(kind, ctypes.c_void_p) for kind in annotations.values()]
    signature += [ctypes.c_int64] * len(arrays.sizes)

    @wraps(twin)
    def run(*args: P.args, **options: P.kwargs) -> R:
        if library is None:
            return twin(*args, **options)
        assert not options, "arguments of a kernel go by their places"
        beginnings, sizes = arrays.given([args[place] for place in places])
        given = [*args, *sizes]
        for place, beginning in zip(places, beginnings, strict=True):
            given[place] = beginning
        return _function(library, name, signature, returns)(*given)

    run.twin = twin  # type: ignore[attr-defined]
    return run


def _function(home: ctypes.CDLL, name: str, signature: list[Any], returns: Any) -> Any:
    """A function of the library; told once what it takes."""
    function = getattr(home, name)
    if function.argtypes is None:
        function.argtypes = signature
        function.restype = None if returns is None else ctypes.c_int64
    return function
