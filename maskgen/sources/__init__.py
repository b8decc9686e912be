"""Photos in: a folder, a zip or tar read in place, a set of them, or shards, as one list of `PhotoRef`s.

    build_source(settings) -> Source       what is there; refuses what cannot be a source
    source.refs() -> [PhotoRef]            every photo, not yet opened
    load(source, ref, settings) -> Photo   one photo: read, decoded, hashed

A source is a *store* (where bytes lie: `folder`, `archive`) seen through a *layout* (what names mean: `layouts`).
"""

from maskgen.sources.base import PhotoSource, Source, load
from maskgen.sources.keys import key_base, sample_key, slug
from maskgen.sources.layouts import is_photo_name
from maskgen.sources.resolve import build_source, open_store
from maskgen.sources.store import Store

__all__ = [
    "PhotoSource",
    "Source",
    "Store",
    "build_source",
    "is_photo_name",
    "key_base",
    "load",
    "open_store",
    "sample_key",
    "slug",
]
