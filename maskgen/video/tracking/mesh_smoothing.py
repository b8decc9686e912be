"""A face followed through a clip: its mesh and the light on it at any frame, without their trembling.

A mesh found anew in each frame trembles by a pixel or so, which no one sees in a photo and everyone in a mask that is
worn through a clip. So each point follows a line fitted to what was found shortly before and after.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.rendering.lighting import Light
from maskgen.video.tracking.crop_smoothing import line_at, spans

REACH = 0.25  # seconds; what lies further from a time says nothing of the face then
MESH_SPREAD = (
    0.07  # seconds, deviation of the weights: a third of a syllable, so that the jaw is still followed
)
LIGHT_SPREAD = 0.12  # seconds; the light is read off few pixels, and changes slowly

Mesh = Float32[ndarray, "468 3"]


@dataclass
class Followed:
    """What was seen of one face, of late."""

    times: list[float] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)

    def note(self, time: float, mesh: Mesh, light: Light) -> None:
        """Keeps what a frame shows; what no frame will ask for again is forgotten."""
        self.times.append(time)
        self.meshes.append(mesh)
        self.lights.append(light)
        while self.times[0] < time - 3 * REACH:
            del self.times[0], self.meshes[0], self.lights[0]

    def is_seen(self, time: float) -> bool:
        """Tells whether the face was found at a time, or shortly before and after it: then it was only missed."""
        return spans(self._clock, time, REACH)

    def mesh_at(self, time: float) -> Mesh:
        """Returns the smoothed mesh at a time."""
        rows = np.array(self.meshes, np.float64).reshape(len(self.meshes), -1)
        return line_at(self._clock, rows, time, REACH, MESH_SPREAD).reshape(-1, 3).astype(np.float32)

    def light_at(self, time: float) -> Light:
        """Returns the light at a time: the mean of those around it, near ones weighing more."""
        weights = np.exp(-0.5 * ((self._clock - time) / LIGHT_SPREAD) ** 2)
        toned = [light for light in self.lights if len(light.skin)]
        told = np.array([w for w, light in zip(weights, self.lights, strict=True) if len(light.skin)])

        def mean(values: list[ndarray], by: ndarray) -> ndarray:
            return np.average(np.array(values), axis=0, weights=by + 1e-9).astype(np.float32)

        return Light(
            mean([light.gain for light in self.lights], weights),
            mean([light.direction for light in self.lights], weights),
            float(np.average([light.grain for light in self.lights], weights=weights + 1e-9)),
            float(np.average([light.saturation for light in self.lights], weights=weights + 1e-9)),
            mean([light.skin for light in toned], told) if toned else np.zeros(0, np.float32),
        )

    @property
    def _clock(self) -> ndarray:
        return np.array(self.times, np.float64)
