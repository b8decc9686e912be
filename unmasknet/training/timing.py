"""Where the time of a run goes, and the losses of the steps since the last line of the log."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor

from unmasknet.training import distributed


class Clock:
    """Seconds of a run, those of earlier legs included."""

    def __init__(self, before: float) -> None:
        self.before, self.began = before, time.perf_counter()

    def this_leg(self) -> float:
        """Seconds since this leg began."""
        return time.perf_counter() - self.began

    def seconds(self) -> float:
        """Seconds of all legs."""
        return round(self.before + self.this_leg(), 3)


class TimingWindow:
    """The steps since the last line of the log. `wait`: share of their time that was spent waiting for data."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}
        self.waited = self.spent = self.lr = self.rate = 0.0
        self.images = 0
        self.latest: dict[str, float] = {}

    def add(self, losses: Mapping[str, Tensor]) -> None:
        """Takes in a step's losses; they stay on their device until the line is written."""
        for name, value in losses.items():
            value = value.detach().float()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def time(self, waited: float, spent: float, images: int) -> None:
        """Takes in a step's times in seconds, the waiting within the spending."""
        self.waited += waited
        self.spent += spent
        self.images += images
        self.rate = self.images / max(self.spent, 1e-9)

    def close(self, device: torch.device) -> dict[str, float]:
        """Returns the window's means over all ranks, and starts the next window."""
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
