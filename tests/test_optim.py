"""Optimizers: steps by hand, and what they refuse. The oracle suite compares them with PyTorch's."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from minitensor import (
    DTypeError,
    GraphError,
    NumericError,
    OptionError,
    ShapeError,
    Tensor,
    Value,
    nn,
    no_grad,
    optim,
    trees,
)

Array = NDArray[Any]


def quadratic(**options: Any) -> list[float]:
    """w after each of three steps on w², from 1."""
    w = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1, **options)
    path = []
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        path.append(w.item())
    return path


def test_plain_steps_shrink_a_quadratic_by_a_fixed_factor() -> None:
    np.testing.assert_allclose(quadratic(), [0.8, 0.64, 0.512])


def test_momentum_adds_up_velocity() -> None:
    np.testing.assert_allclose(quadratic(momentum=0.5), [0.8, 0.54, 0.302])


def test_maximize_climbs() -> None:
    np.testing.assert_allclose(quadratic(maximize=True), [1.2, 1.44, 1.728])


def test_weight_decay_alone_shrinks_the_weight() -> None:
    w = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1, weight_decay=0.5)
    (w * 0.0).sum().backward()
    optimizer.step()
    assert w.item() == pytest.approx(0.95)


def test_parameters_without_a_gradient_are_left_alone() -> None:
    used, unused = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = optim.SGD([used, unused], lr=0.1, momentum=0.9, weight_decay=0.1)
    (used * 1).sum().backward()
    optimizer.step()
    assert used.item() != 1.0
    assert unused.item() == 1.0


def test_a_step_leaves_the_gradient_as_it_was() -> None:
    w = nn.Parameter([2.0])
    (w * w).sum().backward()
    variants: list[dict[str, Any]] = [
        {},
        {"momentum": 0.9},
        {"weight_decay": 0.1},
        {"momentum": 0.9, "nesterov": True},
    ]
    for options in variants:
        optimizer = optim.SGD([w], lr=0.1, **options)
        optimizer.step()
        optimizer.step()
        assert w.grad.tolist() == [4.0]


def test_a_changed_learning_rate_takes_effect() -> None:
    w = nn.Parameter([1.0])
    optimizer = optim.SGD([w], lr=0.1)
    optimizer.param_groups[0]["lr"] = 0.0
    (w * w).sum().backward()
    optimizer.step()
    assert w.item() == 1.0


def test_what_cannot_be_optimized_is_refused() -> None:
    w = nn.Parameter([1.0])
    with pytest.raises(ValueError, match=r"SGD: no parameters. Pass model.parameters\(\)."):
        optim.SGD([], lr=0.1)
    with pytest.raises(ValueError, match="lr must not be negative, and is -1"):
        optim.SGD([w], lr=-1)
    with pytest.raises(ValueError, match="momentum must not be negative"):
        optim.SGD([w], momentum=-1)
    with pytest.raises(ValueError, match="weight_decay must not be negative, and is nan"):
        optim.SGD([w], weight_decay=float("nan"))
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([w, w])
    with pytest.raises(GraphError, match=r"shape \(1,\) is made by multiply"):
        optim.SGD([w * 2])
    with pytest.raises(GraphError, match="no parameter requires grad"):
        optim.SGD([Tensor([1.0])])
    model = nn.Linear(2, 1)
    for given in (model, model.parameters):
        with pytest.raises(
            DTypeError, match=r"takes parameters, not a \w+. Pass (model.parameters\(\)|what it)"
        ):
            optim.SGD(given)  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match="must be Tensors, not float"):
        optim.SGD([1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        optim.SGD([w], nesterov=True)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_velocities_do_not_linger_where_arithmetic_is_slow(dtype: Any) -> None:
    dead, live = nn.Parameter(np.ones(3, dtype)), nn.Parameter(np.ones(3, dtype))
    optimizer = optim.SGD([dead, live], lr=1e-3, momentum=0.5)
    tiny = np.finfo(dtype).tiny
    for step in range(1280):
        dead.grad = np.full(3, step == 0, dtype)
        live.grad = np.array([1, np.nan, np.inf], dtype)
        with np.errstate(invalid="ignore"):
            optimizer.step()
    assert optimizer.state[dead]["momentum_buffer"].tolist() == [0, 0, 0]
    velocity = optimizer.state[live]["momentum_buffer"]
    assert velocity[0] > tiny
    assert np.isnan(velocity[1])
    assert velocity[2] == np.inf


def test_when_that_is_looked_after_is_saved() -> None:
    w = nn.Parameter([1.0])
    optimizer = optim.SGD([w], lr=0.1)
    for _ in range(3):
        w.grad = np.ones(1, np.float32)
        optimizer.step()
    other = optim.SGD([w])
    other.load_state_dict(optimizer.state_dict())
    assert other._steps == 3


def test_groups_are_checked() -> None:
    w, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    optimizer = optim.Adam([{"params": w, "lr": 0.5}], lr=0.1)
    optimizer.add_param_group({"params": [b]})
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1]
    assert repr(optimizer).count("\n") == 1
    with pytest.raises(ValueError, match="given twice"):
        optimizer.add_param_group({"params": [w]})
    with pytest.raises(OptionError, match=r"Adam: no option momentum. It has lr, betas"):
        optimizer.add_param_group({"params": [nn.Parameter([1.0])], "momentum": 1})
    with pytest.raises(DTypeError, match="groups are dicts with the parameters under 'params', not a dict"):
        optimizer.add_param_group({"lr": 1})
    with pytest.raises(OptionError, match="betas must be at least 0 and below 1"):
        optim.Adam([w], betas=(0.9, 1.0))
    with pytest.raises(OptionError, match="alpha must be at least 0 and below 1"):
        optim.RMSprop([w], alpha=1.5)


def test_what_does_not_fit_is_not_loaded() -> None:
    w, b = nn.Parameter([1.0]), nn.Parameter([[1.0, 2.0]])
    w.grad = np.ones(1, np.float32)
    optimizer = optim.SGD([w], momentum=0.9)
    optimizer.step()
    saved = optimizer.state_dict()
    for other, message in [
        (optim.SGD([w, b]), r"groups of \[1\] parameters for groups of \[2\]"),
        (optim.SGD([b]), r"momentum_buffer has shape \(1,\) for a parameter of shape \(1, 2\)"),
        (optim.Adam([w]), "is another optimizer's: has no betas, eps"),
    ]:
        with pytest.raises(ValueError, match=message):
            other.load_state_dict(saved)
        assert other.state == {}


def test_schedules_say_what_is_wrong() -> None:
    optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.1)
    with pytest.raises(OptionError, match="StepLR: step_size must be an integer of at least 1, not 0"):
        optim.StepLR(optimizer, 0)
    with pytest.raises(DTypeError, match="CosineAnnealingLR: takes an Optimizer, not float"):
        optim.CosineAnnealingLR(0.1, 3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="give total_steps, or epochs and steps_per_epoch"):
        optim.OneCycleLR(optimizer, 1.0)
    with pytest.raises(OptionError, match="no momentum to cycle"):
        optim.OneCycleLR(optim.Adagrad([nn.Parameter([1.0])]), 1.0, 10)
    with pytest.raises(OptionError, match="2 max_lr for 1 groups"):
        optim.OneCycleLR(optimizer, [1.0, 2.0], 10)
    with pytest.raises(OptionError, match="start_factor must be above 0"):
        optim.LinearWarmup(optimizer, start_factor=0)
    with pytest.raises(DTypeError, match="has a warm-up of its own"):
        optim.LinearWarmup(optimizer, after=optim.OneCycleLR(optimizer, 1.0, 10))
    with pytest.raises(OptionError, match="mode must be min or max, not 'up'"):
        optim.ReduceLROnPlateau(optimizer, mode="up")
    with pytest.raises(OptionError, match="factor must be below 1"):
        optim.ReduceLROnPlateau(optimizer, factor=1.0)
    cycle = optim.OneCycleLR(optimizer, 1.0, 1)
    cycle.step()
    with pytest.raises(OptionError, match="the cycle has 1 steps, and is over"):
        cycle.step()
    with pytest.raises(OptionError, match=r"StepLR.load_state_dict: needs step_size, gamma"):
        optim.StepLR(optimizer, 3).load_state_dict(cycle.state_dict())


def test_clipping_refuses_what_it_should() -> None:
    w = nn.Parameter([1.0])
    assert optim.clip_grad_norm_(w, 1.0) == 0.0
    w.grad = np.array([np.nan], np.float32)
    with pytest.raises(NumericError, match=r"the norm of the gradients is nan. None was changed"):
        optim.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
    with pytest.raises(OptionError, match="max_norm must not be negative"):
        optim.clip_grad_norm_(w, -1.0)


# ------------------------------------------------------------------------ groups that join a schedule


class Table(optim.lr_scheduler.LRScheduler):
    """Rates that are no multiple of the base; the base may not be 0."""

    def lr_at(self, step: int, base: float) -> float:
        return float(np.log(base + 1)) / base + step


SCHEDULES: dict[str, Callable[[optim.Optimizer], Any]] = {
    "StepLR": lambda o: optim.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: optim.MultiStepLR(o, [4, 1], 0.5),
    "ExponentialLR": lambda o: optim.ExponentialLR(o, 0.9),
    "ConstantLR": lambda o: optim.ConstantLR(o, 0.5, 3),
    "LinearLR": lambda o: optim.LinearLR(o, 0.5, 0.9, 4),
    "PolynomialLR": lambda o: optim.PolynomialLR(o, 20, 2),
    "LambdaLR": lambda o: optim.LambdaLR(o, lambda step: 1 / (1 + step)),
    "MultiplicativeLR": lambda o: optim.MultiplicativeLR(o, lambda step: 1 / step),
    "CosineAnnealingWarmRestarts": lambda o: optim.CosineAnnealingWarmRestarts(o, 4, 2),
    "SequentialLR": lambda o: optim.SequentialLR(o, [optim.LinearLR(o), optim.StepLR(o, 2)], [20]),
    "ChainedScheduler": lambda o: optim.ChainedScheduler([optim.LinearLR(o), optim.StepLR(o, 2)]),
    "CosineAnnealingLR": lambda o: optim.CosineAnnealingLR(o, 6, 0.01),
    "LinearWarmup": lambda o: optim.LinearWarmup(o, 4),
    "LinearWarmup, after": lambda o: optim.LinearWarmup(o, 2, after=optim.StepLR(o, 2, 0.5)),
    "OneCycleLR": lambda o: optim.OneCycleLR(o, 1.0, 20),
    "ReduceLROnPlateau": lambda o: optim.ReduceLROnPlateau(o, patience=0, factor=0.5),
    "Table": Table,
}


def two_parameters() -> tuple[optim.Optimizer, dict[str, Any]]:
    return optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9), {"params": [nn.Parameter([1.0])]}


@pytest.mark.parametrize("when", [0, 1, 3])
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_group_joins_with_its_own_rate_and_then_moves_with_the_others(name: str, when: int) -> None:
    optimizer, group = two_parameters()
    schedule = SCHEDULES[name](optimizer)
    metric = [1.0] if name == "ReduceLROnPlateau" else []
    for _ in range(when):
        schedule.step(*metric)
    first = schedule.get_last_lr()[0]
    optimizer.add_param_group({**group, "lr": 3 * first})
    assert schedule.get_last_lr() == [first, 3 * first]
    for _ in range(5):
        schedule.step(*metric)
        one, other = schedule.get_last_lr()
        if name in ("CosineAnnealingLR", "Table"):  # no multiples of their bases
            assert other != 3 * first
        else:
            assert other == pytest.approx(3 * one, rel=1e-12)
    assert [group["momentum"] for group in optimizer.param_groups] == [
        optimizer.param_groups[0]["momentum"]
    ] * 2


def test_a_group_that_joins_with_the_rate_of_the_others_keeps_it() -> None:
    for name in SCHEDULES.keys() - {"ReduceLROnPlateau", "Table"}:
        optimizer, group = two_parameters()
        schedule = SCHEDULES[name](optimizer)
        schedule.step()
        optimizer.add_param_group({**group, "lr": schedule.get_last_lr()[0]})
        for _ in range(4):
            schedule.step()
            one, other = schedule.get_last_lr()
            assert other == pytest.approx(one, rel=1e-12)


def test_where_the_base_plays_no_part_a_group_that_joins_takes_its_rate_for_it() -> None:
    optimizer, group = two_parameters()
    schedule = optim.CosineAnnealingLR(optimizer, 2)
    schedule.step()
    schedule.step()
    optimizer.add_param_group({**group, "lr": 0.4})
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.05, 0.2])


def test_a_schedule_with_a_group_that_joined_is_saved_and_goes_on() -> None:
    def made() -> tuple[optim.Optimizer, dict[str, Any], Any]:
        optimizer, group = two_parameters()
        return optimizer, group, optim.CosineAnnealingLR(optimizer, 9)

    optimizer, group, schedule = made()
    schedule.step()
    optimizer.add_param_group({**group, "lr": 0.4})
    schedule.step()
    other, another_group, twin = made()
    other.add_param_group(another_group)
    state = schedule.state_dict()
    twin.load_state_dict(state)
    other.load_state_dict(optimizer.state_dict())
    third = {"params": [nn.Parameter([1.0])], "lr": 0.2}
    optimizer.add_param_group(third)
    schedule.step()
    assert len(state["base_lrs"]) == len(twin.base_lrs) == 2
    for own in (schedule, twin):
        own.state_dict()["base_lrs"].clear()
        state["base_lrs"].clear()
        assert own.base_lrs  # no list is shared
    other.add_param_group({"params": [nn.Parameter([1.0])], "lr": 0.2})
    twin.step()
    assert twin.get_last_lr() == schedule.get_last_lr()


def test_a_group_that_is_gone_is_noticed_before_anything_changes() -> None:
    optimizer, group = two_parameters()
    optimizer.add_param_group(group)
    schedule = optim.StepLR(optimizer, 1)
    optimizer.param_groups.pop()
    with pytest.raises(
        OptionError, match=r"2 groups of parameters had this schedule, and the optimizer has 1"
    ):
        schedule.step()
    assert (schedule.last_epoch, schedule.get_last_lr()) == (0, [0.1])


class Fails(optim.lr_scheduler.LRScheduler):
    """Raises, or returns no number, for the second group."""

    def __init__(self, optimizer: optim.Optimizer, fault: Any) -> None:
        self.fault: Any = None
        super().__init__(optimizer)
        self.fault = fault

    def lr_at(self, step: int, base: float) -> float:
        if base == 0.2 and self.fault is not None:
            if isinstance(self.fault, Exception):
                raise self.fault
            return self.fault  # type: ignore[no-any-return]
        return base / (step + 1)


@pytest.mark.parametrize("fault", [RuntimeError("own"), "0.1", np.array([0.1]), Tensor([0.1]), [0.1], 1j])
def test_a_step_that_fails_changes_no_group_and_counts_nothing(fault: Any) -> None:
    optimizer, group = two_parameters()
    optimizer.add_param_group({**group, "lr": 0.2})
    schedule = Fails(optimizer, fault)
    before = [dict(group) for group in optimizer.param_groups]
    error = RuntimeError if isinstance(fault, Exception) else DTypeError
    with pytest.raises(error, match=r"own|Fails: lr_at must return a number, not "):
        schedule.step()
    assert (schedule.last_epoch, schedule.base_lrs) == (0, [0.1, 0.2])
    assert before == [dict(group) for group in optimizer.param_groups]
    schedule.fault = None
    schedule.step()
    assert schedule.get_last_lr() == [0.05, 0.1]


@pytest.mark.parametrize("rate", [np.array(0.25), np.float16(0.25), Tensor(0.25), 0.25], ids=repr)
def test_a_rate_may_be_any_single_number(rate: Any) -> None:
    optimizer, _ = two_parameters()
    optimizer.param_groups[0]["lr"] = 0.2
    schedule = Fails(optimizer, rate)
    schedule.step()
    assert schedule.get_last_lr() == [0.25]
    assert type(schedule.get_last_lr()[0]) is float


@pytest.mark.parametrize("metric", [0.5, np.float32(0.5), np.array([[0.5]]), Tensor([0.5]), Value(0.5)])
def test_a_plateau_takes_one_number(metric: Any) -> None:
    schedule = optim.ReduceLROnPlateau(two_parameters()[0])
    schedule.step(metric)
    assert schedule.best == 0.5


@pytest.mark.parametrize(
    ("metric", "what"),
    [
        (Tensor([1.0, 2.0]), r"Tensor of shape \(2,\)"),
        (np.zeros((0, 1)), r"ndarray of shape \(0, 1\)"),
        ("0.5", "str"),
        (np.array("0.5"), "ndarray"),
        (b"1", "bytes"),
        ([0.5], "list"),
        (None, "NoneType"),
    ],
)
def test_a_plateau_refuses_what_is_not_one_number(metric: Any, what: str) -> None:
    schedule = optim.ReduceLROnPlateau(two_parameters()[0])
    with pytest.raises(DTypeError, match=f"^ReduceLROnPlateau: takes one number, not {what}$"):
        schedule.step(metric)
    assert schedule.best is None


def test_a_schedule_that_cannot_begin_leaves_no_trace() -> None:
    class Unfinished(optim.lr_scheduler.LRScheduler):
        pass

    optimizer, _ = two_parameters()
    before = dict(optimizer.param_groups[0])
    with pytest.raises(NotImplementedError):
        Unfinished(optimizer)
    with pytest.raises(OptionError, match="OneCycleLR: max_lr must be numbers"):
        optim.OneCycleLR(optimizer, ["1"], 10)  # type: ignore[list-item]
    with pytest.raises(OptionError, match="OneCycleLR: max_lr must be numbers, and what they are divided by"):
        optim.OneCycleLR(optimizer, 1.0, 10, div_factor=0)
    assert optimizer.param_groups[0] == before


def test_the_end_of_a_cycle_changes_nothing() -> None:
    optimizer, _ = two_parameters()
    cycle = optim.OneCycleLR(optimizer, 1.0, 2)
    cycle.step()
    cycle.step()
    before = cycle.state_dict(), dict(optimizer.param_groups[0])
    for _ in range(2):
        with pytest.raises(OptionError, match="the cycle has 2 steps, and is over"):
            cycle.step()
    assert (cycle.state_dict(), optimizer.param_groups[0]) == before


def test_a_plateau_takes_numbers() -> None:
    optimizer, _ = two_parameters()
    schedule = optim.ReduceLROnPlateau(optimizer)
    before = schedule.state_dict()
    for metric in (None, "low", [1.0, 2.0], Tensor([1.0, 2.0])):
        with pytest.raises((DTypeError, ShapeError)):
            schedule.step(metric)  # type: ignore[arg-type]
        assert schedule.state_dict() == before
    for number in (Tensor(2.0), np.float32(1), 1):
        schedule.step(number)  # type: ignore[arg-type]
    assert schedule.best == 1.0


# ------------------------------------------------------------------------------- what one remembers


class Hoarder(optim.Optimizer):
    """Remembers something of every kind, and lets its step depend on it."""

    def __init__(self, params: Any, lr: float = 0.1) -> None:
        super().__init__(params, lr=lr)
        self.state["all"] = {"seen": 0, "mean": np.zeros(2)}

    def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Any) -> None:
        if not state:
            rows, columns = (*parameter.shape, 1, 1)[:2]
            state["step"] = 0.5
            state["count"] = np.zeros(parameter.shape, np.int64)
            state["signs"] = np.zeros_like(parameter.data, bool)
            state["bytes"] = np.zeros(3, np.uint8)
            state["factored"] = [np.zeros(rows, np.float32), np.zeros((columns, 1), np.float16)]
            state["complex"] = np.zeros(2, np.complex128)
            state["tiny"] = np.full_like(parameter.data, 1e-40, np.float32)
            state["number"] = np.float32(0.1)
            state["zero-d"] = np.array(1, np.int8)
            state["none"] = None
            state["flag"] = True
            state["nested"] = {"deep": {1: (np.zeros(()), "text", 1.5), "empty": np.zeros((0, 2))}}
            state["tensor"] = Tensor(np.asfortranarray(parameter.data.reshape(rows, -1)))
            state["permuted"] = np.zeros((4, 3, 2)).transpose(1, 2, 0)
            state["words"] = np.array(["a", "bc"])
            state["when"] = np.datetime64("2020-01-01")
            state["z"] = 1 + 2j
        state["step"] += 0.25
        state["count"] += gradient > 0
        state["signs"] ^= gradient > 0
        state["bytes"] += 7
        state["factored"][0] += np.abs(gradient).sum(dtype=np.float32)
        state["complex"] += 1j * gradient.sum()
        state["number"] *= np.float32(1.01)
        state["tensor"].data[...] += 1
        self.state["all"]["seen"] += 1
        parameter.data -= group["lr"] * (gradient + 0.01 * state["count"] * state["step"])


LAYOUTS: dict[str, Callable[[], Array]] = {
    "C": lambda: np.ones((3, 4), np.float32),
    "F": lambda: np.asfortranarray(np.ones((3, 4), np.float32)),
    "permuted": lambda: np.ones((4, 3, 2)).transpose(1, 2, 0),
    "0-d": lambda: np.ones(()),
}


def assert_same(x: Any, y: Any) -> None:
    """Equal in value to the bit, kind, dtype, and order in memory; and nothing is shared."""
    assert type(x) is type(y)
    if isinstance(x, dict):
        assert list(x) == list(y)
        x, y = list(x.values()), list(y.values())
    if isinstance(x, Tensor):
        assert x.requires_grad == y.requires_grad
        x, y = x.data, y.data
    if isinstance(x, list | tuple):
        assert len(x) == len(y)
        for a, b in zip(x, y, strict=True):
            assert_same(a, b)
    elif isinstance(x, np.ndarray | np.generic):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        assert x.strides == y.strides or not x.size
        assert x.tobytes() == y.tobytes()
        assert not (isinstance(x, np.ndarray) and x.size and np.shares_memory(x, y))
    else:
        assert x == y


def hoarded(layout: str, steps: int = 130) -> tuple[Tensor, optim.Optimizer]:
    parameter = nn.Parameter.from_numpy(LAYOUTS[layout]()).requires_grad_()
    optimizer = Hoarder([parameter])
    walk(parameter, optimizer, steps)
    return parameter, optimizer


def walk(parameter: Tensor, optimizer: optim.Optimizer, steps: int) -> None:
    draw = np.random.default_rng(optimizer._steps)
    for _ in range(steps):
        parameter.grad = draw.normal(size=parameter.shape).astype(parameter.dtype)
        optimizer.step()


def through_state(parameter: Tensor, optimizer: optim.Optimizer) -> tuple[Tensor, optim.Optimizer]:
    twin = nn.Parameter.from_numpy(parameter.data.copy("K")).requires_grad_()
    other = Hoarder([twin])
    state = optimizer.state_dict()
    other.load_state_dict(state)
    walk(twin, other, 1)  # writes into everything
    other.load_state_dict(state)
    twin.data[...] = parameter.data
    return twin, other


def through_a_file(parameter: Tensor, optimizer: optim.Optimizer) -> tuple[Tensor, optim.Optimizer]:
    arrays: trees.Arrays = {}
    text = json.dumps(trees.split(optimizer.state_dict(), "state", arrays))
    read = load(save({name: np.asarray(x, order="C") for name, x in arrays.items()}))
    twin = nn.Parameter.from_numpy(parameter.data.copy("K")).requires_grad_()
    other = Hoarder([twin])
    other.load_state_dict(trees.join(json.loads(text), read))
    return twin, other


WAYS: dict[str, Callable[[Tensor, optim.Optimizer], tuple[Tensor, optim.Optimizer]]] = {
    "state_dict": through_state,
    "a file": through_a_file,
    "deepcopy": lambda *both: copy.deepcopy(both),
    **{
        f"pickle {protocol}": lambda *both, protocol=protocol: pickle.loads(pickle.dumps(both, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("way", WAYS)
def test_whatever_an_optimizer_remembers_comes_back_to_the_bit(way: str, layout: str) -> None:
    parameter, optimizer = hoarded(layout)
    assert optimizer.state[parameter]["tiny"].max() == np.float32(1e-40)  # its own business
    twin, other = WAYS[way](parameter, optimizer)
    assert type(other) is Hoarder
    assert other.param_groups[0]["params"] == [twin]
    state, again = optimizer.state[parameter], other.state[twin]
    assert_same(state, again)
    assert_same(optimizer.state["all"], other.state["all"])
    walk(parameter, optimizer, 70)
    walk(twin, other, 70)
    assert_same(parameter, twin)
    assert_same(optimizer.state_dict(), other.state_dict())


def test_an_optimizer_of_values_may_remember_anything_too() -> None:
    def made() -> tuple[list[Value], optim.Optimizer]:
        values = [Value(1.0), Value(2.0)]
        return values, Hoarder(values)

    values, optimizer = made()
    for _ in range(70):
        (values[0] * values[1]).backward()
        optimizer.step()
    for way in ("state_dict", "copy"):
        if way == "copy":
            twins, other = copy.deepcopy((values, optimizer))
        else:
            twins, other = made()
            other.load_state_dict(optimizer.state_dict())
        assert_same(optimizer.state_dict(), other.state_dict())
        assert other.param_groups[0]["params"][0].values == tuple(twins)


def test_what_is_declared_is_kept_in_the_parameter_s_dtype_and_order() -> None:
    class Lion(optim.Optimizer):
        moments = ("momentum",)
        counters = ("steps",)

        def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Any) -> None:
            state.setdefault("momentum", np.zeros_like(parameter.data))
            state["steps"] = state.get("steps", 0) + 1

    w = nn.Parameter.from_numpy(np.asfortranarray(np.ones((2, 3), np.float32))).requires_grad_()
    optimizer = Lion([w], lr=0.1)
    saved = {"param_groups": [{"params": [0], "lr": 0.1}]}
    loaded = {"momentum": np.arange(6.0).reshape(2, 3), "steps": np.float32(3), "other": np.arange(6.0)}
    optimizer.load_state_dict({**saved, "state": {0: loaded}})
    momentum = optimizer.state[w]["momentum"]
    assert (momentum.dtype, momentum.strides) == (np.float32, w.data.strides)
    assert type(optimizer.state[w]["steps"]) is int
    assert optimizer.state[w]["other"].dtype == np.float64
    momentum[...] = 1e-45
    optimizer.state[w]["other"][...] = 1e-310
    w.grad = np.ones((2, 3), np.float32)
    for _ in range(64):
        optimizer.step()
    assert not momentum.any()
    assert optimizer.state[w]["other"].all()
    before = optimizer.state_dict()
    for name, x, fault, message in [
        ("momentum", np.zeros((3, 2)), ShapeError, r"momentum has shape \(3, 2\) for a parameter of shape"),
        ("momentum", 0.0, ShapeError, r"momentum has shape \(\) for"),
        ("momentum", np.array([["a"] * 3] * 2), DTypeError, "momentum is a ndarray, not real numbers"),
        ("momentum", [[1.0], [1.0, 2.0]], DTypeError, "momentum cannot be made an array"),
        ("momentum", np.zeros((2, 3), complex), DTypeError, "momentum is a ndarray, not real numbers"),
        ("steps", np.zeros(2), ShapeError, r"steps has shape \(2,\)"),
        ("steps", 2.5, DTypeError, "steps is no integer"),
        ("steps", np.nan, DTypeError, "steps is no integer"),
        ("steps", "many", DTypeError, "steps is a str, not real numbers"),
    ]:
        with pytest.raises(fault, match=f"^Lion.load_state_dict: {message}.*Nothing was loaded"):
            optimizer.load_state_dict({**saved, "state": {0: {**loaded, name: x}}})
        assert_same(optimizer.state_dict(), before)


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        {"state": {}},
        {"param_groups": 3, "state": {}},
        {"param_groups": [3], "state": {}},
        {"param_groups": [{"lr": 0.1}], "state": {}},
        {"param_groups": [{"params": [0], "lr": 0.1}], "state": 3},
        {"param_groups": [{"params": [0], "lr": 0.1}], "state": {}, "steps": "many"},
        {"param_groups": [{"params": [0], "lr": 0.1}], "state": {1: {}}},
        {"param_groups": [{"params": [0], "lr": 0.1}], "state": {"7": {}}},
        {"param_groups": [{"params": [0], "lr": 0.1}], "state": {0: 3}},
    ],
    ids=repr,
)
def test_what_is_no_state_of_an_optimizer_is_one_error(state: Any) -> None:
    optimizer = Hoarder([nn.Parameter([1.0])])
    before = optimizer.state_dict()
    with pytest.raises(OptionError, match=r"^Hoarder.load_state_dict: .*Nothing was loaded\.$"):
        optimizer.load_state_dict(state)
    assert_same(optimizer.state_dict(), before)


def test_saved_groups_share_nothing_with_the_optimizer() -> None:
    optimizer = optim.Adam([nn.Parameter([1.0])])
    optimizer.param_groups[0]["betas"] = [0.5, 0.6]
    state = optimizer.state_dict()
    state["param_groups"][0]["betas"][0] = 0.1
    other = optim.Adam([nn.Parameter([1.0])])
    other.load_state_dict(state)
    state["param_groups"][0]["betas"][0] = 0.2
    assert optimizer.param_groups[0]["betas"] == [0.5, 0.6]
    assert other.param_groups[0]["betas"] == [0.1, 0.6]


# ------------------------------------------------------------------------------------------ PyTorch's habits

OPTIMIZERS = [
    *(optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad),
    *(optim.Adadelta, optim.Adamax, optim.NAdam, optim.RAdam),
]
ELSEWHERE = {"foreach": None, "fused": None, "capturable": False, "differentiable": False}


def test_schedules_are_found_where_pytorch_has_them() -> None:
    for name in set(optim.lr_scheduler.__all__) - {"LRScheduler", "Schedule"}:
        assert getattr(optim, name) is getattr(optim.lr_scheduler, name)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_what_only_pytorch_has_may_be_off(kind: Any) -> None:
    plain, given = kind([nn.Parameter([1.0])]), kind([nn.Parameter([1.0])], **ELSEWHERE)
    assert plain.defaults == given.defaults
    given.add_param_group({"params": [nn.Parameter([1.0])], **ELSEWHERE})
    assert given.param_groups[1].keys() == plain.param_groups[0].keys()
    for option in ELSEWHERE:
        message = rf"^{kind.__name__}: {option}=True is for PyTorch, and means nothing here. Leave it out.$"
        with pytest.raises(OptionError, match=message):
            kind([nn.Parameter([1.0])], **{option: True})
        with pytest.raises(OptionError, match=message):
            plain.add_param_group({"params": [nn.Parameter([1.0])], option: True})
    with pytest.raises(OptionError, match=rf"^{kind.__name__}: no option rate. It has lr, "):
        kind([nn.Parameter([1.0])], rate=0.1)
    with pytest.raises(TypeError, match="positional argument"):
        kind([nn.Parameter([1.0])], *range(12))


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_options_are_numbers_whatever_says_them(kind: Any) -> None:
    rates: list[Any] = [Tensor(0.5), np.float32(0.5), np.array([0.5])]
    for rate in rates:
        optimizer = kind([{"params": [nn.Parameter([1.0])], "weight_decay": rate}], lr=rate)
        assert [type(optimizer.param_groups[0][name]) for name in ("lr", "weight_decay")] == [float, float]
    wrong: list[Any] = [("0.5", "str"), (None, "NoneType"), (np.ones(2), r"ndarray of shape \(2,\)")]
    for rate, what in wrong:
        with pytest.raises(DTypeError, match=f"^{kind.__name__}: lr must be a number, not {what}$"):
            kind([nn.Parameter([1.0])], lr=rate)
        with pytest.raises(DTypeError, match=f"^{kind.__name__}: weight_decay must be a number, not {what}$"):
            kind([{"params": [nn.Parameter([1.0])], "weight_decay": rate}])


@pytest.mark.parametrize("kind", [optim.Adam, optim.AdamW, optim.Adamax, optim.NAdam, optim.RAdam])
def test_betas_are_two_numbers(kind: Any) -> None:
    w = nn.Parameter([1.0])
    assert kind([w], betas=[Tensor(0.5), 0.25]).param_groups[0]["betas"] == (0.5, 0.25)
    with pytest.raises(DTypeError, match="betas must be a tuple of numbers, not float"):
        kind([w], betas=0.9)
    with pytest.raises(DTypeError, match="each of betas must be a number, not str"):
        kind([w], betas=(0.9, "0.99"))
    for betas in [(0.9,), (0.9, 0.99, 0.999)]:
        with pytest.raises(OptionError, match=f"^{kind.__name__}: betas must be two, and are"):
            kind([w], betas=betas)
    with pytest.raises(OptionError, match="betas must be at least 0 and below 1"):
        kind([w], betas=(0.9, 1.0))


def test_new_options_have_their_ranges() -> None:
    w = nn.Parameter([1.0])
    with pytest.raises(OptionError, match=r"Adadelta: rho must be from 0 to 1, and is 1.5"):
        optim.Adadelta([w], rho=1.5)
    with pytest.raises(OptionError, match="NAdam: momentum_decay must not be negative, and is -1"):
        optim.NAdam([w], momentum_decay=-1)


def test_parameters_may_have_names() -> None:
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.named_parameters(), 0.1)
    assert optimizer.param_groups[0]["params"] == [model.weight, model.bias]
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert "param" not in repr(optimizer).replace("2 parameters", "")
    w = nn.Parameter([1.0])
    optimizer.add_param_group({"params": [("more", w)], "lr": 0.5})
    saved = optimizer.state_dict()
    assert [group["param_names"] for group in saved["param_groups"]] == [["weight", "bias"], ["more"]]
    groups: list[dict[str, Any]] = [{"params": model.parameters()}, {"params": w}]
    other = optim.SGD(groups)
    other.load_state_dict(saved)
    assert other.param_groups[1]["param_names"] == ["more"]
    values = optim.SGD([("a", Value(1.0)), ("b", Value(2.0))])
    assert values.param_groups[0]["param_names"] == ["a", "b"]
    mixed: list[Any] = [
        [("w", w), nn.Parameter([1.0])],
        [nn.Parameter([1.0]), ("w", w)],
        [{"params": [("w", w)]}, {"params": [nn.Parameter([1.0])]}],
    ]
    for given in mixed:
        with pytest.raises(
            OptionError, match=r"^SGD: some parameters have names. Name all of them, or none.$"
        ):
            optim.SGD(given)
    with pytest.raises(DTypeError, match="must be Tensors, not float"):
        optim.SGD([("w", 1.0)])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([("w", w), ("v", w)])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, r"takes parameters, not a NoneType. Pass model.parameters\(\)"),
        (0.1, r"takes parameters, not a float. Pass model.parameters\(\)"),
        ({nn.Parameter([1.0])}, "takes parameters, not a set. Pass a list: a set has no order to go by"),
        (
            dict(nn.Linear(1, 1).named_parameters()),
            r"takes parameters, not a dict. Pass model.parameters\(\)",
        ),
        (iter(()), r"no parameters. Pass model.parameters\(\) anew: a generator gives them once"),
        ([], r"no parameters. Pass model.parameters\(\)\.$"),
    ],
    ids=str,
)
def test_what_holds_no_parameters_is_refused_alone_and_in_a_group(given: Any, message: str) -> None:
    for params in (given, [{"params": given}]):
        with pytest.raises((DTypeError, ValueError), match=f"^SGD: {message}"):
            optim.SGD(params)
    with pytest.raises(DTypeError, match=r"not a dict. Pass a list of it"):
        optim.SGD({"params": [nn.Parameter([1.0])]})  # type: ignore[arg-type]


def test_an_optimizer_may_be_written_as_in_pytorch() -> None:
    class Plain(optim.Optimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, {"lr": lr})

        def step(self, closure: Any = None) -> Any:
            loss = None if closure is None else closure()
            for group in self.param_groups:
                for p in group["params"]:
                    p.data -= group["lr"] * p.grad
            return loss

    w = nn.Parameter([1.0])
    optimizer = Plain([w], lr=0.25)
    assert optimizer.defaults == {"lr": 0.25}

    def closure() -> float:
        (w * w).sum().backward()
        return 3.0

    assert optimizer.step(closure) == 3.0
    assert w.item() == 0.5


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_closure_computes_the_gradients_of_a_step_and_gives_its_result(kind: Any) -> None:
    one, other = nn.Parameter([1.0]), nn.Parameter([1.0])
    by_closure, by_hand = kind([one]), kind([other])
    for _ in range(3):

        def closure() -> Tensor:
            by_closure.zero_grad()
            loss = (one * one).sum()
            loss.backward()
            return loss

        with no_grad():  # of which a closure knows nothing
            loss = by_closure.step(closure)
        assert loss.item() == pytest.approx((other.data**2).sum())
        by_hand.zero_grad()
        (other * other).sum().backward()
        assert by_hand.step() is None
        assert one.item() == other.item()
    with pytest.raises(DTypeError, match=r"step: takes a function that .* not a Tensor. Call loss.backward"):
        by_hand.step(loss)


def test_gradients_can_be_set_to_zero_instead_of_none() -> None:
    used, unused, value = nn.Parameter([1.0]), nn.Parameter([1.0]), Value(1.0)
    gradient = np.ones(1, np.float32)
    used.grad = gradient
    optimizer = optim.SGD([used, unused])
    optimizer.zero_grad(set_to_none=False)
    assert used.grad.tolist() == [0.0]
    assert used.grad.dtype == np.float32
    assert unused.grad is None
    assert gradient == 1.0  # somebody else's
    optimizer.step()  # there is a gradient: no warning
    optimizer.zero_grad(set_to_none=True)
    assert used.grad is None
    (value * 2).backward()
    for set_to_none in (True, False):
        optim.SGD([value]).zero_grad(set_to_none)
        assert value.grad == 0.0


def test_a_step_without_gradients_warns_at_the_line_of_the_step() -> None:
    with pytest.warns(UserWarning, match="no parameter has a gradient") as found:
        optim.SGD([nn.Parameter([1.0])]).step()
    assert found[0].filename == __file__


def test_the_state_of_an_older_version_is_loaded_and_a_weight_decay_stays_what_it_was() -> None:
    w = nn.Parameter([1.0])
    adam, adamw = optim.Adam([w], weight_decay=0.1, maximize=True), optim.AdamW([w])
    saved = adam.state_dict()
    adamw.load_state_dict(saved)
    assert adamw.param_groups[0]["decoupled_weight_decay"]
    assert adamw.param_groups[0]["weight_decay"] == 0.1
    adam.load_state_dict(adamw.state_dict())
    assert adam.param_groups[0]["decoupled_weight_decay"]
    for switch in ("decoupled_weight_decay", "maximize"):
        del saved["param_groups"][0][switch]
    other = optim.Adam([w], maximize=True)
    other.load_state_dict(saved)
    assert other.param_groups[0]["maximize"]
    assert not other.param_groups[0]["decoupled_weight_decay"]


def test_what_nadam_remembers_is_read_from_any_number() -> None:
    w = nn.Parameter([1.0])
    optimizer = optim.NAdam([w])
    w.grad = np.ones(1, np.float32)
    optimizer.step()
    saved = optimizer.state_dict()
    product = saved["state"][0]["mu_product"]
    assert product == pytest.approx(0.9 * (1 - 0.5 * 0.96**0.004))
    saved["state"][0]["mu_product"] = np.array(product)
    optimizer.load_state_dict(saved)
    assert type(optimizer.state[w]["mu_product"]) is float
    saved["state"][0]["mu_product"] = np.ones(2)
    with pytest.raises(ShapeError, match=r"mu_product has shape \(2,\)"):
        optimizer.load_state_dict(saved)


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        (optim.SGD, "momentum"),
        (optim.RMSprop, "momentum"),
        (optim.RMSprop, "centered"),
        (optim.Adam, "amsgrad"),
    ],
)
def test_an_option_may_be_turned_on_between_two_steps(kind: Any, option: str) -> None:
    w = nn.Parameter([1.0])
    optimizer = kind([w])
    for value in (False, 0.5 if option == "momentum" else True):
        optimizer.param_groups[0][option] = value
        w.grad = np.ones(1, np.float32)
        optimizer.step()
    assert np.isfinite(w.item())


# ------------------------------------------------------------------------------------ PyTorch's schedules


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_counts_its_steps_itself(name: str) -> None:
    optimizer, _ = two_parameters()
    schedule = SCHEDULES[name](optimizer)
    before = schedule.state_dict(), dict(optimizer.param_groups[0])
    if name == "CosineAnnealingWarmRestarts":
        for epoch, fault in [
            (-1, OptionError),
            (np.nan, OptionError),
            (np.inf, OptionError),
            ("1", DTypeError),
        ]:
            with pytest.raises(fault, match=r"^CosineAnnealingWarmRestarts.step: epoch must"):
                schedule.step(epoch)
    else:
        metric = [1.0] if name == "ReduceLROnPlateau" else []
        with pytest.raises(
            OptionError, match=r"\.step: counts its steps, and takes no epoch. Call step\(\) once"
        ):
            schedule.step(*metric, 3)
    assert (schedule.state_dict(), optimizer.param_groups[0]) == before


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_goes_on_from_json(name: str) -> None:
    optimizer, _ = two_parameters()
    schedule = SCHEDULES[name](optimizer)
    metric = [1.0] if name == "ReduceLROnPlateau" else []
    for _ in range(3):
        schedule.step(*metric)
    state = json.loads(json.dumps(schedule.state_dict()))
    rates = json.loads(json.dumps(optimizer.state_dict()))
    other, _ = two_parameters()
    twin = SCHEDULES[name](other)
    twin.load_state_dict(state)
    other.load_state_dict(rates)
    for _ in range(30 if name != "OneCycleLR" else 15):
        assert twin.get_last_lr() == schedule.get_last_lr()
        schedule.step(*metric)
        twin.step(*metric)
    strange = {**state, "unknown": 1}
    before = twin.state_dict()
    with pytest.raises(OptionError, match=r"load_state_dict: needs .* Nothing was loaded"):
        twin.load_state_dict(strange)
    assert twin.state_dict() == before


def test_get_lr_gives_what_the_formula_says() -> None:
    optimizer, _ = two_parameters()
    schedule = optim.ExponentialLR(optimizer, 0.5)
    schedule.step()
    optimizer.param_groups[0]["lr"] = 0.4
    assert schedule.get_lr() == [0.05]
    assert schedule.get_last_lr() == [0.4]
    schedule.step()
    assert schedule.get_lr() == schedule.get_last_lr() == [0.2]


@pytest.mark.parametrize("fault", [RuntimeError("own"), "0.1", None, [0.1]])
@pytest.mark.parametrize("kind", [optim.LambdaLR, optim.MultiplicativeLR])
def test_a_function_that_fails_changes_nothing(kind: Any, fault: Any) -> None:
    faults: list[Any] = [0.5]

    def factor(step: int) -> Any:
        if isinstance(faults[0], Exception):
            raise faults[0]
        return faults[0]

    optimizer, group = two_parameters()
    optimizer.add_param_group(group)
    schedule = optim.ChainedScheduler(
        [optim.ExponentialLR(optimizer, 0.9), kind(optimizer, [lambda n: 1, factor])]
    )
    before = (
        schedule.state_dict(),
        copy.deepcopy([{**group, "params": 0} for group in optimizer.param_groups]),
    )
    faults[0] = fault
    error = RuntimeError if isinstance(fault, Exception) else DTypeError
    with pytest.raises(error, match=rf"own|^{kind.__name__}: lr_lambda must return a number, not "):
        schedule.step()
    assert (schedule.state_dict(), [{**group, "params": 0} for group in optimizer.param_groups]) == before


def test_what_differs_between_groups_fits_them() -> None:
    optimizer, group = two_parameters()
    makes: list[Callable[[], Any]] = [
        lambda: optim.LambdaLR(optimizer, [lambda n: 1.0, lambda n: 1.0]),
        lambda: optim.CyclicLR(optimizer, [0.1, 0.2], 0.3),
        lambda: optim.CyclicLR(optimizer, 0.1, [0.3, 0.4]),
        lambda: optim.OneCycleLR(optimizer, 0.1, 10, base_momentum=[0.3, 0.4]),
        lambda: optim.ReduceLROnPlateau(optimizer, min_lr=[0.1, 0.2]),
    ]
    for make in makes:
        with pytest.raises(OptionError, match=r": 2 \w+ for 1 groups of parameters$"):
            make()
    schedules = [
        optim.LambdaLR(optimizer, [lambda n: 1.0]),
        optim.CyclicLR(optimizer, 0.1, [0.3]),
        optim.OneCycleLR(optimizer, 0.1, 10, base_momentum=[0.3]),
    ]
    plateau = optim.ReduceLROnPlateau(optimizer, min_lr=[0.1], patience=0)
    optimizer.add_param_group(group)
    for schedule in schedules:
        with pytest.raises(OptionError, match=r"1 \w+, and group number 1 was added later. Make a new one."):
            schedule.step()
    plateau.step(1.0)
    with pytest.raises(OptionError, match=r"ReduceLROnPlateau: 1 min_lr, and group number 1 was added later"):
        plateau.step(1.0)


def test_schedules_of_pytorch_say_what_is_wrong() -> None:
    known: Any = optim  # whose types say so too
    optimizer, other = two_parameters()[0], two_parameters()[0]
    step = known.StepLR(optimizer, 1)
    cases: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: known.StepLR(optimizer, "3"), DTypeError, "step_size must be a number, not str"),
        (lambda: known.StepLR(optimizer, 3, None), DTypeError, "gamma must be a number, not NoneType"),
        (
            lambda: known.StepLR(other, 3, last_epoch=4),
            OptionError,
            "last_epoch=4 goes on with a run, but the",
        ),
        (
            lambda: known.StepLR(optimizer, 3, last_epoch=-2),
            OptionError,
            "last_epoch must be an integer of at least -1",
        ),
        (lambda: known.MultiStepLR(optimizer, 30), DTypeError, "milestones must be a list, not int"),
        (
            lambda: known.MultiStepLR(optimizer, [1.5]),
            OptionError,
            "a milestone must be an integer of at least 0",
        ),
        (
            lambda: known.LinearLR(optimizer, 0.0),
            OptionError,
            "start_factor must be above 0 and at most 1, not 0",
        ),
        (
            lambda: known.LinearLR(optimizer, end_factor=2),
            OptionError,
            "end_factor must be at least 0 and at most 1",
        ),
        (
            lambda: known.ConstantLR(optimizer, -1),
            OptionError,
            "factor must be at least 0 and at most 1, not -1",
        ),
        (lambda: known.PolynomialLR(optimizer, 3, -1), OptionError, "power must not be negative, and is -1"),
        (
            lambda: known.LambdaLR(optimizer, 0.5),
            DTypeError,
            "lr_lambda must be a function of the step, not float",
        ),
        (lambda: known.LambdaLR(0.5, abs), DTypeError, "takes an Optimizer, not float"),
        (
            lambda: known.CosineAnnealingWarmRestarts(optimizer, 0),
            OptionError,
            "T_0 must be an integer of at least 1",
        ),
        (
            lambda: known.CyclicLR(optimizer, 0.1, 0.2, mode="up"),
            OptionError,
            "mode must be triangular, triangular2 or",
        ),
        (
            lambda: known.CyclicLR(optimizer, 0.1, 0.2, scale_mode="up"),
            OptionError,
            "scale_mode must be cycle or",
        ),
        (
            lambda: known.CyclicLR(known.Adagrad([nn.Parameter(1.0)]), 0.1, 0.2),
            OptionError,
            "no momentum to cycle",
        ),
        (lambda: known.SequentialLR(optimizer, [], []), OptionError, "takes a list of at least one schedule"),
        (
            lambda: known.SequentialLR(optimizer, [step, step], []),
            OptionError,
            "2 schedules need 1 milestones",
        ),
        (
            lambda: known.SequentialLR(optimizer, [step] * 3, [4, 2]),
            OptionError,
            "milestones must rise, and are",
        ),
        (
            lambda: known.SequentialLR(other, [step], []),
            OptionError,
            "schedule number 0 is of another optimizer",
        ),
        (
            lambda: known.SequentialLR(optimizer, [step, known.ReduceLROnPlateau(optimizer)], [1]),
            DTypeError,
            "number 1 is a ReduceLROnPlateau, which needs a metric",
        ),
        (lambda: known.ChainedScheduler([]), OptionError, "takes a list of at least one schedule"),
        (lambda: known.ChainedScheduler([0.1]), DTypeError, "number 0 is a float"),
        (
            lambda: known.LinearWarmup(optimizer, after=known.ChainedScheduler([step])),
            DTypeError,
            "ChainedScheduler has no formula. Put LinearLR and it into SequentialLR",
        ),
        (
            lambda: known.lr_scheduler.LRScheduler(optimizer),
            NotImplementedError,
            "LRScheduler does not define lr_at",
        ),
    ]
    for make, fault, message in cases:
        before = dict(optimizer.param_groups[0])
        with pytest.raises(fault, match=rf"^\w+: {message}|{message}"):
            make()
        assert optimizer.param_groups[0] == before


def test_a_warm_up_and_what_comes_after_it_are_one_sequence() -> None:
    for after in ("StepLR", "LambdaLR", "CosineAnnealingWarmRestarts", "SequentialLR"):
        one, other = two_parameters()[0], two_parameters()[0]
        warmup = optim.LinearWarmup(one, 3, 0.1, after=SCHEDULES[after](one))
        parts = [optim.LinearLR(other, 0.1, total_iters=3), SCHEDULES[after](other)]
        sequence = optim.SequentialLR(other, parts, [3])
        for _ in range(12):
            assert warmup.get_last_lr() == pytest.approx(sequence.get_last_lr(), rel=1e-12)
            assert sequence.lr_at(sequence.last_epoch, 0.1) == pytest.approx(sequence.get_last_lr()[0])
            warmup.step()
            sequence.step()


def test_a_sequence_in_a_sequence_and_one_that_goes_on() -> None:
    def made(optimizer: optim.Optimizer, last_epoch: int = -1) -> optim.SequentialLR:
        inner = optim.SequentialLR(
            optimizer, [optim.ConstantLR(optimizer, 0.5, 9), optim.ExponentialLR(optimizer, 0.5)], [2]
        )
        chain = optim.ChainedScheduler([optim.ExponentialLR(optimizer, 0.9), optim.StepLR(optimizer, 2)])
        return optim.SequentialLR(optimizer, [optim.LinearLR(optimizer), inner, chain], [3, 7], last_epoch)

    optimizer, _ = two_parameters()
    schedule, rates = made(optimizer), []
    for _ in range(10):
        rates.append(schedule.get_last_lr()[0])
        schedule.step()
    expected = [1 / 3, 1 / 3 + 2 / 15, 1 / 3 + 4 / 15, 0.5, 0.5, 1, 0.5, 1, 0.9, 0.081]
    np.testing.assert_allclose(rates, np.multiply(expected, 0.1))
    for step in range(9):
        resumed, _ = two_parameters()
        resumed.param_groups[0].update(initial_lr=0.1, lr=rates[step + 1])
        other = made(resumed, last_epoch=step)
        assert other.last_epoch == step + 1


def test_fit_takes_a_step_of_a_sequence_when_its_parts_are_to_have_one() -> None:
    optimizer, _ = two_parameters()
    parts = [optim.LinearLR(optimizer), optim.StepLR(optimizer, 3)]
    assert optim.SequentialLR(optimizer, parts, [2]).interval == "epoch"
    assert optim.ChainedScheduler([optim.OneCycleLR(optimizer, 1.0, 9)]).interval == "batch"
