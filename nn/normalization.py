"""Layers that bring activations to mean 0 and variance 1: BatchNorm1d, BatchNorm2d and LayerNorm."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from minitensor.core.tensor import Tensor
from minitensor.errors import ShapeError
from minitensor.nn import functional
from minitensor.nn.module import Buffer, Module, Parameter, of_parameters


class BatchNorm1d(Module):
    """(x − mean) / √(variance + eps) · weight + bias for each channel of (n, c) or (n, c, l).

    In training, mean and variance are the batch's, and running averages follow them; in evaluation they are
    those averages. Source: Ioffe and Szegedy (2015), "Batch Normalization".

    Args:
        num_features: The number c of channels.
        eps: Keeps the root above 0.
        momentum: How far the averages move towards each batch; None averages all batches evenly.
        affine: Whether there are a weight and a bias.
        track_running_stats: Whether there are averages; without, the batch is used in evaluation too.
        dtype: The dtype of the parameters and averages, by default float32.
        device: The CPU, if any.

    Attributes:
        weight: Parameter of shape (c,), at first 1, or None.
        bias: Parameter of shape (c,), at first 0, or None.
        running_mean: Buffer of shape (c,), at first 0, or None.
        running_var: Buffer of shape (c,), at first 1, or None: of the unbiased variance.
        num_batches_tracked: Buffer of shape (), or None.

    >>> layer = BatchNorm1d(2)
    >>> layer(Tensor([[1.0, 5.0], [3.0, 5.0]])).data.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> layer.running_mean
    Buffer([0.2, 0.5])
    """

    SHAPES: ClassVar[dict[int, str]] = {2: "(n, {})", 3: "(n, {}, l)"}
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike | None = None,
        device: object = None,
    ) -> None:
        dtype = of_parameters(type(self).__name__, dtype, device)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        ones, zeros = np.ones(num_features, dtype), np.zeros(num_features, dtype)
        self.register_parameter("weight", Parameter(ones) if affine else None)
        self.register_parameter("bias", Parameter(zeros) if affine else None)
        self.register_buffer("running_mean", zeros if track_running_stats else None)
        self.register_buffer("running_var", ones if track_running_stats else None)
        self.register_buffer("num_batches_tracked", np.array(0) if track_running_stats else None)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in self.SHAPES or x.shape[1] != self.num_features:
            wanted = " or ".join(self.SHAPES.values()).format(*[self.num_features] * 2)
            raise ShapeError(f"{type(self).__name__}({self.num_features}) got {x.shape}: it takes {wanted}")
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
        momentum = self.num_batches_tracked if self.momentum is None else self.momentum
        return functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"


class BatchNorm2d(BatchNorm1d):
    """BatchNorm1d for images (n, c, h, w).

    >>> BatchNorm2d(3)(np.zeros((2, 3, 4, 4), np.float32)).shape
    (2, 3, 4, 4)
    """

    SHAPES: ClassVar[dict[int, str]] = {4: "(n, {}, h, w)"}


class LayerNorm(Module):
    """(x − mean) / √(variance + eps) · weight + bias over the last axes, each sample by itself.

    Source: Ba, Kiros and Hinton (2016), "Layer Normalization".

    Args:
        normalized_shape: The lengths of these last axes; one number for one.
        eps: Keeps the root above 0.
        elementwise_affine: Whether there is a weight.
        bias: Whether, with a weight, there is a bias too.
        dtype: The dtype of the parameters, by default float32.
        device: The CPU, if any.

    Attributes:
        weight: Parameter of shape normalized_shape, at first 1, or None.
        bias: Parameter of shape normalized_shape, at first 0, or None.

    >>> LayerNorm(2)(Tensor([[1.0, 3.0], [5.0, 5.0]])).data.round(3)
    array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        device: object = None,
    ) -> None:
        dtype = of_parameters("LayerNorm", dtype, device)
        self.normalized_shape = functional.as_shape(normalized_shape)
        self.eps = eps
        ones, zeros = np.ones(self.normalized_shape, dtype), np.zeros(self.normalized_shape, dtype)
        self.register_parameter("weight", Parameter(ones) if elementwise_affine else None)
        self.register_parameter("bias", Parameter(zeros) if elementwise_affine and bias else None)

    def forward(self, x: Tensor) -> Tensor:
        return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"
