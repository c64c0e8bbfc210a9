"""Transforms against torch.func."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import func

import minitensor as mt
from minitensor import Tensor
from minitensor import func as functional

# torch.func.jvp, at its first use, scripts a function with what PyTorch itself has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

RNG = np.random.default_rng(0)
X, Y, V = RNG.normal(size=(3, 2)), RNG.normal(size=2), RNG.normal(size=(3, 2))
X_, Y_, V_ = torch.tensor(X), torch.tensor(Y), torch.tensor(V)


def number(f: Any, x: Any, y: Any) -> Any:
    return (f.tanh(x) * y).sum() * f.exp(y).sum() + f.logsumexp(x, 0).sum()


def vector(f: Any, x: Any, y: Any) -> Any:
    return f.sigmoid(x) @ y + f.sin(x[:, 0]) ** 3


def ours(function: Any) -> Any:
    return lambda x, y: function(mt, x, y)


def theirs(function: Any) -> Any:
    return lambda x, y: function(torch, x, y)


def assert_same(found: Any, expected: Any) -> None:
    if isinstance(found, tuple):
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    else:
        assert isinstance(found, Tensor)
        np.testing.assert_allclose(found.data, expected.numpy(force=True), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1, 0)])
def test_first_and_second_derivatives(argnums: Any) -> None:
    f, g = ours(number), theirs(number)
    assert_same(functional.grad(f, argnums)(X, Y), func.grad(g, argnums)(X_, Y_))
    assert_same(functional.hessian(f, argnums)(X, Y), func.hessian(g, argnums)(X_, Y_))
    f, g = ours(vector), theirs(vector)
    assert_same(functional.jacobian(f, argnums)(X, Y), func.jacrev(g, argnums)(X_, Y_))
    assert_same(functional.jacobian(f, argnums)(X, Y), func.jacfwd(g, argnums)(X_, Y_))


def test_products_with_the_jacobian_and_the_hessian() -> None:
    f, g = ours(vector), theirs(vector)
    assert_same(functional.jvp(f, (X, Y), (V, Y)), func.jvp(g, (X_, Y_), (V_, Y_)))
    cotangent = RNG.normal(size=3)
    assert_same(functional.vjp(f, X, Y)[1](cotangent), func.vjp(g, X_, Y_)[1](torch.tensor(cotangent)))
    f, g = ours(number), theirs(number)
    pushed = func.jvp(func.grad(g, (0, 1)), (X_, Y_), (V_, Y_))[1]
    assert_same(functional.hvp(f, (X, Y), (V, Y)), pushed)
    assert_same(functional.jvp(functional.grad(f, (0, 1)), (X, Y), (V, Y))[1], pushed)


def test_nested_transforms() -> None:
    def point(x: float) -> torch.Tensor:
        return torch.tensor(x, dtype=torch.float64)

    def third(grad: Any, f: Any) -> Any:
        return grad(grad(grad(lambda x: f.sin(x) * x**2)))

    assert_same(third(functional.grad, mt)(np.array(1.3)), third(func.grad, torch)(point(1.3)))

    def mixed(grad: Any, jvp: Any, f: Any, one: Any) -> Any:
        return grad(lambda w: jvp(lambda x: grad(lambda z: f.exp(w * z) * z)(x), (w * w,), (one,))[1])

    one = np.array(1.0)
    assert_same(
        mixed(functional.grad, functional.jvp, mt, one)(np.array(0.7)),
        mixed(func.grad, func.jvp, torch, point(1.0))(point(0.7)),
    )
