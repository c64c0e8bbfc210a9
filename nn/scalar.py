"""Scalar mode: the multi-layer perceptron one Value at a time, with micrograd's classes.

The same network as `nn.MLP`: `MLP.from_tensor` and `nn.MLP.load_scalar` carry weights across, both ways.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import NDArray

from minitensor.core.rule import registry
from minitensor.core.value import Value
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.nn import layers
from minitensor.nn.activations import ACTIVATIONS
from minitensor.random import generator
from minitensor.rules import add_n

Scalar: TypeAlias = Value | float


class Module:
    """Something with parameters, all of them Values: an attribute that holds some keeps holding some."""

    if not TYPE_CHECKING:  # type checkers would take it that any attribute may be set

        def __setattr__(self, name: str, value: Any) -> None:
            lost = [] if _are_members(value) else _values(vars(self).get(name))
            if lost and not {*lost}.isdisjoint(self._known()):
                several = isinstance(vars(self)[name], list | tuple)
                raise DTypeError(_no_value(f"{type(self).__name__}.{name}", value, several))
            object.__setattr__(self, name, value)

    def _known(self) -> list[Value]:
        """The parameters; none while this is being made."""
        with suppress(AttributeError):
            return self.parameters()
        return []

    def parameters(self) -> list[Value]:
        """Every parameter."""
        return []

    def zero_grad(self) -> None:
        """Set every parameter's gradient to 0."""
        for parameter in self.parameters():
            try:
                parameter.grad = 0.0
            except AttributeError as error:  # as after w[0] = 0.5
                raise DTypeError(_no_value(type(self).__name__, parameter)) from error

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __call__(x)")


class Neuron(Module):
    """activation(w · x + b), of as many numbers as there are weights.

    Args:
        nin: The number of inputs.
        nonlin: Whether to apply the activation.
        activation: "relu", or another of those that `nn.MLP` knows.
        rng: A generator or seed for the weights, U(−1, 1); the bias starts at 0.

    >>> neuron = Neuron(2, rng=0)
    >>> neuron.w[0].data, neuron.w[1].data = 1.0, -2.0
    >>> neuron([3.0, 1.0])
    Value(data=1.0, grad=0.0)
    """

    def __init__(
        self,
        nin: int,
        nonlin: bool = True,
        activation: str = "relu",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if nin < 1:
            raise OptionError(f"Neuron: needs at least 1 input, not {nin}")
        self.w = [Value(weight) for weight in generator(rng).uniform(-1, 1, nin).tolist()]
        self.b = Value(0.0)
        self.nonlin = nonlin
        self.activation = activation
        self._function = _function(activation)

    def __call__(self, x: Sequence[Scalar]) -> Value:
        if len(x) != len(self.w):
            raise ShapeError(f"Neuron({len(self.w)}) got {len(x)} numbers")
        z = add_n(self.b, *map(operator.mul, self.w, x))
        return self._function(z) if self.nonlin else z

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"Neuron({len(self.w)}, {self.activation if self.nonlin else 'linear'})"


class Layer(Module):
    """Neurons side by side, all of the same inputs: nin numbers → nout Values, or one Value if nout is 1.

    Args:
        nin: The number of inputs.
        nout: The number of neurons.
        kwargs: Each neuron's nonlin, activation and rng.
    """

    def __init__(self, nin: int, nout: int, **kwargs: Any) -> None:
        if nout < 1:
            raise OptionError(f"Layer: needs at least 1 neuron, not {nout}")
        kwargs["rng"] = generator(kwargs.get("rng"))  # one for all
        self.neurons = [Neuron(nin, **kwargs) for _ in range(nout)]

    def __call__(self, x: Sequence[Scalar]) -> Any:
        out = [neuron(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [parameter for neuron in self.neurons for parameter in neuron.parameters()]

    def __repr__(self) -> str:
        first = self.neurons[0]
        kind = first.activation if first.nonlin else "linear"
        return f"Layer({len(first.w)} → {len(self.neurons)}, {kind})  # {len(self.parameters()):,} parameters"


class MLP(Module):
    """A multi-layer perceptron: layers one after the other, the last of them linear.

    Args:
        nin: The number of inputs.
        nouts: The widths of the hidden layers and, last, of the output.
        activation: That of the hidden layers: "relu", or another of those that `nn.MLP` knows.
        rng: A generator or seed for the initial weights.

    Raises:
        OptionError: If there is no list of widths, or the activation is not known.

    >>> model = MLP(2, [16, 16, 1], rng=0)
    >>> model
    MLP(
      Layer(2 → 16, relu)  # 48 parameters
      Layer(16 → 16, relu)  # 272 parameters
      Layer(16 → 1, linear)  # 17 parameters
    )  # 337 parameters
    >>> type(model([1.0, -2.0]))
    <class 'minitensor.core.value.Value'>
    """

    def __init__(
        self,
        nin: int,
        nouts: Sequence[int],
        activation: str = "relu",
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if isinstance(nouts, int) or len(nouts) == 0:
            raise OptionError("MLP: give a list that ends with the output's width, as in MLP(2, [16, 16, 1])")
        draw = generator(rng)
        widths = [nin, *nouts]
        last = len(nouts) - 1
        self.activation = activation
        self.layers = [
            Layer(widths[i], widths[i + 1], nonlin=i < last, activation=activation, rng=draw)
            for i in range(len(nouts))
        ]

    def __call__(self, x: Sequence[Scalar] | NDArray[Any]) -> Any:
        out: Any = x.tolist() if isinstance(x, np.ndarray) else x  # Python's floats are faster than NumPy's
        first = next(iter(out), 0.0) if hasattr(out, "__len__") else None
        if not isinstance(first, Value | float | int | np.number):
            raise ShapeError(
                "MLP: takes one sample, a list of numbers. For a batch write [model(x) for x in xs]."
            )
        for layer in self.layers:
            out = layer([out] if isinstance(out, Value) else out)
        return out

    def parameters(self) -> list[Value]:
        return [parameter for layer in self.layers for parameter in layer.parameters()]

    def arrays(self) -> list[NDArray[np.float64]]:
        """For each layer its weights, of shape (nout, nin), and its biases, as `nn.MLP` orders them."""
        return self._arranged(attrgetter("data"))

    def gradients(self) -> list[NDArray[np.float64]]:
        """The gradients of what `arrays` returns."""
        return self._arranged(attrgetter("grad"))

    def _arranged(self, number: Callable[[Value], float]) -> list[NDArray[np.float64]]:
        found = []
        for layer in self.layers:
            rows = [[*neuron.w, neuron.b] for neuron in layer.neurons]
            for x in (x for row in rows for x in row):
                if not isinstance(x, Value):
                    raise DTypeError(_no_value("Neuron", x))
            table = np.array([[number(x) for x in row] for row in rows])
            found += [table[:, :-1].copy(), table[:, -1].copy()]
        return found

    @classmethod
    def from_tensor(cls, mlp: layers.MLP) -> MLP:
        """The same network with the same weights, from tensor mode.

        Raises:
            OptionError: If the network drops activations, for which there is nothing here, or its layers were
                changed.
            DTypeError: If it is no nn.MLP.

        >>> from minitensor import nn
        >>> mlp = nn.MLP(2, [3, 1], activation="tanh", rng=0)
        >>> one = MLP.from_tensor(mlp)([0.5, -1.0])
        >>> abs(one.data - mlp(np.array([[0.5, -1.0]])).item()) < 1e-6
        True
        """
        if not isinstance(mlp, layers.MLP):
            raise DTypeError(f"MLP.from_tensor: takes an nn.MLP, not {type(mlp).__name__}")
        if any(isinstance(layer, layers.Dropout) for layer in mlp):
            raise OptionError("MLP.from_tensor: the network has Dropout, and scalar mode has not")
        between = [type(layer) for layer in mlp][1::2]
        if len(mlp) % 2 == 0 or any([kind is not ACTIVATIONS[mlp.activation] for kind in between]):
            raise OptionError("MLP.from_tensor: the network's layers were changed: it is no MLP any more")
        weights, biases = [[p.data for p in mlp.parameters()][i::2] for i in (0, 1)]
        made = cls(weights[0].shape[1], [len(bias) for bias in biases], mlp.activation, rng=0)
        for layer, weight, bias in zip(made.layers, weights, biases, strict=True):
            for neuron, row, b in zip(layer.neurons, weight.tolist(), bias.tolist(), strict=True):
                neuron.w, neuron.b = [Value(number) for number in row], Value(b)
        return made

    def __repr__(self) -> str:
        lines = "".join(f"  {layer}\n" for layer in self.layers)
        return f"MLP(\n{lines})  # {len(self.parameters()):,} parameters"


def _are_members(x: object) -> bool:
    """Whether this is a Value or Module, or a list of them."""
    return all(map(_are_members, x)) if isinstance(x, list | tuple) and x else isinstance(x, Value | Module)


def _values(x: object) -> list[Value]:
    """The Values in this: itself, a module's, or those in a list."""
    if isinstance(x, list | tuple):
        return [value for item in x for value in _values(item)]
    return [x] if isinstance(x, Value) else x.parameters() if isinstance(x, Module) else []


def _no_value(path: str, x: object, several: bool = False) -> str:
    """Why x cannot stand where one parameter was, or where several, or modules, were."""
    held = "parameters, which are Values" + (" or in modules, in a list" if several else "")
    strange = [type(part).__name__ for part in x if not _are_members(part)] if _is_list(x) else []
    what = f"{type(x).__name__} of {strange[0]}" if strange else f"empty {type(x).__name__}"
    what = what if _is_list(x) else type(x).__name__
    cure = (
        "a list of them, or write a number into one: w[i].data = x."
        if several
        else "a Value, or write the number into it: w.data = x."
    )
    return f"{path} holds {held}; not {what}, which would not be trained. Assign {cure}"


def _is_list(x: object) -> TypeGuard[list[object] | tuple[object, ...]]:
    return isinstance(x, list | tuple)


def _function(activation: str) -> Callable[[Value], Value]:
    """The operation of an activation's name."""
    if activation not in ACTIVATIONS:
        raise OptionError(f"activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
    return registry[activation].call
