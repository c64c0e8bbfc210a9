"""Callbacks: what ends a run early, writes its history down, or shows how far it is."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import NDArray

from minitensor.errors import OptionError
from minitensor.files import is_stream, write_atomically
from minitensor.training.loop import Callback, Run

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class EarlyStopping(Callback):
    """Ends training when a quantity has not improved for a while, and puts the best parameters back.

    Args:
        monitor: A quantity of the history; accuracies should rise, all others fall.
        patience: How many epochs without improvement are let pass.
        min_delta: What counts as an improvement.
        restore_best: Whether to end with the parameters of the best epoch instead of the last.

    Raises:
        OptionError: If patience is not at least 1; in the first epoch, if the history has no such quantity.
    """

    def __init__(
        self,
        monitor: str = "validation_loss",
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if patience < 1:
            raise OptionError(f"EarlyStopping: patience must be at least 1, and is {patience}")
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.best: float | None = None
        self.best_epoch = -1
        self.best_state: dict[str, NDArray[Any]] | None = None

    def on_epoch(self, run: Run) -> None:
        if self.monitor not in run.history:
            raise OptionError(
                f"EarlyStopping: there is no {self.monitor}, only {', '.join(run.history)}. "
                "Give fit validation data, or choose one of these."
            )
        sign = -1 if self.monitor.endswith("accuracy") else 1
        number = run.history.last[self.monitor]
        if not math.isnan(number) and (self.best is None or sign * (number - self.best) < -self.min_delta):
            self.best = number
            self.best_epoch = run.epoch
            self.best_state = run.model.state_dict() if self.restore_best else None
        elif run.epoch - self.best_epoch >= self.patience:
            run.stop = True

    def on_end(self, run: Run) -> None:
        if self.best_state is not None:
            run.model.load_state_dict(self.best_state)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "best_state": self.best_state}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        vars(self).update(state_dict)


class StopWhenNotFinite(Callback):
    """Ends training when the loss is NaN or infinite: no later step can mend the parameters."""

    def on_batch(self, run: Run) -> None:
        run.stop = run.stop or not math.isfinite(run.seen.total)


class JSONLines(Callback):
    """Writes the history into a file, one JSON object a line and epoch.

    The file is replaced as a whole after each epoch, so it is never half-written, also after a resumption. A
    pipe or a device gets a line after each epoch.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_epoch(self, run: Run) -> None:
        lines = []
        for i in range(run.epoch if is_stream(self.path) else 0, run.history.epochs):
            row = {name: numbers[i] for name, numbers in run.history.items()}
            finite = {name: x if math.isfinite(x) else None for name, x in row.items()}
            lines.append(json.dumps({"epoch": i + 1, **finite}) + "\n")
        write_atomically(self.path, "".join(lines).encode())


class ProgressBar(Callback):
    """A live line on standard error: epoch, loss, accuracy, rate, and the time left."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task = cast("TaskID", 0)
        self._shown = 0.0

    def _open(self, run: Run) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = [
            TextColumn("epoch {task.fields[epoch]}/" + str(run.epochs)),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
        ]
        batches = len(run.train) if isinstance(run.train, Sized) else None
        bar = Progress(*columns, console=Console(stderr=True), transient=True)
        total = None if batches is None else run.epochs * batches
        self._task = bar.add_task("", total=total, epoch=run.epoch + 1, numbers="")
        bar.update(self._task, completed=run.epoch * (batches or 0))
        bar.start()
        return bar

    def on_batch(self, run: Run) -> None:
        if self._bar is None:
            self._bar = self._open(run)
        self._bar.advance(self._task)
        now = time.monotonic()
        if now - self._shown > 0.1:  # faster than anyone reads, it would cost as much as a small step
            self._shown = now
            numbers = f"{run.seen}  {run.seen.samples / (now - run.started):,.0f} samples/s"
            self._bar.update(self._task, epoch=run.epoch + 1, numbers=numbers)

    def on_end(self, run: Run) -> None:
        self.close()

    def close(self) -> None:
        """Take the line away; after an exception this is for the caller to do."""
        if self._bar is not None:
            self._bar.stop()


class PlainProgress(Callback):
    """About ten lines in all on standard error, for a pipe or a file."""

    def on_epoch(self, run: Run) -> None:
        done = run.epoch + 1
        if done % -(-run.epochs // 10) == 0 or done == run.epochs or run.stop:
            print(f"epoch {done}/{run.epochs}  {run.seen}", file=sys.stderr, flush=True)
