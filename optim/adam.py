"""Adam, and AdamW with its decoupled weight decay."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.core.tensor import Tensor
from minitensor.optim.blas import axpby, axpy, factor
from minitensor.optim.optimizer import Group, Optimizer, Params


class Adam(Optimizer):
    """Steps of about the length lr in every coordinate, whatever the scale of its gradient.

    With gradient g, the step t = 1, 2, ... is m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    p ← p − lr · m̂ / (√v̂ + eps), where m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo the start at zero.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: β₁ and β₂, the factors by which the averages of g and g² forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty; AdamW has the better kind.
        amsgrad: Whether to divide by the largest v̂ so far.
        maximize: Whether to ascend instead.

    Raises:
        OptionError: If a factor is negative, or a beta is not from 0 to below 1.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization"; amsgrad: Reddi, Kale & Kumar
    (2018), "On the Convergence of Adam and Beyond".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = Adam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.90000004, 99.9       ], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
        )

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        self._descend(parameter, self._penalized(parameter, gradient, group), state, group)

    def _descend(
        self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group
    ) -> None:
        if not state:
            state["step"] = 0
            state["exp_avg"] = memory.zeros_like(parameter.data)
            state["exp_avg_sq"] = memory.zeros_like(parameter.data)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = memory.zeros_like(parameter.data)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean, square, scratch = state["exp_avg"], state["exp_avg_sq"], self._scratch_of(parameter)
        dtype = scratch.dtype

        axpby(1 - beta1, gradient, beta1, mean)
        axpby(1 - beta2, np.multiply(gradient, gradient, out=scratch), beta2, square)
        if group["amsgrad"]:
            square = np.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])

        np.sqrt(square, out=scratch)
        scratch /= np.array(math.sqrt(1 - beta2 ** state["step"]), dtype)
        scratch += factor(group["eps"], dtype)
        np.divide(mean, scratch, out=scratch)
        parameter.data = axpy(-group["lr"] / (1 - beta1 ** state["step"]), scratch, parameter.data)


class AdamW(Adam):
    """Adam after a weight decay of the parameters themselves, p ← (1 − lr · weight_decay) p.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: The factors by which the averages of g and g² forget.
        eps: What keeps the division from zero.
        weight_decay: The part of a parameter that a step with lr = 1 would take away.
        amsgrad: Whether to divide by the largest v̂ so far.
        maximize: Whether to ascend instead.

    Source: Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization".

    >>> AdamW([Tensor([1.0], requires_grad=True)]).param_groups[0]["weight_decay"]
    0.01
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)

    def update(self, parameter: Tensor, gradient: NDArray[Any], state: dict[str, Any], group: Group) -> None:
        if group["weight_decay"]:
            parameter.data *= factor(1 - group["lr"] * group["weight_decay"], parameter.dtype)
        self._descend(parameter, -gradient if group["maximize"] else gradient, state, group)
