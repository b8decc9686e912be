"""Run folder: names of its files, writing, and reading the log back.

- `config.toml`, `metrics.jsonl`, `curves.png`, `report.html`, `tensorboard/`
- `samples/000500.png` and so on, `samples.gif`
- `checkpoints/last.pt`, `best.pt`, and `000500.pt` with `loop.keep_every`
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
from maskgen.reading import parse_json
from maskgen.types import RGBImage
from unmasknet.models.released import WEIGHTS
from unmasknet.pictures import png
from unmasknet.training.tensorboard import EventLog

Row = dict[str, Any]
SAMPLES = "samples"  # name of the fixed samples in the TensorBoard log


class RunFolder:
    """Folder of one run. Only rank 0 writes to it."""

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder, self.stage = folder, stage
        self.metrics = folder / "metrics.jsonl"
        self.samples = folder / "samples"
        self.checkpoints = folder / "checkpoints"
        self.last, self.best = self.checkpoints / "last.pt", self.checkpoints / "best.pt"
        self.weights = folder / WEIGHTS[stage]
        self.events: EventLog | None = None

    def kept(self, step: int) -> Path:
        """Returns the path of a checkpoint that is kept permanently."""
        return self.checkpoints / f"{step:06d}.pt"

    def begin(self, config: str, *, resume: bool) -> None:
        """Creates the folder and writes `config.toml`.

        Args:
            config: the settings as TOML.
            resume: whether the folder may hold a run already; without it the log is deleted.

        Raises:
            UsageError: the folder holds a run, and `resume` is off.
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
        """Deletes log lines and images of steps after `step`: these steps will be repeated."""
        rows = [row for row in self.rows() if row["step"] <= step]
        write_atomic(self.metrics, b"".join(_line(row) for row in rows))
        for path in self.samples.glob("*.png"):
            if path.stem.isdecimal() and int(path.stem) > step:
                path.unlink()

    def log(self, kind: str, step: int, figures: Mapping[str, float]) -> None:
        """Appends metrics to metrics.jsonl and to the TensorBoard log; `kind` is "train" or "validate"."""
        with disk_errors(self.folder, "a line of metrics.jsonl"):
            with self.metrics.open("ab") as file:
                file.write(_line({"step": step, "kind": kind, **figures}))
            if self.events:
                self.events.add(step, {f"{kind}/{name}": value for name, value in figures.items()})

    def note(self, kind: str, step: int, what: str) -> None:
        """Appends a text line to metrics.jsonl; `kind` is "unread"."""
        with disk_errors(self.folder, "a line of metrics.jsonl"), self.metrics.open("ab") as file:
            file.write(_line({"step": step, "kind": kind, "what": what}))

    def unread(self) -> list[str]:
        """Lists the unreadable items of the data, each once."""
        return list(dict.fromkeys(row["what"] for row in self.rows() if row["kind"] == "unread"))

    def rows(self) -> list[Row]:
        """Reads the lines of metrics.jsonl; skips a line that a kill cut short."""
        if not self.metrics.exists():
            return []
        rows = []
        for line in self.metrics.read_text("utf-8", errors="replace").splitlines():
            try:
                rows.append(parse_json(line))
            except ValueError:
                continue
        return rows

    def waiting(self) -> float | None:
        """Computes the median fraction of time in which steps waited for data; None if nothing was logged."""
        fractions = [row["wait"] for row in self.rows() if row["kind"] == "train"]
        return round(median(fractions), 4) if fractions else None

    def save_sample(self, step: int, image: RGBImage) -> None:
        """Saves the image of the fixed samples after `step`, also to the TensorBoard log."""
        data = png(image)
        write_atomic(self.samples / f"{step:06d}.png", data)
        if self.events:
            with disk_errors(self.folder, "an image of the TensorBoard log"):
                self.events.add_image(step, SAMPLES, data, image.shape[1], image.shape[0])


def _line(row: Row) -> bytes:
    """Encodes a row as JSON, with null for NaN and infinity, which many JSON readers refuse."""
    clean = {
        name: None if isinstance(value, float) and not isfinite(value) else value
        for name, value in row.items()
    }
    return json.dumps(clean, allow_nan=False).encode("utf-8") + b"\n"
