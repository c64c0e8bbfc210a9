"""Gradients of tensors that have been computed already, as PyTorch's torch.autograd gives them.

Of functions, see minitensor.grad and its like (func.py); into `.grad`, see Tensor.backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from minitensor import rules
from minitensor.context import recording
from minitensor.core.graph import Node, propagate
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import DTypeError, GraphError, ShapeError

__all__ = ["grad"]

_INSTEAD = {
    "Function": "Write the value and its local gradients in one function: see minitensor.rule.",
    "Variable": "Use minitensor.Tensor(x, requires_grad=True).",
    "backward": "Call loss.backward().",
    "functional": "Use minitensor.jacobian, hessian, vjp and jvp.",
    **dict.fromkeys(["detect_anomaly", "set_detect_anomaly"], "Use `with minitensor.debug():`."),
}
"""What torch.autograd has besides, and what to use in its place."""


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: TensorLike | Sequence[TensorLike | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of the outputs' sum by each of the inputs, leaves or not; no `.grad` changes.

    Args:
        outputs: What to derive: tensors that depend on the inputs.
        inputs: What to derive by: tensors that require grad.
        grad_outputs: The gradient of each output, of its shape; may be left out for single elements.
        retain_graph: Keep the graph for another backward; by default only with `create_graph`.
        create_graph: Give the gradients a graph of their own, for gradients of gradients.
        allow_unused: Whether an input that no output depends on has None instead of raising.
        materialize_grads: Whether it has zeros.

    Returns:
        A tuple of tensors, one for each input, of its shape and dtype.

    Raises:
        GraphError: If an input does not require grad, or no output depends on it and that is not allowed.
        ShapeError: If a gradient of an output is missing, or has another shape.

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> (slope,) = grad((x**3).sum(), x, create_graph=True)
    >>> grad(slope.sum(), x)
    (Tensor([ 6., 12.]),)
    """
    roots, wanted = _listed("outputs", outputs), _listed("inputs", inputs)
    seeds = _seeds(roots, grad_outputs)
    for x in wanted:
        if not x.requires_grad:
            raise GraphError(f"autograd.grad: an input of shape {x.shape} does not require grad")
    places: dict[Node, Any] = dict.fromkeys(wanted)

    def receive(node: Node, gradient: Any) -> None:
        if node in places:
            own = gradient if isinstance(gradient, Tensor) else Tensor(gradient)
            held = places[node]
            places[node] = own if held is None else held + own

    keep = create_graph if retain_graph is None else retain_graph
    with recording(create_graph):
        for i, (root, seed) in enumerate(zip(roots, seeds, strict=True)):
            start = rules.astype(seed, root.dtype) if create_graph else seed.data.astype(root.dtype)
            propagate(root, start, receive, keep or i < len(roots) - 1, create_graph)
    unused = [x.shape for x in wanted if places[x] is None]
    if unused and not (allow_unused or materialize_grads):
        raise GraphError(
            f"autograd.grad: no output depends on the input of shape {unused[0]}. With allow_unused=True its "
            "gradient is None, with materialize_grads=True zeros."
        )
    zeros = materialize_grads
    return tuple(
        [Tensor(np.zeros_like(x.data)) if zeros and places[x] is None else places[x] for x in wanted]
    )


def _listed(what: str, given: Any) -> list[Tensor]:
    found = list(given) if isinstance(given, Sequence) else [given]
    for x in found:
        if not isinstance(x, Tensor):
            hint = " The gradient of a function is minitensor.grad." if callable(x) else ""
            raise DTypeError(f"autograd.grad: {what} are tensors, not {type(x).__name__}.{hint}")
    return found


def _seeds(roots: list[Tensor], given: Any) -> list[Tensor]:
    """The gradient of each output."""
    seeds = (
        list(given) if isinstance(given, tuple | list) else [given] * len(roots) if given is None else [given]
    )
    if len(seeds) != len(roots):
        raise ShapeError(f"autograd.grad: {len(seeds)} grad_outputs for {len(roots)} outputs")
    found = []
    for root, seed in zip(roots, seeds, strict=True):
        if seed is None and root.size != 1:
            raise ShapeError(
                f"autograd.grad: an output has shape {root.shape}: reduce it with .mean() or .sum(), or pass "
                "its gradient in grad_outputs"
            )
        seed = np.ones(root.shape, root.dtype) if seed is None else seed
        tensor = seed if isinstance(seed, Tensor) else Tensor(seed)
        if tensor.shape != root.shape:
            raise ShapeError(
                f"autograd.grad: grad_outputs of shape {tensor.shape} for an output of shape {root.shape}"
            )
        found.append(tensor)
    return found


def __getattr__(name: str) -> NoReturn:
    instead = f". {_INSTEAD[name]}" if name in _INSTEAD else ""
    raise AttributeError(f"module 'minitensor.autograd' has no attribute {name!r}{instead}")
