"""The training loop of examples/03_train_digits.py as a function, and what its callbacks see."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minitensor.context import no_grad
from minitensor.core.tensor import Tensor
from minitensor.data import Dataset
from minitensor.errors import DataError, DTypeError, OptionError
from minitensor.nn import Module
from minitensor.nn.utils import clip_grad_norm_
from minitensor.optim import Optimizer, ReduceLROnPlateau
from minitensor.optim.lr_scheduler import LRScheduler, Schedule

Batches = Iterable[Sequence[NDArray[Any] | Tensor]]
LossFunction = Callable[..., Tensor]
Step = Callable[..., tuple[Tensor, Tensor]]
_MISSING: Any = object()


class History(dict[str, list[float]]):
    """What each epoch came to: one list per quantity, with one number per epoch.

    The quantities are "loss" and "accuracy" of the training batches as they came, "validation_loss" and
    "validation_accuracy" after the epoch, "lr" at its end, and "seconds". Accuracies are there for
    classifiers alone, and validation where there was any.

    >>> history = History()
    >>> history.add({"loss": 0.5, "lr": 0.1})
    >>> history.epochs, history.last
    (1, {'loss': 0.5, 'lr': 0.1})
    """

    @property
    def epochs(self) -> int:
        """How many epochs there were."""
        return len(next(iter(self.values()), ()))

    @property
    def last(self) -> dict[str, float]:
        """The numbers of the last epoch."""
        return {name: numbers[-1] for name, numbers in self.items()}

    def add(self, numbers: dict[str, float]) -> None:
        """Add those of an epoch."""
        for name, number in numbers.items():
            self.setdefault(name, []).append(number)


@dataclass
class Average:
    """Loss and accuracy, averaged over samples, each of which counts as often as its weight says, or once."""

    samples: float = 0
    total: float = 0.0
    correct: float | None = None

    def add(self, loss: Tensor, output: Tensor, target: ArrayLike, weights: ArrayLike | None = None) -> None:
        """Count one batch, of which `loss` is the mean."""
        target = np.asarray(target)
        weights = None if weights is None else np.asarray(weights)
        samples = len(target) if weights is None else float(weights.sum())
        self.samples += samples
        self.total += loss.item() * samples  # weighted, as the last batch may be shorter
        if output.ndim == 2 and target.ndim == 1 and target.dtype.kind in "iu":
            hits = output.data.argmax(axis=1) == target
            right = int(np.count_nonzero(hits)) if weights is None else float(weights[hits].sum())
            self.correct = (self.correct or 0) + right

    @property
    def loss(self) -> float:
        """The mean loss; NaN of no samples."""
        return self.total / self.samples if self.samples else math.nan

    @property
    def accuracy(self) -> float | None:
        """The part of the samples that was classified rightly; None where there are no classes."""
        return None if self.correct is None else self.correct / self.samples

    def __str__(self) -> str:
        accuracy = "" if self.accuracy is None else f"  accuracy {self.accuracy:.1%}"
        return f"loss {self.loss:.4f}{accuracy}"

    def numbers(self, prefix: str = "") -> dict[str, float]:
        """Those that there are, by name."""
        found = {f"{prefix}loss": self.loss}
        return found if self.accuracy is None else found | {f"{prefix}accuracy": self.accuracy}


@dataclass
class Run:
    """A training run under way: what callbacks see.

    Attributes:
        epoch: The epoch under way, from 0.
        seen: Loss and accuracy over the batches of this epoch so far.
        started: When this epoch began, in seconds of time.monotonic().
        stop: Set it to True to end training after this epoch.
    """

    model: Module
    train: Batches
    optimizer: Optimizer
    schedule: Schedule | None
    epochs: int
    callbacks: Sequence[Callback]
    history: History
    epoch: int = 0
    seen: Average = field(default_factory=Average)
    started: float = 0.0
    stop: bool = False


class Callback:
    """What is called in the course of training. A subclass defines what it needs."""

    def on_start(self, run: Run) -> None:
        """Before the first epoch."""

    def on_batch(self, run: Run) -> None:
        """After each batch."""

    def on_epoch(self, run: Run) -> None:
        """After each epoch, when its numbers are in run.history."""

    def on_end(self, run: Run) -> None:
        """After the last epoch; not after an exception."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep of this callback."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what state_dict() gave."""


def fit(
    model: Module,
    train: Batches,
    validation: Batches | None = None,
    optimizer: Optimizer = _MISSING,
    loss: LossFunction = _MISSING,
    epochs: int = _MISSING,
    *,
    schedule: Schedule | None = None,
    clip_norm: float | None = None,
    compile: bool = False,
    callbacks: Sequence[Callback] = (),
    history: History | None = None,
) -> History:
    """Train a model.

    Args:
        model: Maps a batch of inputs to outputs; for a classifier, logits of shape (n, classes).
        train: Yields batches (inputs, targets), or (inputs, targets, weights) with how often each sample
            counts, such as a DataLoader. Both are arrays or tensors.
        validation: Yields the batches to judge the model by after each epoch, or None.
        optimizer: Holds the model's parameters.
        loss: Takes (outputs, targets), and weights where there are any; returns their mean loss.
        epochs: Passes through the training data.
        schedule: Changes the learning rate, at each batch or epoch as its `interval` says.
        clip_norm: The largest norm of all gradients together.
        compile: Whether to record the step and run it as a program, which is faster: see minitensor.compile.
        callbacks: Called in this order.
        history: Where to add the epochs, for whoever must have them after Ctrl-C too.

    Returns:
        What each epoch came to. The model is left in evaluation mode.

    Raises:
        DataError: If there are no batches: one side is empty, or a generator, which is used up by one epoch.
        DTypeError: If an argument is missing, data are no batches, or the schedule is none of
            minitensor.optim's.
        OptionError: If epochs is no integer of at least 0, or the schedule is of another optimizer.
    """
    _check_batches("fit", train)
    if validation is not None:
        _check_batches("fit", validation)
    _check(epochs, optimizer, loss, schedule)
    run = Run(model, train, optimizer, schedule, epochs, callbacks, History() if history is None else history)
    step = training_step(model, optimizer, loss, clip_norm)
    if compile:
        from minitensor.compiler import compile as compiled

        step = compiled(step)
    for callback in callbacks:
        callback.on_start(run)
    while run.history.epochs < epochs and not run.stop:
        run.epoch = run.history.epochs
        run.started = time.monotonic()
        _train_epoch(run, step)
        numbers = run.seen.numbers()
        if validation is not None:
            numbers |= evaluate(model, validation, loss).numbers("validation_")
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.step(numbers.get("validation_loss", numbers["loss"]))
        elif isinstance(schedule, LRScheduler) and schedule.interval == "epoch":
            schedule.step()
        lr = optimizer.param_groups[0]["lr"]
        run.history.add(numbers | {"lr": lr, "seconds": time.monotonic() - run.started})
        for callback in callbacks:
            callback.on_epoch(run)
    for callback in callbacks:
        callback.on_end(run)
    model.eval()
    return run.history


def _check_batches(name: str, data: object) -> None:
    """Refuse arrays, alone or together, and datasets, which are not in batches yet."""
    if isinstance(data, Dataset):
        raise DTypeError(f"{name}: takes batches, not a dataset. Write DataLoader(dataset, batch_size=32).")
    together = isinstance(data, tuple | list) and len(data) > 0 and hasattr(data[0], "__array__")
    if together or hasattr(data, "__array__"):
        found = f"a {type(data).__name__} of arrays" if together else "an array"
        raise DTypeError(f"{name}: takes batches, not {found}. Write DataLoader(x, y, batch_size=32).")
    if not hasattr(data, "__iter__") or isinstance(data, str | Mapping):
        raise DTypeError(f"{name}: takes batches, such as a DataLoader, not {type(data).__name__}")


def _parts(name: str, batch: object) -> Sequence[Any]:
    """Inputs, targets and perhaps weights of a batch."""
    if not isinstance(batch, tuple | list) or not 2 <= len(batch) <= 3:
        found = f"{len(batch)} of these" if isinstance(batch, tuple | list) else type(batch).__name__
        raise DTypeError(f"{name}: a batch is (inputs, targets) or (inputs, targets, weights), not {found}")
    return batch


def _check(epochs: int, optimizer: Optimizer, loss: LossFunction, schedule: Schedule | None) -> None:
    given = {"optimizer": optimizer, "loss": loss, "epochs": epochs}
    lacking = [name for name, value in given.items() if value is _MISSING]
    if lacking:
        raise DTypeError(
            f"fit: lacks {', '.join(lacking)}. Write fit(model, train, validation, optimizer, loss, epochs)."
        )
    if not hasattr(optimizer, "step"):
        raise DTypeError(f"fit: takes an optimizer of minitensor.optim, not {type(optimizer).__name__}")
    if not isinstance(epochs, int | np.integer) or epochs < 0:
        raise OptionError(f"fit: epochs must be an integer of at least 0, and is {epochs!r}")
    if schedule is not None and not isinstance(schedule, Schedule):
        raise DTypeError(f"fit: the schedule must be one of minitensor.optim, not {type(schedule).__name__}")
    if schedule is not None and schedule.optimizer is not optimizer:
        raise OptionError("fit: the schedule is of another optimizer, whose steps are not taken here")


def training_step(
    model: Module, optimizer: Optimizer, loss: LossFunction, clip_norm: float | None = None
) -> Step:
    """What is done with a batch: a function of its arrays that returns the loss and the outputs."""

    def step(x: Any, *rest: Any) -> tuple[Tensor, Tensor]:
        output = model(x)
        batch_loss = loss(output, *rest)
        optimizer.zero_grad()
        batch_loss.backward()
        if clip_norm is not None:
            clip_grad_norm_(model.parameters(), clip_norm)
        optimizer.step()
        return batch_loss, output

    return step


def _train_epoch(run: Run, step: Step) -> None:
    schedule, run.seen = run.schedule, Average()
    by_batch = schedule if isinstance(schedule, LRScheduler) and schedule.interval == "batch" else None
    run.model.train()
    for batch in run.train:
        x, *rest = _parts("fit", batch)
        batch_loss, output = step(x, *rest)
        if by_batch is not None:
            by_batch.step()
        run.seen.add(batch_loss, output, *rest)
        for callback in run.callbacks:
            callback.on_batch(run)
    _check_not_empty("fit: the training data have", run.seen)


def _check_not_empty(what: str, average: Average) -> None:
    if not average.samples:
        raise DataError(f"{what} no batches. Give arrays with rows, and a DataLoader, not a generator.")


def evaluate(model: Module, batches: Batches, loss: LossFunction) -> Average:
    """Loss and accuracy of a model over batches, in evaluation mode, in which it is left.

    Raises:
        DataError: If there are none.
        DTypeError: If the data are no batches.
    """
    _check_batches("evaluate", batches)
    model.eval()
    average = Average()
    with no_grad():
        for batch in batches:
            x, *rest = _parts("evaluate", batch)
            output = model(x)
            average.add(loss(output, *rest), output, *rest)
    _check_not_empty("evaluate: the data have", average)
    return average
