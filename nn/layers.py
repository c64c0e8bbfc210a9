"""Layers: Linear, Embedding, Dropout, Flatten, and MLP, a Sequential of some."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minitensor import memory, rules
from minitensor.core.tensor import Tensor, TensorLike
from minitensor.errors import DTypeError, OptionError, ShapeError
from minitensor.ndarrays import as_array
from minitensor.nn import functional, init
from minitensor.nn.activations import ACTIVATIONS
from minitensor.nn.containers import Sequential
from minitensor.nn.module import Module, Parameter, described, of_parameters
from minitensor.random import generator
from minitensor.rules.axes import one_axis


@runtime_checkable
class InScalarMode(Protocol):
    """A network in scalar mode, of which scalar.py makes one from an MLP here, and knows how."""

    activation: str

    def arrays(self) -> list[NDArray[np.float64]]:
        """For each layer its weights and its biases."""


class Linear(Module):
    """x Wᵀ + b over the last axis: (..., in_features) → (..., out_features).

    Args:
        in_features: The width of the input.
        out_features: The width of the output.
        bias: Whether to add b.
        dtype: The dtype of the parameters, by default float32.
        rng: A generator or seed for the initial parameters, U(−1/√in_features, 1/√in_features).
        device: The CPU, if any.

    Attributes:
        weight: Parameter of shape (out_features, in_features).
        bias: Parameter of shape (out_features,), or None.

    >>> Linear(784, 10)(np.zeros((32, 784), dtype=np.float32)).shape
    (32, 10)
    """

    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        rng: np.random.Generator | int | None = None,
        device: object = None,
    ) -> None:
        if in_features < 1 or out_features < 1:
            raise ValueError(f"Linear({in_features} → {out_features}): both widths must be at least 1")
        dtype = of_parameters("Linear", dtype, device)
        draw = generator(rng)
        self.in_features = in_features
        self.out_features = out_features
        # Column by column in memory, as BLAS takes less time then for x Wᵀ and for the gradient of W.
        columns = np.empty((in_features, out_features), dtype).T
        self.weight = Parameter.from_numpy(memory.empty_like(columns)).requires_grad_()
        self.register_parameter("bias", Parameter(np.empty(out_features, dtype)) if bias else None)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), rng=draw)
        if self.bias is not None:
            bound = 1 / math.sqrt(in_features)
            init.uniform_(self.bias, -bound, bound, rng=draw)

    def forward(self, x: Tensor) -> Tensor:
        return rules.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features} → {self.out_features}"


class Embedding(Module):
    """A learnt vector for each integer: indices of any shape (...) → (..., embedding_dim).

    Args:
        num_embeddings: How many vectors there are; indices run from 0 to one less.
        embedding_dim: The length of a vector.
        padding_idx: The index of a vector that starts as 0 and is not trained, for what only fills up.
        dtype: The dtype of the vectors, by default float32.
        rng: A generator or seed for the initial vectors, N(0, 1).
        device: The CPU, if any.

    Attributes:
        weight: Parameter of shape (num_embeddings, embedding_dim).

    >>> Embedding(10, 3)(np.array([[0, 9], [2, 2]])).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        dtype: DTypeLike | None = None,
        rng: np.random.Generator | int | None = None,
        device: object = None,
    ) -> None:
        dtype = of_parameters("Embedding", dtype, device)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = functional.padding_index(padding_idx, num_embeddings)
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), dtype))
        init.normal_(self.weight, rng=generator(rng))
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    @classmethod
    def from_pretrained(
        cls, embeddings: TensorLike, freeze: bool = True, padding_idx: int | None = None
    ) -> Embedding:
        """One whose vectors begin as a copy of these; not trained, unless freeze is False.

        Raises:
            ShapeError: If their shape is not (num_embeddings, embedding_dim).
            DTypeError: If they are not floating-point.

        >>> Embedding.from_pretrained([[1.0, 2.0], [3.0, 4.0]])(np.array([1, 0]))
        Tensor([[3., 4.],
                [1., 2.]])
        """
        vectors = as_array(embeddings.data if isinstance(embeddings, Tensor) else embeddings)
        if vectors.ndim != 2:
            raise ShapeError(
                "Embedding.from_pretrained: the shape must be (num_embeddings, embedding_dim), and is "
                f"{vectors.shape}"
            )
        n, width = vectors.shape
        layer = cls(n, width, padding_idx, dtype=vectors.dtype, rng=0)  # moves no generator
        layer.weight.data[...] = vectors
        layer.requires_grad_(not freeze)
        return layer

    def forward(self, input: TensorLike) -> Tensor:
        return functional.embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings} × {self.embedding_dim}{padding}"


class Dropout(Module):
    """In training, zero each element with probability p and scale the others by 1 / (1 − p).

    Args:
        p: The probability.
        inplace: Accepted, as PyTorch's; nothing is written in place.
        rng: A generator or seed to draw from.
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, rng: np.random.Generator | int | None = None
    ) -> None:
        if not 0 <= p <= 1:
            raise OptionError(f"{type(self).__name__}: p must be between 0 and 1, not {p}")
        if not isinstance(inplace, bool):
            kind = type(inplace).__name__
            raise OptionError(f"{type(self).__name__}: inplace is True or False, not {kind}. Write rng=...")
        self.p = p
        self.inplace = inplace
        self.rng = None if rng is None else generator(rng)

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return described(self, p=self.p)


class Dropout2d(Dropout):
    """In training, zero whole channels of images (n, c, h, w) with probability p, and scale the others."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout2d(x, self.p, self.training, rng=self.rng)


class Identity(Module):
    """The input itself, whatever arguments it was made with.

    >>> Identity(54, unused=True)(Tensor([1.0]))
    Tensor([1.])
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        """Takes anything."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class Flatten(Module):
    """(n, ...) → (n, everything else); or another range of axes made one.

    Args:
        start_dim: The first of them.
        end_dim: The last of them.

    >>> Flatten(0, 1)(np.zeros((2, 3, 4))).shape
    (6, 4)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Tensor) -> Tensor:
        if (self.start_dim, self.end_dim) == (1, -1):
            return rules.reshape(x, (x.shape[0], math.prod(x.shape[1:])))
        return rules.flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        usual = (self.start_dim, self.end_dim) == (1, -1)
        return "" if usual else f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: what Flatten did, undone.

    Args:
        dim: The axis.
        unflattened_size: The lengths that take its place; one may be −1.

    >>> Unflatten(1, (2, 3))(np.zeros((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        axis = one_axis("Unflatten", self.dim, x.shape)
        sizes, length = self.unflattened_size, x.shape[axis]
        known = math.prod([n for n in sizes if n != -1])
        if sizes.count(-1) == 1 and known:
            sizes = tuple([length // known if n == -1 else n for n in sizes])
        if math.prod(sizes) != length or min(sizes, default=0) < 0:
            raise ShapeError(
                f"Unflatten: axis {axis} of {x.shape} has {length} elements, which do not make "
                f"{self.unflattened_size}"
            )
        return rules.reshape(x, (*x.shape[:axis], *sizes, *x.shape[axis + 1 :]))

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class MLP(Sequential):
    """A multi-layer perceptron: Linear layers with an activation, and dropout, between them.

    Args:
        in_features: The width of the input.
        widths: The widths of the hidden layers and, last, of the output.
        activation: "relu", or another name in nn.ACTIVATIONS, the table of nn/activations.py.
        dropout: The probability of dropping a hidden activation in training.
        dtype: The dtype of the parameters.
        rng: A generator or seed for the initial parameters and for dropout.

    Raises:
        OptionError: If there is no list of widths, or the activation is not known.

    >>> MLP(64, [32, 10])
    MLP(
      (0): Linear(64 → 32, weight (32, 64), bias (32,))  # 2,080 parameters
      (1): ReLU()
      (2): Linear(32 → 10, weight (10, 32), bias (10,))  # 330 parameters
    )  # 2,410 parameters
    """

    def __init__(
        self,
        in_features: int,
        widths: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        dtype: DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        if isinstance(widths, int) or not widths:
            raise OptionError("MLP: give a list that ends with the output's width, as in MLP(64, [32, 10])")
        if activation not in ACTIVATIONS:
            raise OptionError(f"MLP: activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
        draw = None if rng is None else generator(rng)
        self.activation = activation
        *hidden, out = widths
        layers: list[Module] = []
        for width in hidden:
            layers += [Linear(in_features, width, dtype=dtype, rng=draw), ACTIVATIONS[activation]()]
            if dropout:
                layers.append(Dropout(dropout, rng=draw))
            in_features = width
        super().__init__(*layers, Linear(in_features, out, dtype=dtype, rng=draw))

    def load_scalar(self, other: InScalarMode) -> None:
        """Copy the weights of the same network in scalar mode, converted to this one's dtype.

        Raises:
            ShapeError: If the widths differ. Then nothing was loaded.
            OptionError: If the activations differ.
            DTypeError: If `other` is no scalar.MLP.

        >>> from minitensor.nn import scalar
        >>> mlp = MLP(2, [3, 1], rng=0)
        >>> mlp.load_scalar(scalar.MLP(2, [3, 1], rng=1))
        """
        if not isinstance(other, InScalarMode):
            raise DTypeError(f"load_scalar: takes a scalar.MLP, not {type(other).__name__}")
        if other.activation != self.activation:
            raise OptionError(
                f"load_scalar: the activation there is {other.activation}, and here it is {self.activation}"
            )
        names, arrays = list(self.state_dict()), other.arrays()
        if len(names) != len(arrays):
            counts = f"{len(arrays) // 2} layers there, and {len(names) // 2} here"
            raise ShapeError(f"load_scalar: {counts}. Nothing was loaded.")
        self.load_state_dict(dict(zip(names, arrays, strict=True)))
