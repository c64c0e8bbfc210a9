"""Data: real digits that need no network, MNIST, files of your own, toy data, splitting, and mini-batches.

samples      digits and moons as arrays, and their split
files        files of your own, of which delimited reads the tables; mnist fetches its own
datasets     Dataset and its kin: items by number
collation    how items become a batch
loader       DataLoader: which items make a batch
"""

from typing import TYPE_CHECKING

from minitensor.data.collation import default_collate
from minitensor.data.datasets import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    random_split,
)
from minitensor.data.delimited import Schema
from minitensor.data.files import Table, load_file, load_table, scale_pixels
from minitensor.data.loader import DataLoader
from minitensor.data.mnist import load_fashion_mnist, load_mnist
from minitensor.data.samples import Samples, load_digits, make_moons, train_test_split
from minitensor.instead import answers

__all__ = [
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "IterableDataset",
    "Samples",
    "Schema",
    "Subset",
    "Table",
    "TensorDataset",
    "default_collate",
    "load_digits",
    "load_fashion_mnist",
    "load_file",
    "load_mnist",
    "load_table",
    "make_moons",
    "random_split",
    "scale_pixels",
    "train_test_split",
]

if not TYPE_CHECKING:
    __getattr__ = answers(__name__)
