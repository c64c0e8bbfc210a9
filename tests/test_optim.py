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
    optim,
)
from minitensor.training import trees

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
