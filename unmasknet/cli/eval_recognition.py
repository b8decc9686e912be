"""`unmask eval recognition`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from maskgen.cli.options import Output
from unmasknet.recognition.settings import RecognitionSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from maskgen.types import Plane, RGBImage
    from unmasknet.recognition.embeddings import Restore


def eval_recognition(settings: RecognitionSettings) -> Output:
    """Verify people by a face recognition network: what masks cost, and what restoring gives back or takes.

    Example: [bold]unmask eval recognition --data data/shards/lfw --html recognition.html[/bold]
    """
    from maskgen.cli.progress_bar import Meter
    from maskgen.files import check_writable
    from unmasknet.recognition.embeddings import Embedder
    from unmasknet.recognition.evaluate import evaluate
    from unmasknet.recognition.faces import build_point_finder
    from unmasknet.recognition.networks import build_network
    from unmasknet.recognition.pair_csv import write_pairs
    from unmasknet.recognition.report import write_report
    from unmasknet.recognition.tables import as_text

    for target in filter(None, (settings.html, settings.scores)):
        check_writable(Path(target))
    embedder = Embedder(
        build_network(settings),
        build_restore(settings) if any("restored" in name for name in settings.chosen_rows) else None,
        build_point_finder() if settings.landmarks == "found" else None,
        settings.map == "truth",
    )
    with Meter("photos", sys.stderr) as meter:
        evaluation = evaluate(settings, embedder, meter)
    files = write_report(Path(settings.html), evaluation) if settings.html else []
    if settings.scores:
        write_pairs(Path(settings.scores), evaluation.photos, evaluation.scored)
        files.append(Path(settings.scores))
    text = as_text(evaluation.summary) + "".join(f"\n{file}" for file in files)
    return Output(evaluation.summary, text, evaluation.warnings)


def build_restore(settings: RecognitionSettings) -> "Restore":
    """Builds the function that takes masks off, as `unmask run` does it.

    A reference is used even if it seems to show another person: here it is known not to.

    Raises:
        InputError: weights are damaged or cannot be read.
        MissingError: the runtime or the released weights are missing.
    """
    from unmasknet.restore.unmasker import Unmasker

    unmasker = Unmasker.from_pretrained(
        settings.weights, runtime=settings.runtime, device=settings.device, threads=settings.threads
    )

    def restore(
        masked: "RGBImage", map: "Plane | None", references: "Sequence[RGBImage]"
    ) -> "tuple[RGBImage, bool]":
        result = unmasker(masked, map=map, references=references, force=True)
        return result.picture, result.by_reference

    return restore
