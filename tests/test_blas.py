"""axpy and axpby: NumPy's results, in every order of memory, by BLAS and without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from minitensor.optim import blas

Array = NDArray[Any]
SHAPES = [
    (),
    (0,),
    (3,),
    (4, 5),
    (blas.LARGE,),
    (129, 131),
    (16_411, 1),
    (1, 16_411),
    (40, 30, 20),
    (313, 311),
]
ORDERS: dict[str, Callable[[Array], Array]] = {
    "C": np.copy,
    "F": lambda x: np.copy(x, order="F"),
    "strided": lambda x: np.repeat(x[..., None], 2, axis=-1)[..., 0],
    "reversed": lambda x: np.asarray(np.flip(np.copy(np.flip(x)))),
}


@pytest.fixture(params=["BLAS", "NumPy"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what NumPy has brought, and as if it had brought nothing."""
    if request.param == "NumPy":
        monkeypatch.setattr(blas, "_routine", lambda name, dtype: None)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("of_y", ORDERS)
@pytest.mark.parametrize("of_x", ORDERS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_they_are_numpys(shape: tuple[int, ...], of_x: str, of_y: str, dtype: Any, library: None) -> None:
    rng = np.random.default_rng(0)
    x, y = (
        ORDERS[of_x](rng.normal(size=shape).astype(dtype)),
        ORDERS[of_y](rng.normal(size=shape).astype(dtype)),
    )
    given, expected = x.copy(), -0.3 * x.astype(np.longdouble) + y
    tolerance = 2 * float(np.finfo(dtype).eps)
    assert blas.axpy(-0.3, x, y) is y
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance * 8)
    expected = 0.2 * x.astype(np.longdouble) + 0.9 * y.astype(np.longdouble)
    assert blas.axpby(0.2, x, 0.9, y) is y
    np.testing.assert_allclose(y, expected, rtol=0, atol=tolerance * 8)
    np.testing.assert_array_equal(x, given)
    assert (y.shape, y.dtype) == (shape, dtype)


@pytest.mark.parametrize("size", [3, blas.LARGE])
def test_what_may_not_be_written_is_not(size: int, library: None) -> None:
    x, y = np.ones(size), np.ones(size)
    y.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        blas.axpy(1.0, x, y)
    assert (y == 1).all()
    x.flags.writeable = False
    np.testing.assert_array_equal(blas.axpby(2.0, x, 3.0, np.ones(size)), np.full(size, 5.0))


@pytest.mark.parametrize(
    "x", [np.arange(blas.LARGE), np.ones(1), np.float32(2.0), np.ones(blas.LARGE, np.float32)]
)
def test_x_is_broadcast_and_converted(x: Any, library: None) -> None:
    np.testing.assert_array_equal(blas.axpy(2.0, x, np.ones(blas.LARGE)), 1 + 2.0 * x * np.ones(blas.LARGE))


def test_the_order_of_memory_does_not_change_a_bit() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 301)), rng.normal(size=(200, 301))
    results = [blas.axpby(0.1, ORDERS[order](x), 0.9, y.copy()) for order in ORDERS]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_numpys_wheels_for_linux_bring_the_routines() -> None:
    built_with: Any = np.show_config(mode="dicts")
    if sys.platform != "linux" or built_with["Build Dependencies"]["blas"]["name"] != "scipy-openblas":
        pytest.skip("another platform, or another NumPy")
    assert all([blas._routine(name, np.dtype(kind)) for name in ("axpy", "axpby") for kind in "fd"])
    assert not any([blas._routine("axpy", np.dtype(kind)) for kind in ("e", ">f4", ">f8")])


def test_factors_may_be_numpys_numbers(library: None) -> None:
    y, two, three = np.ones(blas.LARGE, np.float32), *np.array([2.0, 3.0], np.float32)
    blas.axpby(two, y.copy(), three, y)
    assert (y == 5).all()


@pytest.mark.parametrize("size", [3, blas.LARGE])
@pytest.mark.parametrize("worst", [np.nan, np.inf])
def test_0_times_what_is_not_finite_is_nan(worst: float, size: int, library: None) -> None:
    bad, one = np.full(size, worst, np.float32), np.ones(size, np.float32)
    with np.errstate(invalid="ignore"):
        assert np.isnan(blas.axpy(0.0, bad, one.copy())).all()
        assert np.isnan(blas.axpby(0.0, bad, 0.5, one.copy())).all()
        assert np.isnan(blas.axpby(1.0, one, 0.0, bad)).all()
