"""Web page for tests: trivial networks, and a real server on this machine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx2
import numpy as np

from maskgen.images import codecs
from maskgen.images.decoder_process import READ
from tests.helpers.waiting import HANG_GUARD, wait_for
from unmasknet.restore.unmasker import FoundFace, Restored
from unmasknet.serve.app import Shop
from unmasknet.serve.server import bind, build_server
from unmasknet.serve.settings import ServeSettings

MASK = np.s_[20:30, 10:40]  # rows and columns of every photo that the stand-in restores
JPEG = {"Content-Type": "image/jpeg"}


def photo(height: int = 48, width: int = 64) -> np.ndarray:
    ramp = np.linspace(0, 255, width)[None, :, None] * np.linspace(0.3, 1, height)[:, None, None]
    return (ramp * (1, 0.8, 0.5)).astype(np.uint8)


def jpeg(height: int = 48, width: int = 64) -> bytes:
    return codecs.encode_jpeg(photo(height, width), 95)


def _open_gate() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass
class Unmask:
    """Stand-in that paints a box, or the map, grey when `gate` is open.

    Attributes:
        seen: number of photos.
        most: largest number of photos at once.
        maps: the maps that came with them.
        references: the references that came with them, each as the arguments of the call.
    """

    gate: threading.Event = field(default_factory=_open_gate)
    seen: int = 0
    most: int = 0
    now: int = 0
    maps: list[np.ndarray | None] = field(default_factory=list)
    references: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, image, *, map, samples, seed, **by_reference):
        self.references.append(by_reference)
        self.seen, self.now = self.seen + 1, self.now + 1
        self.most = max(self.most, self.now)
        self.maps.append(map)
        if not self.gate.wait(HANG_GUARD):
            self.gate.set()  # one photo has waited in vain; the others need not
        where = map > 0 if map is not None else np.zeros(image.shape[:2], bool)
        if map is None:
            where[MASK] = True
        pictures = []
        for number in range(samples):
            pictures.append(image.copy())
            pictures[-1][where] = 100 + 20 * number + seed
        map = where * np.uint8(255)
        self.now -= 1
        faces = (FoundFace((5.0, 5.0, 45.0, 40.0), 0.9, True), FoundFace((46.0, 5.0, 60.0, 40.0), 0.8, False))
        return Restored(
            pictures[0], map, faces, tuple(pictures), map // 9, "1 face restored", (), bool(by_reference)
        )


class StandIn:
    """Stand-in for the class `Unmasker` in a program that a test starts."""

    @staticmethod
    def from_pretrained(*_, **__) -> Unmask:
        unmask = Unmask()
        unmask.networks = SimpleNamespace(segmenter_side=64)
        return unmask


def nothing(image, *, map, samples, seed):
    """A stand-in that finds no face."""
    empty = np.zeros(image.shape[:2], np.uint8)
    return Restored(image, empty, (), (), empty, "no face found, nothing changed")


def shop(*unmasks: Callable[..., Restored], example=None, read: str = READ, **settings: object) -> Shop:
    patience = {"seconds": 500.0, "decode_seconds": 500.0}  # a machine that tests share may stop for minutes
    return Shop(unmasks or (Unmask(),), "stand-in", example, ServeSettings(**(patience | settings)), read)


@contextmanager
def serving(wares: Shop) -> Iterator[str]:
    """A real server, in a thread; its address, without a slash at the end."""
    bound = bind("127.0.0.1", 0)
    server = build_server(wares)
    server.config.loop = "asyncio"  # whose clock a test can set
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        assert server.started
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(HANG_GUARD)
        bound.close()


def upload(url: str, content: object = None) -> httpx2.Response:
    """Sends a photo to a real server, however long that takes; `content`: another body than the test photo."""
    body = jpeg() if content is None else content
    return httpx2.post(f"{url}/api/unmask", content=body, headers=JPEG, timeout=HANG_GUARD)
