"""Readers: every format gives back what was written, and everything malformed is one clear error."""

from __future__ import annotations

import gzip
import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minitensor import DataError, cli
from minitensor.data import Samples, load_file, scale_pixels
from minitensor.data.files import in_one_form, load_rows

X = np.arange(6 * 4, dtype=np.uint8).reshape(6, 2, 2) * 10
Y = np.array([0, 1, 2, 0, 1, 2], np.uint8)
TYPES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array: Any) -> bytes:
    array = np.asarray(array)
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, TYPES[array.dtype.str[1:]], array.ndim, *array.shape)
    return header + bytes(array.astype(array.dtype.newbyteorder(">")).tobytes())


def npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def written(folder: Path, files: dict[str, bytes]) -> Path:
    """The files in a folder; its path, or that of the only file in it."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files)) if len(files) == 1 else folder


def check(data: Samples, x: Any = X, y: Any = Y, dtype: Any = np.uint8) -> None:
    np.testing.assert_array_equal(data.x, np.asarray(x).reshape(len(x), -1))
    np.testing.assert_array_equal(data.y, y)
    assert data.x.dtype == dtype
    assert data.y.dtype == np.int64


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("dtype", TYPES)
def test_idx(squeeze: Callable[[bytes], bytes], dot: str, dtype: str, tmp_path: Path) -> None:
    end = ".gz" if squeeze is gzip.compress else ""
    x = (X / 2).astype(dtype)
    files = {
        f"train-images{dot}idx3-ubyte{end}": squeeze(idx(x)),
        f"train-labels{dot}idx1-ubyte{end}": squeeze(idx(Y)),
    }
    expected = np.uint8 if dtype == "u1" else np.float32
    data = load_file(written(tmp_path, files))
    check(data, x, dtype=expected)
    assert data.x_test is data.y_test is None
    check(load_file(tmp_path / next(iter(files))), x, dtype=expected)
    files = {name.replace("train", "t10k"): content for name, content in files.items()}
    whole = load_file(written(tmp_path, files))
    assert whole.x_test is not None
    assert whole.y_test is not None
    check(Samples(whole.x_test, whole.y_test), x, dtype=expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "a.npz", x=X, y=Y)
    check(load_file(tmp_path / "a.npz"))
    save(tmp_path / "a.npz", x_train=X, y_train=Y[:, None], x_test=X[:2] / 255, y_test=Y[:2].astype(float))
    data = load_file(tmp_path / "a.npz")
    check(data)
    assert data.x_test is not None
    assert data.y_test is not None
    check(Samples(data.x_test, data.y_test), (X[:2] / 255).astype(np.float32), Y[:2], np.float32)
    save(tmp_path / "a.npz", x=np.asfortranarray(X.reshape(6, 4).astype(np.int64)), y=Y.astype(np.int32))
    check(load_file(tmp_path / "a.npz"))  # whole numbers up to 230 are pixels
    save(tmp_path / "a.npz", x=X.astype(np.int64) // 10, y=Y)
    check(load_file(tmp_path / "a.npz"), X // 10, dtype=np.float32)  # and up to 23 they are not


CSV = "\n".join(f"{label}," + ",".join(map(str, row.reshape(-1))) for label, row in zip(Y, X, strict=True))


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (CSV, None),
        (CSV + "\n", None),
        (CSV.replace("\n", "\r\n"), None),
        ("\ufeff" + CSV, None),
        (CSV.replace(",", ";"), None),
        (CSV.replace(",", "\t"), None),
        (CSV.replace("\n", "\n\n"), None),
        (CSV.replace(",", " , "), None),
        ("digit,a,b,c,d\n" + CSV, "digit"),
        ('"y","a","b","c","d"\n' + CSV, None),
        (
            "a,b,c,d,Label\n"
            + "\n".join(",".join(line.split(",")[1:] + line.split(",")[:1]) for line in CSV.split()),
            None,
        ),
    ],
)
@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
def test_csv(text: str, label: str | None, squeeze: Callable[[bytes], bytes], tmp_path: Path) -> None:
    name = "a.csv.gz" if squeeze is gzip.compress else "a.csv"
    check(load_file(written(tmp_path, {name: squeeze(text.encode())}), label))


def test_numbers_of_a_csv_that_are_no_pixels_stay_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.csv": b"0,0.5,-1e3\n1,200,3\n"})
    check(load_file(path), [[0.5, -1000], [200, 3]], [0, 1], np.float32)
    path = written(tmp_path, {"a.csv": b"300,200.0,7\n1,0,1\n"})
    check(load_file(path), [[200, 7], [0, 1]], [300, 1])
    path = written(tmp_path, {"a.csv": b"0,1,0\n1,0,1\n"})
    check(load_file(path), [[1, 0], [0, 1]], [0, 1], np.float32)


def test_rows_without_labels(tmp_path: Path) -> None:
    flat = X.reshape(6, 4)
    rows = "\n".join(",".join(map(str, row)) for row in flat)
    for source in (
        written(tmp_path, {"a.npz": npz(x=X)}),
        written(tmp_path, {"b.npz": npz(x_test=X)}),
        written(tmp_path, {"c.csv": rows.encode()}),
        written(tmp_path, {"d.csv": CSV.encode()}),
        written(tmp_path, {"images": idx(X)}),
        io.BytesIO(rows.encode()),
    ):
        np.testing.assert_array_equal(load_rows(source, 4), flat)
    with pytest.raises(DataError, match="standard input: has 4 numbers a row, and 5 are needed"):
        load_rows(io.BytesIO(rows.encode()), 5)
    with pytest.raises(DataError, match="has no array x, only y"):
        load_rows(written(tmp_path, {"e.npz": npz(y=Y)}), 4)


def test_few_rows_take_the_form_of_those_trained_on(tmp_path: Path) -> None:
    dark = np.array([[0, 100], [3, 7]])  # too dark to be taken for pixels by itself
    bright = np.array([[0, 255], [3, 7]])
    data = load_file(
        written(tmp_path, {"a.npz": npz(x_train=bright, y_train=[0, 1], x_test=dark, y_test=[0, 1])})
    )
    assert data.x_test is not None
    assert data.x_test.dtype == np.uint8
    data = load_file(
        written(tmp_path, {"a.npz": npz(x_train=dark, y_train=[0, 1], x_test=bright, y_test=[0, 1])})
    )
    assert data.x_test is not None
    assert data.x_test.dtype == np.float32
    assert in_one_form(np.array([[0.0, 0.5]], np.float32), True, "x").dtype == np.float32  # scaled already
    for strange in ([[0.0, 256.0]], [[-1.0, 3.0]], [[0.5, 3.0]]):
        with pytest.raises(DataError, match="where the rows trained on are pixels"):
            in_one_form(np.array(strange, np.float32), True, "x")


def test_numbers_beyond_float32_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.npz": npz(x=[[1.0, 1e39]], y=[0])})
    with pytest.raises(DataError, match=r"has 1e\+39, beyond float32, in row 1, column 2"):
        load_file(path)


def test_pixels_are_scaled_in_float32_and_numbers_are_not() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    scaled = scale_pixels(pixels)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, pixels / 255, rtol=2e-7)
    assert (scaled[0], scaled[255]) == (0, 1)
    for x in (np.ones(3), np.ones(3, np.float32)):
        assert scale_pixels(x) is x


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def folder_of(images: bytes = idx(X), labels: bytes = idx(Y), **others: bytes) -> dict[str, bytes]:
    return {IMAGES: images, LABELS: labels, **others}


Files = dict[str, bytes]
MALFORMED: dict[str, tuple[Files, str]] = {
    # IDX
    "idx empty images": (folder_of(images=b""), f"{IMAGES}: begins with nothing.* at byte 0"),
    "idx magic of text": (folder_of(images=b"P5 28 28"), f"{IMAGES}: begins with 50 35 20 32"),
    "idx unknown type": (folder_of(images=b"\0\0\x07" + idx(X)[3:]), "begins with 00 00 07 03"),
    "idx no axes": (folder_of(images=b"\0\0\x08\0" + idx(X)[4:]), "begins with 00 00 08 00"),
    "idx header cut": (folder_of(images=idx(X)[:9]), f"{IMAGES}: its header has 16 bytes, and there are 9"),
    "idx only magic": (folder_of(images=idx(X)[:4]), "its header has 16 bytes, and there are 4"),
    "idx truncated": (
        folder_of(images=idx(X)[:-1]),
        r"promises 40 bytes for shape \(6, 2, 2\).* there are 39",
    ),
    "idx trailing": (folder_of(images=idx(X) + b"\0"), "there are more"),
    "idx lying huge": (folder_of(images=idx(X)[:4] + b"\xff" * 12), "promises 79,228,"),
    "idx zero images": (
        folder_of(images=idx(X[:0]), labels=idx(Y[:0])),
        r"is empty: it has shape \(0, 2, 2\)",
    ),
    "idx zero pixels": (folder_of(images=idx(X[:, :0])), "is empty"),
    "idx more labels": (folder_of(labels=idx(np.tile(Y, 2))), "6 rows in .* and 12 labels in"),
    "idx fewer labels": (folder_of(labels=idx(Y[:5])), "6 rows in .* and 5 labels in"),
    "idx labels cut": (folder_of(labels=idx(Y)[:-2]), f"{LABELS}: its header promises 14 bytes"),
    "idx labels of images": (folder_of(labels=idx(X)), r"has shape \(6, 2, 2\), and there must be one label"),
    "idx negative labels": (folder_of(labels=idx(Y.astype("i1") - 1)), "label -1 in row 1"),
    "idx huge labels": (folder_of(labels=idx(Y.astype("i4") + 10_000)), "label 10000 in row 1"),
    "idx broken labels": (folder_of(labels=idx(Y + np.float32(0.5))), "label 0.5 in row 1"),
    "idx nan": (folder_of(images=idx(np.where(X == 50, np.nan, X))), "has nan in row 2, column 2"),
    "idx inf": (folder_of(images=idx(np.where(X == 50, np.inf, X))), "has inf in row 2, column 2"),
    "idx no labels": ({IMAGES: idx(X)}, f"there is no {LABELS} beside it"),
    "idx wrong name": ({"pictures": idx(X)}, "there is no pictures beside it"),
    "idx gzip cut": (
        folder_of(images=gzip.compress(idx(X))[:-9]),
        f"{IMAGES}: the compressed data are damaged",
    ),
    "idx gzip junk": (
        folder_of(images=b"\x1f\x8b" + b"\0" * 30),
        "compressed data are damaged after 0 bytes",
    ),
    "idx gzip flipped": (
        folder_of(images=gzip.compress(idx(X))[:-8] + b"\0" * 8),
        "the compressed data are damaged",
    ),
    "idx test of another width": (
        folder_of(**{"t10k-images-idx3-ubyte": idx(X[:, :1]), "t10k-labels-idx1-ubyte": idx(Y)}),
        "have 4 and 2 numbers",
    ),
    "idx test labels missing": (folder_of(**{"t10k-images-idx3-ubyte": idx(X)}), "t10k-labels-idx1-ubyte"),
    "folder of others": ({"a": b"", "b": b""}, "has no train-images-idx3-ubyte"),
    "folder of tests alone": (
        {"t10k-images-idx3-ubyte": idx(X), "t10k-labels-idx1-ubyte": idx(Y)},
        "has no train-images",
    ),
    # npz
    "npz empty archive": (
        {"a.npz": archive()},
        "must hold x and y, or x_train and y_train, and holds no arrays",
    ),
    "npz no y": ({"a.npz": npz(x=X)}, "has no array y, only x"),
    "npz no x": ({"a.npz": npz(y=Y)}, "has no array x, only y"),
    "npz other names": ({"a.npz": npz(images=X, labels=Y)}, "and holds images, labels"),
    "npz two trainings": ({"a.npz": npz(x=X, y=Y, x_train=X, y_train=Y)}, "must hold x and y, or x_train"),
    "npz test alone": ({"a.npz": npz(x_test=X, y_test=Y)}, "must hold x and y, or x_train"),
    "npz half a test": ({"a.npz": npz(x=X, y=Y, x_test=X)}, "has no array y_test"),
    "npz cut": ({"a.npz": npz(x=X, y=Y)[:200]}, "archive cannot be read: File is not a zip file"),
    "npz start alone": ({"a.npz": b"PK"}, "archive cannot be read"),
    "npz flipped": (
        {"a.npz": npz(x=X, y=Y).replace(bytes([10, 20, 30]), bytes([10, 20, 31]))},
        "x cannot be read",
    ),
    "npz objects": ({"a.npz": npz(x=X, y=np.array([{}] * 6))}, "y cannot be read: it holds Python objects"),
    "npz text": ({"a.npz": npz(x=np.array(["a"] * 6), y=Y)}, "array x holds <U1, and must hold numbers"),
    "npz complex": ({"a.npz": npz(x=X + 1j, y=Y)}, "array x holds complex128"),
    "npz dates": ({"a.npz": npz(x=X, y=Y.astype("M8[s]"))}, "array y holds datetime64"),
    "npz text labels": (
        {"a.npz": npz(x=X, y=np.array(list("abcdef")))},
        "array y holds <U1, and labels must be",
    ),
    "npz single number": (
        {"a.npz": npz(x=np.array(1.0), y=np.array(1))},
        r"array x is empty: it has shape \(\)",
    ),
    "npz no rows": ({"a.npz": npz(x=X[:0], y=Y[:0])}, "array x is empty"),
    "npz more rows": ({"a.npz": npz(x=X, y=Y[:4])}, "6 rows in array x and 4 labels in array y"),
    "npz more labels": ({"a.npz": npz(x=X[:4], y=Y)}, "4 rows in array x and 6 labels in array y"),
    "npz one-hot": ({"a.npz": npz(x=X, y=np.eye(3)[Y])}, r"array y has shape \(6, 3\).* y.argmax\(axis=1\)"),
    "npz nan": ({"a.npz": npz(x=np.where(X == 70, np.nan, X), y=Y)}, "array x has nan in row 2, column 4"),
    "npz nan label": ({"a.npz": npz(x=X, y=np.where(Y == 2, np.nan, Y))}, "array y: label nan in row 3"),
    "npz negative label": ({"a.npz": npz(x=X, y=Y.astype(int) - 2)}, "array y: label -2 in row 1"),
    "npz lying shape": (
        {"a.npz": archive(x=npy(X).replace(b"(6, 2, 2)", b"(9, 2, 2)"), y=npy(Y))},
        r"x cannot be read: it says that it has shape \(9, 2, 2\)",
    ),
    "npz huge shape": (
        {"a.npz": archive(x=npy(X).replace(b"(6, 2, 2), }", b"(6e9, 2,), }"), y=npy(Y))},
        "x cannot be read",
    ),
    "npz no npy": ({"a.npz": archive(x=b"hello", y=npy(Y))}, "x cannot be read"),
    "npz test of another width": (
        {"a.npz": npz(x_train=X, y_train=Y, x_test=X[:, :1], y_test=Y)},
        "have 4 and 2 numbers",
    ),
    # csv
    "csv empty": ({"a.csv": b""}, "is empty"),
    "csv blank": ({"a.csv": b"\n  \n"}, "is empty"),
    "csv header alone": ({"a.csv": b"label,a,b\n"}, "has a header line and no rows"),
    "csv short line": ({"a.csv": b"1,3,2\n1,2\n"}, "line 2 has 2 numbers, and those before 3"),
    "csv long line": ({"a.csv": b"label,a\n0,1\n1,2\n1,2,3\n"}, "line 4 has 3 numbers, and those before 2"),
    "csv other header": ({"a.csv": b"label,a,b\n0,1\n1,2\n"}, "line 1 names 3 columns, and line 2 has 2"),
    "csv word": ({"a.csv": b"1,3,2\n1,two,3\n"}, "line 2, column 2: 'two' is no number"),
    "csv word below a name": (
        {"a.csv": b"label,a\n0,1\n1,cat\n"},
        r"line 3, column 2 \('a'\): 'cat' is no number",
    ),
    "csv gap for a label": ({"a.csv": b"a,label\n0,cat\n1,\n"}, r"line 3, column 2 \('label'\) is empty"),
    "csv nan for a label": ({"a.csv": b"a,label\n0,cat\n1,NaN\n"}, "line 3, column 2 .* not finite"),
    "csv gap": ({"a.csv": b"1,3,2\n1,,3\n"}, "line 2, column 2 is empty"),
    "csv nan": ({"a.csv": b"1,3,2\n1,nan,3\n"}, "line 2, column 2: nan is not finite"),
    "csv inf": ({"a.csv": b"1,3,2\n\n1,3,-inf\n"}, "line 3, column 3: -inf is not finite"),
    "csv overflow": ({"a.csv": b"1,3,2\n1,1e999,3\n"}, "line 2, column 2: 1e999 is too large for float32"),
    "csv negative label": ({"a.csv": b"3,1\n-1,2\n"}, "column 1: label -1.0 in row 2"),
    "csv broken label": ({"a.csv": b"0.5,1\n1,2\n"}, "column 1: label 0.5 in row 1"),
    "csv huge label": ({"a.csv": b"3,1\n99999,2\n"}, "label 99999 in row 2 is too large"),
    "csv one column": ({"a.csv": b"0\n1\n"}, "has one column"),
    "csv binary": ({"a.csv": b"\xff\xfe\x00\x01" * 9}, "is no text: byte 0 is not UTF-8"),
    "csv zeros": ({"a.csv": b"\0" * 40}, "no number|no text|has one column|has a header line"),
    "csv of zip": ({"a.csv": npz(x=X)}, "has no array y"),
    "csv gzip cut": ({"a.csv.gz": gzip.compress(CSV.encode())[:-9]}, "the compressed data are damaged"),
    "csv quotes": ({"a.csv": b'1,3,2\n1,"2,3\n'}, "line 2"),
    # neither
    "unknown": ({"a.png": b"\x89PNG\r\n"}, "begins with 89 50 4e 47, which is neither .npz nor IDX"),
    "empty unknown": ({"a.dat": b""}, "begins with nothing"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_one_clear_error(name: str, tmp_path: Path) -> None:
    files, message = MALFORMED[name]
    path = written(tmp_path, files)
    with pytest.raises(DataError, match=message) as error:
        load_file(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", MALFORMED)
def test_on_the_command_line_it_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, MALFORMED[name][0])
    assert cli.main(["train", "--data", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"minitensor: {path}")
    assert captured.err.count("\n") == 1


def test_there_are_more_than_sixty_of_them() -> None:
    assert len(MALFORMED) > 60


def test_what_is_not_there_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.npz: there is no such file or folder"):
        load_file(tmp_path / "nothing.npz")
    with pytest.raises(DataError, match="line 1 names no column 'colour': label, a"):
        load_file(written(tmp_path, {"a.csv": b"label,a\n0,1\n"}), "colour")
    with pytest.raises(DataError, match="names no column 'a': the file has no header line"):
        load_file(written(tmp_path, {"a.csv": b"3,1\n"}), "a")


VALID: dict[str, Files] = {
    "idx": {"images": idx(X), "labels": idx(Y)},
    "idx.gz": {"images.gz": gzip.compress(idx(X), mtime=0), "labels.gz": gzip.compress(idx(Y), mtime=0)},
    "npz": {"a.npz": npz(x=X, y=Y)},
    "csv": {"a.csv": CSV.encode()},
    "csv.gz": {"a.csv.gz": gzip.compress(CSV.encode(), mtime=0)},
}


@pytest.mark.parametrize("kind", VALID)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_no_damage_raises_anything_else(kind: str, draw: Any, tmp_path: Path) -> None:
    files = dict(VALID[kind])
    name = draw.draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    for _ in range(draw.draw(st.integers(0, 3))):
        content[draw.draw(st.integers(0, len(content) - 1))] = draw.draw(st.integers(0, 255))
    files[name] = bytes(content[: draw.draw(st.integers(0, len(content)))])
    written(tmp_path, files)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = load_file(tmp_path / next(iter(files)))
        except DataError:
            return
    assert len(data.x) == len(data.y) > 0


def test_an_archive_that_claims_gigabytes_is_refused_before_they_are_taken(tmp_path: Path) -> None:
    header = npy(X).replace(b"(6, 2, 2), }" + b" " * 8, b"(60000000, 99), }   ")
    assert header != npy(X)
    with pytest.raises(DataError, match="which is not its size"):
        load_file(written(tmp_path, {"a.npz": archive(x=header, y=npy(Y))}))
