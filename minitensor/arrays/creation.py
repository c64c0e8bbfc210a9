"""Tensors from nothing: constants, ranges and random numbers, under the names that NumPy and PyTorch share.

A shape is given as integers or as one tuple. The dtype is float32 unless another is given; arange and full
follow their numbers. Random numbers come from the project's generator, or from `rng`.
"""

from __future__ import annotations

from operator import index
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minitensor.arrays.extend import extend
from minitensor.context import decide, look
from minitensor.core.rule import composite
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.devices import Device
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array, array_of, as_array
from minitensor.random import generator as drawing

__all__ = [
    "arange",
    "as_tensor",
    "bernoulli",
    "empty",
    "empty_like",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "is_tensor",
    "linspace",
    "multinomial",
    "normal",
    "one_hot",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
    "randperm",
    "tensor",
    "zeros",
    "zeros_like",
]

if TYPE_CHECKING:  # NumPy loads numpy.random at first use
    Random: TypeAlias = np.random.Generator | int | None


@extend(TensorMethods)
class Sharing(Tensor):
    """Memory that is not copied."""

    __slots__ = ()

    @classmethod
    def from_numpy(cls, array: Array) -> Self:
        """A tensor that shares the array's memory instead of copying it.

        >>> a = np.zeros(2)
        >>> t = Tensor.from_numpy(a)
        >>> a[0] = 5
        >>> t
        Tensor([5., 0.], dtype=float64)
        """
        tensor = cls.__new__(cls)
        tensor._start(as_array(array))
        return tensor


def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory: a write into one is seen in the other.

    >>> from_numpy(np.zeros(2))
    Tensor([0., 0.], dtype=float64)
    """
    return Tensor.from_numpy(array)


def tensor(
    data: TensorLike, dtype: DTypeLike | None = None, device: object = "cpu", requires_grad: bool = False
) -> Tensor:
    """A tensor of numbers, lists of them, or an array, which is copied: PyTorch's name for Tensor(...).

    >>> tensor([1.0, 2.0], requires_grad=True)
    Tensor([1., 2.], requires_grad=True)
    """
    return _on(device, Tensor(data, dtype=dtype, requires_grad=requires_grad))


def as_tensor(data: TensorLike, dtype: DTypeLike | None = None, device: object = "cpu") -> Tensor:
    """The tensor itself, or one that shares an array's memory; numbers and lists are copied.

    >>> a = np.zeros(2)
    >>> as_tensor(a).data is a
    True
    """
    x = data if isinstance(data, Tensor) else Tensor.from_numpy(as_array(data))
    return _on(device, x if dtype is None or x.dtype == dtype else x.astype(dtype))


def is_tensor(x: object) -> bool:
    """Whether it is a Tensor.

    >>> is_tensor(np.zeros(2))
    False
    """
    return isinstance(x, Tensor)


# ------------------------------------------------------------------------------------------ constants


def zeros(
    *shape: Any,
    size: Any = (),
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """Zeros.

    >>> zeros(2, 3).shape
    (2, 3)
    """
    return _own(np.zeros(_shape(shape, size), _float(dtype)), requires_grad, device)


def ones(
    *shape: Any,
    size: Any = (),
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """Ones.

    >>> ones((2,))
    Tensor([1., 1.])
    """
    return _own(np.ones(_shape(shape, size), _float(dtype)), requires_grad, device)


def empty(
    *shape: Any,
    size: Any = (),
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """Whatever is in memory, to be written over.

    >>> empty(2, 3).shape
    (2, 3)
    """
    return _own(np.empty(_shape(shape, size), _float(dtype)), requires_grad, device)


def full(
    shape: int | tuple[int, ...],
    fill_value: float,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """One number everywhere; the dtype is that of Tensor(fill_value).

    >>> full((2,), 0.5)
    Tensor([0.5, 0.5])
    """
    dtype = Tensor(fill_value).dtype if dtype is None else dtype
    return _own(np.full(_shape((), shape), fill_value, dtype), requires_grad, device)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere; m is n unless given.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return _own(np.eye(n, m, dtype=_float(dtype)), requires_grad, device)


# --------------------------------------------------------------------------------------------- ranges


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    *,
    end: float | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """Numbers from start (or 0) up to stop (or end), which is left out; int64 if all are, else float32.

    >>> arange(3), arange(0, 1, 0.5)
    (Tensor([0, 1, 2]), Tensor([0. , 0.5]))
    """
    stop = end if stop is None else stop
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = np.int64 if all(isinstance(x, int | np.integer) for x in (start, stop, step)) else np.float32
    return _own(np.arange(start, stop, step).astype(dtype), requires_grad, device)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    *,
    steps: int | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """`num`, or `steps`, numbers from start to stop, both included, at equal distances.

    >>> linspace(0, 1, 3)
    Tensor([0. , 0.5, 1. ])
    """
    return _own(
        np.linspace(start, stop, num if steps is None else steps).astype(_float(dtype)), requires_grad, device
    )


# --------------------------------------------------------------------------------------------- random


def rand(
    *shape: Any,
    size: Any = (),
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Uniform from 0 up to 1.

    >>> rand(2, 3, rng=0).shape
    (2, 3)
    """
    drawn = _source(rng, generator).random(_shape(shape, size))
    return _own(drawn.astype(_floating("rand", dtype)), requires_grad, device)


def randn(
    *shape: Any,
    size: Any = (),
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Normal with mean 0 and variance 1.

    >>> randn(2, 3, rng=0).shape
    (2, 3)
    """
    drawn = _source(rng, generator).standard_normal(_shape(shape, size))
    return _own(drawn.astype(_floating("randn", dtype)), requires_grad, device)


def randint(
    low: int,
    high: int | tuple[int, ...] | list[int] | None = None,
    size: int | tuple[int, ...] | list[int] = (),
    *,
    dtype: DTypeLike = np.int64,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Integers from low (or 0) up to high, which is left out.

    >>> randint(0, 10, (2, 3), rng=0).shape
    (2, 3)
    """
    if isinstance(high, tuple | list):  # randint(high, size), as PyTorch has it
        low, high, size = 0, low, high
    low, high = (0, low) if high is None else (low, high)
    if not low < high:
        raise OptionError(f"randint: there is no integer from {low} up to {high}, which is left out")
    drawn = _source(rng, generator).integers(low, high, _shape((), size))
    return _own(array_of(drawn).astype(dtype), False, device)


def randperm(
    n: int,
    *,
    dtype: DTypeLike = np.int64,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """The integers from 0 to n − 1 in random order.

    >>> sorted(randperm(4).tolist())
    [0, 1, 2, 3]
    """
    (n,) = _shape((n,))
    return _own(_source(rng, generator).permutation(n).astype(dtype), False, device)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = (), *, rng: Random = None, generator: Random = None
) -> Tensor:
    """Normal with this mean and standard deviation: numbers, or tensors, whose shape is the result's.

    >>> normal(0.0, 2.0, (2, 3)).shape
    (2, 3)
    """
    spread = look(array_of(std.data if isinstance(std, Tensor) else std))
    if (spread < 0).any():
        raise OptionError("normal: std must not be negative")
    try:
        shape = _shape((), size) or np.broadcast_shapes(np.shape(mean), np.shape(std))
    except ValueError:
        raise ShapeError(
            f"normal: mean of shape {np.shape(mean)} and std of shape {np.shape(std)} do not go together"
        ) from None
    return randn(shape, rng=rng, generator=generator) * std + mean


@composite(arrays=True, method=False)
def bernoulli(input: Tensor, *, rng: Random = None, generator: Random = None) -> Tensor:
    """1 with these probabilities, else 0.

    >>> bernoulli(Tensor([0.0, 1.0]))
    Tensor([0., 1.])
    """
    chances = look(input.data)
    if not ((chances >= 0) & (chances <= 1)).all():
        raise OptionError("bernoulli: a probability is from 0 to 1; some are not")
    return (rand_like(input, rng=rng, generator=generator) < input).astype(input.dtype)


@composite(arrays=True, method=False)
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Indices drawn with these weights, (..., k) → (..., num_samples).

    Each element has a waiting time of its own, exponential with its weight as the rate: the first to come are
    drawn, without any twice; with replacement, where the running sum passes a uniform number.

    Source: Efraimidis & Spirakis (2006), "Weighted random sampling with a reservoir".

    >>> multinomial(Tensor([0.0, 1.0, 0.0]), 1)
    Tensor([1])
    """
    weights = np.asarray(input.detach() if isinstance(input, Tensor) else input, np.float64)
    possible = np.count_nonzero(weights, axis=-1).min(initial=num_samples)
    usable = np.isfinite(weights).all() and (weights >= 0).all()
    if num_samples < 1 or not usable or not (possible >= (1 if replacement else num_samples)):
        raise OptionError(
            f"multinomial: cannot draw {num_samples} of weights of shape {weights.shape}: none may be "
            "negative, infinite or NaN, and without replacement as many must be above 0"
        )
    source = _source(rng, generator)
    if replacement:
        total = np.cumsum(weights, axis=-1)
        u = source.random((*weights.shape[:-1], num_samples, 1)) * total[..., -1:, None]
        return _own((u >= total[..., None, :]).sum(axis=-1), False)
    with np.errstate(divide="ignore"):
        times = source.exponential(size=weights.shape) / weights
    return _own(np.argsort(times, axis=-1)[..., :num_samples], False)


# -------------------------------------------------------------------------- like another, and one-hot


@composite(arrays=True, method=False)
def zeros_like(
    like: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = False, device: object = "cpu"
) -> Tensor:
    """Zeros of like's shape and dtype.

    >>> zeros_like(Tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return full_like(like, 0, dtype, requires_grad=requires_grad, device=device)


@composite(arrays=True, method=False)
def empty_like(
    like: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = False, device: object = "cpu"
) -> Tensor:
    """Whatever is in memory, in like's shape and dtype.

    >>> empty_like(Tensor([1.0, 2.0])).shape
    (2,)
    """
    return zeros_like(like, dtype, requires_grad=requires_grad, device=device)


@composite(arrays=True, method=False)
def ones_like(
    like: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = False, device: object = "cpu"
) -> Tensor:
    """Ones of like's shape and dtype.

    >>> ones_like(Tensor([3, 4]))
    Tensor([1, 1])
    """
    return full_like(like, 1, dtype, requires_grad=requires_grad, device=device)


@composite(arrays=True, method=False)
def full_like(
    like: Any,
    fill_value: float,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    device: object = "cpu",
) -> Tensor:
    """One number everywhere, in like's shape and dtype.

    >>> full_like(Tensor([1.0, 2.0]), 7)
    Tensor([7., 7.])
    """
    array = like.data if isinstance(like, Tensor) else Tensor(like).data
    return _own(np.full(array.shape, fill_value, dtype or array.dtype), requires_grad, device)


@composite(arrays=True, method=False)
def rand_like(
    like: Tensor,
    requires_grad: bool = False,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Uniform from 0 up to 1, in like's shape and dtype.

    >>> rand_like(Tensor([1.0, 2.0]), rng=0).shape
    (2,)
    """
    return rand(
        like.shape, dtype=like.dtype, requires_grad=requires_grad, device=device, rng=rng, generator=generator
    )


@composite(arrays=True, method=False)
def randn_like(
    like: Tensor,
    requires_grad: bool = False,
    device: object = "cpu",
    rng: Random = None,
    generator: Random = None,
) -> Tensor:
    """Normal with mean 0 and variance 1, in like's shape and dtype.

    >>> randn_like(Tensor([1.0, 2.0]), rng=0).shape
    (2,)
    """
    return randn(
        like.shape, dtype=like.dtype, requires_grad=requires_grad, device=device, rng=rng, generator=generator
    )


@composite(arrays=True, method=False)
def one_hot(labels: TensorLike, num_classes: int | None = None, dtype: DTypeLike = np.int64) -> Tensor:
    """Integer classes (...) as rows (..., num_classes) of zeros with a one at the class.

    Raises:
        ShapeError: If a class is not from 0 to num_classes − 1.

    >>> one_hot(np.array([2, 0]))
    Tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    array = labels.data if isinstance(labels, Tensor) else array_of(labels)
    if array.dtype.kind not in "iu":
        raise ShapeError(f"one_hot: the classes must be integers, not {array.dtype}")
    if num_classes is None:
        num_classes = int(array.max(initial=-1)) + 1
    if array.size and not (decide(array.min() >= 0) and decide(array.max() < num_classes)):
        raise ShapeError(f"one_hot: the classes must be from 0 to {num_classes - 1}; some are not")
    return _own((array[..., None] == np.arange(num_classes)).astype(dtype), False)


def _shape(shape: tuple[Any, ...], size: Any = ()) -> tuple[int, ...]:
    """(2, 3) and ((2, 3),) mean the same; or `size`, as PyTorch calls it."""
    given = shape or (size,)
    try:
        if len(given) == 1 and not isinstance(given[0], int | np.integer) and np.ndim(given[0]):
            given = tuple(given[0])
        lengths = tuple([index(length) for length in given])
    except TypeError:
        kinds = ", ".join([type(length).__name__ for length in given])
        raise DTypeError(f"a shape is made of integers, not {kinds}") from None
    if min(lengths, default=0) < 0:
        raise ShapeError(f"a shape has lengths from 0 up, and not {lengths}")
    return lengths


def _source(rng: Random, generator: Random) -> np.random.Generator:
    """What to draw from: `rng`, or the same by PyTorch's name for it, or else the project's generator."""
    return drawing(generator if rng is None else rng)


def _float(dtype: DTypeLike | None) -> DTypeLike:
    return np.float32 if dtype is None else dtype


def _floating(name: str, dtype: DTypeLike | None) -> DTypeLike:
    """The dtype of numbers that all would be 0 as integers."""
    found = np.dtype(_float(dtype))
    if found.kind != "f":
        raise DTypeError(f"{name}: dtype must be floating-point, not {found}")
    return found


def _own(array: ArrayLike, requires_grad: bool, device: object = "cpu") -> Tensor:
    tensor = _on(device, Tensor.from_numpy(array_of(array)))
    return tensor.requires_grad_() if requires_grad else tensor


def _on(device: object, tensor: Tensor) -> Tensor:
    """The tensor, if that is where it is to be."""
    if device != "cpu" and device is not None:
        Device(device)
    return tensor
