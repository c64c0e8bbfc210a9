"""Optimizer: what every optimizer shares. It holds parameters and updates those that have a gradient."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.errors import DTypeError, GraphError
from minitensor.graph import observers
from minitensor.tensor import Tensor


class Optimizer:
    """Base class. A subclass says in `update` what one parameter's step is.

    Args:
        params: The tensors to update: leaves that require grad.
        lr: The learning rate.

    Raises:
        ValueError: If there are no parameters, one is given twice, or lr is negative.
        GraphError: If a parameter is not a leaf, or none requires grad.
    """

    def __init__(self, params: Iterable[Tensor], lr: float) -> None:
        self.params = list(params)
        self.lr = self._not_negative("lr", lr)
        if not self.params:
            raise ValueError(f"{type(self).__name__}: no parameters. Pass model.parameters().")
        for parameter in self.params:
            if not isinstance(parameter, Tensor):
                raise DTypeError(
                    f"{type(self).__name__}: parameters must be Tensors, not {type(parameter).__name__}"
                )
            if not parameter.is_leaf:
                raise GraphError(
                    f"{type(self).__name__}: parameters must be leaves, "
                    f"and one of shape {parameter.shape} is made by {parameter.made_by}"
                )
        if not any(parameter.requires_grad for parameter in self.params):
            raise GraphError(f"{type(self).__name__}: no parameter requires grad, so none can be updated")
        if len(set(self.params)) < len(self.params):
            raise ValueError(f"{type(self).__name__}: a parameter is given twice")

    def _not_negative(self, name: str, value: float) -> float:
        if not value >= 0:
            raise ValueError(f"{type(self).__name__}: {name} must not be negative, and is {value}")
        return value

    def zero_grad(self) -> None:
        """Set every parameter's gradient to None."""
        for parameter in self.params:
            parameter._grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient; warns if none has one."""
        updated = False
        for parameter in self.params:
            gradient = parameter._grad
            if gradient is not None:
                updated = True
                for observer in observers:
                    observer.writes(parameter.data)
                self.update(parameter, gradient.data if isinstance(gradient, Tensor) else gradient)
        if not updated:
            warnings.warn(
                f"{type(self).__name__}.step(): no parameter has a gradient, so nothing was updated. "
                "Call loss.backward() first, on a loss computed from these parameters.",
                stacklevel=2,
            )

    def update(self, parameter: Tensor, gradient: NDArray[Any]) -> None:
        """Write one step into `parameter.data`; `gradient` must not be changed."""
        raise NotImplementedError(f"{type(self).__name__} does not define update(parameter, gradient)")


@lru_cache(maxsize=64)
def number(value: float, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A factor as a 0-d array of the parameters' dtype: NumPy takes it in half the time of a Python float."""
    return np.array(value, dtype)
