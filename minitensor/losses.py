"""The losses: functions of (input, target) that end in a mean, a sum, or one value per element.

Both may be tensors, arrays or lists. They are PyTorch's, with `reduction` as the third argument of each. As
modules they are in nn/losses.py. Those that are a formula for each element, and cross_entropy, also take a
`Value`, or lists of Values, and then give a Value: by the same formulas and rules, one number at a time.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from minitensor import rules
from minitensor.errors import DTypeError, OptionError, ShapeError, explain_targets
from minitensor.operation import composite
from minitensor.recording import ARRAYS, array_of, holds, peek
from minitensor.rules.losses import _cross_entropy
from minitensor.tensor import Array, Operand, Tensor
from minitensor.value import Value

Values: TypeAlias = Value | Sequence["Values"]
Formula: TypeAlias = Callable[[Any, Any], Any]

__all__ = [
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]

# -------------------------------------------------------------------------------------- regression


@overload
def mse_loss(input: Operand, target: Operand, reduction: str = "mean") -> Tensor: ...
@overload
def mse_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input − target)².

    Unlike PyTorch: other shapes are refused; (n, 1) against (n,) would compare all rows with all targets.

    >>> mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]))
    Tensor(2.)
    """
    return _of_pairs("mse_loss", lambda x, t: rules.square(x - t), input, target, reduction)


@overload
def l1_loss(input: Operand, target: Operand, reduction: str = "mean") -> Tensor: ...
@overload
def l1_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input − target|, with gradient 0 where they are equal.

    >>> l1_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]))
    Tensor(1.)
    """
    return _of_pairs("l1_loss", lambda x, t: abs(x - t), input, target, reduction)


@overload
def smooth_l1_loss(input: Operand, target: Operand, reduction: str = "mean", beta: float = 1.0) -> Tensor: ...
@overload
def smooth_l1_loss(input: Values, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any: ...
@composite
def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """With d = |input − target|: d² / (2 beta) where d < beta, else d − beta / 2 (Girshick 2015).

    >>> smooth_l1_loss(Tensor([0.0, 0.0]), Tensor([1.0, 3.0]), "none")
    Tensor([0.5, 2.5])
    """
    if beta < 0:
        raise OptionError(f"smooth_l1_loss: beta must not be negative, and is {beta}")
    if not beta:
        return _of_pairs("smooth_l1_loss", lambda x, t: abs(x - t), input, target, reduction)
    formula = partial(_rounded_off_error, width=beta)
    return _of_pairs("smooth_l1_loss", lambda x, t: formula(x, t) / beta, input, target, reduction)


@overload
def huber_loss(input: Operand, target: Operand, reduction: str = "mean", delta: float = 1.0) -> Tensor: ...
@overload
def huber_loss(input: Values, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any: ...
@composite
def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """With d = |input − target|: d² / 2 where d ≤ delta, else delta (d − delta / 2) (Huber 1964).

    >>> huber_loss(Tensor([0.0, 0.0]), Tensor([1.0, 3.0]), "none", delta=2.0)
    Tensor([0.5, 4. ])
    """
    if not delta > 0:
        raise OptionError(f"huber_loss: delta must be positive, and is {delta}")
    return _of_pairs("huber_loss", partial(_rounded_off_error, width=delta), input, target, reduction)


def _rounded_off_error(x: Any, t: Any, width: float) -> Any:
    """d² / 2 where |d| < width, else width (|d| − width / 2): c (d − c / 2), with c = d held in ±width."""
    d = x - t
    c = rules.hardtanh(d, -width, width)
    return c * (d - 0.5 * c)


# ---------------------------------------------------------------------------------- two classes


@overload
def binary_cross_entropy_with_logits(input: Operand, target: Operand, reduction: str = "mean") -> Tensor: ...
@overload
def binary_cross_entropy_with_logits(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite
def binary_cross_entropy_with_logits(input: Any, target: Any, reduction: str = "mean") -> Any:
    """−t log σ(x) − (1 − t) log(1 − σ(x)), for logits x and targets t from 0 to 1.

    With −log σ(x) = log(1 + e⁻ˣ), which keeps its precision however small it is.

    >>> binary_cross_entropy_with_logits(Tensor([1000.0, -1000.0]), Tensor([1.0, 1.0]), "none")
    Tensor([   0., 1000.])
    """

    def formula(x: Any, t: Any) -> Any:
        return t * rules.softplus(-x) + (1 - t) * rules.softplus(x)

    return _of_pairs("binary_cross_entropy_with_logits", formula, input, target, reduction)


@overload
def hinge_loss(input: Operand, target: Operand, reduction: str = "mean") -> Tensor: ...
@overload
def hinge_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite
def hinge_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """max(0, 1 − t x), for scores x and targets t of −1 or 1.

    >>> hinge_loss(Tensor([0.5, 2.0]), Tensor([-1.0, 1.0]))
    Tensor(0.75)
    """
    return _of_pairs("hinge_loss", lambda x, t: rules.relu(1 - t * x), input, target, reduction)


# --------------------------------------------------------------------------------- several classes


@overload
def cross_entropy(
    input: Operand,
    target: Operand,
    reduction: str = "mean",
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor: ...
@overload
def cross_entropy(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite
def cross_entropy(
    input: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """−log softmax(input)[target]; the gradient is softmax(input) − onehot(target), over n for the mean.

    Args:
        input: Logits of shape (n, classes), (classes,), or (n, classes, ...).
        target: Integer classes, of the shape of input without its classes; or probabilities, floating-point
            and of the shape of input, towards which a gradient flows too.
        reduction: "mean" (weighted, if there are weights), "sum" or "none".
        weight: A factor for each class.
        ignore_index: The target of what counts for nothing.
        label_smoothing: How much of each target, from 0 to 1, is spread evenly over the classes.

    Raises:
        ShapeError: If the target does not fit in shape, dtype or range.

    Warns when the input looks like probabilities: it is a softmax's output, or several rows are all ≥ 0, sum
    to 1, and are not one-hot.

    >>> cross_entropy(Tensor([[1000.0, -1000.0]]), np.array([1]))
    Tensor(2000.)
    """
    if type(input) is not Tensor and _holds_values(input):
        if weight is not None or label_smoothing or ignore_index != -100:
            raise OptionError("cross_entropy: on Values, there are no weights, no ignoring and no smoothing")
        return _cross_entropy_of_values(input, target, reduction)
    x = input if type(input) is Tensor else _tensor(input)
    labels = target.data if isinstance(target, Tensor) else array_of(target)
    if reduction not in ("mean", "sum", "none"):
        check_reduction("cross_entropy", reduction)
    shape = x.shape
    if x.made_by == "softmax" or _rows_are_probabilities(peek(x.data), shape):
        warnings.warn(
            "cross_entropy: the input looks like probabilities, and it takes logits: leave out the softmax",
            stacklevel=3,
        )
    plain = weight is None and not label_smoothing and len(shape) == 2 and not 0 <= ignore_index < shape[1]
    if plain and labels.shape == shape[:1] and labels.dtype.kind in "iu":
        onehot = _column(shape[1]) == labels
        if holds(np.count_nonzero(onehot) == labels.size):
            return _cross_entropy(x, onehot, reduction)
    axis = 1 if x.ndim > 1 else 0
    if x.ndim == 0:
        raise ShapeError(explain_targets("cross_entropy", x.shape, labels.shape, labels.dtype.name))
    if not 0 <= label_smoothing <= 1:
        raise OptionError(f"cross_entropy: label_smoothing must be from 0 to 1, not {label_smoothing}")
    logp = rules.log_softmax(x, axis)
    classes = x.shape[axis]
    if labels.dtype.kind == "f" and labels.shape == x.shape:
        t = _tensor(target)
        factors = _class_weights("cross_entropy", weight, x, axis) * (
            t * (1 - label_smoothing) + label_smoothing / classes
        )
        losses = -rules.sum(factors * logp, axis)
        return (
            losses.sum() / losses.size if reduction == "mean" else _reduce("cross_entropy", losses, reduction)
        )
    loss = _nll("cross_entropy", logp, labels, reduction, weight, ignore_index)
    if not label_smoothing:
        return loss
    spread = -rules.sum(_class_weights("cross_entropy", weight, x, axis) * logp, axis)
    spread = rules.zero_where(spread, labels == ignore_index)
    if reduction == "mean":
        spread = rules.sum(spread) / _target_weights("cross_entropy", labels, weight, ignore_index, x).sum()
    elif reduction == "sum":
        spread = rules.sum(spread)
    return (1 - label_smoothing) * loss + label_smoothing / classes * spread


@composite
def nll_loss(
    input: Operand,
    target: Operand,
    reduction: str = "mean",
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """−input[target] for log-probabilities and integer classes: cross_entropy after log_softmax.

    Shapes, weights and ignore_index are those of cross_entropy.

    >>> nll_loss(Tensor([[-1.0, -2.0], [-3.0, -4.0]]), np.array([0, 1]))
    Tensor(2.5)
    """
    x = _tensor(input)
    labels = target.data if isinstance(target, Tensor) else array_of(target)
    check_reduction("nll_loss", reduction)
    if x.dtype.kind != "f":
        raise DTypeError(f"nll_loss: the input must be floating-point, not {x.dtype}")
    return _nll("nll_loss", x, labels, reduction, weight, ignore_index)


@lru_cache(maxsize=8)
def _column(classes: int) -> Array:
    """(classes, 1): the classes to compare targets with."""
    return np.arange(classes)[:, None]


def _nll(
    name: str, logp: Tensor, labels: Array, reduction: str, weight: ArrayLike | None, ignore_index: int
) -> Tensor:
    shape = logp.shape[:1] + logp.shape[2:] if logp.ndim > 1 else ()
    counted = labels != ignore_index
    if not (
        logp.ndim
        and _are_classes(labels, shape)
        and _in_range(np.where(counted, labels, 0), logp.shape[min(logp.ndim - 1, 1)])
    ):
        raise ShapeError(explain_targets(name, logp.shape, labels.shape, labels.dtype.name))
    rows = rules.moveaxis(logp, 1, -1) if logp.ndim > 2 else logp
    safe = np.where(counted, labels, 0)
    picked = rules.take_along_axis(rows, safe[..., None], -1).reshape(shape)
    factors = _target_weights(name, labels, weight, ignore_index, logp)
    losses = rules.zero_where(-picked * factors, ~counted)
    return losses.sum() / factors.sum() if reduction == "mean" else _reduce(name, losses, reduction)


@composite
def kl_div(input: Operand, target: Operand, reduction: str = "mean", *, log_target: bool = False) -> Tensor:
    """t (log t − input) for log-probabilities `input` and probabilities t, where t log t is 0 at 0.

    Args:
        input: Log-probabilities.
        target: Probabilities, or with log_target their logarithms; of the same shape.
        reduction: "batchmean" (the divergence: the sum over the length of the first axis), "mean" (over all
            elements), "sum" or "none".
        log_target: Whether the target is logarithms.

    Unlike PyTorch: the gradient towards a target of 0 is −input, where PyTorch's is NaN (and the limit −inf).

    >>> kl_div(np.log([[0.5, 0.5]]), np.array([[0.5, 0.5]]), "batchmean")
    Tensor(0., dtype=float64)
    """
    x, t = _same_shape("kl_div", input, target)
    losses = rules.exp(t) * (t - x) if log_target else t * rules.log(rules.where(t == 0, 1.0, t)) - t * x
    if reduction == "batchmean":
        return losses.sum() / (x.shape[0] if x.ndim else 1)
    return _reduce("kl_div", losses, reduction, ("mean", "batchmean", "sum", "none"))


# ------------------------------------------------------------------------------- tensors and Values


def _of_pairs(name: str, formula: Formula, input: Any, target: Any, reduction: str) -> Any:
    """The losses that are a formula of each element: of all at once, or of one Value after another."""
    if type(input) is not Tensor and (_holds_values(input) or _holds_values(target)):
        inputs, targets = _elements(input), _elements(target)
        _check_same_shape(name, inputs, targets)
        losses = [formula(x, t) for x, t in zip(inputs.flat, targets.flat, strict=True)]
        return _reduce_values(name, losses, inputs.shape, reduction)
    x, t = _same_shape(name, input, target)
    return _reduce(name, formula(x, t), reduction)


def _cross_entropy_of_values(input: Values, target: Any, reduction: str) -> Any:
    """log Σ e^xᵢ − x[target] for each row: by logaddexp from one to the next, which cannot overflow.

    The largest comes first: between two that are −inf no gradient would be defined.
    """
    logits, labels = _elements(input), np.asarray(target)
    shape = logits.shape[:-1]
    if not (0 < logits.ndim < 3 and _are_classes(labels, shape) and _in_range(labels, logits.shape[-1])):
        raise ShapeError(explain_targets("cross_entropy", logits.shape, labels.shape, labels.dtype.name))
    rows = logits.reshape(-1, logits.shape[-1])
    losses = []
    for row, label in zip(rows, labels.flat, strict=True):
        losses.append(reduce(rules.logaddexp, sorted(row, key=float, reverse=True)) - row[label])
    return _reduce_values("cross_entropy", losses, shape, reduction)


def _holds_values(x: object) -> bool:
    """Whether this is a Value, or a list (or an array of objects) with a Value in it, at any depth."""
    if isinstance(x, list | tuple):
        return any([_holds_values(item) for item in x])
    if isinstance(x, np.ndarray) and x.dtype == object:
        return _holds_values(x.tolist())
    return isinstance(x, Value)


def _elements(x: Any) -> Array:
    """An array of Python's own numbers and Values."""
    if isinstance(x, Tensor):
        raise DTypeError("a loss takes Values or tensors, not both")
    elements: Array = np.array(x, object)
    if any([isinstance(item, list | tuple) for item in elements.flat]):
        raise ShapeError("a loss takes lists of one length: some of these hold more than others")
    return elements


def _reduce_values(name: str, losses: list[Value], shape: tuple[int, ...], reduction: str) -> Any:
    check_reduction(name, reduction)
    if reduction == "none":
        nested = np.empty(len(losses), object)
        nested[:] = losses
        return nested.reshape(shape).tolist()
    total = reduce(operator.add, losses)
    return total / len(losses) if reduction == "mean" else total


# -------------------------------------------------------------------------------------------- checks


def _tensor(x: Operand) -> Tensor:
    if isinstance(x, Tensor):
        return x
    return Tensor.from_numpy(x) if isinstance(x, ARRAYS) else Tensor(x)


def _same_shape(name: str, input: Operand, target: Operand) -> tuple[Tensor, Tensor]:
    x, t = _tensor(input), _tensor(target)
    _check_same_shape(name, x, t)
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: the input must be floating-point, not {x.dtype}")
    return x, t


def _check_same_shape(name: str, x: Tensor | Array, t: Tensor | Array) -> None:
    if x.shape != t.shape:
        hint = f" Try target.reshape({x.shape})." if x.size == t.size else ""
        raise ShapeError(f"{name}: input {x.shape} and target {t.shape} differ.{hint}")


def check_reduction(name: str, reduction: str, known: tuple[str, ...] = ("mean", "sum", "none")) -> None:
    if reduction not in known:
        words = ", ".join([f'"{word}"' for word in known[:-1]])
        raise OptionError(f'{name}: reduction must be {words} or "{known[-1]}", not {reduction!r}')


def _reduce(
    name: str, losses: Tensor, reduction: str, known: tuple[str, ...] = ("mean", "sum", "none")
) -> Tensor:
    check_reduction(name, reduction, known)
    if reduction == "none":
        return losses
    return rules.mean(losses) if reduction == "mean" else rules.sum(losses)


def _are_classes(labels: Array, shape: tuple[int, ...]) -> bool:
    return labels.shape == shape and (labels.dtype.kind in "iu" or not labels.size)


def _in_range(labels: Array, classes: int) -> bool:
    return holds(((labels >= 0) & (labels < classes)).all())


def _class_weights(name: str, weight: ArrayLike | None, x: Tensor, axis: int) -> Any:
    """The classes' factors, shaped to stand against x."""
    if weight is None:
        return 1.0
    factors = np.asarray(weight, x.dtype)
    if factors.shape != (x.shape[axis],):
        raise ShapeError(f"{name}: weight must have shape ({x.shape[axis]},), not {factors.shape}")
    return factors.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


def _target_weights(
    name: str, labels: Array, weight: ArrayLike | None, ignore_index: int, x: Tensor
) -> Array:
    """The factor of each target: its class's, and 0 if it is ignored."""
    counted = labels != ignore_index
    if weight is None:
        return counted.astype(x.dtype)
    factors = _class_weights(name, weight, x, min(x.ndim - 1, 1)).reshape(-1)
    return array_of(rules.index(factors, np.where(counted, labels, 0)) * counted)


def _rows_are_probabilities(x: Array, shape: tuple[int, ...]) -> bool:
    """Looks at two numbers, then at one row, then at all: the check must not cost what the loss costs."""
    if len(shape) != 2 or shape[0] < 2 or shape[1] < 2 or not (0 <= x.item(0) <= 1 and 0 <= x.item(-1) <= 1):
        return False
    if abs(sum(x[0].tolist()) - 1) > 1e-3:
        return False
    positive = (x >= 0).all() and x.dtype.kind == "f"
    return bool(positive and (abs(x.sum(axis=1) - 1) <= 1e-3).all() and (x % 1).any())
