"""What it means to agree with PyTorch: in value, shape, dtype, and gradients of first and second order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from minitensor import Tensor
from tests.table.row import Array, Function, is_array


def tolerance(x: Array) -> float:
    """How far rounding may take results that were computed in the dtype of x."""
    return {"float64": 1e-12, "float32": 2e-5}.get(x.dtype.name, 0.0)


class Library(NamedTuple):
    """The three things that minitensor and torch call differently."""

    tensor: Callable[[Array, bool], Any]  # from an array, requiring grad or not
    array: Callable[[Any], Array]  # and back
    gradients: Callable[[Any, Sequence[Any], Any, bool], Sequence[Any]]  # of an output, None where unused


def _gradients(output: Tensor, leaves: Sequence[Tensor], cotangent: Tensor, create: bool) -> list[Any]:
    output.backward(cotangent, create_graph=create)
    gradients = [leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return gradients


def _torch_gradients(output: Any, leaves: Sequence[Any], cotangent: Any, create: bool) -> Sequence[Any]:
    if not output.requires_grad:  # a gradient that PyTorch knows to be zero
        return [None] * len(leaves)
    return torch.autograd.grad(output, leaves, cotangent, create_graph=create, allow_unused=True)


MINITENSOR = Library(
    lambda x, requires_grad: Tensor(x, requires_grad=requires_grad),
    lambda x: x.data if isinstance(x, Tensor) else x,
    _gradients,
)
TORCH = Library(
    lambda x, requires_grad: torch.from_numpy(x.copy(order="K")).requires_grad_(requires_grad),
    lambda x: x.numpy(force=True),
    _torch_gradients,
)


def assert_agree(ours: Function, theirs: Function, inputs: Sequence[Any], order: int = 2) -> None:
    """Call both functions on the same inputs, and compare all that comes out.

    Args:
        ours: A function of Tensors.
        theirs: The same function of torch tensors.
        inputs: Arrays become tensors, which require grad if floating-point; the rest is passed on.
        order: 0 compares the value alone, 1 also its gradients, 2 also the gradients of those.
    """
    with np.errstate(all="ignore"):
        found = results(MINITENSOR, ours, inputs, order)
    expected = results(TORCH, theirs, inputs, order)
    coarsest = max([tolerance(x) for x in inputs if is_array(x)])
    for name, x in found.items():
        if name.startswith("second"):  # where PyTorch's is NaN, its formula gave up: nothing to compare with
            x = np.where(np.isnan(expected[name]), expected[name], x)
        assert_same(x, expected[name], name, max(coarsest, tolerance(x)))


def assert_same(ours: Array, theirs: Array, name: str = "value", within: float = 1e-12) -> None:
    """Equal shapes and dtypes, and elements equal but for rounding; NaN and infinities in the same places."""
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
    np.testing.assert_allclose(ours, theirs, rtol=within, atol=within, err_msg=name)


def results(library: Library, function: Function, inputs: Sequence[Any], order: int) -> dict[str, Array]:
    """The value, the gradient of each input for a random cotangent c, and those of Σ ⟨gradient, random⟩."""
    args = [library.tensor(x, order > 0 and x.dtype.kind == "f") if is_array(x) else x for x in inputs]
    leaves = [arg for x, arg in zip(inputs, args, strict=True) if is_array(x) and arg.requires_grad]
    value = function(*args)
    found = {"value": library.array(value)}
    if order == 0:
        return found

    rng = np.random.default_rng(0)

    def drawn(like: Any) -> Array:
        x = library.array(like)
        return rng.normal(size=x.shape).astype(x.dtype)

    def keep(name: str, leaves: Sequence[Any], gradients: Sequence[Any]) -> None:
        for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
            zero = np.zeros_like(library.array(leaf))
            found[f"{name} {i}"] = zero if gradient is None else library.array(gradient)

    cotangent = library.tensor(drawn(value), order > 1)
    gradients = library.gradients(value, leaves, cotangent, order > 1)
    keep("gradient", leaves, gradients)
    if order > 1:  # the cotangent is a leaf here, so that linear operations have second gradients too
        parts = [(g * library.tensor(drawn(g), False)).sum() for g in gradients if g is not None]
        leaves = [cotangent, *leaves]
        if not parts:  # no gradient at all, and so none of second order
            keep("second gradient", leaves, [None] * len(leaves))
            return found
        total = sum(parts[1:], parts[0])
        seed = library.tensor(np.ones_like(library.array(total)), False)
        keep("second gradient", leaves, library.gradients(total, leaves, seed, False))
    return found
