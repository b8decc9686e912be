"""Sequential reader of plain USTAR files, as `gen-data` writes them; takes a third of the time of `tarfile`."""

from collections.abc import Callable, Iterator

from maskgen.files import size_text
from maskgen.reading import PHOTO_BYTES
from unmasknet.data.shard_list import Readable

BLOCK = 512
PLAIN = (b"0", b"\0")  # type flags of regular files
SKIPPED = 1 << 20  # bytes skipped per read


class NotPlain(ValueError):
    """Header of another kind than `gen-data` writes: a link, a folder, a long name. `tarfile` can read these."""


class Broken(ValueError):
    """Error for a file that ends early or has a damaged header."""


def plain_members(file: Readable, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yields names and bytes of the wanted members.

    Raises:
        NotPlain: a member is of another kind, or the file is not a USTAR file.
        Broken: the file is truncated or damaged, or a member is larger than a photo.
    """
    while True:
        header = file.read(BLOCK)
        if len(header) == BLOCK and not any(header):
            return
        name, size = _parse(header)
        if size > PHOTO_BYTES:
            raise Broken(f"{name} has {size_text(size)}, at most {size_text(PHOTO_BYTES)} are allowed")
        padded = -(-size // BLOCK) * BLOCK
        if wanted(name):
            data = file.read(padded)
            if len(data) < padded:
                raise Broken(f"{name} is truncated")
            yield name, data[:size]
        else:
            _pass_over(file, padded, name)


def _parse(header: bytes) -> tuple[str, int]:
    if len(header) < BLOCK:
        raise Broken("the end mark is missing")
    if header[257:263] != b"ustar\0" or header[156:157] not in PLAIN or header[345]:
        raise NotPlain
    try:
        if sum(header[:148]) + sum(header[156:]) + 8 * ord(" ") != int(header[148:156].rstrip(b" \0"), 8):
            raise Broken("a header is damaged")
        return header[:100].partition(b"\0")[0].decode(), int(header[124:136].rstrip(b" \0"), 8)
    except (UnicodeDecodeError, ValueError) as error:
        raise Broken("a header is damaged") from error


def _pass_over(file: Readable, size: int, name: str) -> None:
    while size:
        passed = len(file.read(min(size, SKIPPED)))
        if not passed:
            raise Broken(f"{name} is truncated")
        size -= passed
