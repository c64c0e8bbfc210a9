"""The losses as modules; each is the function of the same name in nn.functional."""

from __future__ import annotations

from minitensor.nn import functional
from minitensor.nn.module import Module
from minitensor.tensor import Operand, Tensor


class Loss(Module):
    """A function of (input, target) that ends in a mean, a sum, or one value per element.

    Args:
        reduction: "mean", "sum" or "none".
    """

    def __init__(self, reduction: str = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(
                f'{type(self).__name__}: reduction must be "mean", "sum" or "none", not {reduction!r}'
            )
        self.reduction = reduction

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class CrossEntropyLoss(Loss):
    """−log softmax(logits)[target], for logits of shape (n, classes) and n integer targets.

    >>> import numpy as np
    >>> CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item() == np.float32(np.log(2))
    np.True_
    """

    def forward(self, input: Operand, target: Operand) -> Tensor:
        return functional.cross_entropy(input, target, self.reduction)


class MSELoss(Loss):
    """(input − target)², for input and target of one shape."""

    def forward(self, input: Operand, target: Operand) -> Tensor:
        return functional.mse_loss(input, target, self.reduction)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of σ(logits), for targets from 0 to 1, without overflow."""

    def forward(self, input: Operand, target: Operand) -> Tensor:
        return functional.binary_cross_entropy_with_logits(input, target, self.reduction)


class HingeLoss(Loss):
    """max(0, 1 − target · score), for targets of −1 or 1."""

    def forward(self, input: Operand, target: Operand) -> Tensor:
        return functional.hinge_loss(input, target, self.reduction)
