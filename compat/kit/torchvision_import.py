"""Imports torchvision beside a build of torch for CPUs, for which its wheel on the package index is not compiled.

Its library of operators does not load there, and `import torchvision` fails because it registers shapes for two
operators that do not exist. No reader needs them, so they are declared, without an implementation.
"""

import sys

from torch.library import Library

OPERATORS = Library("torchvision", "FRAGMENT")  # declarations end with the object

try:
    import torchvision
except RuntimeError as error:
    if "torchvision::nms does not exist" not in str(error):
        raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    for name in ("nms", "qnms"):
        OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
