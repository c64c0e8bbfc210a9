"""Optimizers, under PyTorch's names and step for step equal to PyTorch's.

Imported as `minitensor.optim`; the folder stands at the top of the repository to be found and read easily.
"""

if __name__ != "minitensor.optim":
    raise ImportError("this package is minitensor.optim: write `import minitensor.optim`, not `import optim`")

from minitensor.optim.optimizer import Optimizer
from minitensor.optim.sgd import SGD

__all__ = ["SGD", "Optimizer"]
