"""Readers of TFRecord and MDS files, written from the descriptions of the formats and not from our writers."""

import io
import itertools
import json
import struct

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def tfrecords(path):
    """Yields the contents of a TFRecord file, and checks both checksums of each."""
    file = io.BytesIO(path.read_bytes())
    while head := file.read(12):
        (length,) = struct.unpack("<Q", head[:8])
        assert struct.pack("<I", masked(bitwise_crc(head[:8]))) == head[8:]
        content = file.read(length)
        assert len(content) == length
        assert struct.pack("<I", masked(bitwise_crc(content))) == file.read(4)
        yield content


def bitwise_crc(data):
    """CRC-32C bit by bit, as RFC 3720 defines it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(crc):
    return ((crc >> 15) | (crc << 17) & 0xFFFFFFFF) + 0xA282EAD8 & 0xFFFFFFFF


def example_class():
    """Builds the class of tf.train.Example from its definition in TensorFlow's example.proto and feature.proto."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="tf", syntax="proto3")
    for name, kind in (("Bytes", kinds.TYPE_BYTES), ("Float", kinds.TYPE_FLOAT), ("Int64", kinds.TYPE_INT64)):
        message = file.message_type.add(name=f"{name}List")
        message.field.add(name="value", number=1, type=kind, label=kinds.LABEL_REPEATED)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(("bytes", "float", "int64"), 1):
        feature.field.add(
            name=f"{name}_list",
            number=number,
            type=kinds.TYPE_MESSAGE,
            type_name=f".tf.{name.capitalize()}List",
            label=kinds.LABEL_OPTIONAL,
            oneof_index=0,
        )
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    for message, name, number, type_name, label in (
        (entry, "value", 2, ".tf.Feature", kinds.LABEL_OPTIONAL),
        (features, "feature", 1, ".tf.Features.FeatureEntry", kinds.LABEL_REPEATED),
        (file.message_type.add(name="Example"), "features", 1, ".tf.Features", kinds.LABEL_OPTIONAL),
    ):
        message.field.add(name=name, number=number, type=kinds.TYPE_MESSAGE, type_name=type_name, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tf.Example"))


def parse_example(content):
    """Returns the features of an Example by name, each as a list; floats as stored, with 32 bits."""
    example = example_class().FromString(content)
    found = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found[name] = list(getattr(feature, kind).value) if kind else []
    return found


def mds_samples(folder):
    """Yields the samples of a folder of MDS shards by column, decoded by the encodings in its index."""
    index = json.loads((folder / "index.json").read_bytes())
    assert index["version"] == 2
    decoders = {
        "str": bytes.decode,
        "json": json.loads,
        "int": lambda data: struct.unpack("<q", data)[0],
        "float64": lambda data: struct.unpack("<d", data)[0],
    }
    for shard in index["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack_from("<I", data)
        assert count == shard["samples"]
        offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
        assert json.loads(data[4 * (count + 2) : offsets[0]]).items() <= shard.items()
        assert offsets[-1] == len(data)
        for start, end in itertools.pairwise(offsets):
            at, sizes, sample = start, [], {}
            for fixed in shard["column_sizes"]:
                if not fixed:
                    (fixed,) = struct.unpack_from("<I", data, at)
                    at += 4
                sizes.append(fixed)
            for name, encoding, size in zip(
                shard["column_names"], shard["column_encodings"], sizes, strict=True
            ):
                sample[name] = decoders.get(encoding, bytes)(data[at : at + size])
                at += size
            assert at == end
            yield sample
