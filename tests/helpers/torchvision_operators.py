"""Import of torchvision where its compiled operators do not load.

The wheel of torchvision on the package index is compiled for the CUDA build of torch. Beside a CPU build its library of
operators does not load, and then `import torchvision` fails, because it registers shapes for two operators that do not
exist; so does `import torchmetrics`, which imports torchvision where it is installed. The transforms use none of the
operators. So the two are declared, without an implementation.
"""

from importlib import import_module
from importlib.util import find_spec

DECLARED = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_kept = []  # a library's declarations end with the object


def import_torchvision():
    """Imports torchvision, if it is installed."""
    if find_spec("torchvision") is None:
        return
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
        from torch.library import Library

        _kept.append(Library("torchvision", "DEF"))
        for declaration in DECLARED:
            _kept[0].define(declaration)
        import_module("torchvision")


import_torchvision()
