"""Order of the site's pages: heading -> pages, by their paths in the repository without `.md`.

A page that is missing here, or named here and missing in the repository, fails the build.
"""

NAVIGATION = {
    "How to make data": (
        "docs/masking",
        "docs/masks",
        "docs/gallery",
        "docs/transforms",
        "docs/detection-data",
        "docs/recognition-data",
        "docs/landmarks",
        "docs/celeba",
        "docs/video",
        "docs/fairness",
    ),
    "How to train and score": (
        "docs/training",
        "docs/presets",
        "docs/evaluation",
        "docs/recognition",
    ),
    "How to take masks off": (
        "docs/restoring",
        "docs/serving",
        "docs/export",
    ),
    "Recipes": (
        "docs/recipes/train-a-mask-detector",
        "docs/recipes/classify-wear",
        "docs/recipes/train-a-recogniser",
        "docs/recipes/evaluate-a-recogniser",
    ),
    "Reference": (
        "docs/commands",
        "docs/settings",
        "docs/api",
        "docs/python",
        "docs/data-set",
        "docs/readers",
        "docs/photos",
        "docs/faults",
    ),
    "Measurements": (
        "docs/benchmarks",
        "docs/weights",
        "docs/masks-looked-at",
        "assets/models/MODEL_CARD",
        "assets/models/README",
    ),
    "Project": (
        "README",
        "CHANGELOG",
        "ARCHITECTURE",
        "CONTRIBUTING",
        "assets/demo/README",
    ),
}
