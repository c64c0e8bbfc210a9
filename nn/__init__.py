"""Neural networks: modules, activations, losses and initialisers, under PyTorch's names.

Imported as `minitensor.nn`; the folder stands at the top of the repository to be found and read easily.
"""

if __name__ != "minitensor.nn":
    raise ImportError("this package is minitensor.nn: write `import minitensor.nn`, not `import nn`")

from minitensor.nn import functional, init
from minitensor.nn.layers import (
    GELU,
    MLP,
    Dropout,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from minitensor.nn.losses import BCEWithLogitsLoss, CrossEntropyLoss, HingeLoss, MSELoss
from minitensor.nn.module import Module, Parameter

__all__ = [
    "GELU",
    "MLP",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "HingeLoss",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "Module",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
