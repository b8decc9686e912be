"""Networks in torch, as in the evaluation."""

import warnings
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.extras import require
from unmasknet.restore.runtimes.base import Cleaning, Crops, Maps, Networks


def open_torch(weights: Sequence[str], device: str, threads: int) -> Networks:
    """Loads runs with torch. See `open_networks`."""
    require("--runtime torch", "train", "torch")
    return TorchNetworks(weights, device, threads)


class TorchNetworks:
    """Networks of run folders or weight files, in torch; see `Networks`."""

    def __init__(self, weights: Sequence[str], device: str, threads: int) -> None:
        import torch

        from unmasknet.device import choose_device, use_threads
        from unmasknet.models.alignment import USUAL, OtherAlignment, alignment_of, mixed_alignment
        from unmasknet.models.load import THRESHOLD
        from unmasknet.models.two_stage import load_restorer

        use_threads(threads)
        self._device = choose_device(device)
        self._restorer = load_restorer(weights, self._device)
        segmenter, generator = self._restorer.segmenter, self._restorer.generator
        trained = [alignment_of(one.facts) for one in (segmenter, generator) if one]
        if warning := mixed_alignment(USUAL, trained):
            warnings.warn(warning, OtherAlignment, stacklevel=2)
        self.name = f"torch-{torch.__version__} on {self._device}: {', '.join(self._restorer.names)}"
        self.segmenter_side = segmenter.settings.data.size if segmenter else None
        self.generator_side = generator.settings.data.size if generator else None
        self.cleaning = (
            Cleaning(segmenter.threshold, segmenter.net.opening) if segmenter else Cleaning(THRESHOLD, 0)
        )

    def hidden(self, crops: Crops) -> Float32[ndarray, "n side side"]:
        """Implements `Networks`."""
        import torch

        from unmasknet.evaluation.samples import to_tensor

        with torch.inference_mode():
            found = self._restorer.probabilities(to_tensor([*crops], self._device))
        return np.asarray(found[:, 0].float().cpu().numpy(), np.float32)

    def fill(self, crops: Crops, maps: Maps) -> Float32[ndarray, "n side side 3"]:
        """Implements `Networks`."""
        import torch

        from unmasknet.evaluation.samples import to_tensor

        with torch.inference_mode():
            map = torch.from_numpy(maps).to(self._device).float()[:, None]
            made = self._restorer.restored(to_tensor([*crops], self._device), map)
        return np.ascontiguousarray(made.permute(0, 2, 3, 1).float().cpu().numpy() * np.float32(255))
