"""What a reader's script imports: it runs in the environment of that reader, which has NumPy, but not unmask.

A reader's script calls `run(ways)`; each `Way` is one line of code that opens the data set and what is expected of it.
The script judges nothing: it writes the arrays as they came, and the driver compares them.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

MASKS = ("map", "parts")
IMAGES = ("masked", "gt")
# What most loaders return of all members of a sample, as `Way.expect` has it.
RIGHT = {
    "samples": "right",
    "images": "right, uint8 h w 3",
    "map": "right, uint8 h w",
    "parts": "right, uint8 h w",
    "labels": "right",
}
# The same of readers of detectors' layouts.
RIGHT_FACES = {"samples": "right", "boxes": "right", "images": "right, uint8 h w 3"}
Sample = dict[str, Any]  # "key", and any of map, parts, masked, gt (arrays), labels (dict)


@dataclass(frozen=True)
class Data:
    """Folders of the data sets that the driver made.

    `root/jpg`, `root/png`, `root/webp` are data sets as `unmask gen-data` writes them; `root/jpg-files` and so on hold
    the members of their first samples as plain files, `root/exports/LAYOUT` what `unmask unpack` makes of `root/jpg`.
    """

    root: Path

    def data_set(self, suffix: str = "jpg") -> Path:
        """Returns the folder of the data set whose images have this suffix."""
        return self.root / suffix

    def shards(self, split: str = "train", suffix: str = "jpg") -> list[Path]:
        """Returns the shards of a split, sorted by name."""
        return sorted(self.data_set(suffix).glob(f"{split}-*.tar"))

    def export(self, layout: str) -> Path:
        """Returns the folder that `unmask unpack --layout LAYOUT` made of the data set with JPEGs."""
        return self.root / "exports" / layout

    def files(self, member: str, suffix: str = "jpg") -> list[Path]:
        """Returns the plain files of a member, such as all `KEY.map.png`, sorted by name."""
        return sorted((self.root / f"{suffix}-files").glob(f"*.{member}.*"))


@dataclass(frozen=True)
class Way:
    """One way to read, and what is expected to come out of it.

    Attributes:
        code: the line of code, as a user would write it; it stands in the table.
        samples: reads; takes the data sets, gives one dict per sample: `key`, and any of `map`, `parts`, `masked`,
            `gt` and `labels`. A value may be an exception, which means that the reader refused this member.
        expect: verdict per member, as the driver prints it, such as {"map": "right, uint8 h w"}. `images` stands for
            `masked` and `gt`.
        suffix: of the images of the data set that is read: jpg, png or webp.
        split: which samples must come, each once; "" if the way reads some plain files only.
        compare: `values`: all pixels are compared. `set`: the samples are transformed, only the set of values is.
        note: what our docs say about it; needed where the reader refuses or reads wrong.
    """

    code: str
    samples: Callable[[Data], Iterable[Sample]]
    expect: dict[str, str]
    suffix: str = "jpg"
    split: str = ""
    compare: str = "values"
    note: str = ""


def decode_files(
    code: str,
    decode: Callable[[Path], Any],
    expect: dict[str, str],
    *,
    members: tuple[str, ...] = MASKS,
    suffix: str = "jpg",
    compare: str = "values",
    note: str = "",
) -> Way:
    """Returns the way of a decoder, which is a function from the path of a file to an array."""

    def samples(data: Data) -> Iterator[Sample]:
        for member in members:
            for path in data.files(member, suffix):
                try:
                    value = decode(path)
                except Exception as error:  # noqa: BLE001 - whatever a reader raises is its answer
                    value = error
                yield {"key": path.name.split(".")[0], member: value}

    return Way(code, samples, expect, suffix=suffix, compare=compare, note=note)


@dataclass
class _Dump:
    """Writes what a way returned: arrays as .npy files, the rest as one JSON object per value."""

    folder: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    def add(self, key: str, member: str, value: Any) -> None:
        line: dict[str, Any] = {"key": key, "member": member}
        if isinstance(value, Exception):
            line["refused"] = error_line(value)
        elif member == "labels":
            line["labels"] = value
        else:
            array = np.asarray(value)
            if array.dtype == object or array.dtype.kind in "SU":
                line["odd"] = type(value).__name__  # such as bytes: the reader did not decode it
            else:
                line |= {"raw": f"{len(self.lines)}.raw", "dtype": str(array.dtype), "shape": array.shape}
                (self.folder / line["raw"]).write_bytes(np.ascontiguousarray(array).tobytes())
        self.lines.append(line)


def error_line(error: Exception) -> str:
    """Returns the type of an exception and the line of its message that says most, without what differs by machine."""
    text = re.sub(r"\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    line = lines[-1] if "ray::" in lines[0] else lines[0]  # Ray sends the traceback of its worker
    if line.endswith(":") and len(lines) > 1:
        line += " " + lines[1]
    line = re.sub(r"\S+\.(cxx|cpp|cc|h|rs):\d+:?\s*", "", line)  # where the reader was built
    data = re.escape(os.environ["COMPAT_DATA"])
    line = re.sub(rf"{data}/(jpg|png|webp)\b(?!-)", "DIR", line)
    line = re.sub(rf"{data}/exports/[\w-]+", "EXPORT", line)
    line = re.sub(rf"{data}/\w+-files/[\w.-]*?\.(?=\w+\.\w+)", "KEY.", line)
    return f"{type(error).__name__}: {line}"[:200]


def run(ways: list[Way], distribution: str = "", *, version_text: str = "") -> None:
    """Runs all ways and writes what came out to the driver's folder. The last statement of a reader's script.

    Args:
        ways: what to run, in the order of the table.
        distribution: the package whose version the table shows.
        version_text: the version of a program that is not a package of Python.
    """
    data, out = Data(Path(os.environ["COMPAT_DATA"])), Path(os.environ["COMPAT_OUT"])
    report: dict[str, Any] = {"version": version_text or version(distribution), "ways": []}
    for number, way in enumerate(ways):
        dump = _Dump(out / str(number))
        dump.folder.mkdir(parents=True)
        failed, keys = "", []
        try:
            for sample in way.samples(data):
                keys.append(str(sample["key"]))
                for member, value in sample.items():
                    if member != "key":
                        dump.add(keys[-1], member, value)
        except Exception as error:  # noqa: BLE001 - whatever a reader raises is its answer
            traceback.print_exc(file=sys.stderr)
            failed = error_line(error)
        fields = ("code", "expect", "suffix", "split", "compare", "note")
        report["ways"].append(
            {name: getattr(way, name) for name in fields}
            | {"failed": failed, "keys": keys, "values": dump.lines}
        )
        (out / "report.json").write_text(json.dumps(report, default=str), encoding="utf-8")
