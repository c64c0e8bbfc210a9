"""All schedules of the learning rate, where PyTorch has them. Each is defined in the file that it is from."""

from minitensor.optim.cycles import CyclicLR, OneCycleLR
from minitensor.optim.formulas import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from minitensor.optim.plateau import ReduceLROnPlateau
from minitensor.optim.schedule import LRScheduler, Schedule
from minitensor.optim.sequence import ChainedScheduler, LinearWarmup, SequentialLR

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "LinearWarmup",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "Schedule",
    "SequentialLR",
    "StepLR",
]
