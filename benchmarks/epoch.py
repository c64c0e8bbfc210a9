"""An epoch of MNIST's size: minitensor against the loops that PyTorch's users write.

60,000 × 784 bytes, 784-256-128-10, batches of 128, SGD with momentum 0.9, float32; loading, shuffling and
scaling the data are part of it. The peers are

- `minitensor`: a DataLoader over bytes that scales each batch, and a compiled step, as in `minitensor train`;
- `DataLoader`: PyTorch's tutorial loop, a torch DataLoader over a TensorDataset of floats;
- `sliced`: PyTorch with batches cut by hand from a shuffled order, over the same floats.

Each runs in a process of its own with as many threads as there are cores, takes its epochs in turn with the
others (A B C A B C ...), and reports its peak memory. All start from the same weights; after the first epoch
their losses must agree. The images are random, as the time does not depend on them.

Needs PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from benchmarks.table import Table
from benchmarks.workers import Worker, take_turns

ROWS, BATCH = 60_000, 128
WIDTHS = [256, 128, 10]
LEARNING_RATE, MOMENTUM = 0.02, 0.9


def images() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Random images of ten kinds, so that there is something to learn, and a fifth of the labels at random.

    Without those the loss would fall to 0, and the time depend on numbers too small for float32.
    """
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 256, (10, 784), dtype=np.uint8)
    y = rng.integers(0, 10, ROWS)
    x = rng.integers(0, 256, (ROWS, 784), dtype=np.uint8)
    x //= 2
    x += kinds[y] // 2
    return x, np.where(rng.random(ROWS) < 0.2, rng.integers(0, 10, ROWS), y)


def minitensor_epoch() -> Callable[[], float]:
    """The epoch; it returns the mean loss."""
    from minitensor import compile, nn, optim
    from minitensor.data import DataLoader, scale_pixels

    model = nn.MLP(784, WIDTHS, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    batches = DataLoader(*images(), batch_size=BATCH, shuffle=True, rng=0, transform=scale_pixels)
    step = compile(training_step(model, nn.CrossEntropyLoss(), optimizer))
    return lambda: train(step, batches)


def torch_model() -> tuple[Any, Any, Any]:
    """The same model from the same weights, its loss and its optimizer."""
    import torch

    from minitensor import nn

    widths = [784, *WIDTHS]
    layers: list[Any] = []
    for i in range(len(WIDTHS)):
        layers += [torch.nn.Linear(widths[i], widths[i + 1]), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    state = nn.MLP(784, WIDTHS, rng=0).state_dict()
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    return model, torch.nn.CrossEntropyLoss(), optimizer


def loader_epoch() -> Callable[[], float]:
    """The loop of PyTorch's tutorials."""
    import torch

    x, y = images()
    data = torch.utils.data.TensorDataset(torch.from_numpy(x).float() / 255, torch.from_numpy(y))
    batches = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    model, loss, optimizer = torch_model()
    step = training_step(model, loss, optimizer)
    return lambda: train(step, batches)


def sliced_epoch() -> Callable[[], float]:
    """Batches cut by hand."""
    import torch

    bytes_, labels = images()
    x, y = torch.from_numpy(bytes_).float() / 255, torch.from_numpy(labels)
    model, loss, optimizer = torch_model()

    def batches() -> Iterable[tuple[Any, Any]]:
        order = torch.randperm(ROWS)
        for start in range(0, ROWS, BATCH):
            rows = order[start : start + BATCH]
            yield x[rows], y[rows]

    step = training_step(model, loss, optimizer)
    return lambda: train(step, batches())


def training_step(model: Any, loss_of: Any, optimizer: Any) -> Callable[[Any, Any], Any]:
    """A step of training, the same words for both libraries."""

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def train(step: Callable[[Any, Any], Any], batches: Iterable[Any]) -> float:
    """One epoch; its mean loss."""
    total = 0.0
    for x, y in batches:
        total += step(x, y).item() * len(y)
    return total / ROWS


PEERS: dict[str, Callable[[], Callable[[], float]]] = {
    "minitensor": minitensor_epoch,
    "DataLoader": loader_epoch,
    "sliced": sliced_epoch,
}


def measure(rounds: int) -> Table:
    """Epochs in turn.

    Raises:
        AssertionError: If the mean losses of the first epoch differ by more than a twentieth.
    """
    workers = {name: Worker(build) for name, build in PEERS.items()}
    losses = {name: worker.run().result for name, worker in workers.items()}
    assert max(losses.values()) <= 1.05 * min(losses.values()), f"they do not train alike: {losses}"
    times = take_turns(workers, rounds)
    rows: list[list[Any]] = []
    for name, seconds in times.items():
        ratios = times.ratio("minitensor", name), times.ratio_of_minima("minitensor", name)
        rows.append([name, median(seconds), min(seconds), *ratios, workers[name].run().peak // 2**20])
    columns = ["", "median", "fastest", "minitensor's of it", "of the fastest", "peak MB"]
    title = f"an epoch of 60,000 × 784 with 784-256-128-10 and batches of 128, in s; of {rounds} rounds"
    return Table(title, columns, rows, machine("numpy", "torch"))
