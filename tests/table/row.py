"""What a row of the table holds: all that the tests know of one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[..., Any]
Shape = tuple[int, ...]


class Check(NamedTuple):
    """One use of an operation where it is smooth. Inputs are drawn from `low` to `high`."""

    function: Function
    shapes: tuple[Shape, ...]
    low: float = -2.0
    high: float = 2.0

    def inputs(self, seed: int = 0) -> list[Array]:
        rng = np.random.default_rng(seed)
        return [rng.uniform(self.low, self.high, shape) for shape in self.shapes]


class Sample(NamedTuple):
    """Inputs, of which arrays become tensors, and the attributes of the operation."""

    inputs: tuple[Any, ...]
    attrs: dict[str, Any]


def as_it_is(function: Function) -> Function:
    return function


class Row(NamedTuple):
    """An operation, the same one of PyTorch, and what to try them on.

    Attributes:
        function: The operation.
        torch: PyTorch's, as a text that tests/oracle/adapters.py reads, since the table does without PyTorch:
            "linalg.det" is torch.linalg.det, "adapters.pad" is one of the adapters, "over_axes(sum)" is what
            an adapter makes of torch.sum. Or a function which takes tensors of PyTorch.
        checks: Where derivatives of two orders are compared with central differences.
        samples: Where the value and derivatives of two orders are compared with PyTorch's.
        singular: Further ones, where the value and the first derivatives alone are.
        graph: Whether there are derivatives: if not, samples compare values.
        form: How the samples call the operation, here and in PyTorch; see forms.py.
    """

    function: Function
    torch: str | Function | None
    checks: Sequence[Check] = ()
    samples: Sequence[Sample] = ()
    singular: Sequence[Sample] = ()
    graph: bool = True
    form: Callable[[Function], Function] = as_it_is

    @property
    def ours(self) -> Function:
        """The operation in the form that samples call."""
        return self.form(self.function)


def is_array(x: object) -> TypeGuard[Array]:
    return isinstance(x, np.ndarray)
