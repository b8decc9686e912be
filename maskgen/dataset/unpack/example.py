"""Encoder of `tf.train.Example`, a protocol buffer of named lists of bytes, floats and integers.

The definition is in TensorFlow's `example.proto` and `feature.proto`. Fields are written by hand, because the package
protobuf brings no definition of Example, and does not promise the same bytes in all its versions.
"""

from collections.abc import Mapping, Sequence
from struct import pack
from typing import Any

from maskgen.tfrecords import field, varint

_BYTES, _FLOATS, _INTEGERS = 1, 2, 3  # numbers of the fields of Feature


def encode_example(features: Mapping[str, Sequence[Any]]) -> bytes:
    """Encodes an Example; the features are sorted by name, so equal ones give equal bytes.

    Args:
        features: name -> values of one kind: bytes, text, float (stored as float32) or int (64 bits). Without values
            the feature has no kind, which readers take for an empty list of the kind that they expect.
    """
    entries = (
        field(1, field(1, name.encode()) + field(2, _feature(values)))
        for name, values in sorted(features.items())
    )
    return field(1, b"".join(entries))


def _feature(values: Sequence[Any]) -> bytes:
    """Encodes a list of bytes, floats or integers as a Feature; numbers are packed."""
    if not values:
        return b""
    if isinstance(values[0], float):
        return field(_FLOATS, field(1, pack(f"<{len(values)}f", *values)))
    if isinstance(values[0], int):
        return field(_INTEGERS, field(1, b"".join(map(varint, values))))
    texts = (value if isinstance(value, bytes) else value.encode() for value in values)
    return field(_BYTES, b"".join(field(1, text) for text in texts))
