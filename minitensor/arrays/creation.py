"""Tensors from nothing: constants, ranges and random numbers, under the names that NumPy and PyTorch share.

A shape is given as integers or as one tuple. The dtype is float32 unless another is given; arange and full
follow their numbers. Random numbers come from the project's generator, or from `rng`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minitensor.arrays.extend import extend
from minitensor.context import decide
from minitensor.core.rule import composite
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import ShapeError
from minitensor.methods import TensorMethods
from minitensor.ndarrays import Array, array_of, as_array
from minitensor.random import generator

__all__ = [
    "arange",
    "eye",
    "from_numpy",
    "full",
    "full_like",
    "linspace",
    "one_hot",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randn",
    "randn_like",
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


def tensor(data: TensorLike, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A tensor of numbers, lists of them, or an array, which is copied: PyTorch's name for Tensor(...).

    >>> tensor([1.0, 2.0], requires_grad=True)
    Tensor([1., 2.], requires_grad=True)
    """
    return Tensor(data, dtype=dtype, requires_grad=requires_grad)


# ------------------------------------------------------------------------------------------ constants


def zeros(*shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False) -> Tensor:
    """Zeros.

    >>> zeros(2, 3).shape
    (2, 3)
    """
    return _own(np.zeros(_shape(shape), dtype), requires_grad)


def ones(*shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False) -> Tensor:
    """Ones.

    >>> ones((2,))
    Tensor([1., 1.])
    """
    return _own(np.ones(_shape(shape), dtype), requires_grad)


def full(
    shape: int | tuple[int, ...],
    fill_value: float,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """One number everywhere; the dtype is that of Tensor(fill_value).

    >>> full((2,), 0.5)
    Tensor([0.5, 0.5])
    """
    dtype = Tensor(fill_value).dtype if dtype is None else dtype
    return _own(np.full(shape, fill_value, dtype), requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: DTypeLike = np.float32, requires_grad: bool = False
) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, zeros elsewhere; m is n unless given.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return _own(np.eye(n, m, dtype=dtype), requires_grad)


# --------------------------------------------------------------------------------------------- ranges


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from start (or 0) up to stop, which is left out; int64 if all are integers, else float32.

    >>> arange(3), arange(0, 1, 0.5)
    (Tensor([0, 1, 2]), Tensor([0. , 0.5]))
    """
    start, stop = (0, start) if stop is None else (start, stop)
    if dtype is None:
        dtype = np.int64 if all(isinstance(x, int | np.integer) for x in (start, stop, step)) else np.float32
    return _own(np.arange(start, stop, step).astype(dtype), requires_grad)


def linspace(
    start: float, stop: float, num: int = 50, *, dtype: DTypeLike = np.float32, requires_grad: bool = False
) -> Tensor:
    """`num` numbers from start to stop, both included, at equal distances.

    >>> linspace(0, 1, 3)
    Tensor([0. , 0.5, 1. ])
    """
    return _own(np.linspace(start, stop, num).astype(dtype), requires_grad)


# --------------------------------------------------------------------------------------------- random


def rand(
    *shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False, rng: Random = None
) -> Tensor:
    """Uniform from 0 up to 1.

    >>> rand(2, 3, rng=0).shape
    (2, 3)
    """
    return _own(generator(rng).random(_shape(shape)).astype(dtype), requires_grad)


def randn(
    *shape: Any, dtype: DTypeLike = np.float32, requires_grad: bool = False, rng: Random = None
) -> Tensor:
    """Normal with mean 0 and variance 1.

    >>> randn(2, 3, rng=0).shape
    (2, 3)
    """
    return _own(generator(rng).standard_normal(_shape(shape)).astype(dtype), requires_grad)


def randint(
    low: int,
    high: int | None = None,
    size: int | tuple[int, ...] = (),
    *,
    dtype: DTypeLike = np.int64,
    rng: Random = None,
) -> Tensor:
    """Integers from low (or 0) up to high, which is left out.

    >>> randint(0, 10, (2, 3), rng=0).shape
    (2, 3)
    """
    return _own(array_of(generator(rng).integers(low, high, size)).astype(dtype), False)


# -------------------------------------------------------------------------- like another, and one-hot


@composite(arrays=True, method=False)
def zeros_like(like: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = False) -> Tensor:
    """Zeros of like's shape and dtype.

    >>> zeros_like(Tensor([1.0, 2.0]))
    Tensor([0., 0.])
    """
    return full_like(like, 0, dtype, requires_grad=requires_grad)


@composite(arrays=True, method=False)
def ones_like(like: Any, dtype: DTypeLike | None = None, *, requires_grad: bool = False) -> Tensor:
    """Ones of like's shape and dtype.

    >>> ones_like(Tensor([3, 4]))
    Tensor([1, 1])
    """
    return full_like(like, 1, dtype, requires_grad=requires_grad)


@composite(arrays=True, method=False)
def full_like(
    like: Any, fill_value: float, dtype: DTypeLike | None = None, *, requires_grad: bool = False
) -> Tensor:
    """One number everywhere, in like's shape and dtype.

    >>> full_like(Tensor([1.0, 2.0]), 7)
    Tensor([7., 7.])
    """
    array = like.data if isinstance(like, Tensor) else Tensor(like).data
    return _own(np.full(array.shape, fill_value, dtype or array.dtype), requires_grad)


@composite(arrays=True, method=False)
def rand_like(like: Tensor, requires_grad: bool = False, rng: Random = None) -> Tensor:
    """Uniform from 0 up to 1, in like's shape and dtype.

    >>> rand_like(Tensor([1.0, 2.0]), rng=0).shape
    (2,)
    """
    return rand(like.shape, dtype=like.dtype, requires_grad=requires_grad, rng=rng)


@composite(arrays=True, method=False)
def randn_like(like: Tensor, requires_grad: bool = False, rng: Random = None) -> Tensor:
    """Normal with mean 0 and variance 1, in like's shape and dtype.

    >>> randn_like(Tensor([1.0, 2.0]), rng=0).shape
    (2,)
    """
    return randn(like.shape, dtype=like.dtype, requires_grad=requires_grad, rng=rng)


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


def _shape(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """(2, 3) and ((2, 3),) mean the same."""
    return tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int | np.integer) else shape


def _own(array: ArrayLike, requires_grad: bool) -> Tensor:
    tensor = Tensor.from_numpy(array_of(array))
    return tensor.requires_grad_() if requires_grad else tensor
