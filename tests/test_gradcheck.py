"""Tests of the tester: gradcheck must reject rules that are deliberately wrong, and say where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, GradcheckError, ShapeError, Tensor, gradcheck
from minitensor.core.rule import rule

X = np.array([[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]])


pytestmark = pytest.mark.usefixtures("own_rules_are_forgotten")


def unary(local: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """x² with the given local gradient (g, x)."""

    @rule
    def wrong(x: Any) -> tuple[Any, ...]:
        return x * x, lambda g: local(g, x)

    return wrong


def test_a_right_rule_passes() -> None:
    assert gradcheck(unary(lambda g, x: g * 2 * x), X, order=2)


@pytest.mark.parametrize(
    "local",
    [
        pytest.param(lambda g, x: g * x, id="a missing factor"),
        pytest.param(lambda g, x: -g * 2 * x, id="the wrong sign"),
        pytest.param(lambda g, x: 2 * x, id="the cotangent forgotten"),
        pytest.param(lambda g, x: g * 2 * x * (x < 1), id="one entry wrong"),
        pytest.param(lambda g, x: g * 2 * x + 1e-3, id="slightly off"),
        pytest.param(lambda g, x: g * 2 * x * np.nan, id="NaN"),
        pytest.param(lambda g, x: (g * 2 * x)[::-1], id="rows exchanged"),
    ],
)
def test_a_wrong_gradient_is_rejected(local: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(GradcheckError, match="input 0"):
        gradcheck(unary(local), X)


def test_errors_that_cancel_in_a_plain_sum_are_found() -> None:
    @rule
    def softmax_without_its_mean(x: Any) -> tuple[Any, ...]:
        e = np.exp(x)
        y = e / np.add.reduce(e, axis=-1, keepdims=True)
        return y, lambda g: g * 0  # right for the sum, which is always 1

    with pytest.raises(GradcheckError):
        gradcheck(softmax_without_its_mean, X)


def test_a_second_order_error_is_found_although_the_first_order_is_right() -> None:
    def hidden(g: Any, x: Any) -> Any:
        return (
            g * 2 * (x if isinstance(x, np.ndarray) else Tensor(x.data))
        )  # a constant for gradients of gradients

    wrong = unary(hidden)
    assert gradcheck(wrong, X)
    with pytest.raises(GradcheckError, match="second-order"):
        gradcheck(wrong, X, order=2)


def test_the_worst_entry_is_named() -> None:
    wrong = unary(lambda g, x: np.where(x == 1.1, g * 50, g * 2 * x))
    with pytest.raises(GradcheckError, match=r"input 0, entry \(0, 2\): analytic .* numerical"):
        gradcheck(wrong, X)


def test_the_input_at_fault_is_named() -> None:
    @rule
    def product(x: Any, y: Any) -> tuple[Any, ...]:
        return x * y, lambda g: g * y, lambda g: g * y

    with pytest.raises(GradcheckError, match="input 1"):
        gradcheck(product, X, X + 2)


def test_a_gradient_of_the_wrong_shape_names_the_rule_and_both_shapes() -> None:
    with pytest.raises(ShapeError, match=r"wrong: a local gradient of shape \(3, 2\) .* \(2, 3\)"):
        gradcheck(unary(lambda g, x: (g * 2 * x).T), X)


def test_an_unused_input_has_gradient_zero() -> None:
    assert gradcheck(lambda x, y: x * 2, X, X, order=2)


def test_a_function_that_does_not_return_a_tensor_is_refused() -> None:
    with pytest.raises(DTypeError, match="must return one floating-point Tensor"):
        gradcheck(lambda x: x.data, X)


def test_only_orders_one_and_two_are_offered() -> None:
    with pytest.raises(ValueError, match="order must be 1 or 2, not 3"):
        gradcheck(mt.tanh, X, order=3)


def test_inputs_in_a_tuple_are_refused() -> None:
    with pytest.raises(DTypeError, match=r"one by one, gradcheck\(f, x, y\)"):
        gradcheck(lambda x: x, (np.ones(2),))  # type: ignore[arg-type]
