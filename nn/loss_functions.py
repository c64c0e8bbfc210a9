"""The losses as functions, under PyTorch's names; nn.functional has them too, and losses.py as modules.

They are functions of (input, target) that end in a mean, a sum, or one value per element. Both may be
tensors, arrays or lists. Those that are a formula for each element, and cross_entropy, also take a `Value`,
or lists of Values, and then give a Value: by the same formulas and rules, one number at a time.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from minitensor import rules
from minitensor.context import decide, look
from minitensor.core.rule import composite, rule
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.core.value import Value
from minitensor.errors import DataError, DTypeError, OptionError, ShapeError
from minitensor.ndarrays import Array, array_of, is_array
from minitensor.rules.fast import sum_rows
from minitensor.rules.notation import on_nodes
from minitensor.rules.reductions import _peak

__all__ = [
    "binary_cross_entropy",
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

Values: TypeAlias = Value | Sequence["Values"]
Formula: TypeAlias = Callable[..., Any]

# -------------------------------------------------------------------------------------- regression


@overload
def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor: ...
@overload
def mse_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite(arrays=True, method=False)
def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """(input − target)².

    Unlike PyTorch: other shapes are refused; (n, 1) against (n,) would compare all rows with all targets.

    >>> mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]))
    Tensor(2.)
    """
    return _of_pairs("mse_loss", lambda x, t: rules.square(x - t), input, target, reduction)


@overload
def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor: ...
@overload
def l1_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite(arrays=True, method=False)
def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """|input − target|, with gradient 0 where they are equal.

    >>> l1_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0]))
    Tensor(1.)
    """
    return _of_pairs("l1_loss", lambda x, t: abs(x - t), input, target, reduction)


@overload
def smooth_l1_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0
) -> Tensor: ...
@overload
def smooth_l1_loss(input: Values, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any: ...
@composite(arrays=True, method=False)
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
def huber_loss(
    input: TensorLike, target: TensorLike, reduction: str = "mean", delta: float = 1.0
) -> Tensor: ...
@overload
def huber_loss(input: Values, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any: ...
@composite(arrays=True, method=False)
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
def binary_cross_entropy(
    input: TensorLike, target: TensorLike, reduction: str = "mean", *, weight: TensorLike | None = None
) -> Tensor: ...
@overload
def binary_cross_entropy(
    input: Values, target: Any, reduction: str = "mean", *, weight: ArrayLike | None = None
) -> Any: ...
@composite(arrays=True, method=False)
def binary_cross_entropy(input: Any, target: Any, reduction: str = "mean", *, weight: Any = None) -> Any:
    """−t log x − (1 − t) log(1 − x), for probabilities x and targets t from 0 to 1.

    Logarithms are held at −100, so that a probability of 0 costs 100 and no infinity. Of logits,
    binary_cross_entropy_with_logits is more precise.

    Args:
        input: Probabilities.
        target: Of the same shape.
        reduction: "mean", "sum" or "none".
        weight: A factor for each element, of a shape that can be broadcast to theirs.

    Raises:
        DataError: If there are other numbers than probabilities.

    Unlike PyTorch: the gradient towards the target keeps within ±100, where PyTorch's is infinite.

    >>> binary_cross_entropy(Tensor([1.0, 0.0]), Tensor([1.0, 1.0]), "none")
    Tensor([  0., 100.])
    """
    return _of_pairs("binary_cross_entropy", _probable_log_loss, input, target, reduction, weight)


def _probable_log_loss(x: Any, t: Any, weight: Any) -> Any:
    given = look(x._data) if isinstance(x, Tensor | Value) else x
    if not np.logical_and(given >= 0, given <= 1).all():  # of which, in a program, NaN would tell
        raise DataError(
            "binary_cross_entropy: the input must be probabilities, from 0 to 1. For logits take "
            "binary_cross_entropy_with_logits, or sigmoid first."
        )
    return _log_loss(x, t) * weight


@rule(floats=True)
def _log_loss(x: Any, t: Any) -> tuple[Any, Any, Any]:
    """−t log x − (1 − t) log(1 − x), with derivative (x − t) / x (1 − x); neither is infinite."""
    with np.errstate(divide="ignore"):
        log_x, log_rest = np.maximum(np.log(x), -100.0), np.maximum(np.log1p(-x), -100.0)
    loss = -t * log_x - (1 - t) * log_rest
    return (
        loss,
        lambda g: g * (x - t) / np.maximum(x * (1 - x), 1e-12),
        lambda g: g * (log_rest - log_x),
    )


@overload
def binary_cross_entropy_with_logits(
    input: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    *,
    weight: TensorLike | None = None,
    pos_weight: TensorLike | None = None,
) -> Tensor: ...
@overload
def binary_cross_entropy_with_logits(
    input: Values,
    target: Any,
    reduction: str = "mean",
    *,
    weight: ArrayLike | None = None,
    pos_weight: ArrayLike | None = None,
) -> Any: ...
@composite(arrays=True, method=False)
def binary_cross_entropy_with_logits(
    input: Any, target: Any, reduction: str = "mean", *, weight: Any = None, pos_weight: Any = None
) -> Any:
    """−t log σ(x) − (1 − t) log(1 − σ(x)), for logits x and targets t from 0 to 1.

    With −log σ(x) = log(1 + e⁻ˣ), which keeps its precision however small it is.

    Args:
        input: Logits.
        target: Of the same shape.
        reduction: "mean", "sum" or "none".
        weight: A factor for each element, of a shape that can be broadcast to theirs.
        pos_weight: A factor for −t log σ(x) alone: how much more a positive target counts.

    >>> binary_cross_entropy_with_logits(Tensor([1000.0, -1000.0]), Tensor([1.0, 1.0]), "none")
    Tensor([   0., 1000.])
    >>> binary_cross_entropy_with_logits(Tensor([0.0]), Tensor([1.0]), pos_weight=3.0)
    Tensor(2.0794415)
    """

    def formula(x: Any, t: Any, weight: Any, pos_weight: Any) -> Any:
        return (t * rules.softplus(-x) * pos_weight + (1 - t) * rules.softplus(x)) * weight

    name = "binary_cross_entropy_with_logits"
    if weight is None and pos_weight is None:
        return _of_pairs(name, lambda x, t: formula(x, t, 1, 1), input, target, reduction)
    return _of_pairs(name, formula, input, target, reduction, weight, pos_weight)


@overload
def hinge_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor: ...
@overload
def hinge_loss(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite(arrays=True, method=False)
def hinge_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """max(0, 1 − t x), for scores x and targets t of −1 or 1.

    >>> hinge_loss(Tensor([0.5, 2.0]), Tensor([-1.0, 1.0]))
    Tensor(0.75)
    """
    return _of_pairs("hinge_loss", lambda x, t: rules.relu(1 - t * x), input, target, reduction)


# --------------------------------------------------------------------------------- several classes


@overload
def cross_entropy(
    input: TensorLike,
    target: TensorLike,
    reduction: str = "mean",
    *,
    weight: ArrayLike | None = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Tensor: ...
@overload
def cross_entropy(input: Values, target: Any, reduction: str = "mean") -> Any: ...
@composite(arrays=True, method=False)
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
    if type(reduction) is not str or reduction not in ("mean", "sum", "none"):
        check_reduction("cross_entropy", reduction)
    x = input if type(input) is Tensor else _tensor(input)
    labels = target.data if isinstance(target, Tensor) else array_of(target)
    shape = x.shape
    if x.made_by == "softmax" or _rows_are_probabilities(look(x._data), shape):
        warnings.warn(
            "cross_entropy: the input looks like probabilities, and it takes logits: leave out the softmax",
            stacklevel=3,
        )
    plain = weight is None and not label_smoothing and len(shape) == 2 and not 0 <= ignore_index < shape[1]
    if plain and labels.shape == shape[:1] and labels.dtype.kind in "iu":
        onehot = _column(shape[1]) == labels
        if decide(np.count_nonzero(onehot) == labels.size):
            return _cross_entropy(x, onehot, reduction)
    axis = 1 if x.ndim > 1 else 0
    if x.ndim == 0:
        raise ShapeError(_explain_targets("cross_entropy", x.shape, labels.shape, labels.dtype.name))
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


@composite(arrays=True, method=False)
def nll_loss(
    input: TensorLike,
    target: TensorLike,
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


@rule(arrays=True, floats=True, inputs="x")
def _cross_entropy(x: Any, onehot: Any, reduction: str) -> tuple[Any, Any]:
    """−log softmax(x)[target] for rows of logits x; `onehot` (classes, n) holds the target of each row.

    The gradient is softmax(x) − onehot. Fused: a third of the arrays of log_softmax and index.
    """
    n = x.shape[0]
    # Classes first: NumPy reduces over few rows several times faster than over few columns.
    z = x.T if on_nodes(x) else x.T.copy()
    shifted = z - _peak(z, 0)
    e = np.exp(shifted)
    total = sum_rows(e)
    loss = np.log(total) - shifted.T[onehot.T]
    if reduction != "none":
        loss = np.add.reduce(loss, axis=0)
    if reduction == "mean":
        loss = loss / n

    def local(g: Any) -> Any:
        return ((e / total - onehot) * (g / n if reduction == "mean" else g)).T

    return loss, local


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
        raise ShapeError(_explain_targets(name, logp.shape, labels.shape, labels.dtype.name))
    rows = rules.moveaxis(logp, 1, -1) if logp.ndim > 2 else logp
    safe = np.where(counted, labels, 0)
    picked = rules.take_along_axis(rows, safe[..., None], -1).reshape(shape)
    factors = _target_weights(name, labels, weight, ignore_index, logp)
    losses = rules.zero_where(-picked * factors, ~counted)
    return losses.sum() / factors.sum() if reduction == "mean" else _reduce(name, losses, reduction)


@composite(arrays=True, method=False)
def kl_div(
    input: TensorLike, target: TensorLike, reduction: str = "mean", *, log_target: bool = False
) -> Tensor:
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


def _of_pairs(
    name: str, formula: Formula, input: Any, target: Any, reduction: str, *factors: TensorLike | None
) -> Any:
    """The losses that are a formula of each element: of all at once, or of one Value after another.

    Factors are numbers for each element, or such that can be broadcast; None is 1.
    """
    if type(input) is not Tensor and (_holds_values(input) or _holds_values(target)):
        inputs, targets = _elements(input), _elements(target)
        _check_same_shape(name, inputs, targets)
        each = [np.broadcast_to(_factor(name, w, inputs.shape, object), inputs.shape).flat for w in factors]
        losses = [formula(*numbers) for numbers in zip(inputs.flat, targets.flat, *each, strict=True)]
        return _reduce_values(name, losses, inputs.shape, reduction)
    x, t = _same_shape(name, input, target)
    return _reduce(name, formula(x, t, *[_factor(name, w, x.shape, x.dtype) for w in factors]), reduction)


def _factor(name: str, weight: TensorLike | None, shape: tuple[int, ...], dtype: Any) -> Any:
    """A factor for each element, checked; those of a tensor may be derived by."""
    factor: Any = 1.0 if weight is None else weight
    if not isinstance(factor, Tensor):
        if np.asarray(factor).dtype.kind not in "biuf" and dtype is not object:
            raise DTypeError(f"{name}: a weight is of real numbers, not {np.asarray(factor).dtype}")
        factor = np.asarray(factor, dtype)
    if len(factor.shape) > len(shape) or any(
        [n not in (1, m) for n, m in zip(factor.shape[::-1], shape[::-1], strict=False)]
    ):
        raise ShapeError(f"{name}: a weight of shape {factor.shape} cannot be broadcast to {shape}")
    return factor


def _cross_entropy_of_values(input: Values, target: Any, reduction: str) -> Any:
    """log Σ e^xᵢ − x[target] for each row: by logaddexp from one to the next, which cannot overflow.

    The largest comes first: between two that are −inf no gradient would be defined.
    """
    logits, labels = _elements(input), np.asarray(target)
    shape = logits.shape[:-1]
    if not (0 < logits.ndim < 3 and _are_classes(labels, shape) and _in_range(labels, logits.shape[-1])):
        raise ShapeError(_explain_targets("cross_entropy", logits.shape, labels.shape, labels.dtype.name))
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


def _tensor(x: Any) -> Tensor:
    if isinstance(x, Tensor):
        return x
    return Tensor.from_numpy(x) if is_array(x) else Tensor(x)


def _same_shape(name: str, input: TensorLike, target: TensorLike) -> tuple[Tensor, Tensor]:
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
    if not isinstance(reduction, str):
        kind = type(reduction).__name__
        raise OptionError(f'{name}: reduction is a word such as "{known[0]}", not {kind}. Write weight=... ?')
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
    return decide(((labels >= 0) & (labels < classes)).all())


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


def _explain_targets(name: str, x: tuple[int, ...], target: tuple[int, ...], dtype: str) -> str:
    """Say why loss `name` refused targets of this shape and dtype for an input of shape `x`.

    >>> print(_explain_targets("cross_entropy", (32, 10), (32, 10), "int64"))
    cross_entropy: input (32, 10) needs 32 integer targets from 0 to 9 of shape (32,), not int64 of shape \
(32, 10). For one-hot targets take target.argmax(axis=1), or target.astype(float) as probabilities.
    """
    if not x:
        return f"{name}: the input must have shape (n, classes), not ()"
    classes, wanted = (x[1], x[:1] + x[2:]) if len(x) > 1 else (x[0], ())
    count = f"{math.prod(wanted)} integer targets" if wanted else "an integer target"
    needs = f"{name}: input {x} needs {count} from 0 to {classes - 1} of shape {wanted}"
    if target == wanted and dtype.startswith(("int", "uint")):
        return f"{needs}; some are out of range"
    hint = ""
    if target == x and dtype.startswith(("int", "uint", "bool")):
        either = ", or target.astype(float) as probabilities" if name == "cross_entropy" else ""
        hint = f" For one-hot targets take target.argmax(axis=1){either}."
    elif target == x:
        hint = " For probabilities take target.argmax(axis=1), or cross_entropy of logits."
    elif math.prod(target) == math.prod(wanted):
        hint = " Try target.astype(int)." if target == wanted else f" Try target.reshape({wanted})."
    return f"{needs}, not {dtype} of shape {target}.{hint}"
