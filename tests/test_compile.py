"""compile: what a program computes is what the step computes, to the last bit; and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.rows import ROWS, Sample

import minitensor as mt
import minitensor.compiler
from minitensor import Tensor, nn, optim

Array = NDArray[Any]

SAMPLES = [pytest.param(s, id=f"{name}-{i}") for name, row in ROWS.items() for i, s in enumerate(row)]


def outcome(sample: Sample) -> Callable[..., list[Array]]:
    """A step: write the arguments into leaves, apply the function, and return its value and the gradients."""
    leaves = [Tensor(x, requires_grad=True) for x in sample.inputs()]

    def step(*arrays: Array) -> Any:
        with mt.no_grad():
            for leaf, array in zip(leaves, arrays, strict=True):
                leaf[...] = array
        for leaf in leaves:
            leaf.grad = None
        value = sample.function(*leaves)
        if value.requires_grad:
            ((value * value).sum() + value.sum()).backward()
        gradients = [leaf.grad for leaf in leaves]
        return [value.detach(), *gradients]

    return step


def numbers(outcomes: list[Any]) -> list[Any]:
    return [x.data.copy() if isinstance(x, Tensor) else None if x is None else x.copy() for x in outcomes]


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_rule_and_its_gradients_are_compiled(sample: Sample) -> None:
    eager, compiled = outcome(sample), mt.compile(outcome(sample))
    for seed in range(4):
        inputs = sample.inputs(seed)
        expected, found = numbers(eager(*inputs)), numbers(compiled(*inputs))
        for x, y in zip(expected, found, strict=True):
            np.testing.assert_array_equal(x, y, strict=x is not None)
    assert compiled._programs


# ------------------------------------------------------------------------------- whole training steps


def training(
    model: nn.Module,
    optimizer: Callable[[nn.Module], optim.Optimizer],
    loss: Callable[..., Tensor] | None = None,
    schedule: Callable[[optim.Optimizer], Any] | None = None,
    max_norm: float | None = None,
) -> Callable[..., Any]:
    """A training step of the model."""
    loss = loss or nn.CrossEntropyLoss()
    updates = optimizer(model)
    scheduler = schedule(updates) if schedule else None

    def step(x: Array, y: Array) -> Any:
        output = model(x)
        value = loss(output, y)
        updates.zero_grad()
        value.backward()
        if max_norm is not None:
            optim.clip_grad_norm_(model.parameters(), max_norm)
        updates.step()
        if scheduler is not None:
            scheduler.step()
        return value, {"output": output}

    step.optimizer = updates  # type: ignore[attr-defined]
    return step


def state(step: Any, model: nn.Module) -> list[Any]:
    """Everything that a step may change."""
    optimizer = step.optimizer
    arrays = list(model.state_dict().values()) + [p.grad for p in model.parameters()]
    for kept in optimizer.state_dict()["state"].values():
        arrays += [np.asarray(value) for value in kept.values()]
    return [*arrays, np.asarray([group["lr"] for group in optimizer.param_groups]), optimizer._steps]


def same_bits(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


def trains_alike(
    make_model: Callable[[], nn.Module],
    make_step: Callable[[nn.Module], Callable[..., Any]],
    batches: list[tuple[Array, Array]],
) -> mt.compiler.Compiled[..., Any]:
    """Run a step eagerly and compiled over the same batches, and compare all that comes of it."""
    models, draws = (make_model(), make_model()), []
    steps = [make_step(model) for model in models]
    compiled = mt.compile(steps[1])
    outcomes: list[list[Any]] = [[], []]
    for i, step in enumerate((steps[0], compiled)):
        mt.manual_seed(5)
        for x, y in batches:
            loss, rest = step(x, y)
            outcomes[i] += [loss.data.copy(), rest["output"].data.copy()]
        draws.append(mt.manual_seed)
    same_bits(outcomes[1], outcomes[0])
    same_bits(state(steps[1], models[1]), state(steps[0], models[0]))
    assert compiled._programs, "nothing was compiled"
    return compiled


def drawn_batches(shape: tuple[int, ...], count: int = 9, last: int = 3, dtype: Any = np.float32) -> list[Any]:
    """Batches with labels from 0 to 4, of which every third is shorter."""
    rng = np.random.default_rng(0)
    batches = []
    for i in range(count):
        n = last if i % 3 == 2 else shape[0]
        batches.append((rng.normal(size=(n, *shape[1:])).astype(dtype), rng.integers(5, size=n)))
    return batches


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP": (lambda: nn.MLP(6, [8, 7, 5], rng=0), (10, 6)),
    "MLP float64": (lambda: nn.MLP(6, [8, 5], rng=0, dtype=np.float64), (10, 6)),
    "one layer": (lambda: nn.Linear(6, 5, rng=0), (10, 6)),
    "no bias": (lambda: nn.Linear(6, 5, bias=False, rng=0), (10, 6)),
    "tanh": (lambda: nn.MLP(6, [8, 5], activation="tanh", rng=0), (10, 6)),
    "sigmoid": (lambda: nn.MLP(6, [8, 5], activation="sigmoid", rng=0), (10, 6)),
    "GELU": (lambda: nn.MLP(6, [8, 5], activation="gelu", rng=0), (10, 6)),
    "dropout": (lambda: nn.Sequential(nn.Linear(6, 8, rng=0), nn.Dropout(0.4), nn.Linear(8, 5, rng=1)), (10, 6)),
    "own dropout": (
        lambda: nn.Sequential(nn.Dropout(0.4, rng=np.random.default_rng(1)), nn.Linear(6, 5, rng=1)),
        (10, 6),
    ),
    "batch norm": (
        lambda: nn.Sequential(nn.Linear(6, 8, rng=0), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5, rng=1)),
        (10, 6),
    ),
    "cumulative batch norm": (
        lambda: nn.Sequential(nn.BatchNorm1d(6, momentum=None), nn.Linear(6, 5, rng=1)),
        (10, 6),
    ),
    "layer norm": (lambda: nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 5, rng=1)), (10, 6)),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1, rng=0),
            nn.BatchNorm2d(3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 4, 3, rng=1),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4, 5, rng=2),
        ),
        (6, 1, 8, 8),
    ),
}


def sgd(model: nn.Module) -> optim.Optimizer:
    return optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


@pytest.mark.parametrize("name", MODELS)
def test_every_layer_trains_alike(name: str) -> None:
    make_model, shape = MODELS[name]
    dtype = np.float64 if "float64" in name else np.float32
    trains_alike(make_model, lambda model: training(model, sgd), drawn_batches(shape, dtype=dtype))


def test_an_embedding_trains_alike() -> None:
    rng = np.random.default_rng(0)
    batches = [(rng.integers(7, size=(4, 3)), rng.integers(5, size=4)) for _ in range(6)]
    trains_alike(
        lambda: nn.Sequential(nn.Embedding(7, 4, padding_idx=2, rng=0), nn.Flatten(), nn.Linear(12, 5, rng=1)),
        lambda model: training(model, sgd),
        batches,
    )


OPTIMIZERS: dict[str, Callable[[nn.Module], optim.Optimizer]] = {
    "SGD": lambda m: optim.SGD(m.parameters(), lr=0.1),
    "momentum": sgd,
    "dampening": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "Nesterov": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True),
    "ascent": lambda m: optim.SGD(m.parameters(), lr=0.01, maximize=True),
    "Adam": lambda m: optim.Adam(m.parameters(), lr=0.01),
    "AMSGrad": lambda m: optim.Adam(m.parameters(), lr=0.01, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda m: optim.AdamW(m.parameters(), lr=0.01),
    "RMSprop": lambda m: optim.RMSprop(m.parameters(), lr=0.01),
    "centered RMSprop": lambda m: optim.RMSprop(m.parameters(), lr=0.01, centered=True, momentum=0.5),
    "Adagrad": lambda m: optim.Adagrad(m.parameters(), lr=0.1, lr_decay=0.01),
    "groups": lambda m: optim.SGD(
        [
            {"params": [p for p in m.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in m.parameters() if p.ndim == 1], "lr": 0.5},
        ],
        lr=0.1,
        momentum=0.9,
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_steps_alike_with_a_schedule_and_clipping(name: str) -> None:
    trains_alike(
        lambda: nn.MLP(6, [8, 7, 5], rng=0),
        lambda model: training(
            model,
            OPTIMIZERS[name],
            schedule=lambda optimizer: optim.CosineAnnealingLR(optimizer, 20),
            max_norm=0.5,
        ),
        drawn_batches((10, 6), count=100),
    )


LOSSES: dict[str, Callable[..., Tensor]] = {
    "weights": nn.CrossEntropyLoss(weight=np.arange(1.0, 6.0)),
    "smoothing": nn.CrossEntropyLoss(label_smoothing=0.1),
    "ignored": nn.CrossEntropyLoss(ignore_index=2),
    "sum": nn.CrossEntropyLoss("sum"),
    "MSE of one-hot": lambda x, y: nn.functional.mse_loss(x, mt.one_hot(y, 5).float()),
    "indexed": lambda x, y: -mt.log_softmax(x)[np.arange(len(y)), y].mean(),
    "regularised": lambda x, y: nn.functional.cross_entropy(x, y) + 0.1 * (x * x).mean(),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_train_alike(name: str) -> None:
    trains_alike(
        lambda: nn.MLP(6, [8, 5], rng=0),
        lambda model: training(model, sgd, LOSSES[name]),
        drawn_batches((10, 6)),
    )
