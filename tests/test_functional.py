"""Transforms: derivatives by hand, nesting, structures, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, OptionError, ShapeError, Tensor
from minitensor.func import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp

X = np.array([0.5, -1.0, 2.0])
V = np.array([1.0, 10.0, 100.0])


def close(found: Tensor, expected: Any) -> None:
    np.testing.assert_allclose(found.data, expected, rtol=1e-12, atol=1e-12)


def test_grad_is_the_derivative_as_a_function() -> None:
    gradient = grad(lambda x: (x**3).sum())(X)
    close(gradient, 3 * X**2)
    assert (gradient.dtype, gradient.requires_grad, gradient.is_leaf) == (np.float64, False, True)


def test_value_and_grad_gives_both_without_a_graph() -> None:
    value, gradient = value_and_grad(lambda x: (x * x).sum())(X)
    close(value, (X**2).sum())
    close(gradient, 2 * X)
    assert not value.requires_grad


def test_argnums_choose_the_arguments_and_the_others_are_constants() -> None:
    def function(x: Tensor, n: int, y: Tensor, scale: float = 1.0) -> Tensor:
        return (x**n * y).sum() * scale

    close(grad(function)(X, 2, V, scale=3.0), 3 * 2 * X * V)
    close(grad(function, 2)(X, 2, V), X**2)
    close(grad(function, -1)(X, 2, V), X**2)
    of_y, of_x = grad(function, (2, 0))(X, 2, V)
    close(of_y, X**2)
    close(of_x, 2 * X * V)


def test_aux_comes_back_beside_the_gradient_and_off_the_graph() -> None:
    def function(x: Tensor) -> tuple[Tensor, dict[str, Any]]:
        y = x * 2
        return y.sum(), {"y": y, "name": "double"}

    gradient, aux = grad(function, has_aux=True)(X)
    (value, again), _ = value_and_grad(function, has_aux=True)(X)
    close(gradient, [2, 2, 2])
    close(aux["y"], 2 * X)
    assert aux["name"] == again["name"] == "double"
    assert not aux["y"].requires_grad
    assert value.item() == 2 * X.sum()


class Pair(NamedTuple):
    weight: Any
    bias: Any


def test_trees_of_arguments_give_trees_of_gradients() -> None:
    tree = {"layers": [Pair(X, 2.0), (V, None)], "scale": 3.0}

    def function(t: Any) -> Any:
        (weight, bias), (other, nothing) = t["layers"]
        assert nothing is None
        return ((weight * other).sum() + bias) * t["scale"]

    gradient = grad(function)(tree)
    assert type(gradient["layers"][0]) is Pair
    close(gradient["layers"][0].weight, 3 * V)
    close(gradient["layers"][0].bias, 3)
    close(gradient["layers"][1][0], 3 * X)
    assert gradient["layers"][1][1] is None
    np.testing.assert_allclose(gradient["scale"].data, (X * V).sum() + 2, rtol=1e-6)


def test_trees_are_matched_by_key_and_not_by_order() -> None:
    point, tangent = ({"w": 1.0, "b": 2.0},), ({"b": 1.0, "w": 0.0},)
    assert jvp(lambda p: 10 * p["w"] + p["b"], point, tangent)[1].item() == 1
    assert hvp(lambda p: 10 * p["w"] ** 2 + p["b"] ** 2, point, tangent)["b"].item() == 2
    pull = vjp(lambda x: {"a": x * 2, "b": x * 3}, np.array(1.0))[1]
    assert pull({"b": np.array(1.0), "a": np.array(0.0)})[0].item() == 3


def test_nothing_that_a_function_writes_reaches_the_caller() -> None:
    x = Tensor(X)

    def writes(x: Tensor) -> Tensor:
        with mt.no_grad():
            x += 1
        return (x * x).sum()

    close(grad(writes)(x), 2 * (X + 1))
    output = vjp(lambda x: x, x)[0]
    output += 5
    close(x, X)


def test_tangents_are_exact_where_derivatives_are_infinite() -> None:
    with np.errstate(divide="ignore"):
        assert jvp(mt.sqrt, (np.array(0.0),), (np.array(1.0),))[1].item() == np.inf


def test_grad_nests_to_any_order() -> None:
    function: Callable[[Any], Any] = lambda x: x**5  # noqa: E731
    for factor, power in [(5, 4), (20, 3), (60, 2), (120, 1), (120, 0)]:
        function = grad(function)
        close(function(np.array(1.5)), factor * 1.5**power)


def test_an_inner_transform_sees_what_the_outer_one_varies() -> None:
    def inner_slope(w: Tensor) -> Any:
        return grad(lambda x: (w * x) ** 3)(np.array(2.0))

    close(grad(inner_slope)(np.array(1.5)), 9 * 1.5**2 * 4)  # d/dw of 3 w³ x²
    close(grad(lambda x: jvp(lambda z: z**3, (x,), (1.0,))[1])(np.array(2.0)), 12)
    close(jvp(grad(lambda x: x**3), (np.array(2.0),), (np.array(5.0),))[1], 60)


def test_the_gradient_of_a_gradient_reaches_parameters_by_backward() -> None:
    w = Tensor(V, requires_grad=True)
    grad(lambda x: (x * x * w).sum())(X).sum().backward()
    close(Tensor(w.grad), 2 * X)


def test_the_arguments_and_the_callers_graph_stay_as_they_are() -> None:
    x = Tensor(X, requires_grad=True)
    before = x * 2
    gradient = grad(lambda x: (x * x).sum())(x)
    assert gradient.requires_grad  # as the argument did
    before.sum().backward()
    close(Tensor(x.grad), [2, 2, 2])


def test_under_no_grad_transforms_work_and_their_results_have_no_graph() -> None:
    x = Tensor(X, requires_grad=True)
    with mt.no_grad():
        gradient = grad(lambda x: (x * x).sum())(x)
    close(gradient, 2 * X)
    assert not gradient.requires_grad


def test_what_no_path_leads_to_has_gradient_zero() -> None:
    of_x, of_y = grad(lambda x, y: (y * 2).sum(), (0, 1))(X, V)
    close(of_x, [0, 0, 0])
    close(of_y, [2, 2, 2])
    close(grad(lambda x: Tensor(3.0))(X), [0, 0, 0])


def test_the_function_may_call_backward_itself_more_than_once() -> None:
    def f(x: Tensor) -> Tensor:
        (x * 2).sum().backward()
        (x * 3).sum().backward()
        return (x * x).sum()

    assert grad(f)(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]


def test_no_two_gradients_share_memory() -> None:
    x = Tensor(X, requires_grad=True)
    for argument in (X, x):
        of_x, of_y = grad(lambda x, y: (x + y).sum(), (0, 1))(argument, argument)
        assert not np.shares_memory(of_x.data, of_y.data)


def test_vjp_pulls_any_number_of_cotangents_back() -> None:
    output, pull = vjp(lambda x, y: {"product": x * y, "sum": x.sum()}, X, V)
    close(output["product"], X * V)
    for c in (np.ones(3), V):
        of_x, of_y = pull({"product": c, "sum": np.array(7.0)})
        close(of_x, c * V + 7)
        close(of_y, c * X)
    output, pull, aux = vjp(lambda x: (x * 2, "aux"), X, has_aux=True)
    close(pull(V)[0], 2 * V)
    assert aux == "aux"


def test_jvp_pushes_tangents_forward() -> None:
    output, tangent = jvp(lambda x, y: (x * y, x.sum()), (X, V), (V, X))
    close(output[0], X * V)
    close(tangent[0], V * V + X * X)
    close(tangent[1], V.sum())
    assert not tangent[0].requires_grad
    relu = jvp(mt.relu, (np.array([-1.0, 0.0, 2.0]),), (V,))[1]
    close(relu, [0, 0, 100])


def test_hvp_is_the_hessian_times_a_vector() -> None:
    def function(x: Any) -> Any:
        return (x * x).sum() ** 2 + mt.sin(x).sum()

    close(hvp(function, (X,), (V,)), hessian(function)(X).data @ V)
    of_x, of_y = hvp(lambda x, y: (x * x * y).sum(), (X, V), (np.ones(3), np.zeros(3)))
    close(of_x, 2 * V)
    close(of_y, 2 * X)


def test_jacobians_have_the_outputs_axes_and_then_the_arguments() -> None:
    matrix = np.arange(6.0).reshape(2, 3)
    close(jacobian(lambda x: matrix @ x)(X), matrix)
    assert jacobian(lambda m: m.T)(matrix).shape == (3, 2, 2, 3)
    assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    blocks, aux = jacobian(lambda x, y: ({"a": x * y}, x), (0, 1), has_aux=True)(X, V)
    close(blocks["a"][0], np.diag(V))
    close(blocks["a"][1], np.diag(X))
    close(aux, X)


def test_hessians_of_several_arguments_are_blocks() -> None:
    (xx, xy), (yx, yy) = hessian(lambda x, y: (x**3 * y).sum(), (0, 1))(X, V)
    close(xx, np.diag(6 * X * V))
    close(xy, np.diag(3 * X**2))
    close(yx, xy.data.T)
    close(yy, np.zeros((3, 3)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: x)(X), ShapeError, r"one number, not shape \(3,\). Reduce it with .mean"),
        (lambda: grad(lambda x: (x, x))(X), DTypeError, "must return one number, not a tuple"),
        (lambda: grad(lambda x: x.sum())(np.arange(3)), DTypeError, "floating-point numbers, not int64"),
        (lambda: grad(lambda x: x)(mt.Value(2.0)), DTypeError, "not by Value"),
        (lambda: grad(lambda x: x.sum(), 1)(X), OptionError, "no positional argument 1 among 1"),
        (lambda: grad(lambda x, y: x * y, (0, -2))(2.0, 3.0), OptionError, "an argument is named twice"),
        (lambda: grad(lambda x: x.data.sum())(X), DTypeError, r"not float64 \(rebuilt from .data\?\)"),
        (
            lambda: jvp(lambda x: x, X, V),  # type: ignore[arg-type]
            DTypeError,
            r"as in jvp\(f, \(x,\), \(v,\)\)",
        ),
        (lambda: vjp(lambda x: (x, x), X)[1](V), ShapeError, "a ndarray stands where a tuple is needed"),
        (lambda: grad(lambda x: x.sum(), has_aux=True)(X), DTypeError, r"a pair \(output, aux\)"),
        (lambda: vjp(lambda x: x, X)[1](V[:2]), ShapeError, r"cotangent must have shape \(3,\), not \(2,\)"),
        (lambda: jvp(lambda x: x, (X,), (V, V)), ShapeError, "tangents: needs the parts 0, and has 0, 1"),
    ],
)
def test_errors_say_what_is_wrong(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_function_may_change_the_containers_it_is_given() -> None:
    def reorders(p: dict[str, Tensor]) -> Tensor:
        p["w"] = p.pop("w")
        return (p["w"] * 3 + p["b"] * 5) ** 2

    def pops(p: dict[str, Tensor]) -> Tensor:
        return (p.pop("w") * 3 + p["b"] * 5) ** 2

    def adds(p: dict[str, Tensor]) -> Tensor:
        p["h"] = p["w"] * 3 + p["b"] * 5
        return p["h"] ** 2

    for function in (reorders, pops, adds):
        point, along = {"w": 1.0, "b": 1.0}, {"w": 1.0, "b": 0.0}
        gradient = grad(function)(point)
        assert {name: x.item() for name, x in gradient.items()} == {"w": 48.0, "b": 80.0}
        assert jvp(function, (point,), (along,))[1].item() == 48.0
        assert {name: x.item() for name, x in hvp(function, (point,), (along,)).items()} == {"w": 18, "b": 30}
        assert hessian(function)(point)["w"]["b"].item() == 30.0
        assert list(point) == ["w", "b"]


def test_misuse_says_what_to_do() -> None:
    x = Tensor([1.0], requires_grad=True)
    with pytest.raises(DTypeError, match=r"grad: takes a function, not Tensor. .* call its backward"):
        grad((x * 2).sum())  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="Pass what to derive by without its name"):
        grad(lambda x: x)(x=2.0)
    with pytest.raises(DTypeError, match=r"derive by floating-point numbers, not int64. Try 2.0"):
        grad(lambda x: x)(3)
    with pytest.warns(UserWarning, match="leaves its graph"):
        grad(lambda x: (Tensor(x) ** 2).sum())(np.ones(2))
