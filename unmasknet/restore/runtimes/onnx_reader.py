"""Reader of files that `unmask export` wrote, in pure Python: their metadata, and each network as a file of its own.

ONNX is a protobuf message: fields, each with a number, a kind and a value. To cut out a network, only the names of
nodes, weights and ports are parsed; all other bytes are copied. Therefore no runtime needs the package `onnx`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskgen.errors import InputError
from unmasknet.restore.runtimes.base import Cleaning

UNTRAINED = Cleaning(0.5, 0)  # if the file contains no segmenter
# Numbers of the fields that are read, from onnx.proto3.
GRAPH, FACTS, IR_VERSION, OPSETS = 7, 14, 1, 8  # of a model
NODE, GRAPH_NAME, WEIGHT, INPUT, OUTPUT = 1, 2, 5, 11, 12  # of a graph
NODE_NAME, WEIGHT_NAME, PORT_NAME = 3, 8, 1
DATA_LOCATION = 14  # of a weight: 1 if its values are in another file
NUMBER, EIGHT_BYTES, TEXT, FOUR_BYTES = 0, 1, 2, 5  # kinds of a field


@dataclass(frozen=True)
class Exported:
    """Content of an exported file.

    Attributes:
        segmenter_side, generator_side: side in pixels of each network's crops; None if the file lacks that network.
        cleaning: parameters that turn the segmenter's probabilities into a map.
        find: the segmenter as a file of its own, `photo` to `probability`; empty if the file has none.
        fill: the generator as a file of its own, `photo` and `map` to `restored`; empty if the file has none.
    """

    segmenter_side: int | None
    generator_side: int | None
    cleaning: Cleaning
    find: bytes
    fill: bytes


@dataclass(frozen=True)
class Field:
    """Field of a message. `value`: a number, or the bytes of a text; `raw`: all bytes, with number and kind."""

    number: int
    value: memoryview | int
    raw: memoryview


def read_exported(path: Path) -> Exported:
    """Reads an exported file.

    Raises:
        InputError: it cannot be read, is damaged, or was not written by `unmask export`.
    """
    try:
        model = [*fields(memoryview(path.read_bytes()))]
        graph = [*fields(_text(next(field for field in model if field.number == GRAPH)))]
        facts = dict(_fact(field) for field in model if field.number == FACTS)
        outside = any(
            inner.number == DATA_LOCATION and inner.value == 1
            for field in graph
            if field.number == WEIGHT
            for inner in fields(_text(field))
        )
        if "unmask" not in facts or outside:
            raise InputError(
                f"{path}: was not written by unmask export; export the networks with this version"
            )
        segmenter, generator = _about(facts, "segmenter"), _about(facts, "generator")
        return Exported(
            segmenter["side"] if segmenter else None,
            generator["side"] if generator else None,
            Cleaning(segmenter["threshold"], segmenter["opening"]) if segmenter else UNTRAINED,
            cut(model, graph, "find", ("photo",), "probability") if segmenter else b"",
            cut(model, graph, "fill", ("photo", "map"), "restored") if generator else b"",
        )
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}. Name a file that unmask export wrote"
        ) from error
    except (ValueError, TypeError, IndexError, KeyError, StopIteration) as error:
        raise InputError(f"{path}: is damaged, or no ONNX file; export it again") from error


def cut(
    model: Sequence[Field], graph: Sequence[Field], part: str, inputs: Sequence[str], output: str
) -> bytes:
    """Cuts one network out of a file, as a file of its own: nodes and weights whose names start with `part/`.

    Nodes that lead only to other outputs are kept; the runtime drops them.
    """
    head = f"{part}/".encode()
    ports = {_name(field, PORT_NAME): field for field in graph if field.number in (INPUT, OUTPUT)}
    names = {NODE: NODE_NAME, WEIGHT: WEIGHT_NAME}
    kept = [
        field.raw
        for field in graph
        if field.number in names and _name(field, names[field.number]).startswith(head)
    ]
    kept.append(memoryview(_message(GRAPH_NAME, part.encode())))
    kept += [memoryview(_message(INPUT, _text(ports[name.encode()]))) for name in inputs]
    kept.append(memoryview(_message(OUTPUT, _text(ports[output.encode()]))))
    about = b"".join(field.raw for field in model if field.number in (IR_VERSION, OPSETS))
    return about + _message(GRAPH, b"".join(kept))


def fields(message: memoryview) -> Iterator[Field]:
    """Yields the fields of a message, in order.

    Raises:
        ValueError, IndexError: the message is truncated or malformed.
    """
    at = 0
    while at < len(message):
        begin = at
        key, at = _number(message, at)
        kind, value = key & 7, memoryview(b"")
        if kind == NUMBER:
            number, at = _number(message, at)
            yield Field(key >> 3, number, message[begin:at])
            continue
        if kind == TEXT:
            length, at = _number(message, at)
            value = message[at : at + length]
            at += length
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            at += 8 if kind == EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field of kind {kind}")
        if at > len(message):
            raise ValueError("the message is cut")
        yield Field(key >> 3, value, message[begin:at])


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """Reads a varint (seven bits per byte, lowest first); returns it and the position of its end."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number without end")


def _message(number: int, value: bytes | memoryview) -> bytes:
    """Encodes a field of bytes."""
    return _bytes_of(number << 3 | TEXT) + _bytes_of(len(value)) + bytes(value)


def _bytes_of(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _text(field: Field) -> memoryview:
    if not isinstance(field.value, memoryview):
        raise ValueError("a number where a text belongs")
    return field.value


def _name(field: Field, number: int) -> bytes:
    """Reads the name of a node, weight or port."""
    return next((bytes(_text(inner)) for inner in fields(_text(field)) if inner.number == number), b"")


def _fact(field: Field) -> tuple[str, str]:
    parts = {inner.number: bytes(_text(inner)).decode() for inner in fields(_text(field))}
    return parts.get(1, ""), parts.get(2, "")


def _about(facts: Mapping[str, str], name: str) -> dict[str, Any]:
    return dict(json.loads(facts.get(name, "{}")))
