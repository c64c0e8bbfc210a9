"""What the commands share: the data by their name, the model by its description."""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitensor.data import (
    DataLoader,
    load_digits,
    load_fashion_mnist,
    load_file,
    load_mnist,
    make_moons,
    scale_pixels,
    train_test_split,
)
from minitensor.data.files import Dataset, in_one_form
from minitensor.errors import CheckpointError, DataError, OptionError
from minitensor.files import is_stream
from minitensor.nn import MLP
from minitensor.random import manual_seed
from minitensor.training.checkpoint import MODEL, load_weights

Array = NDArray[Any]
HELD_OUT = 0.2  # of data that come without a test part


class Task(NamedTuple):
    """Arrays to train on and to judge by; `classes` is how many there are."""

    x_train: Array
    x_test: Array
    y_train: Array
    y_test: Array
    classes: int


def check_writable(path: str | None) -> None:
    """Refuse a file that could not be written later; None and "-" are no files."""
    if path is None or path == "-":
        return
    place = os.path.realpath(path)  # where a link leads to
    folder = os.path.dirname(place)
    if not os.path.isdir(folder) and not is_stream(path):
        raise OptionError(f"{path}: there is no folder {folder}")
    written = path if is_stream(path) else folder
    if not os.access(written, os.W_OK) or os.path.isdir(place):
        raise OptionError(f"{path}: cannot be written")


def check_picture(path: str | None) -> None:
    """The same for a picture, which also must end in a name of its format."""
    check_writable(path)
    if path not in (None, "-"):
        from minitensor.training import plots

        plots.check_format(path)


@contextlib.contextmanager
def drawing(path: str) -> Iterator[None]:
    """Say what is missing where there is no matplotlib."""
    try:
        yield
    except ModuleNotFoundError:
        say(f'{path} needs matplotlib: pip install "minitensor[plot]"')


def say(message: str) -> None:
    """Print a line on standard error, unless that is closed."""
    if sys.stderr is not None:
        print(f"minitensor: {message}", file=sys.stderr)


def load(name: str) -> Dataset:
    """Data by their name, or from a file or folder."""
    named = {"mnist": load_mnist, "fashion-mnist": load_fashion_mnist}
    if name in named:
        return named[name]()
    if name == "digits":
        return Dataset(*load_digits(), None, None)
    if name == "moons":
        return Dataset(*make_moons(2000, noise=0.2, rng=0), None, None)
    try:
        os.stat(name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"{name}: there is no such file, and no data of that name. Try --data digits."
        ) from error
    except OSError:  # load_file says what hinders it
        pass
    return load_file(name)


def split(data: Dataset, seed: int) -> Task:
    """Restart the random numbers, and hold a part out where the data have no test part of their own."""
    manual_seed(seed)
    if data.x_test is not None and data.y_test is not None:
        arrays: tuple[Array, ...] = data.x, data.x_test, data.y, data.y_test
    else:
        if len(data.x) < 2:
            raise DataError("one row cannot be divided into rows to train on and rows to judge by")
        arrays = train_test_split(data.x, data.y, test_size=HELD_OUT)
    x_train, x_test, y_train, y_test = arrays
    classes = int(max(y_train.max(), y_test.max())) + 1
    if y_train.min() == y_train.max():
        raise DataError(f"all labels to train on are {y_train[0]}: there is nothing to tell apart")
    return Task(x_train, x_test, y_train, y_test, classes)


def batches(x: Array, y: Array, batch_size: int = 1024, shuffle: bool = False) -> DataLoader:
    """Mini-batches, in which pixels become numbers from 0 to 1."""
    return DataLoader(x, y, batch_size=batch_size, shuffle=shuffle, transform=scale_pixels)


def fingerprint(data: Dataset) -> int:
    """A number that tells other data."""
    total = 0
    for array in data:
        total = zlib.crc32(b"" if array is None else np.ascontiguousarray(array).data, total)
    return total


class Trained(NamedTuple):
    """A model from a checkpoint, the description it was saved with, and the numbers in a row of its input."""

    model: MLP
    config: dict[str, Any]
    in_features: int


def build(description: Mapping[str, Any]) -> MLP:
    """The model of a description: MLP's arguments."""
    return MLP(**description)


def load_model(checkpoint: str) -> Trained:
    """The model of a run's folder or a weights file.

    A file of PyTorch's, without a description, is taken for an MLP with ReLU if its arrays look like one.
    """
    path = Path(checkpoint)
    path = path / MODEL if path.is_dir() else path
    weights = load_weights(path)
    config = weights.config
    if "state" in config:
        raise CheckpointError(f"{path}: is there to resume a run. Give {MODEL} beside it, or the folder.")
    if "model" not in config:
        names = sorted(weights.arrays, key=lambda name: (len(name), name))  # 10.weight after 2.weight
        shapes = [weights.arrays[name].shape for name in names if weights.arrays[name].ndim == 2]
        if not shapes or any(below[0] != above[1] for below, above in pairwise(shapes)):
            raise CheckpointError(f"{path}: does not say what model it is, and is no MLP by its arrays")
        config = {"model": {"in_features": shapes[0][1], "widths": [shape[0] for shape in shapes]}}
    try:
        model = build(config["model"])
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: does not describe an MLP: {error}") from error
    load_weights(path, model)
    model.eval()
    return Trained(model, config, config["model"]["in_features"])


def as_trained(trained: Trained, x: Array, source: str) -> Array:
    """Rows as the model knows them, with as many numbers, which are pixels or are not."""
    if x.shape[1] != trained.in_features:
        raise DataError(
            f"{source}: has {x.shape[1]} numbers a row, and the model takes {trained.in_features}"
        )
    pixels = trained.config.get("pixels")
    return x if pixels is None else in_one_form(x, pixels, source)
