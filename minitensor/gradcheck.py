"""Numerical gradient checks, for the project's own rules and for anyone's functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from minitensor import rules
from minitensor.core.graph import propagate
from minitensor.core.tensor import Tensor
from minitensor.errors import DTypeError, GradcheckError, OptionError
from minitensor.random import generator

Arrays: TypeAlias = list[NDArray[Any]]
Function: TypeAlias = Callable[..., Tensor]


def gradcheck(
    function: Function,
    *inputs: Tensor | NDArray[Any],
    order: int = 1,
    eps: float = 1e-6,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    rng: np.random.Generator | int | None = 0,
) -> bool:
    """Compare gradients with central differences (f(x + εe) − f(x − εe)) / 2ε, in float64.

    The output is weighted with a random cotangent, so that errors which cancel in a plain sum are seen. Each
    entry of each input is checked, and then one random direction through all inputs together.

    Args:
        function: Takes as many Tensors as there are inputs, returns one Tensor; must be deterministic.
        inputs: Points at which to check, converted to float64. Keep clear of kinks such as relu at 0.
        order: 1 for gradients; 2 also checks the gradients of the gradients.
        eps: The step ε.
        rtol: Allowed difference relative to the numerical gradient.
        atol: Allowed absolute difference.
        rng: A generator or seed for the cotangent and the direction.

    Returns:
        True.

    Raises:
        GradcheckError: Naming the input and the entry where the difference is largest.
        DTypeError: If the function's output is not a floating-point Tensor.

    >>> gradcheck(lambda x, y: (x * y).tanh(), np.ones((2, 3)), np.ones(3), order=2)
    True
    """
    if order not in (1, 2):
        raise OptionError(f"gradcheck: order must be 1 or 2, not {order}")
    if any(isinstance(x, tuple) for x in inputs):
        raise DTypeError("gradcheck: takes the inputs one by one, gradcheck(f, x, y), not in a tuple")
    draw = generator(rng)
    points = [np.asarray(x.data if isinstance(x, Tensor) else x, dtype=np.float64) for x in inputs]
    _check(function, points, eps, rtol, atol, draw, "gradient")
    if order == 2:
        _check_second(function, points, eps, rtol, atol, draw)
    return True


def _check_second(
    function: Function, points: Arrays, eps: float, rtol: float, atol: float, draw: np.random.Generator
) -> None:
    """Check the gradient of each input's gradient, as a function of all inputs."""
    cotangent = Tensor(_cotangent(function, points, draw))
    for i in range(len(points)):

        def gradient(*xs: Tensor, i: int = i) -> Tensor:
            return _gradients(function(*xs), xs, cotangent, create_graph=True)[i]

        _check(
            gradient, points, eps, rtol, atol, draw, f"second-order gradient (of the gradient of input {i})"
        )


def _check(
    function: Function,
    points: Arrays,
    eps: float,
    rtol: float,
    atol: float,
    draw: np.random.Generator,
    what: str,
) -> None:
    cotangent = _cotangent(function, points, draw)

    def weighted(xs: Arrays) -> float:
        return float(np.sum(cotangent * function(*_leaves(xs)).data))

    leaves = _leaves(points)
    analytic = [g.data for g in _gradients(function(*leaves), leaves, Tensor(cotangent))]

    def difference(directions: Arrays) -> float:
        above = weighted([x + eps * d for x, d in zip(points, directions, strict=True)])
        below = weighted([x - eps * d for x, d in zip(points, directions, strict=True)])
        return (above - below) / (2 * eps)

    worst: tuple[float, str] = (0.0, "")

    def compare(found: float, numeric: float, where: str) -> None:
        nonlocal worst
        excess = abs(found - numeric) - atol - rtol * abs(numeric)
        if not excess <= 0 and not excess <= worst[0]:  # NaN counts as wrong
            worst = excess, f"{what} at {where}: analytic {found:.9g}, numerical {numeric:.9g}"

    for i, x in enumerate(points):
        if analytic[i].shape != x.shape:
            raise GradcheckError(f"{what} of input {i} has shape {analytic[i].shape}, the input {x.shape}")
        for entry in np.ndindex(x.shape):
            directions = [np.zeros_like(p) for p in points]
            directions[i][entry] = 1.0
            compare(float(analytic[i][entry]), difference(directions), f"input {i}, entry {entry}")
    if worst[1]:
        raise GradcheckError(f"gradcheck: {worst[1]}")
    directions = [draw.standard_normal(x.shape) for x in points]
    along = sum(float(np.sum(a * d)) for a, d in zip(analytic, directions, strict=True))
    compare(along, difference(directions), "a random direction through all inputs")
    if worst[1]:
        raise GradcheckError(f"gradcheck: {worst[1]}")


def _cotangent(function: Function, points: Arrays, draw: np.random.Generator) -> NDArray[Any]:
    output = function(*_leaves(points))
    if not isinstance(output, Tensor) or output.dtype.kind != "f":
        raise DTypeError("gradcheck: the function must return one floating-point Tensor")
    return draw.standard_normal(output.shape)


def _leaves(points: Arrays) -> list[Tensor]:
    return [Tensor(x, requires_grad=True) for x in points]


def _gradients(
    output: Tensor, inputs: Sequence[Tensor], seed: Tensor, create_graph: bool = False
) -> list[Tensor]:
    """The gradients towards the inputs, leaving their .grad alone; zeros where there is no path."""
    found: dict[Tensor, Any] = {}
    if output.requires_grad:
        propagate(output, seed if create_graph else seed.data, found.__setitem__, create_graph, create_graph)
    zeros = [rules.multiply(x, 0.0) for x in inputs]  # with a graph, as the caller may ask for their gradient
    return [
        z if x not in found else found[x] if create_graph else Tensor(found[x])
        for x, z in zip(inputs, zeros, strict=True)
    ]
