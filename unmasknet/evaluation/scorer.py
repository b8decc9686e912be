"""One batch of results under all scores: what is measured of each method's pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from numpy import ndarray

from maskgen.types import Affine, RGBImage
from unmasknet.evaluation.samples import Case, Stack, to_pictures
from unmasknet.evaluation.scores import RESTORED, TRUTH, Ledger
from unmasknet.evaluation.settings import EvalSettings
from unmasknet.maps import ImageBatch, composite
from unmasknet.metrics import brisque, features
from unmasknet.metrics import image as image_metrics
from unmasknet.metrics.features import Lite0, NetworkFeatures
from unmasknet.metrics.identity import Identity, build_identity
from unmasknet.metrics.inception import Inception, load_inception

FindFaces = Callable[[RGBImage, int], Sequence[Affine]]  # a photo's faces as photo -> crop of so many pixels
MASKED = "masked input"
LOOKED_AT = (
    RESTORED,
    TRUTH,
    MASKED,
)  # whose pictures BRISQUE, a detector and a network that knows people see
LEAST_SIDE = 32  # pixels; below it BRISQUE's half-size statistics mean nothing


@dataclass(frozen=True)
class Judge:
    """The tools that pictures are looked at with; each may be missing, and then its figures are null."""

    lite0: Lite0 | None
    inception: Inception | None
    identity: Identity | None
    brisque: bool
    find_faces: FindFaces | None

    @property
    def network(self) -> str:
        """Whose features FID and KID compare."""
        net = self.inception or self.lite0
        return net.name if net else ""

    def truth(self, ledger: Ledger, cases: Sequence[Case], batch: Stack) -> NetworkFeatures | None:
        """Look at the truth: what the methods' pictures are compared with."""
        self._look_closer(ledger, TRUTH, cases, batch.truth)
        return self._vectors(ledger, TRUTH, batch.truth)

    def score(
        self,
        ledger: Ledger,
        method: str,
        cases: Sequence[Case],
        batch: Stack,
        pictures: ImageBatch,
        truth: NetworkFeatures | None,
    ) -> None:
        """Score a method's composited pictures of some cases."""
        hole, everything = batch.hole, torch.ones_like(batch.hole)
        windows = image_metrics.ssim_map(pictures, batch.truth)
        ledger.add(method, "hole.psnr", image_metrics.psnr(pictures, batch.truth, hole))
        ledger.add(method, "hole.ssim", image_metrics.over(windows, hole))
        ledger.add(method, "hole.l1", image_metrics.l1(pictures, batch.truth, hole))
        ledger.add(method, "whole.psnr", image_metrics.psnr(pictures, batch.truth, everything))
        ledger.add(method, "whole.ssim", image_metrics.over(windows, everything))
        look = self._vectors(ledger, method, pictures)
        if look and truth:
            ledger.add(method, "perceptual.whole", features.apart(look, truth, everything))
            ledger.add(method, "perceptual.hole", features.apart(look, truth, hole))
        if method in LOOKED_AT:
            self._look_closer(ledger, method, cases, pictures)

    def _vectors(self, ledger: Ledger, method: str, pictures: ImageBatch) -> NetworkFeatures | None:
        look = self.lite0(pictures) if self.lite0 else None
        if self.inception:
            ledger.add_vectors(method, self.inception.name, self.inception(pictures))
        elif self.lite0 and look:
            ledger.add_vectors(method, self.lite0.name, look.vector)
        return look

    def _look_closer(self, ledger: Ledger, method: str, cases: Sequence[Case], pictures: ImageBatch) -> None:
        seen = to_pictures(pictures)
        if self.brisque and seen[0].shape[0] >= LEAST_SIDE:
            ledger.add(method, "brisque", [brisque.brisque(picture) for picture in seen])
        if self.find_faces:
            ledger.add(
                method, "detected", [float(bool(self.find_faces(picture, len(picture)))) for picture in seen]
            )
        if self.identity:
            ledger.faces.setdefault(method, []).extend(
                self._face(self.identity, case, picture) for case, picture in zip(cases, seen, strict=True)
            )

    @staticmethod
    def _face(identity: Identity, case: Case, picture: RGBImage) -> Float[ndarray, " d"] | None:
        return None if case.points is None else identity.embed(picture, case.points)


def build_judge(settings: EvalSettings, find_faces: FindFaces | None, device: torch.device) -> Judge:
    """The tools that the settings ask for, as far as they are installed.

    Raises:
        MissingError: one that was asked for by name is not installed. InputError: a file of weights is none.
    """
    wanted = settings.features == "on" or (settings.features == "auto" and features.has_lite0())
    inception = load_inception(Path(settings.inception)) if settings.inception else None
    return Judge(
        features.build_lite0().to(device) if wanted else None,
        inception.to(device) if inception else None,
        build_identity(settings.identity),
        settings.brisque,
        find_faces if settings.detect else None,
    )


def laid_in(pictures: ImageBatch, batch: Stack) -> ImageBatch:
    """A method's pictures inside the true hole, the masked photos outside: what every method but ours is judged by."""
    return composite(pictures, batch.masked, batch.hole)
