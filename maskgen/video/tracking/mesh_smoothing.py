"""Smoothing of a tracked face's mesh and light over time.

A mesh that is detected anew in each frame jitters by about a pixel. This is invisible in a photo, but obvious on a mask
in a video. So each point follows a line fitted to the detections shortly before and after.
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from maskgen.rendering.lighting import Light
from maskgen.video.tracking.crop_smoothing import line_at, spans

REACH = 0.25  # seconds; detections further from a time are ignored
MESH_SPREAD = 0.07  # seconds, sigma of the weights: a third of a syllable, so that the jaw is still followed
LIGHT_SPREAD = 0.12  # seconds, sigma of the weights: light is estimated from few pixels, and changes slowly

Mesh = Float32[ndarray, "468 3"]


@dataclass
class Followed:
    """Recent meshes and lights of one face."""

    times: list[float] = field(default_factory=list)
    meshes: list[Mesh] = field(default_factory=list)
    lights: list[Light] = field(default_factory=list)

    def note(self, time: float, mesh: Mesh, light: Light) -> None:
        """Adds the detection in a frame, and removes those that no later frame needs."""
        self.times.append(time)
        self.meshes.append(mesh)
        self.lights.append(light)
        while self.times[0] < time - 3 * REACH:
            del self.times[0], self.meshes[0], self.lights[0]

    def is_seen(self, time: float) -> bool:
        """Tells whether the face was detected at a time, or both shortly before and after it, so only missed."""
        return spans(self._clock, time, REACH)

    def mesh_at(self, time: float) -> Mesh:
        """Returns the smoothed mesh at a time."""
        rows = np.array(self.meshes, np.float64).reshape(len(self.meshes), -1)
        return line_at(self._clock, rows, time, REACH, MESH_SPREAD).reshape(-1, 3).astype(np.float32)

    def light_at(self, time: float) -> Light:
        """Returns the smoothed light at a time: the mean of the lights around it, near ones weighing more."""
        weights = np.exp(-0.5 * ((self._clock - time) / LIGHT_SPREAD) ** 2)
        toned = [light for light in self.lights if len(light.skin)]
        toned_weights = np.array(
            [w for w, light in zip(weights, self.lights, strict=True) if len(light.skin)]
        )

        def mean(values: list[ndarray], by: ndarray) -> ndarray:
            return np.average(np.array(values), axis=0, weights=by + 1e-9).astype(np.float32)

        return Light(
            mean([light.gain for light in self.lights], weights),
            mean([light.direction for light in self.lights], weights),
            float(np.average([light.grain for light in self.lights], weights=weights + 1e-9)),
            float(np.average([light.saturation for light in self.lights], weights=weights + 1e-9)),
            mean([light.skin for light in toned], toned_weights) if toned else np.zeros(0, np.float32),
        )

    @property
    def _clock(self) -> ndarray:
        return np.array(self.times, np.float64)
