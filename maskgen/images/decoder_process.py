"""Decodes images in a child process, with a deadline: a file that hangs or crashes its decoder costs that process only.

The child holds OpenCV, Pillow and NumPy, about 75 MB, and is used for one image after another: starting it takes half a
second of a core, handing over the pixels of a 24-megapixel photo 40 ms.
"""

import os
import socket
import subprocess
import sys
import time
import weakref
from contextlib import suppress
from typing import Any

from numpy import ndarray

from maskgen.errors import Skip
from maskgen.images.decoder_child import receive, send

READ = "maskgen.images.decoder_jobs:read_image"
START_SECONDS = 60.0  # for the child to load its libraries, from a slow disk or on a busy machine
SPARE_MEMORY = 1 << 30  # bytes, for the libraries of the child and the file itself
BYTES_PER_PIXEL = 64  # 16-bit RGBA in a few copies
_ANSWER_BYTES = 1 << 16  # beside the pixels


class DecoderProcess:
    """Child process that decodes one image at a time. `close` may be called from any thread.

    Args:
        max_pixels: of the largest image.
        read: `module:function` that decodes, see `decoder_jobs.read_image`.

    Attributes:
        alive: whether it can take another image: it has not been closed, has not crashed or exceeded its deadline.
    """

    def __init__(self, max_pixels: int, read: str = READ) -> None:
        self.max_pixels = max_pixels
        self._line, theirs = socket.socketpair()
        command = f"import sys; sys.path[:] = {sys.path!r}; from maskgen.images.decoder_child import main; "
        memory = SPARE_MEMORY + BYTES_PER_PIXEL * max_pixels
        command += f"main({theirs.fileno()}, {os.getpid()}, {read!r}, {memory})"
        # subprocess, because multiprocessing would run the caller's main script again in the child
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", command],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders print remarks about odd files
            )
        self.alive = True
        self._started = False
        self._release = weakref.finalize(self, _release, self._process, self._line)

    def read(self, job: dict[str, Any], data: bytes, seconds: float) -> ndarray | Skip:
        """Decodes an image.

        Args:
            job: how to decode it, for the function `read` of the constructor; it must be valid JSON.
            data: the file's bytes.
            seconds: longest time that decoding may take; the child is killed when it has passed.

        Returns:
            The decoded array, uint8; or a Skip, which is `poison` if the child hung, crashed or was closed.
        """
        try:
            if not self._is_started():
                return self._failed("it does not start")
            until = time.monotonic() + seconds
            self._line.settimeout(seconds)
            send(self._line, job, data)
            self._line.settimeout(max(until - time.monotonic(), 0.01))
            head, pixels = receive(self._line, 4 * self.max_pixels + _ANSWER_BYTES)
            return Skip(*head["skip"]) if "skip" in head else pixels.reshape(head["shape"])
        except TimeoutError:
            return self._failed(f"it takes longer than {seconds:g} s")
        except (OSError, EOFError, ValueError):
            return self._failed("the decoder stopped")

    def close(self) -> None:
        """Kills the child, also while it decodes."""
        self.alive = False
        with suppress(OSError):  # wakes a thread that waits for the child
            self._line.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._process.wait()

    def _is_started(self) -> bool:
        if not self._started:
            self._line.settimeout(START_SECONDS)
            with suppress(OSError):
                self._started = bool(self._line.recv(1))
        return self._started

    def _failed(self, why: str) -> Skip:
        self.close()
        return Skip("poison", f"decoding failed: {why}")


def _release(process: subprocess.Popen[bytes], line: socket.socket) -> None:
    process.kill()
    process.wait()
    line.close()
