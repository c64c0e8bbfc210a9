"""Activations: what stands between layers and has no parameters, and by which name an MLP knows it.

To add one, write its class here, whose `forward` calls its operation (rules/activations.py), and enter it in
ACTIVATIONS under the operation's name. nn.MLP, scalar.MLP, the estimators, the command line and the export to
ONNX then know it, and `minitensor.nn` has it: none has a list of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from minitensor import rules
from minitensor.core.tensor import Tensor
from minitensor.nn.module import Module

AddNode: TypeAlias = Callable[..., str]
"""Adds a node to an ONNX graph: takes the operator, the names of its inputs, and its attributes as keywords;
returns the name of its output."""


class Activation(Module):
    """A Module without parameters. A subclass defines `forward`, and `onnx` where ONNX has a counterpart."""

    def onnx(self, add: AddNode, x: str) -> str | None:
        """Add what `forward` computes of x to an ONNX graph; None if that has no counterpart there.

        It counts for the very class that defines it, as a subclass may compute something else.
        """
        return None


class ReLU(Activation):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.relu(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Relu", x)


class LeakyReLU(Activation):
    """x where x > 0, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return rules.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("LeakyRelu", x, alpha=self.negative_slope)


class Tanh(Activation):
    """Hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.tanh(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Tanh", x)


class Sigmoid(Activation):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.sigmoid(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Sigmoid", x)


class GELU(Activation):
    """x Φ(x), with the normal distribution function Φ, exact or with approximate="tanh"."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return rules.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return "" if self.approximate == "none" else f"approximate={self.approximate!r}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Gelu", x, approximate=self.approximate)


class SiLU(Activation):
    """x σ(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.silu(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Mul", x, add("Sigmoid", x))


class ELU(Activation):
    """x where x > 0, else alpha (eˣ − 1)."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return rules.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Elu", x, alpha=self.alpha)


class SELU(Activation):
    """ELU with the constants that keep mean 0 and variance 1."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.selu(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Selu", x)


class Softplus(Activation):
    """log(1 + e^(beta x)) / beta."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return rules.softplus(x, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"

    def onnx(self, add: AddNode, x: str) -> str | None:
        return add("Softplus", x) if self.beta == 1 else None


class Hardtanh(Activation):
    """x held between two bounds."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Tensor) -> Tensor:
        return rules.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Softmax(Activation):
    """Probabilities eˣ / Σ eˣ along an axis, which PyTorch calls dim. CrossEntropyLoss takes logits."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Tensor) -> Tensor:
        return rules.softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Softmax", x, axis=self.axis)


ACTIVATIONS: dict[str, Callable[[], Activation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "gelu": GELU,
    "silu": SiLU,
    "elu": ELU,
    "selu": SELU,
    "softplus": Softplus,
}
"""What an MLP can have between its layers: by the name of the operation, the module that applies it."""

if not TYPE_CHECKING:  # type checkers cannot follow this, and without it take just these names
    _classes = (Activation, *Activation.__subclasses__())
    __all__ = ["ACTIVATIONS", "AddNode", *[kind.__name__ for kind in _classes]]
