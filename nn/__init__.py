"""Neural networks: modules, activations, losses and initialisers, under PyTorch's names.

Imported as `minitensor.nn`; the folder stands at the top of the repository to be found and read easily.
"""

if __name__ != "minitensor.nn":
    raise ImportError("this package is minitensor.nn: write `import minitensor.nn`, not `import nn`")

from minitensor.nn import functional, init, scalar, utils
from minitensor.nn.convolution import AvgPool2d, Conv2d, MaxPool2d
from minitensor.nn.layers import (
    ELU,
    GELU,
    MLP,
    SELU,
    Dropout,
    Embedding,
    Flatten,
    Hardtanh,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minitensor.nn.losses import (
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from minitensor.nn.module import Buffer, Module, Parameter
from minitensor.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm

__all__ = [
    "ELU",
    "GELU",
    "MLP",
    "SELU",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "Hardtanh",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "functional",
    "init",
    "scalar",
    "utils",
]
