"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from numpy.typing import NDArray

from minitensor import memory
from minitensor.core.tensor import Tensor
from minitensor.errors import OptionError
from minitensor.optim.blas import axpby, axpy
from minitensor.optim.optimizer import Group, Optimizer, Params
from minitensor.optim.options import Elsewhere


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum as PyTorch defines it.

    With gradient g, a step is g ← g + weight_decay · p; v ← momentum · v + (1 − dampening) · g, the first v
    being g itself; p ← p − lr · v, or p − lr · (g + momentum · v) under Nesterov.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        momentum: How much of the previous step's velocity v stays; 0 keeps none.
        dampening: How much less than the whole gradient enters the velocity.
        weight_decay: The factor of an L2 penalty.
        nesterov: Whether to look ahead along the velocity; needs momentum and no dampening.
        maximize: Whether to ascend instead.
        elsewhere: Switches of PyTorch's, which may be off.

    Raises:
        OptionError: If a factor is negative, or Nesterov's condition is not met.

    Source: Sutskever et al. (2013), "On the importance of initialization and momentum in deep learning".

    >>> w = Tensor([1.0], requires_grad=True)
    >>> optimizer = SGD([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([0.8], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )
        self._ignore(elsewhere)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise OptionError("SGD: nesterov=True needs a momentum and dampening=0")

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        if group["weight_decay"] or group["maximize"]:
            gradient = self._penalized(parameter, gradient, group)
        rate, momentum = -group["lr"], group["momentum"]
        if momentum:
            velocity = state.get("momentum_buffer")
            if velocity is None:
                velocity = state["momentum_buffer"] = memory.empty_like(parameter.data)
                velocity[...] = gradient
            else:
                axpby(1 - group["dampening"], gradient, momentum, velocity)
            if group["nesterov"]:
                parameter.data = axpy(rate, gradient, parameter.data)
                rate *= momentum
            gradient = velocity
        parameter.data = axpy(rate, gradient, parameter.data)
