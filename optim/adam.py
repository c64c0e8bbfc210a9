"""Adam and its kin: steps along a running average of the gradient, over one of its size."""

from __future__ import annotations

import math
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

Array = NDArray[Any]


class Averaging(Optimizer):
    """What they share: the averages m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², from zero."""

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        if len(options["betas"]) != 2:
            raise OptionError(f"{self._name}: betas must be two, and are {options['betas']}")

    def _averages(
        self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Group
    ) -> tuple[Array, Array]:
        """Take the gradient into both averages, and count the step."""
        if not state:
            state["step"] = 0
            state["exp_avg"] = memory.zeros_like(parameter.data)
            state["exp_avg_sq"] = memory.zeros_like(parameter.data)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean, square, scratch = state["exp_avg"], state["exp_avg_sq"], self._scratch_of(parameter)
        axpby(1 - beta1, gradient, beta1, mean)
        axpby(1 - beta2, np.multiply(gradient, gradient, out=scratch), beta2, square)
        return mean, square


class Adam(Averaging):
    """Steps of about the length lr in every coordinate, whatever the scale of its gradient.

    With gradient g, the step t = 1, 2, ... is m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    p ← p − lr · m̂ / (√v̂ + eps), where m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo the start at zero.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: β₁ and β₂, the factors by which the averages of g and g² forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty.
        amsgrad: Whether to divide by the largest v̂ so far.
        maximize: Whether to ascend instead.
        decoupled_weight_decay: Whether the weight decay is AdamW's.
        elsewhere: Switches of PyTorch's, which may be off.

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
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )
        self._ignore(elsewhere)

    def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        mean, square = self._averages(parameter, gradient, state, group)
        if group["amsgrad"]:
            if "max_exp_avg_sq" not in state:
                state["max_exp_avg_sq"] = memory.zeros_like(parameter.data)
            square = np.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
        scratch, (beta1, beta2), step = self._scratch_of(parameter), group["betas"], state["step"]
        np.sqrt(square, out=scratch)
        scratch /= np.array(math.sqrt(1 - beta2**step), scratch.dtype)
        scratch += factor(group["eps"], scratch.dtype)
        np.divide(mean, scratch, out=scratch)
        parameter.data = axpy(-group["lr"] / (1 - beta1**step), scratch, parameter.data)


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
        elsewhere: Switches of PyTorch's, which may be off.

    Source: Loshchilov & Hutter (2019), "Decoupled Weight Decay Regularization".

    >>> AdamW([Tensor([1.0], requires_grad=True)]).param_groups[0]["weight_decay"]
    0.01
    """

    elementwise: ClassVar[bool] = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            decoupled_weight_decay=True,
            **elsewhere,
        )

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a copy of what state_dict() gave, also Adam's; the weight decay stays AdamW's."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


class Adamax(Averaging):
    """Adam with the largest of the recent gradients in place of the root of their mean square.

    With gradient g, the step t = 1, 2, ... is m ← β₁ m + (1 − β₁) g; u ← max(β₂ u, |g| + eps);
    p ← p − lr / (1 − β₁ᵗ) · m / u.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: β₁ and β₂, the factors by which m and u forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty.
        maximize: Whether to ascend instead.
        elsewhere: Switches of PyTorch's, which may be off.

    Raises:
        OptionError: If a factor is negative, or a beta is not from 0 to below 1.

    Source: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization", section 7.1.

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = Adamax([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.9, 99.9], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_inf")
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)
        self._ignore(elsewhere)

    def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        if not state:
            state["step"] = 0
            state["exp_avg"] = memory.zeros_like(parameter.data)
            state["exp_inf"] = memory.zeros_like(parameter.data)
        state["step"] += 1
        beta1, beta2 = group["betas"]
        mean, largest, scratch = state["exp_avg"], state["exp_inf"], self._scratch_of(parameter)
        axpby(1 - beta1, gradient, beta1, mean)
        np.abs(gradient, out=scratch)
        scratch += factor(group["eps"], scratch.dtype)
        largest *= factor(beta2, largest.dtype)
        np.maximum(largest, scratch, out=largest)
        np.divide(mean, largest, out=scratch)
        parameter.data = axpy(-group["lr"] / (1 - beta1 ** state["step"]), scratch, parameter.data)


class NAdam(Averaging):
    """Adam with Nesterov's look ahead, and a momentum that grows from about a half of β₁ to all of it.

    With gradient g, the step t = 1, 2, ... is m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    p ← p − lr · ((1 − μₜ) / (1 − Mₜ) · g + μₜ₊₁ / (1 − Mₜ₊₁) · m) / (√(v / (1 − β₂ᵗ)) + eps), where
    μₜ = β₁ (1 − 0.96^(t · momentum_decay) / 2), and Mₜ is the product of μ₁ to μₜ.

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: β₁ and β₂, the factors by which the averages of g and g² forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty.
        momentum_decay: How fast the momentum grows.
        decoupled_weight_decay: Whether the weight decay is AdamW's.
        maximize: Whether to ascend instead.
        elsewhere: Switches of PyTorch's, which may be off.

    Raises:
        OptionError: If a factor is negative, or a beta is not from 0 to below 1.

    Source: Dozat (2016), "Incorporating Nesterov Momentum into Adam".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = NAdam([w], lr=0.1, betas=(0.0, 0.999))
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.90000004, 99.9       ], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    counters: ClassVar[tuple[str, ...]] = ("step",)
    numbers: ClassVar[tuple[str, ...]] = ("mu_product",)

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )
        self._ignore(elsewhere)

    def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        mean, square = self._averages(parameter, gradient, state, group)
        scratch, (beta1, beta2), step = self._scratch_of(parameter), group["betas"], state["step"]
        mu, following = [beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1)]
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        np.sqrt(square, out=scratch)
        scratch /= np.array(math.sqrt(1 - beta2**step), scratch.dtype)
        scratch += factor(group["eps"], scratch.dtype)
        data = axpy(-group["lr"] * (1 - mu) / (1 - product), gradient / scratch, parameter.data)
        np.divide(mean, scratch, out=scratch)
        parameter.data = axpy(-group["lr"] * following / (1 - product * following), scratch, data)


class RAdam(Averaging):
    """Adam without a division in its first steps, while √v̂ still varies too much, and with less of it later.

    With gradient g, the step t = 1, 2, ... is m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²;
    p ← p − lr · m̂, and once ρₜ > 5, p ← p − lr · r m̂ √(1 − β₂ᵗ) / (√v + eps), where m̂ = m / (1 − β₁ᵗ),
    ρ = 2 / (1 − β₂) − 1, ρₜ = ρ − 2 t β₂ᵗ / (1 − β₂ᵗ), r² = (ρₜ − 4)(ρₜ − 2) ρ / ((ρ − 4)(ρ − 2) ρₜ).

    Args:
        params: The tensors or Values to update, or groups of them.
        lr: The learning rate.
        betas: β₁ and β₂, the factors by which the averages of g and g² forget.
        eps: What keeps the division from zero.
        weight_decay: The factor of an L2 penalty.
        decoupled_weight_decay: Whether the weight decay is AdamW's.
        maximize: Whether to ascend instead.
        elsewhere: Switches of PyTorch's, which may be off.

    Raises:
        OptionError: If a factor is negative, or a beta is not from 0 to below 1.

    Source: Liu et al. (2020), "On the Variance of the Adaptive Learning Rate and Beyond".

    >>> w = Tensor([1.0, 100.0], requires_grad=True)
    >>> optimizer = RAdam([w], lr=0.1)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Tensor([ 0.8, 80. ], requires_grad=True)
    """

    elementwise: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("exp_avg", "exp_avg_sq")
    counters: ClassVar[tuple[str, ...]] = ("step",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **elsewhere: Unpack[Elsewhere],
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )
        self._ignore(elsewhere)

    def update(self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: Group) -> None:
        gradient = self._penalized(parameter, gradient, group)
        mean, square = self._averages(parameter, gradient, state, group)
        scratch, (beta1, beta2), step = self._scratch_of(parameter), group["betas"], state["step"]
        rate, forgotten = group["lr"] / (1 - beta1**step), beta2**step
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * forgotten / (1 - forgotten)
        if length <= 5:
            parameter.data = axpy(-rate, mean, parameter.data)
            return
        np.sqrt(square, out=scratch)
        scratch += factor(group["eps"], scratch.dtype)
        np.divide(mean, scratch, out=scratch)
        variance = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        parameter.data = axpy(-rate * math.sqrt(variance * (1 - forgotten)), scratch, parameter.data)
