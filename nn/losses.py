"""The losses as modules; each is the function of the same name in nn.functional."""

from __future__ import annotations

from typing import ClassVar

from numpy.typing import ArrayLike

from minitensor.core.tensor import Tensor, TensorLike
from minitensor.nn import loss_functions
from minitensor.nn.module import Module


class Loss(Module):
    """A function of (input, target) that ends in a mean, a sum, or one value per element.

    Args:
        reduction: "mean", "sum" or "none".
    """

    REDUCTIONS: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    def __init__(self, reduction: str = "mean") -> None:
        loss_functions.check_reduction(type(self).__name__, reduction, self.REDUCTIONS)
        self.reduction = reduction

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


class CrossEntropyLoss(Loss):
    """−log softmax(logits)[target], for logits of shape (n, classes) and n integer targets, or probabilities.

    Args:
        reduction: "mean" (weighted, if there are weights), "sum" or "none".
        weight: A factor for each class.
        ignore_index: The target of what counts for nothing.
        label_smoothing: How much of each target, from 0 to 1, is spread evenly over the classes.

    >>> import numpy as np
    >>> round(CrossEntropyLoss()(Tensor([[0.0, 0.0]]), np.array([1])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        reduction: str = "mean",
        *,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        if self.weight is None and self.label_smoothing == 0 and self.ignore_index == -100:
            return loss_functions.cross_entropy(input, target, self.reduction)
        return loss_functions.cross_entropy(
            input,
            target,
            self.reduction,
            weight=self.weight,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Loss):
    """−input[target], for log-probabilities and integer targets: CrossEntropyLoss after log_softmax."""

    def __init__(
        self, reduction: str = "mean", *, weight: ArrayLike | None = None, ignore_index: int = -100
    ) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.ignore_index = ignore_index

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.nll_loss(
            input, target, self.reduction, weight=self.weight, ignore_index=self.ignore_index
        )


class MSELoss(Loss):
    """(input − target)², for input and target of one shape."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.mse_loss(input, target, self.reduction)


class L1Loss(Loss):
    """|input − target|, for input and target of one shape."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.l1_loss(input, target, self.reduction)


class SmoothL1Loss(Loss):
    """The absolute error, rounded off into a parabola where it is below beta."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.smooth_l1_loss(input, target, self.reduction, self.beta)


class HuberLoss(Loss):
    """Half the squared error, continued as a line where the error is above delta."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.huber_loss(input, target, self.reduction, self.delta)


class KLDivLoss(Loss):
    """target (log target − input), for log-probabilities as input and probabilities as target.

    Args:
        reduction: "mean", "sum", "none", or "batchmean": the sum over the length of the first axis.
        log_target: Whether targets are logarithms.
    """

    REDUCTIONS: ClassVar[tuple[str, ...]] = ("mean", "batchmean", "sum", "none")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.kl_div(input, target, self.reduction, log_target=self.log_target)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities, for targets from 0 to 1; logarithms are held at −100.

    Args:
        reduction: "mean", "sum" or "none".
        weight: A factor for each element, of a shape that can be broadcast.
    """

    def __init__(self, reduction: str = "mean", *, weight: ArrayLike | None = None) -> None:
        super().__init__(reduction)
        self.weight = weight

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.binary_cross_entropy(input, target, self.reduction, weight=self.weight)


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of σ(logits), for targets from 0 to 1, without overflow.

    Args:
        reduction: "mean", "sum" or "none".
        weight: A factor for each element, of a shape that can be broadcast.
        pos_weight: How much more a positive target counts, of a shape that can be broadcast.
    """

    def __init__(
        self,
        reduction: str = "mean",
        *,
        weight: ArrayLike | None = None,
        pos_weight: ArrayLike | None = None,
    ) -> None:
        super().__init__(reduction)
        self.weight = weight
        self.pos_weight = pos_weight

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.binary_cross_entropy_with_logits(
            input, target, self.reduction, weight=self.weight, pos_weight=self.pos_weight
        )


class HingeLoss(Loss):
    """max(0, 1 − target · score), for targets of −1 or 1."""

    def forward(self, input: TensorLike, target: TensorLike) -> Tensor:
        return loss_functions.hinge_loss(input, target, self.reduction)
