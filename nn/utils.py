"""What is done to gradients between backward() and step()."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.context import effect
from minitensor.core.tensor import Tensor
from minitensor.errors import DTypeError, NumericError, OptionError


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


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[NDArray[Any]]:
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise DTypeError(
                f"clipping takes tensors, which have gradients of arrays, not {type(tensor).__name__}"
            )
    gradients = [tensor.grad for tensor in tensors if tensor.grad is not None]
    return [gradient.data if isinstance(gradient, Tensor) else gradient for gradient in gradients]
