"""MNIST through scikit-learn's fetch_openml, without a network: from a cache folder of its, written here."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minitensor import DataError
from minitensor.data import load_fashion_mnist, load_file, load_mnist, mnist

ROWS, TRAINED_ON = 30, 20
PIXELS = np.random.default_rng(0).integers(0, 256, (ROWS, 784))
DIGITS = np.arange(ROWS) % 10


def cached(folder: Path, name: str, pixels: Any = PIXELS, digits: Any = DIGITS) -> None:
    """Write what scikit-learn would have kept of openml.org's answers."""
    features = [f"pixel{i}" for i in range(pixels.shape[1])]
    values = ",".join(map(str, range(10)))
    arff = "\n".join(
        [
            f"@RELATION {name}",
            *[f"@ATTRIBUTE {feature} REAL" for feature in features],
            f"@ATTRIBUTE class {{{values}}}",
            "@DATA",
            *[",".join(map(str, [*row, digit])) for row, digit in zip(pixels, digits, strict=True)],
        ]
    ).encode()
    kinds = [("numeric", "false")] * len(features) + [("nominal", "true")]
    described = [
        {
            "index": str(i),
            "name": feature,
            "data_type": kind,
            "is_target": target,
            "is_ignore": "false",
            "is_row_identifier": "false",
            "number_of_missing_values": "0",
        }
        for i, (feature, (kind, target)) in enumerate(zip([*features, "class"], kinds, strict=True))
    ]
    described[-1]["nominal_value"] = values.split(",")  # type: ignore[assignment]
    answers: dict[str, Any] = {
        f"api/v1/json/data/list/data_name/{name.lower()}/limit/2/data_version/1": {
            "data": {"dataset": [{"did": 1, "name": name, "version": 1, "status": "active"}]}
        },
        "api/v1/json/data/1": {
            "data_set_description": {
                "id": "1",
                "name": name,
                "version": "1",
                "description": "",
                "format": "ARFF",
                "status": "active",
                "url": "https://www.openml.org/data/v1/download/1",
                "md5_checksum": hashlib.md5(arff).hexdigest(),
            }
        },
        "api/v1/json/data/features/1": {"data_features": {"feature": described}},
        "api/v1/json/data/qualities/1": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": str(len(pixels))}]}
        },
        "data/v1/download/1": arff,
    }
    for path, answer in answers.items():
        file = folder / "openml" / "openml.org" / f"{path}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(answer if isinstance(answer, bytes) else json.dumps(answer).encode()))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """scikit-learn's cache folder and minitensor's; the network is out of reach, the data are small."""

    def unreachable(*args: Any, **kwargs: Any) -> Any:
        raise urllib.error.URLError("[Errno -2] Name or service not known")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", unreachable)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "theirs"))
    monkeypatch.setenv("MINITENSOR_CACHE", str(tmp_path / "ours"))
    monkeypatch.setattr(mnist, "ROWS", ROWS)
    monkeypatch.setattr(mnist, "TRAINED_ON", TRAINED_ON)
    return tmp_path / "theirs", tmp_path / "ours"


@pytest.mark.parametrize(("load", "name"), [(load_mnist, "mnist_784"), (load_fashion_mnist, "Fashion-MNIST")])
def test_what_is_fetched_is_kept_as_bytes(load: Any, name: str, folders: tuple[Path, Path]) -> None:
    theirs, ours = folders
    cached(theirs, name)
    for _ in range(2):  # fetched, and from our own cache
        x, y, x_test, y_test = load()
        np.testing.assert_array_equal(np.concatenate([x, x_test]), PIXELS)
        np.testing.assert_array_equal(np.concatenate([y, y_test]), DIGITS)
        assert (len(x), len(x_test)) == (TRAINED_ON, ROWS - TRAINED_ON)
        assert x.dtype == np.uint8
        for file in theirs.rglob("*.gz"):
            file.unlink()
    (path,) = ours.glob("*.npz")
    assert path.stat().st_size < 1.1 * PIXELS.size + 3000
    np.testing.assert_array_equal(load_file(path).x, x)


def test_a_damaged_cache_is_fetched_again_or_refused(folders: tuple[Path, Path]) -> None:
    theirs, ours = folders
    cached(theirs, "mnist_784")
    load_mnist()
    path = ours / "mnist.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200] + bytes(200))
    assert load_mnist().x.shape == (TRAINED_ON, 784)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:100])
    for file in theirs.rglob("*.gz"):
        file.unlink()
    with pytest.raises(DataError, match="cannot be fetched"):
        load_mnist()


def test_without_a_network_one_error_within_seconds_says_what_to_do(folders: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match=r"mnist_784 cannot be fetched: .*Name or service not known") as error:
        load_mnist()
    assert "load_file" in str(error.value)
    assert "--data FOLDER" in str(error.value)
    assert not list(folders[1].glob("*"))


def test_a_network_that_does_not_answer_is_given_up(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def hangs(*args: Any, **kwargs: Any) -> Any:
        seen.append(socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", hangs)
    with pytest.raises(DataError, match="timed out"):
        load_mnist()
    assert seen
    assert all(seconds is not None and seconds <= 10 for seconds in seen)
    assert socket.getdefaulttimeout() is None


def test_an_interrupted_write_leaves_nothing(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = folders
    cached(theirs, "mnist_784")

    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load_mnist()
    assert list(ours.glob("*")) == []
    assert load_mnist().x.shape == (TRAINED_ON, 784)


@pytest.mark.parametrize(
    ("pixels", "digits"),
    [
        (PIXELS[:-1], DIGITS[:-1]),
        (PIXELS[:, :-1], DIGITS),
        (PIXELS + 1, DIGITS),
        (PIXELS - 1, DIGITS),
        (PIXELS / 2, DIGITS),
    ],
)
def test_what_is_not_mnist_is_refused_and_not_kept(
    pixels: Any, digits: Any, folders: tuple[Path, Path]
) -> None:
    cached(folders[0], "mnist_784", pixels, digits)
    with pytest.raises(DataError, match="what was fetched is not 30 images of 28×28"):
        load_mnist()
    assert not folders[1].exists()


def test_a_cache_that_cannot_be_written_is_said(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(folders[0], "mnist_784")
    monkeypatch.setenv("MINITENSOR_CACHE", "/dev/null/cache")
    with pytest.raises(DataError, match=r"cannot be written: Not a directory\. Set MINITENSOR_CACHE"):
        load_mnist()


def test_the_cache_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINITENSOR_CACHE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert mnist.cache_folder() == Path("/caches/minitensor")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert mnist.cache_folder() == Path.home() / ".cache" / "minitensor"
    monkeypatch.setattr("sys.platform", "darwin")
    assert mnist.cache_folder() == Path.home() / "Library" / "Caches" / "minitensor"
