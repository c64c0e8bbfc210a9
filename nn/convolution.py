"""Layers for images and for sequences: convolution and pooling."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from minitensor import rules
from minitensor.core.tensor import Tensor
from minitensor.errors import OptionError
from minitensor.nn import init
from minitensor.nn.module import Module, Parameter, of_parameters
from minitensor.random import generator

Pair = int | tuple[int, ...]


class _Convolution(Module):
    """What convolutions along one and two directions have in common."""

    DIRECTIONS: ClassVar[int]
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: DTypeLike | None = None,
        rng: np.random.Generator | int | None = None,
        device: object = None,
    ) -> None:
        kind = type(self).__name__
        kernel = (kernel_size,) * self.DIRECTIONS if isinstance(kernel_size, int) else tuple(kernel_size)
        if len(kernel) != self.DIRECTIONS:
            wanted = "one number" if self.DIRECTIONS == 1 else "one number or two"
            raise OptionError(f"{kind}: kernel_size must be {wanted}, not {kernel_size}")
        if min(in_channels, out_channels, *kernel) < 1:
            raise OptionError(
                f"{kind}({in_channels} → {out_channels}, kernel {_times(kernel)}): must all be at least 1"
            )
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise OptionError(
                f"{kind}({in_channels} → {out_channels}): groups={groups} must divide both channel numbers"
            )
        dtype = of_parameters(kind, dtype, device)
        draw = generator(rng)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.weight = Parameter(np.empty((out_channels, in_channels // groups, *kernel), dtype))
        self.register_parameter("bias", Parameter(np.empty(out_channels, dtype)) if bias else None)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5), rng=draw)
        if self.bias is not None:
            bound = 1 / math.sqrt(in_channels // groups * math.prod(kernel))
            init.uniform_(self.bias, -bound, bound, rng=draw)

    def extra_repr(self) -> str:
        others = [("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)]
        set_here = [
            f", {name}={value!r}" for name, usual in others if (value := getattr(self, name)) != usual
        ]
        sizes = f"{self.in_channels} → {self.out_channels}, kernel {_times(self.kernel_size)}"
        return f"{sizes}{''.join(set_here)}"


def _times(lengths: tuple[int, ...]) -> str:
    return " × ".join(map(str, lengths))


class Conv1d(_Convolution):
    """Filters that slide along sequences: (n, in_channels, l) → (n, out_channels, l'); n may be left out.

    The arguments are those of Conv2d, of one direction.

    Attributes:
        weight: Parameter of shape (out_channels, in_channels / groups, kernel size).
        bias: Parameter of shape (out_channels,), or None.

    >>> Conv1d(3, 8, kernel_size=5)(np.zeros((32, 3, 28), np.float32)).shape
    (32, 8, 24)
    """

    DIRECTIONS = 1

    def forward(self, x: Tensor) -> Tensor:
        return rules.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(_Convolution):
    """Filters that slide over images: (n, in_channels, h, w) → (n, out_channels, h', w'); n may be left out.

    Args:
        in_channels: The channels of the input.
        out_channels: The number of filters, and so the channels of the output.
        kernel_size: The height and width of a filter: one number, or two.
        stride: How far a filter moves.
        padding: Zeros around the image, one number or two, or "same" (h' = h) or "valid" (none).
        dilation: How far apart the elements under a filter are.
        groups: Into how many parts the channels fall; a filter sees one of them.
        bias: Whether to add a number to each output channel.
        dtype: The dtype of the parameters, by default float32.
        rng: A generator or seed for the initial parameters, U(−1/√m, 1/√m) with m the elements of a filter.
        device: The CPU, if any.

    Attributes:
        weight: Parameter of shape (out_channels, in_channels / groups, kernel height, kernel width).
        bias: Parameter of shape (out_channels,), or None.

    >>> Conv2d(1, 8, kernel_size=5)(np.zeros((32, 1, 28, 28), np.float32)).shape
    (32, 8, 24, 24)
    """

    DIRECTIONS = 2

    def forward(self, x: Tensor) -> Tensor:
        return rules.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class MaxPool2d(Module):
    """The largest element of every window of images (n, c, h, w) or (c, h, w).

    Args:
        kernel_size: The height and width of a window: one number, or two.
        stride: How far apart windows begin; by default they lie side by side.
        padding: How far windows may reach over the edges; what is there is never the largest.
        dilation: How far apart the elements of a window are.
        ceil_mode: Whether a last window may hang over the end.

    >>> MaxPool2d(2)(np.zeros((32, 8, 24, 24), np.float32)).shape
    (32, 8, 12, 12)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return rules.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool1d(MaxPool2d):
    """The largest element of every window of sequences (n, c, l) or (c, l); arguments are MaxPool2d's.

    >>> MaxPool1d(2)(np.zeros((32, 8, 24), np.float32)).shape
    (32, 8, 12)
    """

    def forward(self, x: Tensor) -> Tensor:
        return rules.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class AvgPool2d(Module):
    """The mean of every window of images (n, c, h, w) or (c, h, w).

    Args:
        kernel_size: The height and width of a window: one number, or two.
        stride: How far apart windows begin; by default they lie side by side.
        padding: How many zeros are around the images.
        ceil_mode: Whether a last window may hang over the end.
        count_include_pad: Whether those zeros count as elements.

    >>> AvgPool2d(2)(np.zeros((32, 8, 24, 24), np.float32)).shape
    (32, 8, 12, 12)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        return rules.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(AvgPool2d):
    """The mean of every window of sequences (n, c, l) or (c, l); arguments are AvgPool2d's.

    >>> AvgPool1d(2)(np.zeros((32, 8, 24), np.float32)).shape
    (32, 8, 12)
    """

    def forward(self, x: Tensor) -> Tensor:
        return rules.avg_pool1d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AdaptiveAvgPool2d(Module):
    """The means of as many windows of images (n, c, h, w) or (c, h, w) as the result is to have elements.

    Args:
        output_size: One number, or height and width; None leaves a direction as it is.

    >>> AdaptiveAvgPool2d(1)(np.zeros((32, 8, 24, 24), np.float32)).shape
    (32, 8, 1, 1)
    """

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return rules.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"
