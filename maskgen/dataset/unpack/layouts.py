"""Layouts by name."""

from collections.abc import Callable

from maskgen.dataset.unpack.base import FileLayout, LayoutOptions
from maskgen.dataset.unpack.folders import Folders
from maskgen.dataset.unpack.strip import Strip
from maskgen.dataset.unpack.tree import Tree

LAYOUTS: dict[str, Callable[[LayoutOptions], FileLayout]] = {"folders": Folders, "strip": Strip, "tree": Tree}
