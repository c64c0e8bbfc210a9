"""MNIST and Fashion-MNIST: fetched once through scikit-learn, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minitensor.data.files import load_file
from minitensor.data.samples import Samples
from minitensor.errors import DataError
from minitensor.files import write_atomically

ROWS, TRAINED_ON = 70_000, 60_000  # the rest is the test part
_PATIENCE = 10.0  # seconds for an answer


def load_mnist() -> Samples:
    """The 70,000 handwritten digits of 28×28 pixels: 60,000 to train on, 10,000 to test on.

    The first call fetches them from openml.org; later ones read the cache: see cache_folder.

    Returns:
        x and x_test: Pixels, uint8 of shapes (60000, 784) and (10000, 784); see scale_pixels.
        y and y_test: The digits, int64.

    Raises:
        DataError: Without a network, saying which files to give instead.

    Source: LeCun, Bottou, Bengio & Haffner (1998), "Gradient-based learning applied to document recognition".
    """
    return _load("mnist_784", "mnist")


def load_fashion_mnist() -> Samples:
    """70,000 pictures of clothing, in ten classes and in every respect as load_mnist's.

    Source: Xiao, Rasul & Vollgraf (2017), "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine
    Learning Algorithms".
    """
    return _load("Fashion-MNIST", "fashion-mnist")


def cache_folder() -> Path:
    """Where fetched data are kept: $MINITENSOR_CACHE, or minitensor in the user's cache folder."""
    chosen = os.environ.get("MINITENSOR_CACHE")
    if chosen:
        return Path(chosen)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "minitensor"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "minitensor"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "minitensor"


def _load(openml_name: str, name: str) -> Samples:
    path = cache_folder() / f"{name}.npz"
    checksum = path.with_suffix(".sha256")
    if path.exists() and checksum.exists() and checksum.read_text() == _sha256(path):
        return load_file(path)
    return _fetch(openml_name, path, checksum)


def _fetch(openml_name: str, path: Path, checksum: Path) -> Samples:
    import io
    import socket
    import warnings

    from sklearn.datasets import fetch_openml

    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)  # fetch_openml would wait for ever
    try:
        # The pandas parser of scikit-learn 1.9.1 fails on integer classes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of retries, and of an invalid cache where there is none
            x, y = fetch_openml(
                openml_name,
                version=1,
                parser="liac-arff",
                as_frame=False,
                return_X_y=True,
                n_retries=1,
                delay=0.5,
            )
    except Exception as error:  # no network, a proxy's page, a truncated answer: many kinds
        raise DataError(
            f"{openml_name} cannot be fetched: {error}. Without a network, give files that you have: "
            'load_file("folder with MNIST\'s four IDX files") or load_file("mnist.npz"); '
            "on the command line, --data FOLDER or FILE."
        ) from error
    finally:
        socket.setdefaulttimeout(patience)
    pixels, labels = _checked(openml_name, x, y)
    buffer = io.BytesIO()
    parts = {
        "x_train": pixels[:TRAINED_ON],
        "y_train": labels[:TRAINED_ON],
        "x_test": pixels[TRAINED_ON:],
        "y_test": labels[TRAINED_ON:],
    }
    np.savez_compressed(buffer, **parts)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getvalue())
        write_atomically(checksum, _sha256(path).encode())
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}. Set MINITENSOR_CACHE.") from error
    return load_file(path)


def _checked(name: str, x: Any, y: Any) -> tuple[Any, Any]:
    """What came, as bytes, if it is what it should be."""
    pixels, labels = np.asarray(x, float), np.asarray(y).astype(float)
    fits = pixels.shape == (ROWS, 784) and labels.shape == (ROWS,)
    for array, most in ((pixels, 255), (labels, 9)):
        fits = fits and bool(((array >= 0) & (array <= most) & (array == np.floor(array))).all())
    if not fits:
        raise DataError(
            f"{name}: what was fetched is not {ROWS:,} images of 28×28 bytes with digits as labels"
        )
    return pixels.astype(np.uint8), labels.astype(np.uint8)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
