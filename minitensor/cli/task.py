"""What the commands share: the data by their name, the model by its description."""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitensor.cli.options import recalled
from minitensor.data import (
    DataLoader,
    Samples,
    Schema,
    load_digits,
    load_fashion_mnist,
    load_file,
    load_mnist,
    load_table,
    make_moons,
    scale_pixels,
    train_test_split,
)
from minitensor.data.delimited import listed
from minitensor.data.files import in_one_form, is_table, names_of_columns
from minitensor.errors import CheckpointError, DataError, OptionError
from minitensor.files import is_stream
from minitensor.nn import MLP
from minitensor.random import manual_seed
from minitensor.training.checkpoint import MODEL, load_weights

Array = NDArray[Any]
HELD_OUT = 0.2  # of data that come without a test part
NAMED: dict[str, Callable[[], Samples]] = {
    "digits": lambda: Samples(*load_digits()),
    "moons": lambda: Samples(*make_moons(2000, noise=0.2, rng=0)),
    "mnist": lambda: load_mnist(),  # looked up when it is called
    "fashion-mnist": lambda: load_fashion_mnist(),
}
"""The data that have a name."""


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


def standard_input() -> IO[bytes]:
    """The bytes of standard input."""
    if sys.stdin is None:
        raise DataError("standard input is closed. Give a file of rows, or pipe them in.")
    return sys.stdin.buffer


def load(name: str, label: str | None = None, schema: Schema | None = None) -> tuple[Samples, Schema | None]:
    """Data by their name, or from a file or folder; and what the columns are, if it is a table.

    Args:
        name: A name, a path, or - for a table on standard input.
        label: The column of a table that has the labels.
        schema: That of the table which the model was trained on.
    """
    if name in NAMED:
        if label is not None:
            raise OptionError(f"--label is for tables, .csv and .tsv: leave it out with {name}")
        return NAMED[name](), None
    source: str | IO[bytes] = standard_input() if name == "-" else _there(name)
    if isinstance(source, str) and not is_table(source):
        return load_file(source, label), None
    table = load_table(source, label, schema)
    return Samples(table.x, table.y), table.schema


def _there(name: str) -> str:
    """The path, if something is there."""
    try:
        os.stat(name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(
            f"{name}: there is no such file, and no data of that name. Try --data digits."
        ) from error
    except OSError:  # the readers say what hinders it
        pass
    return name


def say_if_names_are_not_known(columns: tuple[str, ...], known: Schema, source: str) -> None:
    """A model without names takes columns as they stand, which must not go without a word."""
    if columns and not known.columns:
        say(f"{source}: the model knows no names of columns, and takes these in their order")


def split(data: Samples, seed: int, schema: Schema | None = None) -> Task:
    """Restart the random numbers, and hold a part out where the data have no test part of their own."""
    manual_seed(seed)
    if data.x_test is not None and data.y_test is not None:
        arrays: tuple[Array, ...] = data.x, data.x_test, data.y, data.y_test
    else:
        if len(data.x) < 2:
            raise DataError("one row cannot be divided into rows to train on and rows to judge by")
        arrays = train_test_split(data.x, data.y, test_size=HELD_OUT)
    x_train, x_test, y_train, y_test = arrays
    names = () if schema is None else schema.classes
    if y_train.min() == y_train.max():
        only = listed([names[y_train[0]]]) if names else y_train[0]
        raise DataError(
            f"all labels to train on are {only}: there is nothing to tell apart. "
            "Add rows of other classes; or if another column has the labels, name it: --label NAME."
        )
    classes = int(max(y_train.max(), y_test.max())) + 1
    return Task(x_train, x_test, y_train, y_test, classes)


def batches(x: Array, y: Array, batch_size: int = 1024, shuffle: bool = False) -> DataLoader:
    """Mini-batches, in which pixels become numbers from 0 to 1."""
    return DataLoader(x, y, batch_size=batch_size, shuffle=shuffle, transform=scale_pixels)


def fingerprint(data: Samples) -> int:
    """A number that tells other data."""
    total = 0
    for array in data:
        total = zlib.crc32(b"" if array is None else np.ascontiguousarray(array).data, total)
    return total


def own_options(config: Mapping[str, Any], checkpoint: str) -> dict[str, Any]:
    """The options of the run that a checkpoint is of; those which older runs had not are the default.

    Older runs took the first column for the label if none was given and none was named label: their table
    says which it was, if they kept one.
    """
    try:
        options = recalled(config["options"])
    except OptionError as error:
        raise CheckpointError(f"{checkpoint}: does not say how its run was trained: {error}") from error
    table = config.get("table")
    if options["label"] is None and isinstance(table, dict) and table.get("columns"):
        label = table.get("label")
        options["label"] = label if isinstance(label, str) else None
    elif options["label"] is None and "table" not in config and _is_table_file(options["data"]):
        names = names_of_columns(options["data"])
        options["label"] = names[0] if names and "label" not in names else None
    return options


def _is_table_file(name: object) -> bool:
    return isinstance(name, str) and os.path.isfile(name) and is_table(name)


def is_same(data: Samples, schema: Schema | None, config: Mapping[str, Any]) -> bool:
    """Whether data are those of a run with this config. Older runs have kept no schema."""
    same_schema = "table" not in config or config["table"] == described(schema)
    return same_schema and fingerprint(data) == config.get("fingerprint")


def described(schema: Schema | None) -> dict[str, Any] | None:
    """A schema as a checkpoint's config holds it."""
    if schema is None:
        return None
    return {"columns": list(schema.columns), "label": schema.label, "classes": list(schema.classes)}


class Trained(NamedTuple):
    """A model from a checkpoint, the description it was saved with, and the table that it takes."""

    model: MLP
    config: dict[str, Any]
    schema: Schema

    def label(self, code: int) -> str | int:
        """The class that the model counts as `code`: a text if the labels were."""
        return self.schema.classes[code] if self.schema.classes else code


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
    return Trained(model, config, _schema(path, config, config["model"]["widths"][-1]))


def _schema(path: Path, config: Mapping[str, Any], outputs: int) -> Schema:
    """The schema in a checkpoint; one without names for data that were no table, and older checkpoints."""
    features, saved = config["model"]["in_features"], config.get("table")
    if saved is None:
        return Schema(features)
    try:
        schema = Schema(features, tuple(saved["columns"]), saved["label"], tuple(saved["classes"]))
        text = [*schema.columns, *schema.classes] + [schema.label] * bool(schema.columns)
        fits = all(isinstance(name, str) for name in text)
        fits &= len(schema.columns) in (0, features) and len(schema.classes) in (0, outputs)
        fits &= len(set(schema.columns)) == len(schema.columns) and schema.label not in schema.columns
        fits &= bool(schema.columns) or (type(schema.label) is int and 0 <= schema.label <= features)
        fits &= list(schema.classes) == sorted(set(schema.classes))
    except (TypeError, KeyError, ValueError):
        fits = False
    if not fits:
        raise CheckpointError(f"{path}: does not describe the table that its model was trained on")
    return schema


def as_trained(trained: Trained, x: Array, source: str) -> Array:
    """Rows as the model knows them, with as many numbers, which are pixels or are not."""
    if x.shape[1] != (features := trained.schema.features):
        raise DataError(f"{source}: has {x.shape[1]} numbers a row, and the model takes {features}")
    pixels = trained.config.get("pixels")
    return x if pixels is None else in_one_form(x, pixels, source)
