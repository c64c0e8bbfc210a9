"""Data of your own: `.npz`, `.csv`, `.tsv` and IDX files, read with nothing taken on trust.

Every file that is malformed raises DataError, which names the file, the position, and the cure.
"""

from __future__ import annotations

import io
import math
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from minitensor.data.delimited import LONGEST, Schema, is_number, listed, names_in, read
from minitensor.data.samples import Samples
from minitensor.errors import DataError
from minitensor.files import is_stream

Array = NDArray[Any]
Source: TypeAlias = str | os.PathLike[str] | IO[bytes]
MOST_CLASSES = 10_000
_NOT_READ = {b"\xfd7zXZ\0": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
"""How files begin that are compressed, and not with gzip."""


def load_file(path: str | os.PathLike[str], label: str | None = None) -> Samples:
    """Read rows and labels from a file or folder.

    - `.npz`: arrays x and y, or Keras's x_train, y_train, x_test and y_test.
    - IDX, MNIST's own format, plain or gzip: a folder with train-images-idx3-ubyte and
      train-labels-idx1-ubyte (and t10k-… for the test part), or an images file with its labels beside it.
    - `.csv`, `.tsv`: a table. load_table reads it too, and says what its columns and classes are.

    Images are flattened. What is stored as bytes, or as whole numbers from 0 to at least 128 and at most 255,
    is taken for pixels and stays uint8: see scale_pixels.

    Args:
        path: The file or folder.
        label: Which column of a table has the labels, as for load_table.

    Raises:
        DataError: If it is not there, damaged, or not what it should be.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "rows.csv").write_text("label,a,b\\n0,0.5,1\\n1,2.5,3\\n")
    ...     load_file(f"{folder}/rows.csv").x
    array([[0.5, 1. ],
           [2.5, 3. ]], dtype=float32)
    """
    path = Path(path)
    with _reading(path):
        if is_table(path):
            return Samples(*load_table(path, label)[:2])
        if label is not None:
            raise DataError(f"{path}: has no columns to take a label from: that is for .csv and .tsv")
        if path.is_dir():
            return _load_folder(path)
        start = _start(path)
        if start.startswith(b"PK"):
            return _load_npz(path)
        if start[:2] == b"\0\0":
            return _load_images_and_labels(path)
    raise DataError(
        f"{path}: begins with {start[:4].hex(' ') or 'nothing'}, which is neither .npz nor IDX. "
        "Give one of these, or rows of numbers in a file named .csv."
    )


class Table(NamedTuple):
    """Rows and labels that came with names, or may have.

    Attributes:
        x: One row for each sample, of shape (n, features); uint8 where they are pixels, else float32.
        y: The label of each row, int64 of shape (n,), from 0: it counts in schema.classes if there are any.
        schema: The names of the columns, which was the label, and the classes.
    """

    x: Array
    y: NDArray[np.int64]
    schema: Schema


def is_table(path: str | os.PathLike[str]) -> bool:
    """Whether load_file takes it for a table: by its name, but for an `.npz` under another.

    A stream can be read only once, and is taken for a table unseen.
    """
    path = Path(path)
    if is_stream(path):
        return True
    named = path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt"))
    with _reading(path):
        return named and not path.is_dir() and not _start(path).startswith(b"PK")


def load_table(source: Source, label: str | None = None, schema: Schema | None = None) -> Table:
    """Read a table: one row a line, numbers between commas (or semicolons or tabs), plain or gzip.

    The first line may hold the names of the columns. Spaces around names, numbers and labels do not count.

    The label is in the column that is given, by its name, or in a table without names by its number, from 1
    ("-1" is the last); by default in the one named label, class, target or y, or without names in the first.
    Labels are whole numbers from 0; or if any is none, all are text, and the classes are these texts, sorted.

    Args:
        source: The file, or a stream of text.
        label: Which column has the labels.
        schema: That of the table that a model was trained on. Columns are then taken by its names, whatever
            their order, the label by its name, and labels by its classes. A schema without names takes tables
            with as many columns.

    Raises:
        DataError: If it is no table of numbers and labels; if no name says which is the label and none is
            given; if columns are lacking, not known, without a name
            or of one name; if the first counts 0, 1, 2, … without a name, as an index does that pandas saved.

    >>> from io import BytesIO
    >>> table = load_table(BytesIO(b"weight,kind\\n4.1,cat\\n22.5,dog\\n3.2,cat\\n"), "kind")
    >>> table.y.tolist(), table.schema.columns, table.schema.classes
    ([0, 1, 0], ('weight',), ('cat', 'dog'))
    """
    content, name = _text(source)
    found = read(content, name, label, schema, labelled=True)
    where = f"{name}: {_column(found.schema.label)}"
    y, classes = _coded(where, found.labels, schema)
    return Table(_pixels(found.numbers), y, found.schema._replace(classes=classes))


def load_rows(source: Source, schema: Schema | int, label: str | None = None) -> Array:
    """Read rows as load_table does, also from `.npz` or IDX. Labels may be there, and are passed over.

    Args:
        source: The file, or a stream of text.
        schema: That of the table that a model was trained on; or how many columns its rows have.
        label: Which column has the labels, if not the one that the schema says.

    Raises:
        DataError: As load_file and load_table do.
    """
    return read_rows(source, schema, label)[0]


def read_rows(
    source: Source, schema: Schema | int, label: str | None = None
) -> tuple[Array, tuple[str, ...]]:
    """What load_rows gives, and the names that its columns had, if they had any."""
    known = Schema(schema) if isinstance(schema, int) else schema
    if isinstance(source, str | os.PathLike) and not is_stream(source):
        path = Path(source)
        with _reading(path):
            arrays = _rows_of_arrays(path)
        if arrays is not None:
            if label is not None:
                raise DataError(f"{path}: has no columns to take a label from: that is for .csv and .tsv")
            return arrays, ()
    content, name = _text(source)
    found = read(content, name, label, known, labelled=False)
    return _pixels(found.numbers), found.schema.columns


def _rows_of_arrays(path: Path) -> Array | None:
    """The rows of a file or folder that is no text; else None."""
    if path.is_dir():
        return _load_folder(path).x
    start = _start(path)
    if start.startswith(b"PK"):
        arrays = _read_npz(path)
        names = [name for name in ("x", "x_test", "x_train") if name in arrays]
        if not names:
            raise DataError(f"{path}: has no array x, only {', '.join(arrays) or 'none'}")
        return _rows(f"{path}: array {names[0]}", arrays[names[0]])
    if start[:2] == b"\0\0":
        return _rows(f"{path}", _read_idx(path))
    return None


def names_of_columns(source: Source) -> list[str]:
    """The names in the first line of a table; none if it has none.

    Raises:
        DataError: If it is no text.
    """
    return names_in(*_text(source))


def scale_pixels(x: Array) -> Array:
    """Pixels, uint8 from 0 to 255, as float32 from 0 to 1; other numbers as they are.

    >>> scale_pixels(np.array([0, 255], np.uint8))
    array([0., 1.], dtype=float32)
    >>> scale_pixels(np.array([0.0, 255.0]))
    array([  0., 255.])
    """
    if x.dtype != np.uint8:
        return x
    scaled = x.astype(np.float32)
    scaled *= np.float32(1 / 255)  # in place: NumPy casts and multiplies faster apart than at once
    return scaled


def in_one_form(x: Array, pixels: bool, name: str) -> Array:
    """Rows in the form of others, which are pixels or are not: few rows do not tell by themselves.

    Raises:
        DataError: If they are to be pixels, and can be neither pixels nor what scale_pixels makes of them.

    >>> in_one_form(np.array([[0.0, 9.0]], np.float32), True, "rows").dtype
    dtype('uint8')
    """
    if not pixels:
        return x.astype(np.float32, copy=False)
    if x.dtype == np.uint8:
        return x
    low, high = float(x.min()), float(x.max())
    if low >= 0 and high <= 1:
        return x
    if low >= 0 and high <= 255 and bool((x == np.floor(x)).all()):
        return x.astype(np.uint8)
    raise DataError(
        f"{name}: has numbers from {low:g} to {high:g}, where the rows trained on are pixels: "
        "whole numbers from 0 to 255"
    )


# ------------------------------------------------------------------------------------------- checking


def _dataset(name: str, x: Array, y: Array, x_name: str = "x", y_name: str = "y") -> tuple[Array, Array]:
    """Rows and labels that fit each other, checked."""
    rows = _rows(f"{name}: {x_name}", x)
    labels = _labels(f"{name}: {y_name}", y)
    if len(rows) != len(labels):
        raise DataError(f"{name}: {len(rows):,} rows in {x_name} and {len(labels):,} labels in {y_name}")
    return rows, labels


def _rows(name: str, x: Array) -> Array:
    if x.dtype.kind not in "buif":
        raise DataError(f"{name} holds {x.dtype}, and must hold numbers")
    if x.ndim == 0 or x.size == 0:
        raise DataError(f"{name} is empty: it has shape {x.shape}, and must have shape (rows, features)")
    rows = x.reshape(len(x), -1)
    if x.dtype.kind == "f":
        with np.errstate(over="ignore"):
            floats = rows.astype(np.float32, copy=False)
        _check_finite(name, rows, floats)
        return floats
    if x.dtype == np.uint8 or (rows.min() >= 0 and 128 <= rows.max() <= 255):
        return rows.astype(np.uint8, copy=False)
    return rows.astype(np.float32)


def _labels(name: str, y: Array) -> NDArray[np.int64]:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.dtype.kind not in "buif":
        raise DataError(f"{name} holds {y.dtype}, and labels must be whole numbers from 0")
    if y.ndim != 1:
        hint = " For one-hot labels take y.argmax(axis=1)." if y.ndim == 2 else ""
        raise DataError(f"{name} has shape {y.shape}, and there must be one label a row.{hint}")
    bad = ~((y >= 0) & (y < MOST_CLASSES))
    if y.dtype.kind == "f":
        bad |= y != np.floor(y)
    if bad.any():
        i = int(bad.argmax())
        if MOST_CLASSES <= y[i] < np.inf and y[i] == np.floor(y[i]):
            most = f"at most {MOST_CLASSES:,} classes are possible, 0 to {MOST_CLASSES - 1:,}"
            raise DataError(f"{name}: label {y[i]:.0f} in row {i + 1:,} is too large: {most}.")
        raise DataError(f"{name}: label {y[i]} in row {i + 1:,}. Labels must be whole numbers from 0.")
    return y.astype(np.int64)


def _check_finite(name: str, rows: Array, floats: Array) -> None:
    """Refuse rows which as float32 are not finite."""
    if not np.isfinite(floats).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(floats))[0])
        found = rows[row, column]
        beyond = ", beyond float32," if np.isfinite(found) else ""
        raise DataError(
            f"{name} has {found}{beyond} in row {row + 1:,}, column {column + 1:,}. Remove or replace it."
        )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into DataError."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file or folder") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise DataError(f"{path}: needs more memory than there is") from error


def _start(path: Path) -> bytes:
    """The first bytes, of what is inside if it is compressed."""
    return next(_chunks(path), b"")[:16]


def _chunks(path: Path) -> Iterator[bytes]:
    """A file piece by piece, decompressed."""
    with open(path, "rb") as file:
        yield from _unpacked(file, str(path))


def _unpacked(file: io.BufferedReader, name: str) -> Iterator[bytes]:
    import gzip

    start = file.peek(10)[:10]
    compressed = start[:2] == b"\x1f\x8b"
    for magic, method in _NOT_READ.items():
        if start.startswith(magic) and (method != "bzip2" or start[4:] == b"1AY&SY"):
            raise DataError(
                f"{name}: is compressed with {method}, and only gzip is read. Decompress it first."
            )
    source: Any = gzip.GzipFile(fileobj=file) if compressed else file
    position = 0
    try:
        while chunk := source.read(1 << 20):
            position += len(chunk)
            yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{name}: the compressed data are damaged after {position:,} bytes: {error}. Fetch it again."
        ) from error


def _content(path: Path, most: float = math.inf) -> bytes:
    """What is in a file, decompressed; not much more than `most` bytes of it."""
    parts, total = [], 0
    for chunk in _chunks(path):
        parts.append(chunk)
        total += len(chunk)
        if total > most:
            break
    return b"".join(parts)


# ------------------------------------------------------------------------------------------------ npz


def _load_npz(path: Path) -> Samples:
    arrays = _read_npz(path)
    parts: list[Any] = []
    for x_name, y_name in [("x", "y"), ("x_train", "y_train"), ("x_test", "y_test")]:
        if x_name in arrays and y_name in arrays:
            parts += _dataset(str(path), arrays[x_name], arrays[y_name], f"array {x_name}", f"array {y_name}")
        elif (x_name in arrays) != (y_name in arrays):
            lacking = y_name if x_name in arrays else x_name
            raise DataError(f"{path}: has no array {lacking}, only {', '.join(arrays)}")
    trained_on = {"x", "x_train"} & arrays.keys()
    if len(trained_on) != 1:
        found = ", ".join(arrays) or "no arrays"
        raise DataError(f"{path}: must hold x and y, or x_train and y_train, and holds {found}")
    return _whole(path, parts)


def _whole(path: Path, parts: list[Any]) -> Samples:
    """Rows and labels, and those of a test part if there is one, which must be like the others."""
    if len(parts) == 4:
        if parts[0].shape[1] != parts[2].shape[1]:
            widths = f"{parts[0].shape[1]:,} and {parts[2].shape[1]:,}"
            raise DataError(f"{path}: the rows to train on and to test on have {widths} numbers")
        parts[2] = in_one_form(parts[2], parts[0].dtype == np.uint8, f"{path}: the test part")
    return Samples(*parts)


def _read_npz(path: Path) -> dict[str, Array]:
    """The arrays of a file; none that would need pickle, and none that claims to be larger than it is."""
    import zipfile

    name = "archive"
    try:
        with zipfile.ZipFile(path) as archive:
            arrays: dict[str, Array] = {}
            entries = archive.infolist()
            if entries and not any(entry.filename.endswith(".npy") for entry in entries):
                raise DataError(
                    f"{path}: is a zip archive without arrays. Give the file in it, plain or gzip."
                )
            for entry in entries:
                name = entry.filename.removesuffix(".npy")
                with archive.open(entry) as file:
                    arrays[name] = _read_npy(file, entry.file_size)
            return arrays
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:  # a damaged archive raises whatever its damage leads to
        raise DataError(f"{path}: {name} cannot be read: {error}. Save it again with np.savez.") from error


def _read_npy(file: IO[bytes], size: int) -> Array:
    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read_header:
        raise ValueError(f"version {version} of the format is not known")
    shape, fortran, dtype = read_header[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which only pickle could read")
    if math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ValueError(f"it says that it has shape {shape} of {dtype}, which is not its size")
    flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)


# ------------------------------------------------------------------------------------------------ IDX

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def _read_idx(path: Path) -> Array:
    """An array of an IDX file: two zero bytes, its type, its number of axes, their lengths, its elements."""
    start = _content(path, 4)[:4]
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or start[3] == 0:
        raise DataError(
            f"{path}: begins with {start.hex(' ') or 'nothing'}, which no IDX file does, at byte 0. "
            "Give the file as it was published."
        )
    dtype, data_at = np.dtype(_IDX_TYPES[start[2]]), 4 + 4 * start[3]
    header = _content(path, data_at)[:data_at]
    if len(header) < data_at:
        raise DataError(
            f"{path}: its header has {data_at} bytes, and there are {len(header)}. Fetch it again."
        )
    shape = tuple(np.frombuffer(header, ">u4", offset=4).tolist())
    size = data_at + math.prod(shape) * dtype.itemsize
    content = _content(path, size)  # no more is read than there is, whatever the header says
    if len(content) != size:
        longer = "more" if len(content) > size else f"{len(content):,}"
        raise DataError(
            f"{path}: its header promises {size:,} bytes for shape {shape}, and there are {longer}. "
            "Fetch it again."
        )
    array = np.frombuffer(content, dtype, offset=data_at).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _load_folder(folder: Path) -> Samples:
    parts: list[Any] = []
    for part in ("train", "t10k"):
        for images in _spellings(f"{part}-images", 3):
            if (folder / images).exists():
                parts += _load_images_and_labels(folder / images)[:2]
                break
        else:
            if part == "train":
                raise DataError(
                    f"{folder}: is a folder, and has no train-images-idx3-ubyte, plain or .gz. "
                    "Give a file; or put MNIST's four files there."
                )
    return _whole(folder, parts)


def _spellings(name: str, axes: int) -> Iterable[str]:
    """The names under which the files are published."""
    return [f"{name}{dot}idx{axes}-ubyte{gz}" for gz in ("", ".gz") for dot in "-."]


def _load_images_and_labels(images: Path) -> Samples:
    stem = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    candidates = [images.with_name(stem), images.with_name(stem + ".gz")]
    labels = next((path for path in candidates if path.exists() and path != images), None)
    if labels is None:
        raise DataError(f"{images}: there is no {stem} beside it, plain or .gz, with the labels")
    x, y = _dataset(str(images.parent), _read_idx(images), _read_idx(labels), images.name, labels.name)
    return Samples(x, y)


# --------------------------------------------------------------------------------------------- tables


def _column(label: str | int) -> str:
    return f"column {label!r}" if isinstance(label, str) else f"column {label + 1}"


def _text(source: Source) -> tuple[bytes, str]:
    """The content of a table, and what errors call it."""
    if not isinstance(source, str | os.PathLike):
        name = "standard input"
        content = b"".join(_unpacked(io.BufferedReader(io.BytesIO(source.read())), name))
    else:
        name = str(source)
        with _reading(Path(source)):
            _check_gzip(Path(source))
            content = _content(Path(source))
    if content.startswith(b"PK\3\4"):
        raise DataError(f"{name}: is a zip archive and no table. Give the table in it, plain or gzip.")
    return content, name


def _check_gzip(path: Path) -> None:
    """Refuse a table that is named .gz and is none: whatever came in its place is no table either."""
    if path.name.lower().endswith(".gz") and not is_stream(path):
        with open(path, "rb") as file:
            first = file.read(2)
        if first != b"\x1f\x8b":
            raise DataError(f"{path}: holds no gzip. Compress it, or take .gz from its name if it is text.")


def _coded(name: str, labels: list[str], known: Schema | None) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Labels as whole numbers, and the classes that these count in; () if the labels are such numbers."""
    classes = known.classes if known is not None else ()
    if not classes and all(is_number(label) for label in set(labels)):
        try:
            return _labels(name, np.array([float(label) for label in labels])), ()
        except DataError as error:
            raise DataError(f"{error} If another column has the labels, name it: --label NAME.") from error
    if known is None:
        classes = tuple(sorted(set(labels)))
        if len(classes) > MOST_CLASSES:
            raise DataError(
                f"{name}: has {len(classes):,} different labels, and at most {MOST_CLASSES:,} are possible. "
                "If another column has the labels, name it: --label NAME."
            )
    codes = {label: code for code, label in enumerate(classes)}
    for row, label in enumerate(labels, start=1):
        if label not in codes if classes else not is_number(label):
            known_as = listed(classes) if classes else "whole numbers from 0"
            raise DataError(
                f"{name}: label {label[:LONGEST]!r} in row {row:,} is none of the model's classes: {known_as}"
            )
    return np.array([codes[label] for label in labels], np.int64), classes


def _pixels(table: Array) -> Array:
    """A table as uint8 if it is one of pixels, else as float32."""
    pixels = table.min() >= 0 and 128 <= table.max() <= 255
    if pixels and table.dtype != np.uint8:
        pixels = bool((table == np.floor(table)).all())
    return np.ascontiguousarray(table, np.uint8 if pixels else np.float32)
