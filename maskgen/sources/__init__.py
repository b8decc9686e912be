"""Sources of photos: a folder, a zip or tar read in place, several archives, or shards.

    build_source(settings) -> Source       opens the source; InputError if it cannot be one
    source.refs() -> [PhotoRef]            lists every photo, not yet opened
    load(source, ref, settings) -> Photo   reads, decodes and hashes one photo

A source is a *store* (where the bytes are: `folder`, `archive`) with a *layout* (what file names mean: `layouts`).
"""

from maskgen.sources.base import (
    PhotoSource,
    PlacedSource,
    Source,
    decode_photo,
    list_photos,
    load,
    warn_of_few,
)
from maskgen.sources.copies import find_copies
from maskgen.sources.keys import key_base, person_name, sample_key, slug
from maskgen.sources.layouts import is_photo_name
from maskgen.sources.one_photo import OnePhotoSource, is_one_photo
from maskgen.sources.resolve import build_source, open_store
from maskgen.sources.store import Store

__all__ = [
    "OnePhotoSource",
    "PhotoSource",
    "PlacedSource",
    "Source",
    "Store",
    "build_source",
    "decode_photo",
    "find_copies",
    "is_one_photo",
    "is_photo_name",
    "key_base",
    "list_photos",
    "load",
    "open_store",
    "person_name",
    "sample_key",
    "slug",
    "warn_of_few",
]
