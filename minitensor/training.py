"""The training loop that the command line runs: examples/03_train_digits.py, reporting as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitensor.data import DataLoader
from minitensor.graph import no_grad
from minitensor.nn import Module
from minitensor.optim import Optimizer
from minitensor.tensor import Tensor


class Progress(NamedTuple):
    """How far one epoch is: averages over the samples seen in it so far."""

    samples: int
    loss: float
    accuracy: float


def train_epoch(
    model: Module, batches: DataLoader, optimizer: Optimizer, loss_function: Callable[[Tensor, Any], Tensor]
) -> Iterator[Progress]:
    """Train a classifier for one epoch, yielding after every batch.

    Args:
        model: Maps a batch of inputs to logits (n, classes).
        batches: Yields (inputs, integer targets).
        optimizer: Holds the model's parameters.
        loss_function: Takes (logits, targets), returns their mean loss.
    """
    model.train()
    samples, correct, total = 0, 0, 0.0
    for x, y in batches:
        logits = model(x)
        loss = loss_function(logits, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

        samples += len(y)
        total += loss.item() * len(y)  # weighted, as the last batch may be shorter
        correct += int(np.count_nonzero(logits.data.argmax(axis=1) == y))
        yield Progress(samples, total / samples, correct / samples)


def count_correct(model: Module, x: NDArray[Any], y: NDArray[Any]) -> int:
    """How many rows of x a classifier puts into their class y, in evaluation mode."""
    model.eval()
    with no_grad():
        return int(np.count_nonzero(model(x).data.argmax(axis=1) == y))
