"""Routes of the server: the page's files, the API, and information about both."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, runtime_checkable

from fastapi import FastAPI, HTTPException, Query, Request, Response
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from maskgen import __version__
from maskgen.assets import asset
from maskgen.errors import Skip
from maskgen.images import codecs
from maskgen.settings import PHOTO_BACKGROUND
from maskgen.types import RGBImage
from unmasknet.restore.unmasker import Restored
from unmasknet.serve.admission import Full, Gate
from unmasknet.serve.middleware import Guard
from unmasknet.serve.response import INVENTED, Answer, answer_of
from unmasknet.serve.settings import ServeSettings
from unmasknet.serve.upload import busy, read_photo

PAGES = {"/": "index.html", "/docs": "docs.html"}
FILES = ("app.css", "app.js", "docs.js", "icon.svg")
KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PART = (
    1 << 18
)  # bytes of a response that are sent at once, so that data a client does not read is not held twice
PHOTO_BODY = {
    "requestBody": {
        "required": True,
        "description": "the bytes of the photo's file, not a form: jpg, png, webp, tiff, bmp, gif, avif",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body is not a photo, or the photo cannot be read"},
    403: {"description": "the request comes from another page, or the host name is not allowed"},
    408: {"description": "the photo took too long to arrive"},
    413: {"description": "the photo's file is too large"},
    429: {"description": "too many photos at once; Retry-After says when to try again"},
}


@runtime_checkable
class Unmask(Protocol):
    """Protocol of `restore.unmasker.Unmasker`, so that tests can replace it."""

    def __call__(self, image: RGBImage, *, samples: int, seed: int) -> Restored:
        """Restores a photo, RGB."""


class About(BaseModel):
    """Version, networks and limits of this server."""

    version: str
    note: str
    networks: str
    max_bytes: int
    max_pixels: int
    max_samples: int
    example: bool


@dataclass(frozen=True)
class Shop:
    """State shared by the routes.

    Attributes:
        unmask: restores a photo; always called in the same thread.
        networks: runtime and weights, for display.
        example: returns an example photo as JPEG bytes; None if there is none.
        settings: with the limits.
    """

    unmask: Unmask
    networks: str
    example: Callable[[], bytes] | None
    settings: ServeSettings


def build_app(shop: Shop) -> FastAPI:
    """Builds the app, with its middleware."""
    worker = ThreadPoolExecutor(1, "unmask")

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        worker.shutdown(cancel_futures=True)

    app = FastAPI(
        title="unmask",
        version=__version__,
        description=INVENTED,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    settings = shop.settings
    app.add_middleware(Guard, host=settings.host, names=settings.names, seconds=settings.seconds)
    _add_files(app)
    _add_about(app, shop, worker)
    _add_unmask(app, shop, worker)
    return app


def _add_files(app: FastAPI) -> None:
    """Adds the page's files, read now, so that no request can reach any other file."""
    for address, name in {**PAGES, **{f"/static/{name}": name for name in FILES}}.items():
        content, kind = asset(f"web/{name}").read_bytes(), KINDS[name.rpartition(".")[2]]
        _add_file(app, address, content, {"Content-Type": kind, "Cache-Control": "no-cache"})


def _add_file(app: FastAPI, address: str, content: bytes, headers: Mapping[str, str]) -> None:
    @app.get(address, include_in_schema=False)
    def file() -> Response:
        return Response(content, headers=dict(headers))


def _add_about(app: FastAPI, shop: Shop, worker: ThreadPoolExecutor) -> None:
    @app.get("/api/about")
    def about() -> About:
        """Returns version, networks and limits."""
        limits = shop.settings.model_dump(include={"max_bytes", "max_pixels", "max_samples"})
        example = shop.example is not None
        return About(version=__version__, note=INVENTED, networks=shop.networks, example=example, **limits)

    @app.get("/api/example", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
    async def example() -> Response:
        """Returns the included photo with a mask on the face."""
        if shop.example is None:
            raise HTTPException(404, "this page has no example")
        data = await asyncio.get_running_loop().run_in_executor(worker, shop.example)
        return Response(data, media_type="image/jpeg")


def _add_unmask(app: FastAPI, shop: Shop, worker: ThreadPoolExecutor) -> None:
    settings = shop.settings
    gate = Gate(settings.queue, settings.queue_bytes)
    samples_wanted = Query(
        ge=1, le=settings.max_samples, description="number of results, all equally plausible"
    )

    @app.post("/api/unmask", response_model=Answer, responses=REFUSALS, openapi_extra=PHOTO_BODY)
    async def unmask(
        request: Request,
        samples: Annotated[int, samples_wanted] = 1,
        seed: Annotated[
            int, Query(ge=0, le=2**31, description="random seed of all samples but the first")
        ] = 0,
    ) -> Response:
        """Removes the masks from the faces of a photo. Nothing is stored."""
        async with AsyncExitStack() as stack:
            try:
                place = stack.enter_context(gate.place())
            except Full:
                raise busy() from None
            data = await read_photo(request, place, settings.max_bytes, settings.seconds)
            async with gate.turn():
                if await request.is_disconnected():
                    raise HTTPException(400, "the client has disconnected")
                loop = asyncio.get_running_loop()
                body = await loop.run_in_executor(worker, _answered, shop, data, samples, seed)
            del data
            place.free()
            await stack.enter_async_context(gate.answer(len(body)))
            return InParts(body, stack.pop_all())


def _answered(shop: Shop, data: bytes, samples: int, seed: int) -> bytes:
    """Restores the photo in a file and returns the JSON response.

    Raises:
        HTTPException: 400, it is not a photo.
    """
    began = time.perf_counter()
    photo = codecs.decode(data, max_pixels=shop.settings.max_pixels, background=PHOTO_BACKGROUND)
    if isinstance(photo, Skip):
        raise HTTPException(
            400, f"the photo cannot be used: {photo.reason.replace('_', ' ')}: {photo.detail}"
        )
    restored = shop.unmask(photo, samples=samples, seed=seed)
    return answer_of(photo, restored, time.perf_counter() - began).model_dump_json().encode("utf-8")


class InParts(Response):
    """JSON response, sent in parts. The request keeps its slot, held by `stack`, until the last part is sent."""

    media_type = "application/json"

    def __init__(self, content: bytes, stack: AsyncExitStack) -> None:
        super().__init__(content)
        self.stack = stack

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Sends the response."""
        async with self.stack:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            for at in range(0, len(self.body), PART):
                part = self.body[at : at + PART]
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
