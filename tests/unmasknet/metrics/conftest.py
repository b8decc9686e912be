"""Import of torchmetrics, which imports torchvision: see the helper."""

import tests.helpers.torchvision_operators  # noqa: F401
