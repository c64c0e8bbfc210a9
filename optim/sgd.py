"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.optim.optimizer import Optimizer, number
from minitensor.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum as PyTorch defines it.

    With gradient g, a step is g ← g + weight_decay · p; v ← momentum · v + (1 − dampening) · g, the first v
    being g itself; p ← p − lr · v, or p − lr · (g + momentum · v) under Nesterov.

    Args:
        params: The tensors to update.
        lr: The learning rate.
        momentum: How much of the previous step's velocity v stays; 0 keeps none.
        dampening: How much less than the whole gradient enters the velocity.
        weight_decay: The factor of an L2 penalty.
        nesterov: Whether to look ahead along the velocity; needs momentum and no dampening.
        maximize: Whether to ascend instead.

    Raises:
        ValueError: If a factor is negative, or Nesterov's condition is not met.

    Source: Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning".

    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([0.8], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr)
        self.momentum = self._not_negative("momentum", momentum)
        self.weight_decay = self._not_negative("weight_decay", weight_decay)
        self.dampening = dampening
        self.nesterov = nesterov
        self.maximize = maximize
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("SGD: nesterov=True needs a momentum and dampening=0")
        self._velocity: dict[Tensor, NDArray[Any]] = {}
        self._scratch = {parameter: np.empty_like(parameter.data) for parameter in self.params}

    def update(self, parameter: Tensor, gradient: NDArray[Any]) -> None:
        if self.maximize:
            gradient = -gradient
        if self.weight_decay:
            gradient = gradient + self.weight_decay * parameter.data
        if self.momentum:
            velocity = self._velocity.get(parameter)
            if velocity is None:
                velocity = self._velocity[parameter] = np.array(gradient)  # an array also in 0 dimensions
            else:
                velocity *= number(self.momentum, velocity.dtype)
                velocity += (1 - self.dampening) * gradient if self.dampening else gradient
            gradient = gradient + self.momentum * velocity if self.nesterov else velocity
        rate = number(self.lr, gradient.dtype)
        parameter.data -= np.multiply(gradient, rate, out=self._scratch[parameter])
