"""Reader of files that `unmask export` wrote, in pure Python: their metadata, and each network as a file of its own.

ONNX is a protobuf message: fields, each with a number, a kind and a value. To cut out a network, only the names of
nodes, weights and ports are parsed; all other bytes are copied. Therefore no runtime needs the package `onnx`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskgen.errors import InputError
from maskgen.reading import parse_json
from unmasknet.models.digest import check_digest, damaged, read_weight_file, warn_of_unchecked
from unmasknet.restore.runtimes.base import Cleaning

UNTRAINED = Cleaning(0.5, 0)  # if the file contains no segmenter
# Numbers of the fields that are read, from onnx.proto3.
GRAPH, FACTS, IR_VERSION, OPSETS = 7, 14, 1, 8  # of a model
NODE, GRAPH_NAME, WEIGHT, INPUT, OUTPUT = 1, 2, 5, 11, 12  # of a graph
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_KIND = 1, 2, 3, 4
WEIGHT_KIND, WEIGHT_FLOATS, WEIGHT_NAME, WEIGHT_BYTES = 2, 4, 8, 9
PORT_NAME = 1
DATA_LOCATION = 14  # of a weight: 1 if its values are in another file
FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # kinds of weights that have NaN and infinity
MOST_SIDE, MOST_OPENING = 4096, 256  # pixels; larger ones in the metadata are damage
NUMBER, EIGHT_BYTES, TEXT, FOUR_BYTES = 0, 1, 2, 5  # kinds of a field


@dataclass(frozen=True)
class Exported:
    """Content of an exported file.

    Attributes:
        segmenter_side, generator_side: side in pixels of each network's crops; None if the file lacks that network.
        cleaning: parameters that turn the segmenter's probabilities into a map.
        find: the segmenter as a file of its own, `photo` to `probability`; empty if the file has none.
        fill: the generator as a file of its own, `photo` and `map` to `restored` before it is clipped to [0, 1]; empty
            if the file has none.
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
    """Reads an exported file; warns with `UncheckedFile` if it has no digest.

    Raises:
        InputError: it cannot be read, is damaged, or was not written by `unmask export`.
    """
    data = read_weight_file(path)
    checked = check_digest(data, path)
    try:
        exported = _parsed(data, path)
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        StopIteration,
        OverflowError,
        RecursionError,
    ) as error:
        raise damaged(path, "it is no ONNX file of unmask export") from error
    if not checked:
        warn_of_unchecked(path)
    return exported


def _parsed(data: bytes, path: Path) -> Exported:
    model = [*fields(memoryview(data))]
    graph = [*fields(_text(next(field for field in model if field.number == GRAPH)))]
    facts = dict(_fact(field) for field in model if field.number == FACTS)
    weights = [_Weight([*fields(_text(field))]) for field in graph if field.number == WEIGHT]
    if "unmask" not in facts or any(weight.is_outside for weight in weights):
        raise InputError(f"{path}: was not written by unmask export; export the networks with this version")
    for weight in weights:
        if not weight.is_finite:
            raise InputError(f"{path}: {weight.name} has NaN or infinite weights; export the networks again")
    segmenter, generator = _about(facts, "segmenter"), _about(facts, "generator")
    return Exported(
        _number_in(segmenter, "side", MOST_SIDE, path) if segmenter else None,
        _number_in(generator, "side", MOST_SIDE, path) if generator else None,
        _cleaning(segmenter, path) if segmenter else UNTRAINED,
        cut(model, graph, "find", ("photo",), "probability") if segmenter else b"",
        cut(model, graph, "fill", ("photo", "map"), "restored") if generator else b"",
    )


class _Weight:
    """Weight of a file."""

    def __init__(self, parts: Sequence[Field]) -> None:
        self._parts = parts

    @property
    def name(self) -> str:
        return next((bytes(_text(part)).decode() for part in self._parts if part.number == WEIGHT_NAME), "")

    @property
    def is_outside(self) -> bool:
        """Tells whether its values are in another file."""
        return any(part.number == DATA_LOCATION and part.value == 1 for part in self._parts)

    @property
    def is_finite(self) -> bool:
        """Tells whether it has neither NaN nor infinity."""
        kind = FLOATS.get(next((int(part.value) for part in self._parts if part.number == WEIGHT_KIND), 0))
        if kind is None:
            return True
        kinds = {WEIGHT_BYTES: kind, WEIGHT_FLOATS: "<f4"}
        packed = [part for part in self._parts if part.number in kinds]
        return all(np.isfinite(np.frombuffer(_text(part), kinds[part.number])).all() for part in packed)


def cut(
    model: Sequence[Field], graph: Sequence[Field], part: str, inputs: Sequence[str], output: str
) -> bytes:
    """Cuts one network out of a file, as a file of its own: nodes and weights whose names start with `part/`.

    If the last node is a Clip, the new output is what it clips: runtimes turn NaN into one of the bounds there.
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
    kept.append(memoryview(_message(OUTPUT, _unclipped(graph, ports[output.encode()]))))
    about = b"".join(field.raw for field in model if field.number in (IR_VERSION, OPSETS))
    return about + _message(GRAPH, b"".join(kept))


def _unclipped(graph: Sequence[Field], port: Field) -> bytes:
    """Returns an output as it is, or under the name of what a Clip makes it from."""
    name = _name(port, PORT_NAME)
    for node in graph:
        if node.number == NODE and _name(node, NODE_OUTPUT) == name and _name(node, NODE_KIND) == b"Clip":
            name = _name(node, NODE_INPUT)
    others = [field.raw for field in fields(_text(port)) if field.number != PORT_NAME]
    return _message(PORT_NAME, name) + b"".join(others)


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
    return dict(parse_json(facts.get(name, "{}")))


def _cleaning(about: Mapping[str, Any], path: Path) -> Cleaning:
    threshold = about["threshold"]
    if not isinstance(threshold, float) or not 0 < threshold < 1:
        raise damaged(path, f"its threshold is {threshold!r}, not a number between 0 and 1")
    return Cleaning(threshold, _number_in(about, "opening", MOST_OPENING, path, least=0))


def _number_in(about: Mapping[str, Any], name: str, most: int, path: Path, least: int = 1) -> int:
    """Returns a whole number of the metadata.

    Raises:
        InputError: it is not one between `least` and `most`.
    """
    value = about[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise damaged(path, f"its {name} is {value!r}, not a whole number from {least} to {most}")
    return value
