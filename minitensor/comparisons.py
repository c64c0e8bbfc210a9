"""Operations off the graph: comparisons, logic, sign and argmax. No gradient reaches their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minitensor.graph import rule
from minitensor.rules import Array


def off_graph(ufunc: np.ufunc) -> Callable[..., Any]:
    """Register a NumPy function whose result never requires grad."""

    def compute(*args: Any) -> tuple[Any]:
        return (ufunc(*args),)

    compute.__name__ = ufunc.__name__
    compute.__doc__ = f"numpy.{ufunc.__name__}; off the graph."
    return rule(compute)


equal = off_graph(np.equal)
not_equal = off_graph(np.not_equal)
less = off_graph(np.less)
less_equal = off_graph(np.less_equal)
greater = off_graph(np.greater)
greater_equal = off_graph(np.greater_equal)
logical_and = off_graph(np.logical_and)
logical_or = off_graph(np.logical_or)
logical_not = off_graph(np.logical_not)
sign = off_graph(np.sign)


@rule
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> tuple[Any]:
    """Where the largest element is: the first one where several tie."""
    return (x.argmax(axis=axis, keepdims=keepdims),)


__all__ = [
    "argmax",
    "equal",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "not_equal",
    "sign",
]
