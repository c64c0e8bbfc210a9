"""Activations: what stands between layers, elementwise or along an axis, and by which name an MLP knows it.

To add one, write its class here, whose `forward` calls its operation (rules/activations.py), and enter it in
ACTIVATIONS under the operation's name. nn.MLP, scalar.MLP, the estimators, the command line and the export to
ONNX then know it, and `minitensor.nn` has it: none has a list of its own.

PyTorch's `inplace` is accepted where PyTorch has it, and nothing is written in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from minitensor import rules
from minitensor.core.tensor import Tensor
from minitensor.nn.module import Module, Parameter, described, of_parameters

AddNode: TypeAlias = Callable[..., str]
"""Adds a node to an ONNX graph: takes the operator, the names of its inputs, and its attributes as keywords;
returns the name of its output."""


class Activation(Module):
    """What stands between layers. A subclass defines `forward`, and `onnx` where ONNX has a counterpart."""

    def onnx(self, add: AddNode, x: str) -> str | None:
        """Add what `forward` computes of x to an ONNX graph; None if that has no counterpart there.

        It counts for the very class that defines it, as a subclass may compute something else.
        """
        return None


# ---------------------------------------------------------------------------------------- rectifiers


class ReLU(Activation):
    """max(x, 0)."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.relu(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Relu", x)


class ReLU6(Activation):
    """x held between 0 and 6."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.relu6(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Clip", x, _constant(add, 0.0), _constant(add, 6.0))


class LeakyReLU(Activation):
    """x where x > 0, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return described(self, negative_slope=self.negative_slope)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("LeakyRelu", x, alpha=self.negative_slope)


class PReLU(Activation):
    """x where x > 0, else weight · x, with a weight that is learnt.

    Args:
        num_parameters: One weight, or one for each channel, which are along axis 1.
        init: What the weights are at first.
        device: The CPU, if any.
        dtype: The dtype of the weights, by default float32.

    Attributes:
        weight: Parameter of shape (num_parameters,).

    >>> PReLU()(Tensor([-1.0, 2.0]))
    Tensor([-0.25,  2.  ], made_by=add)
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: object = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init, of_parameters("PReLU", dtype, device)))

    def forward(self, x: Tensor) -> Tensor:
        return rules.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("PRelu", x, add("Constant", value_floats=self.weight.data.tolist()))


class ELU(Activation):
    """x where x > 0, else alpha (eˣ − 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return described(self, alpha=self.alpha)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Elu", x, alpha=self.alpha)


class CELU(Activation):
    """x where x > 0, else alpha (e^(x / alpha) − 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.celu(x, self.alpha)

    def extra_repr(self) -> str:
        return described(self, alpha=self.alpha)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Celu", x, alpha=self.alpha)


class SELU(Activation):
    """ELU with the constants that keep mean 0 and variance 1."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.selu(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Selu", x)


class Hardtanh(Activation):
    """x held between two bounds."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        self.min_val = min_val
        self.max_val = max_val
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return described(self, min_val=self.min_val, max_val=self.max_val)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Clip", x, _constant(add, self.min_val), _constant(add, self.max_val))


class Threshold(Activation):
    """x where x > threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return described(self, threshold=self.threshold, value=self.value)

    def onnx(self, add: AddNode, x: str) -> str:
        above = add("Greater", x, _constant(add, self.threshold))
        return add("Where", above, x, _constant(add, self.value))


class Hardshrink(Activation):
    """0 where |x| ≤ lambd, else x."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return rules.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return described(self, lambd=self.lambd)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Shrink", x, lambd=self.lambd)


class Softshrink(Activation):
    """0 where |x| ≤ lambd, else x nearer to 0 by lambd."""

    def __init__(self, lambd: float = 0.5) -> None:
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return rules.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return described(self, lambd=self.lambd)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Shrink", x, lambd=self.lambd, bias=self.lambd)


# --------------------------------------------------------------------------------------------- gates


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


class LogSigmoid(Activation):
    """log σ(x)."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.logsigmoid(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Neg", add("Softplus", add("Neg", x)))


class Hardsigmoid(Activation):
    """x / 6 + ½ held between 0 and 1."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.hardsigmoid(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("HardSigmoid", x, alpha=1 / 6, beta=0.5)


class Softsign(Activation):
    """x / (1 + |x|)."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.softsign(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Softsign", x)


class Tanhshrink(Activation):
    """x − tanh x."""

    def forward(self, x: Tensor) -> Tensor:
        return rules.tanhshrink(x)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Sub", x, add("Tanh", x))


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

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.silu(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Mul", x, add("Sigmoid", x))


class Hardswish(Activation):
    """x hardsigmoid(x)."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.hardswish(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("HardSwish", x)


class Mish(Activation):
    """x tanh(log(1 + eˣ))."""

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        return rules.mish(x)

    def extra_repr(self) -> str:
        return described(self)

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Mish", x)


class Softplus(Activation):
    """log(1 + e^(beta x)) / beta; with a threshold, x itself where beta x is above it.

    Unlike PyTorch: there is no threshold unless one is given.
    """

    def __init__(self, beta: float = 1.0, threshold: float | None = None) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return rules.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}" + ("" if self.threshold is None else f", threshold={self.threshold}")

    def onnx(self, add: AddNode, x: str) -> str | None:
        return add("Softplus", x) if self.beta == 1 and self.threshold is None else None


class GLU(Activation):
    """a σ(b) for the halves a and b of x along an axis, which PyTorch calls dim."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Tensor) -> Tensor:
        return rules.glu(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


# ------------------------------------------------------------------------------------------- softmax


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


class Softmin(Activation):
    """Softmax of −x along an axis, which PyTorch calls dim."""

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Tensor) -> Tensor:
        return rules.softmin(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("Softmax", add("Neg", x), axis=self.axis)


class LogSoftmax(Activation):
    """The logarithms of Softmax's probabilities along an axis, which PyTorch calls dim: for NLLLoss.

    >>> LogSoftmax(dim=1)(Tensor([[0.0, 0.0]]))
    Tensor([[-0.6931472, -0.6931472]])
    """

    def __init__(self, axis: int = -1, *, dim: int | None = None) -> None:
        self.axis = axis if dim is None else dim

    def forward(self, x: Tensor) -> Tensor:
        return rules.log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"

    def onnx(self, add: AddNode, x: str) -> str:
        return add("LogSoftmax", x, axis=self.axis)


def _constant(add: AddNode, number: float) -> str:
    return add("Constant", value_float=float(number))


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
    "relu6": ReLU6,
    "celu": CELU,
    "hardtanh": Hardtanh,
    "hardsigmoid": Hardsigmoid,
    "hardswish": Hardswish,
    "mish": Mish,
    "softsign": Softsign,
}
"""What an MLP can have between its layers: by the name of the operation, the module that applies it."""

if not TYPE_CHECKING:  # type checkers cannot follow this, and without it take just these names
    _classes = (Activation, *Activation.__subclasses__())
    __all__ = ["ACTIVATIONS", "AddNode", *[kind.__name__ for kind in _classes]]
