"""Optimizers: steps by hand, and what they refuse. The oracle suite compares them with PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minitensor import DTypeError, GraphError, NumericError, OptionError, Tensor, nn, optim


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
        (optim.Adam([w]), "is another optimizer's: has no amsgrad, betas, eps"),
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
