"""Order of the site's pages: heading -> pages, by their paths in the repository without `.md`.

A page that is missing here, or named here and missing in the repository, fails the build.
"""

NAVIGATION = {
    "Start in five minutes": (
        "docs/start/index",
        "docs/install",
        "docs/start/mask-a-folder",
        "docs/start/train-a-mask-detector",
        "docs/start/train-a-recogniser",
        "docs/start/take-a-mask-off",
        "docs/start/frames-from-video",
    ),
    "Coming from": (
        "docs/coming-from/masktheface",
        "docs/coming-from/img2dataset",
        "docs/coming-from/iopaint",
        "docs/coming-from/insightface",
    ),
    "How to make data": (
        "docs/masking",
        "docs/masks",
        "docs/gallery",
        "docs/transforms",
        "docs/detection-data",
        "docs/recognition-data",
        "docs/exports",
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
        "docs/onnx",
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
        "docs/comparisons",
        "docs/benchmarks",
        "docs/weights",
        "docs/masks-looked-at",
        "assets/models/MODEL_CARD",
        "assets/models/README",
    ),
    "Project": (
        "README",
        "docs/limits",
        "CHANGELOG",
        "ARCHITECTURE",
        "CONTRIBUTING",
        "assets/demo/README",
        "compat/README",
    ),
}
