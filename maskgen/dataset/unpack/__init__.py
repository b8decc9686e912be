"""Unpacking shards into plain files, for tools that read folders.

`LAYOUTS` has a layout per name. `skipped.csv` lists the photos without a sample, with the reason. Names and paths from
shards are not trusted: nothing is written outside the target.
"""

from maskgen.dataset.unpack.layouts import LAYOUTS
from maskgen.dataset.unpack.run import UnpackReport, unpack
from maskgen.dataset.unpack.tables import COLUMNS

__all__ = ["COLUMNS", "LAYOUTS", "UnpackReport", "unpack"]
