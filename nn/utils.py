"""What is done to all parameters together: their gradients clipped, they themselves made one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minitensor import rules
from minitensor.context import effect, no_grad
from minitensor.core.tensor import Tensor
from minitensor.errors import DTypeError, NumericError, OptionError, ShapeError
from minitensor.instead import answers


@effect
def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients together, in place, so that their norm as one vector is at most max_norm.

    Args:
        parameters: The tensors whose gradients to scale; those without a gradient are passed over.
        max_norm: The largest norm left.
        norm_type: Which p-norm; np.inf for the largest absolute value.
        error_if_nonfinite: Whether to raise where the norm is NaN or infinite.

    Returns:
        The norm as it was.

    Raises:
        NumericError: If the norm is not finite and that is an error; the gradients are left as they are.

    Source: Pascanu, Mikolov & Bengio (2013), "On the difficulty of training recurrent neural networks".

    >>> w = Tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    10.0
    >>> w.grad.round(3)
    array([0.6, 0.8], dtype=float32)
    """
    if not max_norm >= 0:
        raise OptionError(f"clip_grad_norm_: max_norm must not be negative, and is {max_norm}")
    gradients = _gradients(parameters)
    norms = [float(np.linalg.norm(gradient.ravel("K"), norm_type)) for gradient in gradients]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(total):
        raise NumericError(f"clip_grad_norm_: the norm of the gradients is {total}. None was changed.")
    factor = max_norm / (total + 1e-6)  # PyTorch's 1e-6
    if not factor >= 1:
        for gradient in gradients:
            gradient *= np.array(factor, gradient.dtype)
    return total


@effect
def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Hold every element of every gradient between −clip_value and clip_value, in place.

    >>> w = Tensor([3.0, -0.1], requires_grad=True)
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1. , -0.2], dtype=float32)
    """
    for gradient in _gradients(parameters):
        np.clip(gradient, -clip_value, clip_value, out=gradient)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after the other; gradients flow back to them.

    >>> parameters_to_vector([Tensor([[1.0], [2.0]]), Tensor([3.0])])
    Tensor([1., 2., 3.])
    """
    tensors = _tensors("parameters_to_vector", parameters)
    return rules.concatenate([rules.reshape(tensor, -1) for tensor in tensors])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector's elements into parameters, as parameters_to_vector has them. No gradient flows.

    Raises:
        ShapeError: If it has more elements than they have, or fewer. Then nothing was written.

    >>> w = Tensor([[1.0], [2.0]])
    >>> vector_to_parameters(Tensor([5.0, 6.0]), [w])
    >>> w
    Tensor([[5.],
            [6.]])
    """
    tensors = _tensors("vector_to_parameters", parameters)
    if not isinstance(vec, Tensor):
        raise DTypeError(f"vector_to_parameters: takes a tensor, not {type(vec).__name__}. Try Tensor(...).")
    count = sum(tensor.size for tensor in tensors)
    if vec.shape != (count,):
        raise ShapeError(
            f"vector_to_parameters: the parameters have {count} elements, and the vector has shape "
            f"{vec.shape}"
        )
    start = 0
    with no_grad():
        for tensor in tensors:
            tensor[...] = vec[start : start + tensor.size].reshape(tensor.shape)
            start += tensor.size


def _tensors(name: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DTypeError(f"{name}: takes tensors, not {type(tensor).__name__}")
    if not tensors:
        raise OptionError(f"{name}: there are no parameters. (A generator can be read once.)")
    return tensors


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[NDArray[Any]]:
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DTypeError(
                f"clipping takes tensors, which have gradients of arrays, not {type(tensor).__name__}"
            )
    gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
    return [gradient.data if isinstance(gradient, Tensor) else gradient for gradient in gradients]


if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
