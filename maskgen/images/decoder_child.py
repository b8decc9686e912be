"""Child process that decodes images for `decoder_process`: what a hostile file does to a decoder, it does here.

Messages in both directions are a line of JSON, with its length in front, and raw bytes: nothing is unpickled.
"""

import json
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy import ndarray

from maskgen.errors import Skip
from maskgen.processes import die_with

HEAD = struct.Struct(">IQ")  # bytes of the JSON, bytes that follow it
READY = b"r"  # sent once, when everything is loaded
ReadImage = Callable[[dict[str, Any], bytes], ndarray | Skip]


def main(descriptor: int, parent: int, read: str, memory: int) -> None:
    """Answers requests until the parent closes the socket.

    Args:
        descriptor: file descriptor of the socket.
        parent: process id of the parent.
        read: `module:function` of a `ReadImage`.
        memory: bytes that this process may allocate; a decoder that needs more gets a MemoryError.
    """
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # they reach the whole process group; the parent ends this process
        signal.signal(number, signal.SIG_IGN)
    die_with(parent)
    read_image = _load(read)
    _limit_memory(memory)
    with socket.socket(fileno=descriptor) as line, suppress(BrokenPipeError, ConnectionResetError, EOFError):
        line.sendall(READY)
        while True:
            head, data = receive(line)
            _answer(line, read_image(head, data.tobytes()))


def send(line: socket.socket, head: dict[str, Any], data: bytes | memoryview) -> None:
    """Sends a message."""
    text = json.dumps(head).encode()
    line.sendall(HEAD.pack(len(text), len(data)) + text)
    line.sendall(data)


def receive(line: socket.socket, most: int = sys.maxsize) -> tuple[dict[str, Any], ndarray]:
    """Receives a message: its JSON and its bytes.

    Raises:
        EOFError: the other end has closed the socket, or the message is larger than `most` bytes.
    """
    sizes = HEAD.unpack(_exactly(line, HEAD.size).tobytes())
    if max(sizes) > most:
        raise EOFError("the message is too large")
    head = json.loads(_exactly(line, sizes[0]).tobytes())
    return head, _exactly(line, sizes[1])


def _exactly(line: socket.socket, count: int) -> ndarray:
    data = np.empty(count, np.uint8)
    left = data.data
    while len(left):
        received = line.recv_into(left)
        if not received:
            raise EOFError
        left = left[received:]
    return data


def _load(read: str) -> ReadImage:
    module, _, name = read.partition(":")
    import cv2

    cv2.setNumThreads(1)
    return getattr(import_module(module), name)


def _limit_memory(memory: int) -> None:
    """Limits the memory that this process writes to; address space that is only reserved does not count."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (memory, soft, hard) if limit != resource.RLIM_INFINITY]
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))


def _answer(line: socket.socket, result: ndarray | Skip) -> None:
    if isinstance(result, Skip):
        send(line, {"skip": [result.reason, result.detail]}, b"")
        return
    pixels = np.ascontiguousarray(result, np.uint8)
    send(line, {"shape": pixels.shape}, pixels.reshape(-1).data)


if __name__ == "__main__":
    main(int(sys.argv[1]), os.getppid(), sys.argv[2], int(sys.argv[3]))
