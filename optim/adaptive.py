"""RMSprop and Adagrad: learning rates divided by the size of past gradients."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.core.tensor import Tensor
from minitensor.optim.blas import axpby, axpy, factor
from minitensor.optim.optimizer import Group, Optimizer, Params


class RMSprop(Optimizer):
    """Divides the gradient by a running root mean square of it.

    With gradient g, a step is v ← alpha v + (1 − alpha) g²; d = g / (√v + eps); p ← p − lr · d, or with
    momentum b ← momentum · b + d; p ← p − lr · b. Centered, v less the square of g's running mean is taken.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        alpha: The factor by which the averages forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty.
        momentum: How much of the previous step stays.
        centered: Whether to divide by the standard deviation instead.
        maximize: Whether to ascend instead.

    Raises:
        OptionError: If a factor is negative, or alpha is not from 0 to below 1.

    Source: G. Hinton (2012), Neural Networks for Machine Learning, lecture 6; centered: Graves (2013),
    "Generating Sequences With Recurrent Neural Networks".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = RMSprop([w], lr=0.1, alpha=0.0)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, 99.9], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("square_avg", "momentum_buffer", "grad_avg")
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        if not state:
            state["step"] = 0
            state["square_avg"] = memory.zeros_like(parameter.data)
            if group["momentum"]:
                state["momentum_buffer"] = memory.zeros_like(parameter.data)
            if group["centered"]:
                state["grad_avg"] = memory.zeros_like(parameter.data)
        state["step"] += 1  # PyTorch counts them too
        square, scratch = state["square_avg"], self._scratch_of(parameter)
        keep, add = group["alpha"], 1 - group["alpha"]

        axpby(add, np.multiply(gradient, gradient, out=scratch), keep, square)
        if group["centered"]:
            mean = axpby(add, gradient, keep, state["grad_avg"])
            np.multiply(mean, mean, out=scratch)
            square = np.subtract(square, scratch, out=scratch)
        np.sqrt(square, out=scratch)
        scratch += factor(group["eps"], scratch.dtype)
        direction = np.divide(gradient, scratch, out=scratch)
        if group["momentum"]:
            direction = axpby(1, direction, group["momentum"], state["momentum_buffer"])
        parameter.data = axpy(-group["lr"], direction, parameter.data)


class Adagrad(Optimizer):
    """Divides the gradient by the root of the sum of all its squares, for gradients that are mostly zero.

    With gradient g, the step t = 0, 1, ... is s ← s + g²; p ← p − lr / (1 + t · lr_decay) · g / (√s + eps).

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        lr_decay: How fast the learning rate falls besides.
        weight_decay: The factor of an L2 penalty.
        initial_accumulator_value: What s is at the start.
        eps: What keeps the division from zero.
        maximize: Whether to ascend instead.

    Raises:
        OptionError: If a factor is negative.

    Source: Duchi, Hazan & Singer (2011), "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, 99.9], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("sum",)
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        if not state:
            state["step"] = 0
            state["sum"] = np.full_like(parameter.data, group["initial_accumulator_value"])
        rate = group["lr"] / (1 + state["step"] * group["lr_decay"])
        state["step"] += 1
        total, scratch = state["sum"], self._scratch_of(parameter)
        np.multiply(gradient, gradient, out=scratch)
        total += scratch
        np.sqrt(total, out=scratch)
        scratch += factor(group["eps"], scratch.dtype)
        np.divide(gradient, scratch, out=scratch)
        parameter.data = axpy(-rate, scratch, parameter.data)
