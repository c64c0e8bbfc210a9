"""Data: real digits that need no network, toy data, splitting, and mini-batches."""

from minitensor.data.datasets import load_digits, make_moons, train_test_split
from minitensor.data.loader import DataLoader

__all__ = ["DataLoader", "load_digits", "make_moons", "train_test_split"]
