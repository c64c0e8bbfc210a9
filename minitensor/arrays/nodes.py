"""What a Value or a Tensor says about its place in the graph."""

from __future__ import annotations

from minitensor.arrays.extend import extend
from minitensor.core.graph import Node
from minitensor.methods import TensorMethods, ValueMethods


@extend(ValueMethods, TensorMethods)
class Place(Node):
    """Where a node stands."""

    __slots__ = ()

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` computes a gradient for this node. Leaves may be told to, or not to."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)  # type: ignore[attr-defined]  # of Value and of Tensor

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made this node."""
        return self._operation is None
