"""One network in scalar and in tensor mode: whether every number agrees, and what parallel arithmetic buys.

Both modes start from the same weights and take the same batches of real digits, in float64, with
cross-entropy and SGD with momentum.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitensor.core.graph import Node
from minitensor.data import load_digits
from minitensor.nn import MLP, CrossEntropyLoss, scalar
from minitensor.optim import SGD

Array = NDArray[Any]
Watch = Callable[[str], object]
"""Told what is being done, in words."""

BOUNDS = {"loss": 1e-12, "gradients": 1e-12, "weights": 1e-10}
"""How far the modes may be apart: at the first step, and for the weights after the last."""
RATE, MOMENTUM = 0.1, 0.9
_TENSOR_STEPS = 30  # to time one: tensor mode's steps are short
_PATIENCE = 1.0  # seconds: scalar steps expected to take longer are extrapolated


@dataclass(frozen=True)
class Cost:
    """What one training step costs in one mode: times in seconds, medians over the steps."""

    nodes: int  # of the graph: the parameters, and what each operation makes
    forward: float
    backward: float
    update: float
    memory: int  # bytes at most, beyond what is there between steps

    @property
    def step(self) -> float:
        """Seconds of a whole step."""
        return self.forward + self.backward + self.update


class Point(NamedTuple):
    """The time of a step for one size of network and batch."""

    size: int  # the hidden width, or the batch
    multiplications: int
    scalar: float  # seconds
    tensor: float
    measured: bool  # whether scalar's was, or extrapolated from a smaller size


@dataclass
class Comparison:
    """The outcome of `compare`."""

    layers: list[int]
    batch: int
    steps: int
    activation: str
    parameters: int
    scalar: Cost
    tensor: Cost
    differences: dict[str, float]
    scaling: dict[str, list[Point]] = field(default_factory=dict)  # by "width" and "batch"
    product_rate: float = 0.0  # multiplications a second in a large matrix product

    @property
    def agrees(self) -> bool:
        """Whether every difference is within its bound."""
        return all([self.differences[name] <= bound for name, bound in BOUNDS.items()])  # NaN is not


class Twins:
    """A network in both modes, with the same weights, and a batch of digits.

    Where the network's input is not 64 pixels wide, the digits are repeated or cut to fit.
    """

    def __init__(self, layers: Sequence[int], batch: int, activation: str, seed: int) -> None:
        images, labels = load_digits()
        rows = np.random.default_rng(seed).permutation(len(images))
        rows = np.resize(rows, batch)
        self.x = np.array([np.resize(image, layers[0]) for image in images[rows].astype(np.float64)])
        self.rows = self.x.tolist()
        self.labels = labels[rows] % layers[-1]
        self.tensor = MLP(layers[0], layers[1:], activation, dtype=np.float64, rng=seed)
        self.scalar = scalar.MLP.from_tensor(self.tensor)
        self.loss = CrossEntropyLoss()

    def scalar_loss(self) -> Any:
        """The loss of the batch, one sample after another."""
        scores = [self.scalar(row) for row in self.rows]
        return self.loss([s if isinstance(s, list) else [s] for s in scores], self.labels)

    def tensor_loss(self) -> Any:
        """The loss of the batch, all samples at once."""
        return self.loss(self.tensor(self.x), self.labels)


class Mode:
    """A network in one mode, trained and timed step by step."""

    def __init__(self, model: Any, loss: Callable[[], Any]) -> None:
        self.loss = loss
        self.optimizer = SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
        self.times: list[tuple[float, float, float]] = []

    def step(self) -> Any:
        """Take a step, and return its loss."""
        self.optimizer.zero_grad()
        start = time.perf_counter()
        loss = self.loss()
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        self.optimizer.step()
        self.times.append((middle - start, end - middle, time.perf_counter() - end))
        return loss

    def memory(self) -> int:
        """The bytes that forward and backward hold at most."""
        tracemalloc.start()
        try:
            self.loss().backward()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def cost(self, nodes: int, memory: int) -> Cost:
        """What the steps so far cost."""
        forward, backward, update = (median(column) for column in zip(*self.times, strict=True))
        return Cost(nodes, forward, backward, update, memory)

    def seconds(self, rounds: int) -> float:
        """The median time of some steps; where they are several, after one that does not count."""
        for _ in range(rounds + (rounds > 1)):
            self.step()
        return median([sum(parts) for parts in self.times[-rounds:]])


def compare(
    layers: Sequence[int] = (64, 32, 10),
    batch: int = 32,
    steps: int = 5,
    activation: str = "relu",
    seed: int = 0,
    watch: Watch = lambda words: None,
) -> Comparison:
    """Train one network in both modes, step by step on the same batch.

    Args:
        layers: The widths, from the input to the output.
        batch: The number of samples.
        steps: How many steps to take.
        activation: Between the layers; one that `nn.MLP` knows.
        seed: Of the weights, and of the choice of digits.
        watch: Told what is being done, as scalar mode takes its time.

    >>> compare((64, 4, 10), batch=2, steps=2).agrees
    True
    """
    twins = Twins(layers, batch, activation, seed)
    one, many = Mode(twins.scalar, twins.scalar_loss), Mode(twins.tensor, twins.tensor_loss)
    watch("scalar mode: nodes and memory of a step")
    nodes = [count_nodes(mode.loss()) for mode in (one, many)]
    memory = [mode.memory() for mode in (one, many)]
    differences = {}
    for number in range(steps):
        watch(f"scalar mode: step {number + 1} of {steps}")
        losses = one.step().data, many.step().item()
        if number == 0:
            differences["loss"] = abs(losses[0] - losses[1])
            gradients = [parameter.grad for parameter in twins.tensor.parameters()]
            differences["gradients"] = _largest(twins.scalar.gradients(), gradients)
    weights = [parameter.data for parameter in twins.tensor.parameters()]
    differences["weights"] = _largest(twins.scalar.arrays(), weights)
    for _ in range(_TENSOR_STEPS):
        many.step()
    costs = [mode.cost(*found) for mode, *found in zip((one, many), nodes, memory, strict=True)]
    parameters = sum(weight.size for weight in weights)
    return Comparison(list(layers), batch, steps, activation, parameters, costs[0], costs[1], differences)


def scale(
    layers: Sequence[int], batch: int, activation: str, seed: int = 0, watch: Watch = lambda words: None
) -> dict[str, list[Point]]:
    """The time of a step as the hidden width doubles, and as the batch does.

    Scalar mode is measured as long as a step takes about a second; beyond, its time grows with the number of
    multiplications.
    """
    inputs, outputs = layers[0], layers[-1]
    width = layers[1] if len(layers) > 2 else 32
    return {
        "width": _points(
            [(w, (inputs, w, outputs), batch) for w in [2**i for i in range(2, 11)]], activation, seed, watch
        ),
        "batch": _points(
            [(b, (inputs, width, outputs), b) for b in [2**i for i in range(13)]], activation, seed, watch
        ),
    }


def _points(
    sizes: list[tuple[int, tuple[int, ...], int]], activation: str, seed: int, watch: Watch
) -> list[Point]:
    points: list[Point] = []
    per_multiplication = 0.0
    for size, layers, batch in sizes:
        twins = Twins(layers, batch, activation, seed)
        work = multiplications(layers, batch)
        measured = work * per_multiplication <= _PATIENCE
        if measured:
            watch(f"scalar mode: {' → '.join(map(str, layers))}, batch {batch}")
            seconds = Mode(twins.scalar, twins.scalar_loss).seconds(3 if work < 50_000 else 1)
            per_multiplication = seconds / work
        tensor = Mode(twins.tensor, twins.tensor_loss).seconds(10)
        points.append(Point(size, work, work * per_multiplication, tensor, measured))
    return points


def multiplications(layers: Sequence[int], batch: int) -> int:
    """How many numbers a training step multiplies in its matrix products.

    Forward each weight once per sample; backward once for its own gradient, and once for that of its input,
    of which the first layer's needs none.

    >>> multiplications((2, 3, 1), 10)
    210
    """
    weights = [n * m for n, m in pairwise(layers)]
    return batch * (2 * sum(weights) + sum(weights[1:]))


def matrix_product_rate(size: int = 768) -> float:
    """Multiplications a second in a product of large float64 matrices: what the hardware can do."""
    x = np.ones((size, size))
    out = np.empty_like(x)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        np.dot(x, x, out)
        seconds.append(time.perf_counter() - start)
    return float(size**3 / min(seconds))


def count_nodes(root: Node) -> int:
    """How many nodes a graph has, with its leaves."""
    found, seen = [root], {root}
    for node in found:  # grows while it is walked
        for parent in node.parents:
            if parent not in seen:
                seen.add(parent)
                found.append(parent)
    return len(found)


def _largest(one: Sequence[Array], other: Sequence[Array]) -> float:
    return float(np.max([np.abs(a - b).max() for a, b in zip(one, other, strict=True)]))  # NaN if any is
