"""Data: real digits that need no network, MNIST, files of your own, toy data, splitting, and mini-batches."""

from minitensor.data.datasets import load_digits, make_moons, train_test_split
from minitensor.data.delimited import Schema
from minitensor.data.files import Dataset, Table, load_file, load_table, scale_pixels
from minitensor.data.loader import DataLoader
from minitensor.data.mnist import load_fashion_mnist, load_mnist

__all__ = [
    "DataLoader",
    "Dataset",
    "Schema",
    "Table",
    "load_digits",
    "load_fashion_mnist",
    "load_file",
    "load_mnist",
    "load_table",
    "make_moons",
    "scale_pixels",
    "train_test_split",
]
