"""RMSprop, Adagrad and Adadelta: learning rates divided by the size of past gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.core.tensor import Tensor
from minitensor.errors import OptionError
from minitensor.optim.blas import axpby, axpy, factor
from minitensor.optim.optimizer import Group, Optimizer, Params
from minitensor.optim.options import Elsewhere


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
        elsewhere: Switches of PyTorch's, which may be off.

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
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
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
        self._ignore(elsewhere)

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        if not state:
            state["step"] = 0
            state["square_avg"] = memory.zeros_like(parameter.data)
        for option, name in (("momentum", "momentum_buffer"), ("centered", "grad_avg")):
            if group[option] and name not in state:
                state[name] = memory.zeros_like(parameter.data)
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
        elsewhere: Switches of PyTorch's, which may be off.

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
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
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
        self._ignore(elsewhere)

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


class Adadelta(Optimizer):
    """Steps as long as the last ones were, divided by the size of past gradients: it needs no learning rate.

    With gradient g, a step is v ← rho v + (1 − rho) g²; d = √(u + eps) / √(v + eps) · g; u ← rho u +
    (1 − rho) d²; p ← p − lr · d.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The part of a step that is made.
        rho: The factor by which both averages forget.
        eps: What both roots are kept from zero by; it also is what the first steps come from.
        weight_decay: The factor of an L2 penalty.
        maximize: Whether to ascend instead.
        elsewhere: Switches of PyTorch's, which may be off.

    Raises:
        OptionError: If a factor is negative, or rho is not from 0 to 1.

    Source: Zeiler (2012), "ADADELTA: An Adaptive Learning Rate Method".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = Adadelta([w])
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> (Tensor([1.0, 100.0]) - w).data.round(4)  # as long, whatever the gradient
    array([0.0032, 0.0032], dtype=float32)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("square_avg", "acc_delta")
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)
        self._ignore(elsewhere)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        if not 0 <= options["rho"] <= 1:
            raise OptionError(f"Adadelta: rho must be from 0 to 1, and is {options['rho']}")

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        if not state:
            state["step"] = 0
            state["square_avg"] = memory.zeros_like(parameter.data)
            state["acc_delta"] = memory.zeros_like(parameter.data)
        state["step"] += 1  # PyTorch counts them too
        square, past, scratch = state["square_avg"], state["acc_delta"], self._scratch_of(parameter)
        keep, add, eps = group["rho"], 1 - group["rho"], factor(group["eps"], scratch.dtype)

        axpby(add, np.multiply(gradient, gradient, out=scratch), keep, square)
        delta = np.sqrt(past + eps)
        delta /= np.sqrt(np.add(square, eps, out=scratch), out=scratch)
        delta *= gradient
        axpby(add, np.multiply(delta, delta, out=scratch), keep, past)
        parameter.data = axpy(-group["lr"], delta, parameter.data)
