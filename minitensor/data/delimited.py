"""Tables as text: which line holds names, which column the label, and the numbers in the others.

What a column of labels means is decided in files.py; which faults text can have, and where they stand, here.
"""

from __future__ import annotations

import csv
import io
import re
import shlex
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minitensor.errors import DataError
from minitensor.tables import shown

Array = NDArray[Any]
LABELS = ("label", "class", "target", "y")
"""A column so named, in capitals or not, is the label where none is given; without names the first is."""
SHOWN, LONGEST = 20, 40  # names in a message, and letters of a name
_LARGEST = 2.0**128 - 2.0**103  # from here on, float32 rounds to infinity


class Schema(NamedTuple):
    """What the columns of a table are.

    Attributes:
        features: How many there are, besides the label's.
        columns: Their names, in the order in which x has them; () without a line of names.
        label: The name of the label's column; without a line of names its place, from 0.
        classes: The labels that are text, sorted: y counts in them. () where labels are whole numbers.
    """

    features: int
    columns: tuple[str, ...] = ()
    label: str | int = 0
    classes: tuple[str, ...] = ()


class Content(NamedTuple):
    """What was read: numbers of shape (n, features), uint8 or float32; the label of each row; the schema."""

    numbers: Array
    labels: list[str]
    schema: Schema


def read(content: bytes, name: str, label: str | None, known: Schema | None, labelled: bool) -> Content:
    """Read a table of numbers, and its labels.

    Args:
        content: The text, with commas, semicolons or tabs, and names in its first line or not.
        name: What errors call it.
        label: The name of the label's column; without a line of names its number, from 1, or −1 for the last.
        known: The schema of the table that a model was trained on: columns are taken by its names.
        labelled: Whether there must be labels. If not, a column of labels is passed over.

    Raises:
        DataError: If it is not such a table. The message has the line, the column and the cure.
    """
    sheet = _Sheet(content, name)
    _check_columns(sheet)
    if _has_names(sheet, label, known):
        sheet.names = sheet.first
    _check_names(sheet)
    place: int | None
    if known is None:
        place = _label_place(sheet, label)
        order = [i for i in range(sheet.width) if i != place]
    elif known.columns:
        place, order = _by_name(sheet, label, known, labelled)
    else:
        place, order = _by_number(sheet, label, known, labelled)
    names, hint = sheet.names, known is None or not known.columns  # else the model knows its label
    numbers, labels = _numbers(sheet, place, labelled, hint)
    first_is_used = place is not None and (labelled or place > 0)
    if first_is_used and not names:
        _check_no_index(sheet, numbers[:, 0] if place else labels)
        if known is None:
            _check_no_name(sheet, labels)
    if order != list(range(sheet.width)):
        numbers = numbers[:, order]
    columns = tuple([names[i] for i in order]) if names else ()
    called = 0 if place is None else names[place] if names else place
    return Content(numbers, labels, Schema(len(order), columns, called))


def names_in(content: bytes, name: str) -> list[str]:
    """The names of the columns, in the first line of a table; none if it has none."""
    sheet = _Sheet(content, name)
    return sheet.first if _has_names(sheet, None, None) else []


def is_number(field: str) -> bool:
    """Whether NumPy reads it as a number; Python's 1_000 is none.

    >>> is_number("1e3"), is_number("nan"), is_number("1_000"), is_number("")
    (True, True, False, False)
    """
    try:
        float(field)
    except ValueError:
        return False
    return field.isascii() and "_" not in field


def listed(names: Sequence[str]) -> str:
    """Names in a message: not too many of them, and none too long.

    >>> listed(["a", "b"])
    "'a', 'b'"
    """
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(repr(name[:LONGEST]) for name in names[:SHOWN]) + more


class _Sheet:
    """The text of a table, and its first row."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name = name
        if not content or content.isspace():
            raise DataError(f"{name}: is empty. It needs a line of numbers for each row.")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            cure = "Save it as UTF-8."
            raise DataError(f"{name}: is no text: byte {error.start:,} is not UTF-8. {cure}") from error
        if "\0" in text:
            byte = content.index(b"\0")
            raise DataError(f"{name}: is no text: byte {byte:,} is zero. Give rows of numbers, as UTF-8.")
        self.stream = io.StringIO(text, newline="")  # one, as each would be another copy
        self.delimiter = self._delimiter()
        self.line, self.first = next(self.rows(), (1, [""]))
        self.width = len(self.first)
        self.names: list[str] = []  # what the first row turns out to be, or not

    def _delimiter(self) -> str:
        """What divides the first rows into equally many fields, and among them the most numbers.

        The comma comes last, since numbers of many countries have one.
        """
        most, best = -1, ""
        for self.delimiter in "\t;,":
            try:
                rows = [fields for _, fields in islice(self.rows(), 5)]
            except DataError:
                continue
            numbers = sum(is_number(field) for fields in rows for field in fields)
            if len({len(fields) for fields in rows}) == 1 and len(rows[0]) > 1 and numbers > most:
                most, best = numbers, self.delimiter
        self.stream.seek(0)
        first = next((line for line in self.stream if line.strip()), "")
        return best or next((mark for mark in ",;\t" if mark in first), ",")

    def rows(self, empty: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not blank: the line it begins in, and its fields, without spaces around them.

        A line that is one empty field is blank, unless `empty` says that it is a row.
        """
        reader = self._reader()
        line = 1
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise DataError(
                    f"{self.name}: line {line:,} has a field that does not end. Is a quote not closed?"
                ) from error
            if fields is None:
                return
            if _is_row(fields, empty):
                yield line, [field.strip() for field in fields]
            line = reader.line_num + 1

    def numbers(self) -> io.StringIO:
        """The stream, where the numbers begin."""
        reader = self._reader()
        if self.names:
            next(fields for fields in reader if _is_row(fields))
        return self.stream

    def _reader(self) -> Any:
        self.stream.seek(0)
        return csv.reader(self.stream, delimiter=self.delimiter, skipinitialspace=True)

    def where(self, line: int, column: int) -> str:
        """The place of a field."""
        called = f" ({self.names[column]!r})" if self.names else ""
        return f"{self.name}: line {line:,}, column {column + 1:,}{called}"


def _is_row(fields: list[str], empty: bool = False) -> bool:
    return len(fields) > 1 or (len(fields) == 1 and (empty or bool(fields[0].strip())))


def _check_columns(sheet: _Sheet) -> None:
    """Refuse a line of comment for a first row, and columns with anything but , ; or a tab between them."""
    rows = [fields for _, fields in islice(sheet.rows(), 5)]
    alone = all(len(fields) == 1 for fields in rows)
    if sheet.first[0].startswith("#") and (alone or {len(fields) for fields in rows[1:]} - {sheet.width}):
        comment = shown(sheet.first[0][:LONGEST])
        raise DataError(f"{sheet.name}: line {sheet.line:,} is a comment: {comment}. Leave it out.")
    for mark, called in ((None, "spaces"), ("|", "'|'"), (":", "':'")):
        parts = [fields[0].split(mark) for fields in rows] if alone else [[]]
        numbers = any(is_number(part.strip()) for fields in parts for part in fields)
        if numbers and len(parts[0]) > 1 and len({len(fields) for fields in parts}) == 1:
            raise DataError(
                f"{sheet.name}: line {sheet.line:,} has {called} between columns. "
                "Put commas, semicolons or tabs there."
            )
    if alone and _goes_on(sheet.first[0]):
        raise DataError(f"{sheet.name}: line {sheet.line:,}{_OPEN}")


_OPEN = " goes on in the next line. Is a quote not closed?"


def _goes_on(field: str) -> bool:
    return "\n" in field or "\r" in field


# ------------------------------------------------------------------------------------ the line of names


def _has_names(sheet: _Sheet, label: str | None, known: Schema | None) -> bool:
    """Whether the first row holds names: it has no number, or a text where a row of numbers can have none."""
    first, numbers = sheet.first, [is_number(field) for field in sheet.first]
    if known is not None and known.columns:
        if any(numbers) and not set(first) & set(known.columns):
            raise DataError(
                f"{sheet.name}: line {sheet.line:,} has no names, and the model knows its columns by name: "
                f"{listed(known.columns)}. Put the names in the first line."
            )
        return True
    if label is not None and not _is_position(label):
        if label not in first:
            raise _lacks(sheet, label)
        return True
    if not any(numbers):
        return True
    place = 0 if label is None else _position(sheet, label)
    beside = [field for i, field in enumerate(first) if i != place]
    if any(field.lower() in LABELS for field in first):
        if not all(is_number(field) for field in beside):
            return True
        return all(fields[place : place + 1] != [first[place]] for _, fields in islice(sheet.rows(), 1, None))
    if not first[0] and _counts(first[1:]):  # pandas's index, and its names for columns without one
        return True
    _check_no_numbered_names(sheet, place, beside)
    return False


def _counts(fields: Sequence[str]) -> bool:
    return len(fields) > 0 and list(fields) == [str(i) for i in range(len(fields))]


def _check_no_numbered_names(sheet: _Sheet, place: int, beside: Sequence[str]) -> None:
    """Refuse 0, 1, 2, … where they may be pandas's names for columns without one, and no row of numbers."""
    below = [fields for _, fields in islice(sheet.rows(), 1, 6)]
    fractions = all("." in field for fields in below for i, field in enumerate(fields) if i != place)
    if _counts(sheet.first):
        refused = sheet.width > 1 and len(below) > 0  # a line alone names nothing
    else:
        refused = _counts(beside) and (
            sheet.width >= 10 or (sheet.width > 2 and len(below) > 0 and fractions)
        )
    if refused:
        raise DataError(
            f"{sheet.name}: line {sheet.line:,} counts 0, 1, 2, …, as pandas names columns that have none. "
            "Name the columns, or save the table with header=False; if the line is data, put names above it."
        )


def _check_names(sheet: _Sheet) -> None:
    places: dict[str, int] = {}
    for i, name in enumerate(sheet.names):
        if not name or re.fullmatch(r"Unnamed: \d+(_level_\d+)?(\.\d+)*", name):  # pandas's for no name
            called = f" but {name!r}" if name else ""
            cure = "Name it, or leave it out."
            if i == 0 or re.match(r"Unnamed: 0\b", name):
                cure = "Name it; or if it is an index that pandas saved, save the table with index=False."
            raise DataError(f"{sheet.name}: column {i + 1:,} has no name{called}. {cure}")
        if (before := places.setdefault(name, i)) < i:
            raise DataError(
                f"{sheet.name}: columns {before + 1:,} and {i + 1:,} are both named {name!r}. Rename one."
            )


def _check_no_name(sheet: _Sheet, labels: list[str]) -> None:
    """Refuse labels of which the first alone is text: it is a name, as are the numbers beside it."""
    if len(labels) > 1 and not is_number(labels[0]) and all(is_number(label) for label in set(labels[1:])):
        raise DataError(
            f"{sheet.name}: line {sheet.line:,} has {labels[0][:LONGEST]!r} for a label, and all below are "
            f"numbers. If it is a name, give --label {shlex.quote(labels[0][:LONGEST])}."
        )


def _check_no_index(sheet: _Sheet, column: Array | list[str]) -> None:
    counts = _counts(column) if isinstance(column, list) else np.array_equal(column, np.arange(len(column)))
    if counts and len(column) > 2:
        raise DataError(
            f"{sheet.name}: column 1 has no name and counts 0, 1, 2, … If it is the index that pandas saved, "
            "save the table with index=False; if it is data, name the columns in the first line."
        )


# ------------------------------------------------------------------------------- which column is which


def _is_position(label: str) -> bool:
    return re.fullmatch(r"-?[0-9]+", label) is not None


def _position(sheet: _Sheet, label: str) -> int:
    """The place, from 0, of a column that is given by its number."""
    number = int(label)
    if number == 0 or abs(number) > sheet.width:
        raise DataError(
            f"{sheet.name}: has no column {number}: its columns are 1 to {sheet.width:,}, and −1 is the last"
        )
    return number - 1 if number > 0 else sheet.width + number


def _named_label(sheet: _Sheet, label: str | None) -> int | None:
    """The place of the label by its name, that which is given or one of LABELS; None if there is none."""
    if label is not None:
        if label not in sheet.names:
            raise _lacks(sheet, label)
        return sheet.names.index(label)
    lowered = [name.lower() for name in sheet.names]
    for name in LABELS:
        if lowered.count(name) > 1:
            raise DataError(f"{sheet.name}: two columns are named {name!r}. Say which it is: --label NAME.")
        if name in lowered:
            return lowered.index(name)
    return None


def _lacks(sheet: _Sheet, label: str) -> DataError:
    known = ", ".join(shown(name[:LONGEST]) for name in sheet.first[:SHOWN])
    if all(is_number(field) for field in sheet.first):
        known = "the file has no header line"
    return DataError(f"{sheet.name}: line {sheet.line:,} names no column {label!r}: {known}")


def _label_place(sheet: _Sheet, label: str | None) -> int:
    """Where the label is in a table to train on: as given, by a name in LABELS; without names the first."""
    if sheet.width < 2:
        raise DataError(
            f"{sheet.name}: has one column. A row needs a label and at least one number, "
            "with commas, semicolons or tabs between them."
        )
    if sheet.names:
        place = _named_label(sheet, label)
        if place is None:
            raise DataError(
                f"{sheet.name}: which column is the label? Say it with --label NAME: {listed(sheet.names)}. "
                f"None of them is named {', '.join(LABELS[:-1])} or {LABELS[-1]}."
            )
        return place
    return 0 if label is None else _position(sheet, label)


def _by_name(sheet: _Sheet, label: str | None, known: Schema, labelled: bool) -> tuple[int | None, list[int]]:
    """Where the label and the columns of a known table are in another, whatever their order there."""
    called = known.label if label is None else label
    places, wanted = {name: i for i, name in enumerate(sheet.names)}, set(known.columns)
    if label in wanted:
        raise DataError(
            f"{sheet.name}: {label!r} is a column that the model takes, and cannot be the label. "
            f"It was trained with the label {known.label!r}."
        )
    if label is not None and label not in places:
        raise DataError(f"{sheet.name}: has no column {label!r} of labels, only {listed(sheet.names)}")
    lacking = [name for name in known.columns if name not in places]
    strange = [name for name in sheet.names if name != called and name not in wanted]
    faults = [f"lacks {listed(lacking)}, which the model takes"] * bool(lacking)
    cure = " Add what is lacking, under the name that it had in training." if lacking else ""
    if strange:
        faults.append(
            f"has {listed(strange)}, which the model does not know. Leave out what it was not trained on"
            + (f" (its label was {known.label!r}; --label names another)" if called not in places else "")
        )
    if faults:
        raise DataError(f"{sheet.name}: {', and '.join(faults)}.{cure}")
    place = places.get(str(called))
    if place is None and labelled:
        raise DataError(
            f"{sheet.name}: has no column {called!r} of labels, only {listed(sheet.names)}. "
            "If it is named otherwise here, give --label NAME."
        )
    return place, [places[name] for name in known.columns]


def _by_number(
    sheet: _Sheet, label: str | None, known: Schema, labelled: bool
) -> tuple[int | None, list[int]]:
    """The same for a model that knows no names: as many columns, and perhaps the label's."""
    alone = sheet.width == known.features and not labelled and label is None
    if not alone and sheet.width != known.features + 1:
        beside = " besides the label" if labelled or label is not None else ""
        raise DataError(
            f"{sheet.name}: has {sheet.width:,} numbers a row, and {known.features:,} are needed{beside}"
        )
    if alone:
        place = None
    elif sheet.names:
        place = _named_label(sheet, label)
        if place is None:
            raise DataError(
                f"{sheet.name}: which column is the label? Say it with --label NAME: {listed(sheet.names)}. "
                "The model knows no names of columns."
            )
    else:
        place = int(known.label) if label is None else _position(sheet, label)
    return place, [i for i in range(sheet.width) if i != place]


# ------------------------------------------------------------------------------------------- the numbers


def _numbers(sheet: _Sheet, place: int | None, labelled: bool, hint: bool) -> tuple[Array, list[str]]:
    """All columns as uint8 or float32, with 0 where the label is, and the labels."""
    if next(islice(sheet.rows(), 1 if sheet.names else 0, None), None) is None:
        swallowed = " Is a quote not closed?" if any(map(_goes_on, sheet.names)) else ""
        cure = "Put the rows below it."
        raise DataError(f"{sheet.name}: has a header line and no rows.{swallowed or f' {cure}'}")
    for dtype in (np.uint8, np.float32):  # pixels take a third of the time
        labels: list[str] = []

        def keep(field: str, labels: list[str] = labels) -> int:
            labels.append(field.strip())
            return 0

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # NumPy 2.0 warns where it reads 1.5 as the integer 1
                numbers = np.loadtxt(
                    *(sheet.numbers(), dtype),
                    delimiter=sheet.delimiter,
                    comments=None,
                    quotechar='"',
                    ndmin=2,
                    converters=None if place is None else {place: keep},
                )
        except (ValueError, OverflowError, Warning):
            continue
        clear = all(_is_clear(label, labelled) for label in set(labels))
        if numbers.shape[1] == sheet.width and np.isfinite(numbers).all() and clear:
            return numbers, labels
    return _one_by_one(sheet, place, labelled, hint)


def _is_clear(label: str, needed: bool) -> bool:
    """Whether NumPy certainly took it right: no quote can have swallowed a part of the table."""
    return '"' not in label and label.isprintable() and not (needed and _label_fault(label, needed))


def _one_by_one(sheet: _Sheet, place: int | None, labelled: bool, hint: bool) -> tuple[Array, list[str]]:
    """What NumPy could not read, field by field: where there is a fault, its place is said."""
    numbers: list[list[float]] = []
    labels: list[str] = []
    for line, fields in sheet.rows(empty=sheet.width == 1):
        if sheet.names and line <= sheet.line:
            continue
        open_at = next((i for i, field in enumerate(fields) if _goes_on(field)), sheet.width)
        if open_at < sheet.width:
            label = ": the label" if open_at == place else ""
            raise DataError(f"{sheet.where(line, open_at)}{label}{_OPEN}")
        if len(fields) != sheet.width:
            found = f"line {line:,} has {len(fields):,}"
            fault = f"{found} numbers, and those before {sheet.width:,}"
            if sheet.names and not numbers:
                fault = f"line {sheet.line:,} names {sheet.width:,} columns, and {found}"
            cure = "Give every line as many, with a mark between each two and every quote closed."
            raise DataError(f"{sheet.name}: {fault}. {cure}")
        if place is not None:
            labels.append(fields[place])
            fields[place] = "0"
            if wrong := _label_fault(labels[-1], labelled):
                raise DataError(f"{sheet.where(line, place)}{wrong}")
        try:
            numbers.append([_number(field) for field in fields])
        except ValueError:
            column = next(i for i, field in enumerate(fields) if _number_fault(field))
            option = shlex.quote(sheet.names[column] if sheet.names else str(column + 1)) if hint else ""
            fault = _number_fault(fields[column], option)
            raise DataError(f"{sheet.where(line, column)}{fault}") from None
    return np.array(numbers, np.float32), labels


def _number(field: str) -> float:
    """A number that float32 holds; of any other field a ValueError."""
    number = float(field)
    if not abs(number) < _LARGEST or not is_number(field):
        raise ValueError
    return number


def _number_fault(field: str, option: str = "") -> str:
    """What is wrong with a field that must be a number; "" if nothing is. `option` makes it the label."""
    if not field:
        return " is empty. Fill it, or leave the row out."
    if is_number(field):
        if abs(float(field)) < _LARGEST:
            return ""
        fault = "too large for float32" if any(map(str.isdigit, field)) else "not finite"
        return f": {field[:LONGEST]} is {fault}. Remove or replace it."
    cure = "Encode it as numbers, or leave the column out."
    if option:
        cure += f" If it is the label, give --label {option}."
    if is_number(field.replace(",", "")):
        cure = "Write numbers with a decimal point, and nothing between thousands."
    elif all(is_number(part) for part in field.split()):
        cure = "Put commas, semicolons or tabs between columns."
    return f": {field[:LONGEST]!r} is no number. {cure}"


def _label_fault(field: str, needed: bool) -> str:
    """What is wrong with a field in the label's column; "" if nothing is, or it is not needed."""
    if needed and not field:
        return " is empty. Fill it, or leave the row out."
    if needed and field.lower() == "nan":
        return f": {field} is not finite. Remove or replace it."
    return ""
