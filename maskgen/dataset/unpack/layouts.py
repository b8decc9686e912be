"""Layouts by name."""

from dataclasses import fields
from typing import Any

from maskgen.dataset.unpack.base import LayoutOptions, UnpackLayout
from maskgen.dataset.unpack.coco import Coco
from maskgen.dataset.unpack.folders import Folders
from maskgen.dataset.unpack.identities import Identities
from maskgen.dataset.unpack.image_folder import Classes
from maskgen.dataset.unpack.mds import Mds
from maskgen.dataset.unpack.parquet import Parquet
from maskgen.dataset.unpack.record_layout import RecordFiles
from maskgen.dataset.unpack.strip import Strip
from maskgen.dataset.unpack.tfrecord import TfRecord
from maskgen.dataset.unpack.tree import Tree
from maskgen.dataset.unpack.voc import Voc
from maskgen.dataset.unpack.yolo import Yolo
from maskgen.errors import UsageError

LAYOUTS: dict[str, Any] = {
    "folders": Folders,
    "strip": Strip,
    "tree": Tree,
    "yolo": Yolo,
    "coco": Coco,
    "voc": Voc,
    "classes": Classes,
    "identities": Identities,
    "rec": RecordFiles,
    "parquet": Parquet,
    "mds": Mds,
    "tfrecord": TfRecord,
}


def build_layout(name: str, options: LayoutOptions) -> UnpackLayout:
    """Builds the layout of a name.

    Raises:
        UsageError: there is no such layout, an option has no meaning for it, or its value is invalid.
    """
    if name not in LAYOUTS:
        raise UsageError(f"--layout {name}: unknown; choose one of {', '.join(LAYOUTS)}")
    layout: UnpackLayout = LAYOUTS[name](options)
    for field in fields(options):
        if getattr(options, field.name) != field.default and field.name not in layout.accepts:
            flag = "--" + field.name.replace("_", "-")
            takers = [other for other, build in LAYOUTS.items() if field.name in build.accepts]
            raise UsageError(f"{flag}: has no meaning for --layout {name}; it belongs to {', '.join(takers)}")
    return layout
