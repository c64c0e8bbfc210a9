"""Optimizers, under PyTorch's names and step for step equal to PyTorch's.

Imported as `minitensor.optim`; the folder stands at the top of the repository to be found and read easily.
"""

if __name__ != "minitensor.optim":
    raise ImportError("this package is minitensor.optim: write `import minitensor.optim`, not `import optim`")

from typing import TYPE_CHECKING

from minitensor.instead import answers
from minitensor.nn.utils import clip_grad_norm_, clip_grad_value_
from minitensor.optim import lr_scheduler
from minitensor.optim.adam import Adam, Adamax, AdamW, NAdam, RAdam
from minitensor.optim.adaptive import Adadelta, Adagrad, RMSprop
from minitensor.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LinearWarmup,
    MultiplicativeLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from minitensor.optim.optimizer import Optimizer
from minitensor.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "LinearWarmup",
    "MultiStepLR",
    "MultiplicativeLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "PolynomialLR",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]

if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
