"""Data sets, the split and the loader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minitensor
from minitensor import ShapeError
from minitensor.data import DataLoader, load_digits, make_moons, train_test_split

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


def test_the_digits_are_scaled_and_labelled() -> None:
    x, y = load_digits()
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0.0, 1.0)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_moons_depend_on_the_seed_alone() -> None:
    np.testing.assert_array_equal(make_moons(50, rng=1)[0], make_moons(50, rng=1)[0])
    assert not np.array_equal(make_moons(50, rng=1)[0], make_moons(50, rng=2)[0])


def test_a_split_keeps_rows_together_and_loses_none() -> None:
    x_train, x_test, y_train, y_test = train_test_split(X, Y, test_size=0.3, rng=0)
    assert (len(x_train), len(x_test)) == (7, 3)
    np.testing.assert_array_equal(x_train[:, 0], 2 * y_train)
    np.testing.assert_array_equal(x_test[:, 0], 2 * y_test)
    assert sorted([*y_train, *y_test]) == Y.tolist()


def test_a_split_is_the_seed_s() -> None:
    minitensor.manual_seed(1)
    first = train_test_split(Y)
    minitensor.manual_seed(1)
    np.testing.assert_array_equal(first[0], train_test_split(Y)[0])


def test_a_seed_s_rows_are_those_it_has_always_had() -> None:
    train, test = train_test_split(np.arange(7), test_size=0.3, rng=0)
    order = np.random.default_rng(0).permutation(7).tolist()
    assert (test.tolist(), train.tolist()) == (order[:3], order[3:])


def test_the_test_part_is_a_fraction_rounded_up_or_a_number_of_rows() -> None:
    sizes: list[tuple[Any, int]] = [(0.3, 3), (0.31, 4), (3, 3), (1, 1), (np.float32(0.5), 5)]
    for size, rows in sizes:
        assert len(train_test_split(Y, test_size=size)[1]) == rows


def test_a_split_that_leaves_nothing_is_refused() -> None:
    for size in (0.0, 1.0, 0, 10, -1, float("nan")):
        with pytest.raises(ValueError, match="leaves one part empty"):
            train_test_split(Y, test_size=size)


def test_a_loader_goes_through_every_row_once_and_keeps_the_short_last_batch() -> None:
    for shuffle in (False, True):
        loader = DataLoader(X, Y, batch_size=4, shuffle=shuffle, rng=0)
        batches = list(loader)
        assert [len(y) for _, y in batches] == [4, 4, 2]
        assert len(loader) == 3
        assert sorted(np.concatenate([y for _, y in batches])) == Y.tolist()
        assert all((x[:, 0] == 2 * y).all() for x, y in batches)


def test_the_short_last_batch_can_be_dropped() -> None:
    loader = DataLoader(X, batch_size=4, drop_last=True)
    assert [len(x) for (x,) in loader] == [4, 4]
    assert len(loader) == 2
    assert list(DataLoader(X, batch_size=11, drop_last=True)) == []


def test_every_epoch_has_another_order_and_one_seed_the_same_orders() -> None:
    def epochs() -> list[list[int]]:
        loader = DataLoader(Y, batch_size=10, shuffle=True, rng=3)
        return [batch.tolist() for _ in range(2) for (batch,) in loader]

    first, second = epochs()
    assert first != second
    assert epochs() == [first, second]


def test_an_unshuffled_batch_is_a_view() -> None:
    ((batch, _),) = DataLoader(X, Y, batch_size=10)
    assert np.shares_memory(batch, X)


def test_lists_are_welcome() -> None:
    ((batch, labels),) = DataLoader([[1.0, 2.0], [3.0, 4.0]], [0, 1], batch_size=2, shuffle=True, rng=0)
    assert (batch.shape, labels.shape) == ((2, 2), (2,))


def test_bad_loaders_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"arrays of one length, got shapes \[\(10, 2\), \(9,\)\]"):
        DataLoader(X, Y[1:])
    with pytest.raises(ValueError, match="batch_size must be an integer of at least 1, not 0"):
        DataLoader(X, batch_size=0)
    with pytest.raises(ValueError, match=r"an integer of at least 1, not 2\.5"):
        DataLoader(np.zeros(3), batch_size=2.5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"not a tuple of them. Write DataLoader\(\*data\)"):
        DataLoader((np.zeros(2), np.zeros(2)))
