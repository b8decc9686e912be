"""Records of TFRecord files."""

import numpy as np

from maskgen.tfrecords import crc32c, frame
from tests.helpers.shard_layouts import bitwise_crc


def test_the_checksum_is_crc_32c():
    # examples of RFC 3720, appendix B.4, and the usual check value
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283
    random = np.random.default_rng(0).integers(0, 256, 70_000, np.uint8).tobytes()
    for size in (4, 5, 511, 512, 513, 1024, 9000, 70_000):
        assert crc32c(random[:size]) == bitwise_crc(random[:size]), size


def test_a_record_holds_length_content_and_masked_checksums():
    # TensorFlow rotates a checksum by 15 bits and adds a constant
    crc = 0xE3069283
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    record = frame(b"123456789")
    assert record[:8] == (9).to_bytes(8, "little")
    assert record[12:] == b"123456789" + masked.to_bytes(4, "little")
