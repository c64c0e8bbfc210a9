"""Optimizers: steps by hand, and what they refuse. The oracle suite compares them with PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minitensor import DTypeError, GraphError, Tensor, nn, optim


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
    with pytest.raises(DTypeError, match="must be Tensors, not float"):
        optim.SGD([1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nesterov=True needs a momentum"):
        optim.SGD([w], nesterov=True)
