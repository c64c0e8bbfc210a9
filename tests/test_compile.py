"""compile: what a program computes is what the step computes, to the last bit; and what it refuses."""

from __future__ import annotations

import copy
import pickle
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

import minitensor as mt
import minitensor.compiler
from minitensor import Tensor, nn, optim
from tests.table import ROWS
from tests.table.row import Check

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

Array = NDArray[Any]

CHECKS = [pytest.param(c, id=f"{name}-{i}") for name, row in ROWS.items() for i, c in enumerate(row.checks)]


def outcome(check: Check) -> Callable[..., list[Array]]:
    """A step: write the arguments into leaves, apply the function, and return its value and the gradients."""
    leaves = [Tensor(x, requires_grad=True) for x in check.inputs()]

    def step(*arrays: Array) -> Any:
        with mt.no_grad():
            for leaf, array in zip(leaves, arrays, strict=True):
                leaf[...] = array
        for leaf in leaves:
            leaf.grad = None
        value = check.function(*leaves)
        if value.requires_grad:
            ((value * value).sum() + value.sum()).backward()
        gradients = [leaf.grad for leaf in leaves]
        return [value.detach(), *gradients]

    return step


def numbers(outcomes: list[Any]) -> list[Any]:
    return [x.data.copy() if isinstance(x, Tensor) else None if x is None else x.copy() for x in outcomes]


@pytest.mark.parametrize("check", CHECKS)
def test_every_rule_and_its_gradients_are_compiled(check: Check) -> None:
    eager, compiled = outcome(check), mt.compile(outcome(check))
    for seed in range(4):
        inputs = check.inputs(seed)
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
    models = make_model(), make_model()
    steps = [make_step(model) for model in models]
    compiled = mt.compile(steps[1])
    outcomes: list[list[Any]] = [[], []]
    runs: list[Any] = [steps[0], compiled]
    for i, step in enumerate(runs):
        mt.manual_seed(5)
        for x, y in batches:
            loss, rest = step(x, y)
            outcomes[i] += [loss.data.copy(), rest["output"].data.copy()]
    same_bits(outcomes[1], outcomes[0])
    same_bits(state(steps[1], models[1]), state(steps[0], models[0]))
    assert compiled._programs, "nothing was compiled"
    return compiled


def drawn_batches(
    shape: tuple[int, ...], count: int = 9, last: int = 3, dtype: Any = np.float32
) -> list[Any]:
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
    "dropout": (
        lambda: nn.Sequential(nn.Linear(6, 8, rng=0), nn.Dropout(0.4), nn.Linear(8, 5, rng=1)),
        (10, 6),
    ),
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
        lambda: nn.Sequential(
            nn.Embedding(7, 4, padding_idx=2, rng=0), nn.Flatten(), nn.Linear(12, 5, rng=1)
        ),
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
    "Adadelta": lambda m: optim.Adadelta(m.parameters()),
    "Adamax": lambda m: optim.Adamax(m.parameters(), lr=0.01),
    "NAdam": lambda m: optim.NAdam(m.parameters(), lr=0.01, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda m: optim.RAdam(m.parameters(), lr=0.01, betas=(0.9, 0.99)),
    "groups": lambda m: optim.SGD(
        [
            {"params": [p for p in m.parameters() if p.ndim > 1], "weight_decay": 0.1},
            {"params": [p for p in m.parameters() if p.ndim == 1], "lr": 0.5},
        ],
        lr=0.1,
        momentum=0.9,
    ),
}


@pytest.mark.parametrize("widths", [[8, 7, 5], [151, 129, 5]], ids=["small", "large"])  # large: goes to BLAS
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_steps_alike_with_a_schedule_and_clipping(name: str, widths: list[int]) -> None:
    trains_alike(
        lambda: nn.MLP(6, widths, rng=0),
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


# ------------------------------------------------------------------------- what may change between calls


def small(
    seed: int = 0, **options: Any
) -> tuple[nn.MLP, optim.SGD, Callable[[Array, Array], Tensor], mt.compiler.Compiled[..., Tensor]]:
    """A model, its optimizer, an eager step, and the same step compiled."""
    model = nn.MLP(3, [4, 5], rng=seed)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, **options)

    def step(x: Array, y: Array) -> Tensor:
        loss: Tensor = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return model, optimizer, step, mt.compile(step)


X = np.random.default_rng(1).normal(size=(6, 3)).astype(np.float32)
Y = np.array([0, 1, 2, 3, 4, 0])


def changes(change: Callable[[nn.MLP, optim.SGD], object], **options: Any) -> None:
    """A change between two calls has the same effect on the compiled step as on the eager one."""
    outcomes = []
    for kind in (2, 3):
        pieces: Any = small(**options)
        model, optimizer, step = pieces[0], pieces[1], pieces[kind]
        losses = [step(X, Y).item() for _ in range(5)]
        change(model, optimizer)
        losses += [step(X, Y).item() for _ in range(5)]
        outcomes.append([losses, *model.state_dict().values(), *[p.grad for p in model.parameters()]])
    same_bits(outcomes[1][1:], outcomes[0][1:])
    assert outcomes[0][0] == outcomes[1][0]


def replace_data(model: nn.MLP, optimizer: optim.SGD) -> None:
    for parameter in model.parameters():
        parameter.data = parameter.data * 2


def write_data(model: nn.MLP, optimizer: optim.SGD) -> None:
    with mt.no_grad():
        for parameter in model.parameters():
            parameter *= 2


def freeze(model: nn.MLP, optimizer: optim.SGD) -> None:
    next(model.parameters()).requires_grad = False


def load_optimizer(model: nn.MLP, optimizer: optim.SGD) -> None:
    saved = optimizer.state_dict()
    saved["state"][0]["momentum_buffer"] *= 3
    optimizer.load_state_dict(saved)


def replace_velocity(model: nn.MLP, optimizer: optim.SGD) -> None:
    for kept in optimizer.state.values():
        kept["momentum_buffer"] = kept["momentum_buffer"] * 0


def set_rate(model: nn.MLP, optimizer: optim.SGD) -> None:
    optimizer.param_groups[0]["lr"] = 0.01
    optimizer.param_groups[0]["momentum"] = 0.5
    optimizer.param_groups[0]["weight_decay"] = 0.5


def add_group(model: nn.MLP, optimizer: optim.SGD) -> None:
    first = optimizer.param_groups[0]
    first["params"], rest = first["params"][:2], first["params"][2:]
    optimizer.add_param_group({"params": rest, "lr": 0.7})


def load_model(model: nn.MLP, optimizer: optim.SGD) -> None:
    model.load_state_dict(nn.MLP(3, [4, 5], rng=9).state_dict())


@pytest.mark.parametrize(
    "change",
    [replace_data, write_data, freeze, load_optimizer, replace_velocity, set_rate, add_group, load_model],
)
def test_what_changes_between_calls_takes_effect(change: Callable[[nn.MLP, optim.SGD], object]) -> None:
    changes(change)


def test_training_and_evaluation_mode_are_respected() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5))
    compiled = mt.compile(lambda x: model(x).detach())
    for _ in range(3):
        compiled(X)
    model.eval()
    expected = model(X).data
    for _ in range(4):
        np.testing.assert_array_equal(compiled(X).data, expected)
    model.train()
    assert not np.array_equal(compiled(X).data, compiled(X).data)


def test_no_grad_has_a_program_of_its_own() -> None:
    model, _, _, _ = small()
    compiled = mt.compile(lambda x: model(x).detach())
    for _ in range(3):
        compiled(X)
        with mt.no_grad():
            compiled(X)
    assert len(compiled._programs) == 2


def test_gradients_add_up_over_calls_as_always() -> None:
    outcomes = []
    for kind in (False, True):
        model, _, _, _ = small()

        def step(x: Array, model: nn.MLP = model) -> Tensor:
            loss: Tensor = (model(x) ** 2).mean()
            loss.backward()
            return loss

        run = mt.compile(step) if kind else step
        kept = []
        for i in range(7):
            run(X * (i + 1))
            kept.append([p.grad.copy() for p in model.parameters()])
            if i == 4:
                model.zero_grad()
        outcomes.append(kept)
    for expected, found in zip(*outcomes, strict=True):
        same_bits(found, expected)


def test_labels_are_checked_at_every_call_and_nothing_changes_if_they_are_wrong() -> None:
    model, optimizer, _, compiled = small()
    for _ in range(4):
        compiled(X, Y)
    before = [x.copy() for x in model.state_dict().values()]
    with pytest.raises(mt.ShapeError, match="targets"):
        compiled(X, Y + 1)
    same_bits(list(model.state_dict().values()), before)
    assert optimizer._steps == 4
    compiled(X, Y)
    assert optimizer._steps == 5


def test_ignored_labels_lead_another_way() -> None:
    outcomes = []
    for kind in (2, 3):
        pieces: Any = small()
        ignoring = Y.copy()
        ignoring[2] = -100
        outcomes.append([pieces[kind](X, ignoring if i % 3 == 2 else Y).item() for i in range(12)])
    assert outcomes[0] == outcomes[1]


def test_results_are_new_at_each_call() -> None:
    _, _, _, compiled = small()
    losses = [compiled(X, Y) for _ in range(6)]
    assert len({loss.item() for loss in losses}) == 6
    assert not losses[-1].requires_grad


def test_returned_arrays_are_each_ones_own_though_they_are_computed_alike() -> None:
    @mt.compile
    def step(x: Tensor) -> tuple[Tensor, ...]:
        doubled = x * 2
        return doubled, x * 2, doubled.clone(), (x * 2).reshape(2, 1)

    for _ in range(4):
        outcomes = step(Tensor([1.0, 2.0]))
        for i, found in enumerate(outcomes):
            assert found.data.ravel().tolist() == [2.0, 4.0]
            found.data[...] = i


@pytest.mark.parametrize("width", [4, 512])  # small arrays, and such as lie in large pages
@pytest.mark.parametrize(
    "held",
    [
        lambda model, optimizer: model[0].weight.data,
        lambda model, optimizer: model[0].weight.data.T[1:],
        lambda model, optimizer: model[2].bias.detach().data,
        lambda model, optimizer: optimizer.state[model[0].weight]["momentum_buffer"],
    ],
)
def test_arrays_that_somebody_holds_stay_those_of_the_model(width: int, held: Any) -> None:
    model = nn.MLP(64, [width, 10], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 64)).astype(np.float32), rng.integers(0, 10, 8)

    def step(x: Array, y: Array) -> Tensor:
        loss: Tensor = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    step(x, y)
    array = held(model, optimizer)
    compiled = mt.compile(step)
    for _ in range(4):
        before = array.copy()
        compiled(x, y)
        assert (array != before).any()
    assert np.may_share_memory(array, held(model, optimizer))


def test_arguments_may_be_tensors_numbers_and_named() -> None:
    @mt.compile
    def scaled(x: Any, factor: float, *, shift: Any) -> Any:
        return {"y": (x * factor + shift, [x])}

    for i in range(9):
        x = Tensor([1.0, float(i)])
        found = scaled(x, 2.0 if i % 2 else 3.0, shift=np.array([i], np.float32))["y"]
        np.testing.assert_array_equal(found[0].data, x.data * (2 if i % 2 else 3) + i)
        np.testing.assert_array_equal(found[1][0].data, x.data)


def test_memory_order_and_dtype_of_arguments_have_their_own_programs() -> None:
    compiled = mt.compile(lambda x: mt.sum(Tensor.from_numpy(x), 0))
    for _ in range(3):
        for x in (X, np.asfortranarray(X), X[::2], X.astype(np.float64)):
            found = compiled(x)
            np.testing.assert_array_equal(found.data, x.sum(0))
            assert found.dtype == x.dtype
    assert len(compiled._programs) == 4


def test_a_gradient_of_a_gradient_can_be_compiled() -> None:
    outcomes = []
    for kind in (False, True):
        w = Tensor(np.arange(1.0, 4.0), requires_grad=True)

        def step(x: Array, w: Tensor = w) -> Any:
            (slope,) = (mt.grad(lambda w: (mt.tanh(w) * x).sum())(w),)
            w.grad = None
            (slope * slope).sum().backward()
            with mt.no_grad():
                w -= 0.1 * w.grad
            return slope.detach()

        run = mt.compile(step) if kind else step
        outcomes.append([run(np.arange(3.0) + i).data.copy() for i in range(5)])
    same_bits(outcomes[1], outcomes[0])


def test_an_update_written_by_hand_is_compiled() -> None:
    outcomes = []
    for kind in (False, True):
        model, _, _, _ = small()

        def step(x: Array, y: Array, model: nn.MLP = model) -> Tensor:
            loss: Tensor = nn.functional.cross_entropy(model(x), y)
            model.zero_grad()
            loss.backward()
            for parameter in model.parameters():
                parameter.data -= 0.1 * parameter.grad
            return loss

        run = mt.compile(step) if kind else step
        outcomes.append([run(X, Y).item() for _ in range(8)])
    assert outcomes[0] == outcomes[1]


def test_random_numbers_are_drawn_anew_and_from_the_same_stream() -> None:
    outcomes = []
    for kind in (False, True):
        own = np.random.default_rng(3)

        def step(x: Array, own: np.random.Generator = own) -> Any:
            return [x + mt.randn(3), mt.rand(2, rng=own), mt.randint(0, 100, (2,)), nn.functional.dropout(x)]

        run: Any = mt.compile(step) if kind else step
        mt.manual_seed(0)
        outcomes.append([y.data if isinstance(y, Tensor) else y for _ in range(5) for y in run(X)])
    same_bits(outcomes[1], outcomes[0])


def test_an_optimizer_of_ones_own_is_called_as_it_is() -> None:
    class Sign(optim.Optimizer):
        def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Any) -> None:
            state["step"] = state.get("step", 0) + 1
            parameter.data -= group["lr"] / state["step"] * np.sign(gradient)

    trains_alike(
        lambda: nn.MLP(6, [8, 5], rng=0),
        lambda model: training(model, lambda m: Sign(m.parameters(), lr=0.1)),
        drawn_batches((10, 6)),
    )


def test_a_pickled_optimizer_goes_on_and_leaves_the_memory_of_its_steps_behind() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 100)), rng.normal(size=(4, 50))
    model = nn.Linear(100, 50, dtype="float64", rng=0)
    optimizer = optim.Adam(model.parameters())

    def step(model: nn.Module, optimizer: optim.Optimizer) -> None:
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    compiled = mt.compile(lambda: step(model, optimizer))
    for _ in range(4):
        compiled()
    optimizer.zero_grad()
    text = pickle.dumps((model, optimizer))
    assert len(text) < 1.2 * 3 * sum([p.data.nbytes for p in model.parameters()])  # each with two averages
    twins = pickle.loads(text)
    for _ in range(4):
        compiled()
        step(*twins)
    for one, two in zip(model.parameters(), twins[0].parameters(), strict=True):
        np.testing.assert_allclose(one.data, two.data, rtol=1e-12)


def test_an_eager_graph_over_parameters_that_a_compiled_step_changed_is_stale() -> None:
    model, _, _, compiled = small()
    for _ in range(4):
        compiled(X, Y)
    loss = (model(X) ** 2).sum()
    compiled(X, Y)
    with pytest.raises(mt.GraphError, match="overwritten"):
        loss.backward()


def test_under_debug_the_step_runs_as_it_is() -> None:
    _, _, _, compiled = small()
    for _ in range(4):
        compiled(X, Y)
    with mt.debug(), pytest.raises(mt.NumericError, match="linear"):
        compiled(X * np.nan, Y)


def test_an_error_within_the_step_leaves_nothing_recorded_behind() -> None:
    model, _, step, _ = small()

    @mt.compile
    def failing(x: Array, y: Array) -> Tensor:
        step(x, y)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        failing(X, Y)
    for parameter in model.parameters():
        assert type(parameter.data) is np.ndarray
        assert type(parameter.grad) is np.ndarray
    step(X, Y)


class Signal:
    """A threading.Event of locks, which a step may hold: compile cannot see whether an Event is set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def set(self) -> None:
        self.lock.release()

    def wait(self) -> None:
        assert self.lock.acquire(timeout=10)


def test_other_threads_compute_while_one_records() -> None:
    started, done = Signal(), Signal()
    found = []

    def elsewhere() -> None:
        started.wait()
        x = Tensor([1.0, 2.0], requires_grad=True)
        (x * x).sum().backward()
        found.append(x.grad)
        done.set()

    @mt.compile
    def step(x: Array) -> Tensor:
        y = Tensor.from_numpy(x) * 2
        started.set()
        done.wait()
        return y + 1

    thread = threading.Thread(target=elsewhere)
    thread.start()
    np.testing.assert_array_equal(step(X).data, X * 2 + 1)
    thread.join()
    assert type(found[0]) is np.ndarray
    assert found[0].tolist() == [2.0, 4.0]


def test_other_threads_use_the_same_model_while_one_traces_it() -> None:
    model, optimizer, _, _ = small()
    started, done = Signal(), Signal()
    found: list[Any] = []

    def elsewhere() -> None:
        started.wait()
        weight = next(model.parameters())
        with mt.no_grad():
            found.append(model(X).data)
        found.extend([weight.data, weight.grad, weight.detach().numpy()])
        done.set()

    @mt.compile
    def step(x: Array, y: Array) -> Tensor:
        loss: Tensor = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        started.set()
        done.wait()
        optimizer.step()
        return loss

    with mt.no_grad():
        expected = model(X).data
    thread = threading.Thread(target=elsewhere)
    thread.start()
    step(X, Y)
    thread.join()
    np.testing.assert_array_equal(found[0], expected)
    assert [type(array) for array in found[:4]] == [np.ndarray] * 4


def test_a_gradient_set_to_a_constant_is_the_tensor_s_own() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)

    @mt.compile
    def step(x: Tensor) -> Tensor:
        w.grad = np.ones(2, np.float32)
        return (w * x).detach()

    for _ in range(5):
        step(Tensor([1.0, 1.0]))
        assert w.grad.tolist() == [1, 1]
        w.grad *= 5


def test_a_graph_of_before_the_step_has_its_gradients_or_the_step_is_refused() -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()

    def step(x: Tensor) -> Tensor:
        loss.backward(retain_graph=True)
        return x * 2

    compiled, kept = mt.compile(step), []
    for _ in range(5):
        try:
            compiled(Tensor([1.0]))
        except mt.CompileError:
            break
        kept.append(w.grad.tolist())
    assert kept == [[2 * i, 4 * i] for i in range(1, len(kept) + 1)]
    assert type(w.grad) is np.ndarray


@pytest.mark.parametrize("kind", [nn.Buffer, lambda x: nn.Parameter(x, requires_grad=False)])
def test_buffers_and_frozen_parameters_are_arguments_too(kind: Any) -> None:
    compiled = mt.compile(lambda x: x * 2 + 1)
    for i in range(5):
        assert compiled(kind([1.0 * i])).tolist() == [2.0 * i + 1]


def test_what_a_step_cannot_return_is_refused() -> None:
    with pytest.raises(mt.CompileError, match="the step returns a Selection"):
        mt.compile(lambda x: mt.topk(x, 2))(Tensor([1.0, 2.0, 3.0]))


def test_what_a_step_that_failed_left_behind_is_plain() -> None:
    kept: list[Tensor] = []

    @mt.compile
    def failing(x: Tensor) -> Tensor:
        kept.append(x * 2)
        raise KeyError

    with pytest.raises(KeyError):
        failing(Tensor(X))
    np.testing.assert_array_equal((kept[0] + 1).data, X * 2 + 1)


def test_threads_that_share_a_step_each_get_their_own_results() -> None:
    @mt.compile
    def step(x: Tensor) -> Tensor:
        return (x @ x * 2 + x).sum(0)

    arrays = [np.full((200, 200), float(i)) for i in range(4)]
    for x in arrays[:3]:
        step(Tensor(x))
    wrong: list[int] = []

    def work(i: int) -> None:
        expected = (arrays[i] @ arrays[i] * 2 + arrays[i]).sum(0)
        wrong.extend([i for _ in range(30) if not np.array_equal(step(Tensor(arrays[i])).data, expected)])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_debug_within_a_step_is_refused() -> None:
    @mt.compile
    def step(x: Tensor) -> Tensor:
        with mt.debug():
            return x * 2

    with pytest.raises(mt.CompileError, match="nobody else can watch"):
        step(Tensor(X))


def added_up(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    (w * x).sum().backward()


def doubled(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    w.grad = w.grad * 2


def clipped_into_itself(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    np.clip(w.grad, -0.5, 0.5, out=w.grad)


def clipped_by_position(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    np.clip(w.grad, -0.5, 0.5, w.grad)


def clipped_by_a_method(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    w.grad.clip(-0.5, 0.5, out=w.grad)


def cleaned(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    w.grad[0] = np.nan
    np.nan_to_num(w.grad, copy=False)


def zeroed_before(w: Tensor, x: Tensor) -> None:
    if w.grad is not None:
        w.grad[...] = 0
    (w * w * x).sum().backward()


def filled_before(w: Tensor, x: Tensor) -> None:
    if w.grad is not None:
        w.grad.fill(0.5)
    (w * w * x).sum().backward()


def constant(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w.sum() + x.sum()).backward()


def copied(w: Tensor, x: Tensor) -> None:
    w.grad = None
    before = copy.copy(w.data)
    w.data -= 0.1
    (w * before * x).sum().backward()


def deep_copied(w: Tensor, x: Tensor) -> None:
    w.grad = None
    before = copy.deepcopy(w.data)
    w.data -= 0.1
    (w * before * x).sum().backward()


def number(w: Tensor, x: Tensor) -> None:
    w.grad = None
    (w * w * x).sum().backward()
    first = w.grad.sum()
    second = first
    second *= 2
    w.data -= 0.1 * first + 0.01 * second


BY_HAND = [
    *[added_up, doubled, clipped_into_itself, clipped_by_position, clipped_by_a_method, cleaned],
    *[zeroed_before, filled_before, constant, copied, deep_copied, number],
]


@pytest.mark.parametrize("use", ["no optimizer", "optimizer", "two steps of it"])
@pytest.mark.parametrize("compute", BY_HAND)
def test_gradients_changed_by_hand_are_those_of_the_step_as_it_is(compute: Any, use: str) -> None:
    outcomes = []
    for compiled in (False, True):
        w = Tensor(np.array([1.0, -2.0, 3.0]), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)

        def step(x: Tensor, w: Tensor = w, optimizer: optim.SGD = optimizer) -> Any:
            compute(w, x)
            if use == "no optimizer":
                w.data -= 0.1 * w.grad
            else:
                optimizer.step()
            if use == "two steps of it":
                optimizer.step()
            return w.detach()

        run: Any = mt.compile(step) if compiled else step
        kept: list[Any] = []
        for i in range(7):
            kept += [run(Tensor(np.array([1.0, 0.5, i / 4]))).data.copy(), w.grad.copy()]
            if i == 4 and compute is constant:
                w.grad += 1  # is the tensor's own
        outcomes.append(kept)
    same_bits(outcomes[1], outcomes[0])


# ------------------------------------------------------------------------------------ what is refused


def loop_on_value(x: Any) -> Any:
    return x * 2 if (x * 2).sum() > 0 else x


WITH_GRADIENT = Tensor([1.0], requires_grad=True)
WITH_GRADIENT.grad = np.ones(1, np.float32)

REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "branch": (loop_on_value, "numbers out of a tensor"),
    "branch on an array": (lambda x: x if x.data.any() else -x, "branching on an array's value"),
    "item": (lambda x: x * x.sum().item(), r"item.*Return the value"),
    "float": (lambda x: x * float(x.sum()), "numbers out of a tensor"),
    "float of an array": (lambda x: x * float(x.data.sum()), r"float\(\) of an array"),
    "tolist": (lambda x: Tensor(x.tolist()), "tolist"),
    "asarray": (lambda x: x + np.asarray(x.detach()), "plain array"),
    "scipy": (lambda x: x + special.logsumexp(x.data), "plain array|branching"),
    "nonzero": (lambda x: Tensor.from_numpy(np.nonzero(x.data)[0]), "shape that depends on values"),
    "print": (lambda x: print(x), "array2string"),
    "range": (lambda x: [x for _ in range(np.argmax(x.data))], "index"),
    "write": (lambda x: np.add(x.data, 1, out=np.zeros((6, 3), np.float32)), "writing into a plain array"),
    "graph": (lambda x: x.requires_grad_() * 2, "still part of a graph"),
    "norm": (lambda x: x * optim.clip_grad_norm_([WITH_GRADIENT], 1.0), "a number that each run finds anew"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_program_could_not_do_again_is_refused(name: str) -> None:
    step, message = REFUSED[name]
    with pytest.raises(mt.CompileError, match=message) as caught:
        mt.compile(step)(Tensor(X))
    assert "test_compile.py" in str(caught.value) or name == "graph"


def test_what_is_not_the_same_at_each_call_is_refused_with_its_line() -> None:
    rng = np.random.default_rng(0)

    @mt.compile
    def noisy(x: Tensor) -> Tensor:
        return x + rng.normal(size=3).astype(np.float32)

    noisy(Tensor(X)), noisy(Tensor(X))
    with pytest.raises(
        mt.CompileError, match=r"random numbers from rng, in .*test_compile.py.*do it outside"
    ):
        noisy(Tensor(X))

    @mt.compile
    def timed(x: Tensor) -> Tensor:
        return x + np.array([time.perf_counter_ns() % 10**6, 0, 0], np.float32)

    timed(Tensor(X)), timed(Tensor(X)), timed(Tensor(X))
    with pytest.raises(mt.CompileError, match=r"test_compile.py.*constant array.*had changed.*argument"):
        timed(Tensor(X))

    @mt.compile
    def counting(x: Tensor) -> Tensor:
        return x * time.perf_counter_ns()

    counting(Tensor(X)), counting(Tensor(X)), counting(Tensor(X))
    with pytest.raises(mt.CompileError, match=r"[0-9]+ and then [0-9]+"):
        counting(Tensor(X))


def test_a_step_may_settle_down_after_its_first_call() -> None:
    kept: list[Tensor] = []

    @mt.compile
    def lazy(x: Tensor) -> Tensor:
        if not kept:
            kept.append(Tensor([1.0, 2.0, 3.0]))
            x = x * 1
        return x * kept[0]

    for _ in range(5):
        np.testing.assert_array_equal(lazy(Tensor(X)).data, X * np.array([1, 2, 3], np.float32))
    assert lazy._programs


def test_what_a_step_leaves_behind_is_plain_and_then_refused() -> None:
    kept = []

    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            self.seen, self.array = x, x.data * 2
            return x

    layer = Layer()

    @mt.compile
    def leaking(x: Tensor) -> Any:
        kept.append(x * 2)
        return layer(x) * 3

    for i in (1, 2):
        leaking(Tensor(X))
        for found in (kept[-1] + 0, layer.seen * 2, layer.array):
            np.testing.assert_array_equal(np.asarray(found), X * 2)
        assert len(kept) == i
    with pytest.raises(mt.CompileError, match=r"it changes (kept|layer.seen), in .*test_compile.py.*outside"):
        leaking(Tensor(X))


def test_too_many_programs_warn_and_the_step_runs_as_it_is() -> None:
    compiled = mt.compile(lambda x, n: x + n)
    for i in range(32):
        for _ in range(2):
            compiled(X, i)
    with pytest.warns(UserWarning, match="32 programs"):
        np.testing.assert_array_equal(compiled(X, 99), X + 99)


def test_an_argument_that_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(mt.DTypeError, match="can be hashed, not list"):
        mt.compile(lambda xs: xs[0])([X])


# --------------------------------------------------------------------------------- what a program is


def test_a_program_computes_nothing_twice_nothing_in_vain_and_copies_nothing() -> None:
    w = Tensor(np.ones((3, 3), np.float32), requires_grad=True)

    @mt.compile
    def step(x: Tensor) -> Tensor:
        unused = mt.exp(x @ w)
        assert unused.shape == (6, 3)
        y = x @ w
        loss = (y * y + y * y).sum()
        w.grad = None
        loss.backward()
        return loss

    for _ in range(2):
        step(Tensor(X))
    (program,) = next(iter(step._programs.values()))
    assert "exp" not in program.source
    assert program.source.count("matmul") == 2  # forward, and the gradient of w
    assert "copy()" not in program.source


def test_memory_is_shared_by_what_does_not_live_at_the_same_time() -> None:
    def chain(x: Tensor) -> Tensor:
        for _ in range(20):
            x = mt.tanh(x) + 1
        return x.sum()

    compiled = mt.compile(chain)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(Tensor(X)).data, chain(Tensor(X)).data)
    (program,) = next(iter(compiled._programs.values()))
    assert sum(program.sizes) <= 2 * X.nbytes


def test_explain_shows_the_operations_shapes_and_memory() -> None:
    _, _, _, compiled = small()
    assert "No program yet" in compiled.explain()
    for _ in range(2):
        compiled(X, Y)
    text = compiled.explain()
    for piece in (
        "x0: argument, (6, 3) float32",
        "# linear; (6, 4) float32 in block",
        "relu′",
        "bytes of memory",
        "w: a tensor's array, (4, 3) float32",
        "w.T, a view, (3, 4) float32",
        "constant, 0.0",
    ):
        assert piece in text


@pytest.mark.parametrize("function", [mt.quantile, mt.percentile])
@pytest.mark.parametrize("fault", [-0.5, 100.5, np.nan, [0.2, -1.0]])
def test_a_quantile_from_nowhere_is_refused_in_later_runs_too(function: Any, fault: Any) -> None:
    q = np.full(np.shape(fault), 0.5)
    for wrap in (Tensor, np.asarray):
        step = mt.compile(lambda x, q: function(x, q))
        x = Tensor([1.0, 2.0, 4.0])
        assert step(x, wrap(q)).tolist() == function(x, q).tolist()
        with pytest.raises(mt.OptionError, match="q must be from 0 to 1"):
            step(x, wrap(fault))
        assert step(x, wrap(q / 2)).tolist() == function(x, q / 2).tolist()
