"""A run's folder: what is written where, and the little that is read back.

- `config.toml`, `metrics.jsonl`, `curves.png`, `report.html`, `tensorboard/`
- `samples/000500.png` and so on, `samples.gif`
- `checkpoints/last.pt`, `best.pt`, and `000500.pt` if such are kept
- `segmenter.safetensors` or `generator.safetensors`
"""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any

from maskgen.errors import UsageError
from maskgen.files import disk_errors, write_atomic
from maskgen.types import RGBImage
from unmasknet.models.released import WEIGHTS
from unmasknet.pictures import png
from unmasknet.training.tensorboard import EventLog

Row = dict[str, Any]


class RunFolder:
    """The folder of one run. Only the first rank has it write."""

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder, self.stage = folder, stage
        self.metrics = folder / "metrics.jsonl"
        self.samples = folder / "samples"
        self.checkpoints = folder / "checkpoints"
        self.last, self.best = self.checkpoints / "last.pt", self.checkpoints / "best.pt"
        self.weights = folder / WEIGHTS[stage]
        self.events: EventLog | None = None

    def kept(self, step: int) -> Path:
        """Returns the path at which the checkpoint of a step is kept for good."""
        return self.checkpoints / f"{step:06d}.pt"

    def begin(self, config: str, *, resume: bool) -> None:
        """Makes the folder, or resumes in it.

        Args:
            config: the settings as TOML.
            resume: the folder may hold a run already.

        Raises:
            UsageError: it holds a run, and that was not meant.
        """
        if not resume and self.checkpoints.is_dir() and any(self.checkpoints.iterdir()):
            raise UsageError(
                f"--out {self.folder}: holds a run already; go on with it by --resume, or choose another folder"
            )
        with disk_errors(self.folder, "a run"):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self.samples.mkdir(exist_ok=True)
            if not resume:
                self.metrics.unlink(missing_ok=True)
            self.events = EventLog(self.folder / "tensorboard")
        write_atomic(self.folder / "config.toml", config.encode("utf-8"))

    def go_back(self, step: int) -> None:
        """Forgets what was logged and drawn after `step`: it will be done again."""
        rows = [row for row in self.rows() if row["step"] <= step]
        write_atomic(self.metrics, b"".join(_line(row) for row in rows))
        for path in self.samples.glob("*.png"):
            if path.stem.isdecimal() and int(path.stem) > step:
                path.unlink()

    def log(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Appends a line to metrics.jsonl and to TensorBoard's log; `kind` is "train" or "validate"."""
        with disk_errors(self.folder, "a line of metrics.jsonl"):
            with self.metrics.open("ab") as file:
                file.write(_line({"step": step, "kind": kind, **figures}))
            if self.events:
                self.events.add(step, {f"{kind}/{name}": value for name, value in figures.items()})

    def note(self, kind: str, step: int, what: str) -> None:
        """Appends a line of words to metrics.jsonl; `kind` is "unread"."""
        with disk_errors(self.folder, "a line of metrics.jsonl"), self.metrics.open("ab") as file:
            file.write(_line({"step": step, "kind": kind, "what": what}))

    def unread(self) -> list[str]:
        """Lists what could not be read of the data, each once."""
        return list(dict.fromkeys(row["what"] for row in self.rows() if row["kind"] == "unread"))

    def rows(self) -> list[Row]:
        """Reads the lines of metrics.jsonl, without one that a kill cut short."""
        if not self.metrics.exists():
            return []
        rows = []
        for line in self.metrics.read_text("utf-8", errors="replace").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def waiting(self) -> float | None:
        """Computes the fraction of the time that steps waited for data, median over the lines of the log; None without
        one.
        """
        shares = [row["wait"] for row in self.rows() if row["kind"] == "train"]
        return round(median(shares), 4) if shares else None

    def save_sample(self, step: int, picture: RGBImage) -> None:
        """Keeps the fixed samples as they look after `step`."""
        write_atomic(self.samples / f"{step:06d}.png", png(picture))


def _line(row: Row) -> bytes:
    """Encodes JSON without NaN or Infinity, which other readers refuse: null instead."""
    clean = {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in row.items()
    }
    return json.dumps(clean, allow_nan=False).encode("utf-8") + b"\n"
