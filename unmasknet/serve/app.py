"""Routes of the server: the page's files, the API, and information about both."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import FastAPI, HTTPException, Query, Request, Response
from jaxtyping import UInt8
from numpy import ndarray
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from maskgen import __version__
from maskgen.assets import asset
from maskgen.errors import InputError
from maskgen.images.decoder_process import READ
from maskgen.images.formats import heic_is_installed
from maskgen.types import Plane, RGBImage
from unmasknet.restore.reference.selection import OtherPersonError
from unmasknet.restore.unmasker import Restored
from unmasknet.serve.admission import Gate
from unmasknet.serve.decoders import Decoders
from unmasknet.serve.middleware import Guard
from unmasknet.serve.response import INVENTED, Answer, answer_of
from unmasknet.serve.restorers import Restorers, Unmask
from unmasknet.serve.settings import ServeSettings
from unmasknet.serve.upload import Upload, join_queue, read_upload

PAGES = {"/": "index.html", "/docs": "docs.html"}
FILES = ("app.css", "app.js", "brush.js", "docs.js", "icon.svg")
KINDS = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PART = (
    1 << 18
)  # bytes of a response that are sent at once, so that what a client does not read is not held twice
FORMATS = "JPEG, PNG, WebP, TIFF, AVIF"
_FILE = {"type": "string", "format": "binary"}
PHOTO_BODY = {
    "requestBody": {
        "required": True,
        "description": "the bytes of the photo's file: jpg, png, webp, tiff, bmp, gif, avif, heic with its package; or "
        "a form with the files photo, map and reference. The map is an image that is white where masks are; none are "
        "looked for. The reference is another photo of the same person, without a mask, from which the hidden part is "
        "taken",
        "content": {
            "image/*": {"schema": _FILE},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"photo": _FILE, "map": _FILE, "reference": _FILE},
                    "required": ["photo"],
                }
            },
        },
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "the body is not a photo, or the photo, the map or the reference cannot be used"},
    403: {"description": "the request comes from another page, or the host name is not allowed"},
    408: {"description": "the photo took too long to arrive"},
    409: {"description": "the reference seems to show another person; with force=true it is used"},
    413: {"description": "the photo's file is too large"},
    422: {"description": "decoding the photo takes too long or crashes, or a parameter is out of its bounds"},
    429: {"description": "too many photos at once; Retry-After says when to try again"},
    503: {"description": "the server is being stopped"},
}


class About(BaseModel):
    """Version, networks and limits of this server."""

    version: str
    note: str
    networks: str
    max_bytes: int
    max_pixels: int
    max_samples: int
    example: bool
    formats: str


@dataclass(frozen=True)
class Shop:
    """State shared by the routes.

    Attributes:
        unmasks: each restores a photo, always in the same thread; one at least.
        networks: runtime and weights, for display.
        example: returns an example photo as JPEG bytes; None if there is none.
        settings: with the limits.
        read: `module:function` that decodes images in the decoder processes.
    """

    unmasks: tuple[Unmask, ...]
    networks: str
    example: Callable[[], bytes] | None
    settings: ServeSettings
    read: str = READ


@dataclass(frozen=True)
class Pictures:
    """Decoded files of a request; None where there is none."""

    photo: RGBImage
    map: Plane | None
    reference: UInt8[ndarray, "_ _ 3"] | None


@dataclass(frozen=True)
class Wishes:
    """Parameters of a request."""

    samples: int
    seed: int
    expression: str
    force: bool


def build_app(shop: Shop) -> FastAPI:
    """Builds the app, with its middleware."""
    settings = shop.settings
    restorers = Restorers(shop.unmasks)
    decoders = Decoders(settings.decoders, settings.decode_seconds, settings.max_pixels, shop.read)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        decoders.warm()
        yield
        decoders.close()
        restorers.close()

    app = FastAPI(
        title="unmask",
        version=__version__,
        description=INVENTED,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.add_middleware(Guard, host=settings.host, names=settings.names, seconds=settings.seconds)
    _add_files(app)
    _add_about(app, shop, restorers)
    _add_unmask(app, shop, restorers, decoders)
    return app


def _add_files(app: FastAPI) -> None:
    """Adds the page's files, read now, so that no request can reach any other file."""
    for address, name in {**PAGES, **{f"/static/{name}": name for name in FILES}}.items():
        content, kind = asset(f"web/{name}").read_bytes(), KINDS[name.rpartition(".")[2]]
        _add_file(app, address, content, {"Content-Type": kind, "Cache-Control": "no-cache"})


def _add_file(app: FastAPI, address: str, content: bytes, headers: Mapping[str, str]) -> None:
    @app.head(address, include_in_schema=False)
    @app.get(address, include_in_schema=False)
    def file() -> Response:
        return Response(content, headers=dict(headers))


def _add_about(app: FastAPI, shop: Shop, restorers: Restorers) -> None:
    @app.head("/api/about", include_in_schema=False)
    @app.get("/api/about")
    def about() -> About:
        """Returns version, networks and limits."""
        limits = shop.settings.model_dump(include={"max_bytes", "max_pixels", "max_samples"})
        example = shop.example is not None
        formats = f"{FORMATS} or HEIC" if heic_is_installed() else f"{FORMATS[:-6]} or AVIF"
        return About(
            version=__version__,
            note=INVENTED,
            networks=shop.networks,
            example=example,
            formats=formats,
            **limits,
        )

    @app.head("/api/example", include_in_schema=False)
    @app.get("/api/example", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
    async def example() -> Response:
        """Returns the included photo with a mask on the face."""
        if shop.example is None:
            raise HTTPException(404, "this page has no example")
        data = await restorers.run_aside(shop.example)
        return Response(data, media_type="image/jpeg")


def _add_unmask(app: FastAPI, shop: Shop, restorers: Restorers, decoders: Decoders) -> None:
    settings = shop.settings
    gate = Gate(settings.queue, settings.queue_bytes, len(shop.unmasks))
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
        expression: Annotated[
            Literal["reference", "neutral"], Query(description="mouth as in the reference, or closed")
        ] = "reference",
        force: Annotated[
            bool, Query(description="use a reference that seems to show another person")
        ] = False,
    ) -> Response:
        """Removes the masks from the faces of a photo. Nothing is stored."""
        async with AsyncExitStack() as stack:
            slot = stack.enter_context(gate.slot())
            files = await read_upload(request, slot, settings.max_bytes, settings.seconds)
            join_queue(slot)
            client = request.client.host if request.client else ""
            async with AsyncExitStack() as work:
                async with decoders.places.place(client):
                    began = time.perf_counter()
                    given = await _decoded(decoders, files)
                    del files
                    seconds = time.perf_counter() - began
                    await work.enter_async_context(gate.turn(client))
                if await request.is_disconnected():
                    raise HTTPException(400, "the client has disconnected")
                wishes = Wishes(samples, seed, expression, force)
                job = partial(_answered, given, wishes, seconds)
                del given
                body = await restorers.run(job)
            slot.free()
            await stack.enter_async_context(gate.answer(len(body)))
            return InParts(body, stack.pop_all())


async def _decoded(decoders: Decoders, files: Upload) -> Pictures:
    """Decodes the files of a request. Errors are those of `Decoders.photo`."""
    photo = await decoders.photo(files.photo)
    map = None if files.map is None else await decoders.map(files.map, *photo.shape[:2])
    reference = None if files.reference is None else await decoders.photo(files.reference, "second photo")
    return Pictures(photo, map, reference)


def _answered(given: Pictures, wishes: Wishes, decoding: float, unmask: Unmask) -> bytes:
    """Restores a photo and returns the JSON response. `decoding`: seconds that decoding took.

    Photo and map were checked when they were decoded, so an error here is the server's: its message, which may name
    this machine's files, is for the log. Errors of a reference, which holds no file's name, are the client's.
    """
    began = time.perf_counter()
    restored = _restored(given, wishes, unmask)
    seconds = decoding + time.perf_counter() - began
    return answer_of(given.photo, restored, seconds).model_dump_json().encode("utf-8")


def _restored(given: Pictures, wishes: Wishes, unmask: Unmask) -> Restored:
    usual = partial(unmask, given.photo, map=given.map, samples=wishes.samples, seed=wishes.seed)
    if given.reference is None:
        return usual()
    try:
        return usual(references=[given.reference], expression=wishes.expression, force=wishes.force)
    except OtherPersonError as error:
        raise HTTPException(409, str(error)) from None
    except InputError as error:
        raise HTTPException(400, str(error)) from None


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
