"""Run time, waiting time and mean losses between two log lines."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from unmasknet.training import distributed


class Clock:
    """Clock of a run, including its earlier processes."""

    def __init__(self, before: float) -> None:
        self.before, self.began = before, time.perf_counter()

    def this_leg(self) -> float:
        """Returns the seconds since this process began."""
        return time.perf_counter() - self.began

    def seconds(self) -> float:
        """Returns the seconds of all processes of the run."""
        return round(self.before + self.this_leg(), 3)


class TimingWindow:
    """Losses and times of the steps since the last log line."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.waited = self.spent = self.lr = self.rate = 0.0
        self.images = 0
        self.latest: dict[str, float] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Adds the losses of a step; they stay on their device until the log line is written."""
        for name, value in losses.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def time(self, waited: float, spent: float, images: int) -> None:
        """Adds the times of a step.

        Args:
            waited: seconds of waiting for data.
            spent: seconds of the whole step, including the waiting.
            images: images of the step.
        """
        self.waited += waited
        self.spent += spent
        self.images += images
        self.rate = self.images / max(self.spent, 1e-9)

    def close(self, device: torch.device) -> dict[str, float]:
        """Returns the means over steps and ranks, and starts the next window.

        `wait` is the fraction of the time that was spent waiting for data.
        """
        means = {name: value.item() / self.counts[name] for name, value in self.sums.items()}
        total = distributed.summed({**means, "wait": self.waited / max(self.spent, 1e-9), " ": 1.0}, device)
        world = total.pop(" ")
        row = {name: value / world for name, value in total.items()}
        self.latest = {name: row[name] for name in means}
        row |= {"lr": self.lr, "images_per_s": self.rate}
        self.sums, self.counts = {}, {}
        self.waited = self.spent = 0.0
        self.images = 0
        return row
