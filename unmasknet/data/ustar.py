"""Members of a plain USTAR file, as our shards are, read forwards at a third of the cost of `tarfile`."""

from collections.abc import Callable, Iterator

from unmasknet.data.shard_list import Readable

BLOCK = 512
PLAIN = (b"0", b"\0")  # type flags of regular files
SKIPPED = 1 << 20  # bytes that are passed over at a time


class NotPlain(ValueError):
    """A header of another kind than ours: links, folders, long names. `tarfile` can read those."""


class Broken(ValueError):
    """The file ends early, or a header is damaged."""


def plain_members(file: Readable, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the members that are wanted.

    Raises:
        NotPlain: at the first member of another kind, or at once if this is no USTAR file.
        Broken: where the file is.
    """
    while True:
        header = file.read(BLOCK)
        if len(header) == BLOCK and not any(header):
            return
        name, size = _parse(header)
        padded = -(-size // BLOCK) * BLOCK
        if wanted(name):
            data = file.read(padded)
            if len(data) < padded:
                raise Broken(f"{name} is cut")
            yield name, data[:size]
        else:
            _pass_over(file, padded, name)


def _parse(header: bytes) -> tuple[str, int]:
    if len(header) < BLOCK:
        raise Broken("it ends without an end mark")
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
            raise Broken(f"{name} is cut")
        size -= passed
