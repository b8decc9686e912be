"""Training loop of both stages: fetch a batch, update, and at certain steps log, validate, draw and save.

The random draws and the samples of a step depend only on (seed, rank, step). So a run resumes bit for bit without
stored generator states or positions in the data.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from maskgen.errors import MissingError, UnmaskError
from maskgen.progress import OnProgress, Progress
from maskgen.seeds import hash64
from unmasknet.data.batches import Batch
from unmasknet.models import checkpoint
from unmasknet.settings import GanSettings, SegmSettings
from unmasknet.training import distributed
from unmasknet.training.distributed import Ranks
from unmasknet.training.optimizer import BufferSnapshot, lr_scale
from unmasknet.training.report import illustrate
from unmasknet.training.run_folder import RunFolder
from unmasknet.training.signals import StopRequested, StopSignal, catch_signals
from unmasknet.training.task import Task, TrainProgress, capture
from unmasknet.training.timing import Clock, TimingWindow

Settings = SegmSettings | GanSettings


@dataclass(frozen=True)
class FitPlan:
    """Length and place of the training.

    Attributes:
        settings: the settings of the run.
        steps: updates in total.
        minutes: time limit of this process, after which the run ends as after its last step; 0 for no limit.
        device: device of the networks.
        ranks: this process among those that train together.
        facts: metadata of checkpoints and weights: stage, settings, data.
    """

    settings: Settings
    steps: int
    minutes: float
    device: torch.device
    ranks: Ranks
    facts: Mapping[str, str]


def fit(
    task: Task,
    plan: FitPlan,
    run: RunFolder,
    stream: Callable[[int], Iterator[Batch]],
    progress: TrainProgress,
    on_progress: OnProgress,
) -> TrainProgress:
    """Trains from `progress.step` to the end of the plan.

    Args:
        task: networks, losses and updates of the stage.
        plan: settings, number of steps, device, ranks.
        run: the run folder.
        stream: yields this rank's part of each batch from a given step on, endlessly.
        progress: the starting point: a new one, or the result of `restore`.
        on_progress: called after each step, by rank 0 only.

    Returns:
        `progress`, updated.

    Raises:
        StopRequested: a signal ended the run; everything is saved.
        UnmaskError: too many steps in a row had a non-finite loss; `last.pt` is from before them.
        MissingError: the memory is too small.
    """
    with catch_signals() as stop, _memory_errors(plan):
        leg = _Leg(task, plan, run, progress, stop)
        leg.train(stream(progress.step), on_progress)
    if stop.number:
        raise StopRequested(stop.number, progress.step)
    return progress


class _Leg:
    """Part of a run from the start of a process to its end."""

    def __init__(
        self, task: Task, plan: FitPlan, run: RunFolder, progress: TrainProgress, stop: StopSignal
    ) -> None:
        self.task, self.plan, self.run, self.progress, self.stop = task, plan, run, progress, stop
        self.loop = plan.settings.loop
        self.found = progress.step
        self.clock = Clock(progress.seconds)
        self.window = TimingWindow()
        self.unread: set[str] = set()

    def train(self, batches: Iterator[Batch], on_progress: OnProgress) -> None:
        distributed.share_weights([*self.task.nets.values(), self.task.ema.net])
        if self.progress.step == 0:
            self.draw()
        while self.progress.step < self.plan.steps and not self.should_stop():
            self.step(batches)
            self.report(on_progress)
            self.run_periodic_actions()
        self.finish()

    def step(self, batches: Iterator[Batch]) -> None:
        """Fetches a batch, updates the weights and their average; undoes the step if a value was non-finite."""
        progress, task, settings = self.progress, self.task, self.plan.settings
        began = time.perf_counter()
        batch = next(batches)
        waited = time.perf_counter() - began
        self.note_unread(batch.faults)
        torch.manual_seed(hash64("step", settings.seed, self.plan.ranks.rank, progress.step) % 2**63)
        scale = lr_scale(
            progress.step, self.plan.steps, settings.optimiser.warmup, settings.optimiser.schedule
        )
        before = BufferSnapshot(list(task.nets.values()))
        losses, good = task.step(batch.split(self.loop.accumulate), progress.step / self.plan.steps, scale)
        progress.step += 1
        if good:
            progress.bad_run = 0
            for net in task.nets.values():
                distributed.average_buffers(net)
            seen = progress.step * settings.data.batch
            task.ema.update(next(iter(task.nets.values())), settings.data.batch, seen)
            self.window.add(losses)
        else:
            before.restore()
            self.count_bad()
        self.window.time(waited, time.perf_counter() - began, settings.data.batch)
        self.window.lr = scale * settings.optimiser.lr

    def note_unread(self, faults: Sequence[str]) -> None:
        """Logs unreadable items of the data, each once: a broken shard is reported again in every pass."""
        for fault in faults:
            if fault not in self.unread and self.plan.ranks.first:
                self.run.note("unread", self.progress.step + 1, fault)
            self.unread.add(fault)

    def count_bad(self) -> None:
        """Counts a skipped step; ends the run if there were too many in a row."""
        self.progress.bad += 1
        self.progress.bad_run += 1
        if self.progress.bad_run >= self.loop.max_bad_steps:
            raise UnmaskError(
                f"{self.run.folder}: the loss was non-finite for {self.progress.bad_run} steps in a row, up to step "
                f"{self.progress.step:,}; {self.run.last} is from before. Lower optimiser.lr, raise optimiser.warmup "
                "or set loop.precision=fp32, and train on with --from that checkpoint"
            )

    def report(self, on_progress: OnProgress) -> None:
        """Logs every `log_every` steps and after the last step, and reports the progress."""
        progress = self.progress
        if progress.step % self.loop.log_every == 0 or progress.step == self.plan.steps:
            row = self.window.close(self.plan.device)
            row = {"seconds": self.clock.seconds(), **row, "bad": progress.bad}
            if self.plan.ranks.first:
                self.run.log("train", progress.step, row)
        if self.plan.ranks.first:
            on_progress(Progress(progress.step, self.plan.steps, found=self.found, figures=self.figures()))

    def figures(self) -> dict[str, float]:
        return {
            "images_per_s": self.window.rate,
            **self.window.latest,
            **{f"val {name}": value for name, value in self.progress.latest.items()},
        }

    def run_periodic_actions(self) -> None:
        """Validates, draws and saves when it is due. During bad steps nothing is saved: `last.pt` is from before."""
        step, loop = self.progress.step, self.loop
        if step % loop.validate_every == 0 or step == self.plan.steps:
            self.validate()
        if step % loop.sample_every == 0 or step == self.plan.steps:
            self.draw()
        if self.progress.bad_run:
            return
        if step % loop.checkpoint_every == 0:
            self.save(self.run.last)
        if loop.keep_every and step % loop.keep_every == 0:
            self.save(self.run.kept(step))

    def validate(self) -> None:
        figures, task = self.task.validate(), self.task
        self.progress.latest = figures
        if not self.plan.ranks.first:
            return
        self.run.log("validate", self.progress.step, figures)
        if figures[task.best_by] > self.progress.best.get(task.best_by, float("-inf")):
            self.progress.best = figures
            self.save(self.run.best)
        self.release()

    def draw(self) -> None:
        if self.plan.ranks.first:
            self.run.save_sample(self.progress.step, self.task.draw())

    def save(self, path: Path) -> None:
        if self.plan.ranks.first:
            self.progress.seconds = self.clock.seconds()
            checkpoint.save(path, capture(self.task, self.progress, self.plan.facts))

    def release(self) -> None:
        """Writes the averaged weights, the product of the run."""
        facts = {**self.plan.facts, **self.task.facts()}
        facts |= checkpoint.facts_text(step=self.progress.step, validation=self.progress.latest)
        checkpoint.save_weights(self.run.weights, self.task.ema.state_dict(), facts)

    def finish(self) -> None:
        if not self.progress.bad_run:
            self.save(self.run.last)
        self.progress.seconds = self.clock.seconds()
        if self.plan.ranks.first:
            self.release()
            illustrate(self.run)

    def should_stop(self) -> bool:
        """Tells whether any rank received a signal or reached its time limit."""
        late = self.plan.minutes and self.clock.this_leg() > 60 * self.plan.minutes
        reason = distributed.largest(float(self.stop.number or 0.5 * bool(late)), self.plan.device)
        if reason >= 1:  # no else: a signal that arrived meanwhile counts at the next step
            self.stop.number = int(reason)
        return reason > 0


@contextmanager
def _memory_errors(plan: FitPlan) -> Iterator[None]:
    """Turns out-of-memory errors into a message that names the settings to change.

    Raises:
        MissingError: the memory was too small.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not any(word in str(error).lower() for word in _MEMORY_WORDS):
            raise
        data, parts = plan.settings.data, plan.settings.loop.accumulate
        if any(word in str(error).lower() for word in _SHARED_WORDS):
            raise MissingError(
                "the shared memory (/dev/shm) is too small for the workers that decode; set data.workers=0, or give "
                "it more (docker: --shm-size=2g)"
            ) from error
        raise MissingError(
            f"the memory of {plan.device} is too small for a batch of {data.batch} at {data.size} px in {parts} "
            f"part(s); set loop.accumulate={2 * parts}, or lower data.batch or data.size"
        ) from error


_SHARED_WORDS = ("bus error", "shared memory", "shm")
_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory", *_SHARED_WORDS)
