"""Data sets, the split and the loader."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

import minitensor
from minitensor import DTypeError, OptionError, ShapeError, Tensor
from minitensor.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    Samples,
    Subset,
    TensorDataset,
    default_collate,
    load_digits,
    make_moons,
    random_split,
    train_test_split,
)
from minitensor.data.datasets import Columns

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


# ---------------------------------------------------------------------------------- loaders of datasets

F = X.astype(np.float32)


class Mine(Dataset[Any]):
    """A dataset as scripts write it; it insists on Python's own integers."""

    def __init__(self, n: int = 10) -> None:
        super().__init__()
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: Any) -> Any:
        assert type(index) is int
        return F[index], int(Y[index])


class Plain:
    """What is no Dataset by its class, but has what one needs, and methods of its own."""

    def gather(self, indices: Any) -> Any:
        raise AssertionError("not the loader's to call")

    _gather = gather

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> Any:
        return F[index], int(Y[index])


class ManyAtOnce(Mine):
    """Fetches by PyTorch's protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def __getitems__(self, indices: Any) -> list[Any]:
        self.asked.append(indices)
        return [(F[i], int(Y[i])) for i in indices]


def flat(loader: Any) -> Any:
    """The batches as nested lists."""
    return [[part.tolist() for part in batch] for batch in loader]


DATASETS: dict[str, Callable[[], Any]] = {
    "a class": Mine,
    "no Dataset": Plain,
    "many at once": ManyAtOnce,
    "pairs": lambda: list(zip(F, Y, strict=True)),
    "pairs of tensors": lambda: [(Tensor(x), Tensor(y)) for x, y in zip(F, Y, strict=True)],
    "tensors": lambda: TensorDataset(Tensor(F), Tensor(Y)),
    "arrays as tensors": lambda: TensorDataset(F, Y),
    "a part": lambda: Subset(TensorDataset(F[::-1], Y[::-1]), range(9, -1, -1)),
    "a part of a part": lambda: Subset(Subset(TensorDataset(F, Y), np.arange(9, -1, -1)), range(9, -1, -1)),
    "a part of a class": lambda: Subset(Mine(), range(10)),
    "of a loader": lambda: Subset(DataLoader(F, Y).dataset, range(10)),
    "joined tensors": lambda: ConcatDataset([TensorDataset(F[:1], Y[:1]), TensorDataset(F[1:], Y[1:])]),
    "joined, of several kinds": lambda: ConcatDataset(
        [TensorDataset(F[:4], Y[:4]), Subset(Mine(), range(4, 10))]
    ),
    "joined with an empty one": lambda: ConcatDataset([TensorDataset(F[:0], Y[:0]), TensorDataset(F, Y)]),
}


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 4, "shuffle": True},
        {"batch_size": 10, "shuffle": True},
        {"batch_size": 4, "shuffle": True, "drop_last": True},
        {"batch_size": 2, "sampler": [3, 3, 9, 0, 1]},
        {"batch_size": 2, "sampler": np.array([9, 8, 1])},
        {"batch_size": 2, "sampler": Tensor([9, 8, 1]), "drop_last": True},
        {"batch_sampler": [[0, 1, 2], (9,), np.array([4, 5])]},
    ],
    ids=str,
)
def test_every_dataset_gives_the_batches_of_the_arrays(name: str, options: dict[str, Any]) -> None:
    ours = DataLoader(DATASETS[name](), **options, generator=0)
    arrays = DataLoader(F, Y, **options, rng=0)
    for _ in range(2):  # two epochs
        assert flat(ours) == flat(arrays)
    assert len(ours) == len(arrays) == len(list(ours))


def test_datasets_give_tensors_as_in_pytorch_and_arrays_give_arrays() -> None:
    for make in DATASETS.values():
        for shuffle in (False, True):
            batch = next(iter(DataLoader(make(), batch_size=4, shuffle=shuffle)))
            x, y = batch
            assert (type(batch), type(x), type(y)) == (list, Tensor, Tensor)
            assert (x.dtype, y.dtype, x.shape, y.shape) == (np.float32, np.int64, (4, 2), (4,))
    x, y = next(iter(DataLoader(Tensor(F), Y, batch_size=4)))
    assert (type(x), type(y)) == (Tensor, np.ndarray)


def test_rows_of_tensors_are_gathered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gathering = ("tensors", "arrays as tensors", "a part", "a part of a part", "of a loader")
    datasets = [DATASETS[name]() for name in (*gathering, "joined tensors", "joined with an empty one")]
    datasets.append(random_split(TensorDataset(F, Y), [5, 5])[0])

    def one(self: Any, index: int) -> Any:
        raise AssertionError("fetched one by one")

    for kind in (Columns, Subset, ConcatDataset):
        monkeypatch.setattr(kind, "__getitem__", one)
    for dataset in datasets:
        for shuffle in (False, True):
            assert sum(len(y) for x, y in DataLoader(dataset, batch_size=4, shuffle=shuffle)) == len(dataset)


def test_rows_of_an_array_are_gathered_at_once() -> None:
    class Counted(np.ndarray[Any, Any]):
        reads = 0

        def __getitem__(self, index: Any) -> Any:
            Counted.reads += 1
            return np.asarray(self)[index]

    (batch,) = DataLoader(Subset(F.view(Counted), range(9, -1, -1)), batch_size=10)
    np.testing.assert_array_equal(batch, F[::-1])
    assert Counted.reads == 1


def test_a_subclass_that_changes_an_item_changes_its_batches() -> None:
    class Negated(TensorDataset):
        def __getitem__(self, index: int) -> Any:
            x, y = super().__getitem__(index)
            return -x, y

    class Doubled(Subset):
        def __getitem__(self, index: int) -> Any:
            x, y = super().__getitem__(index)
            return 2 * x, y

    for dataset, factor in (
        (Negated(F, Y), -1),
        (Subset(Negated(F, Y), range(10)), -1),
        (ConcatDataset([Negated(F, Y)]), -1),
        (Doubled(TensorDataset(F, Y), range(10)), 2),
    ):
        ((x, _),) = DataLoader(dataset, batch_size=10)
        np.testing.assert_array_equal(x, factor * F)


def test_many_items_at_once_are_asked_for_by_a_list_of_integers() -> None:
    dataset = ManyAtOnce()
    list(DataLoader(dataset, batch_size=6))
    list(DataLoader(Subset(dataset, [3, 4]), batch_size=2))
    assert dataset.asked == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9], [3, 4]]
    assert {type(i) for asked in dataset.asked for i in asked} == {int}


def test_writing_into_a_batch_of_tensors_leaves_the_dataset_as_it_was() -> None:
    x = F.copy()
    for dataset in (TensorDataset(x), Subset(x, range(10)), ConcatDataset([TensorDataset(x)]), list(x)):
        for shuffle in (False, True):
            for batch in DataLoader(dataset, batch_size=5, shuffle=shuffle):
                part = batch if isinstance(batch, Tensor) else batch[0]
                part[...] = 0
    np.testing.assert_array_equal(x, F)


def test_gradients_reach_a_tensor_of_a_dataset() -> None:
    w = Tensor(F, requires_grad=True)
    for dataset in (TensorDataset(w), [(row,) for row in w]):
        w.grad = None
        ((x,),) = DataLoader(dataset, batch_size=10, shuffle=True)
        (x * x).sum().backward()
        np.testing.assert_array_equal(w.grad, 2 * F)


def test_a_loader_takes_pytorch_s_places_and_its_batch_size() -> None:
    assert [len(y) for _, y in DataLoader(Mine(), 4)] == [4, 4, 2]
    loader = DataLoader(Mine(), 4, True, generator=3)
    assert flat(loader) == flat(DataLoader(F, Y, batch_size=4, shuffle=True, rng=3))
    assert (len(loader), len(loader.dataset), loader.batch_size) == (3, 10, 4)
    assert (DataLoader(Mine()).batch_size, DataLoader(F).batch_size) == (1, 32)
    assert [len(y) for _, y in DataLoader(list(zip(F, Y, strict=True)), 4)] == [4, 4, 2]
    assert DataLoader(F, Y).dataset[3][1] == 3


def test_what_only_workers_need_is_accepted_and_changes_nothing() -> None:
    options: Any = {"pin_memory": True, "persistent_workers": True, "prefetch_factor": 2, "timeout": 5}
    loader = DataLoader(Mine(), 4, num_workers=2, **options)
    assert flat(loader) == flat(DataLoader(F, Y, batch_size=4))
    with pytest.raises(DTypeError, match="DataLoader: has no argument batchsize"):
        DataLoader(F, batchsize=4)  # type: ignore[call-arg]


def test_a_collate_fn_is_given_the_list_of_items() -> None:
    def sort(items: list[Any]) -> Any:
        assert type(items) is list
        items.sort(key=lambda item: -int(item[1]))
        return [int(y) for _, y in items]

    for make in DATASETS.values():
        assert list(DataLoader(make(), batch_size=4, collate_fn=sort)) == [[3, 2, 1, 0], [7, 6, 5, 4], [9, 8]]
    assert list(DataLoader(F, Y, batch_size=8, collate_fn=sort))[1] == [9, 8]


def test_a_transform_is_given_the_first_part_of_any_batch() -> None:
    for data in ([F, Y], [TensorDataset(F, Y)], [Mine()]):
        ((x, y),) = DataLoader(*data, batch_size=10, transform=lambda x: -x)
        np.testing.assert_array_equal(x, -F)
        np.testing.assert_array_equal(y, Y)
    (x,) = DataLoader(list(F), batch_size=10, transform=lambda x: -x)
    np.testing.assert_array_equal(x, -F)


def test_frames_are_arrays() -> None:
    ((x, y),) = DataLoader(pd.DataFrame(F), pd.Series(Y), batch_size=10)
    assert (type(x), type(y)) == (np.ndarray, np.ndarray)
    assert [part.tolist() for part in TensorDataset(pd.DataFrame({"a": Y}).to_numpy(), Y)[4]] == [[4], 4]


def test_a_stream_is_cut_into_batches() -> None:
    class Countdown(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(range(5, 0, -1))

    assert [batch.tolist() for batch in DataLoader(Countdown(), 2)] == [[5, 4], [3, 2], [1]]
    assert [batch.tolist() for batch in DataLoader(Countdown(), 2, drop_last=True)] == [[5, 4], [3, 2]]

    class Uneven(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            return (np.ones(1 + (i == 5)) for i in range(9))

    with pytest.raises(ShapeError, match=r"dataset\[5\] has shape \(2,\), and dataset\[4\] has shape \(1,\)"):
        list(DataLoader(Uneven(), 2))
    with pytest.raises(TypeError, match="DataLoader: has no length, as Countdown has none"):
        len(DataLoader(Countdown()))
    with pytest.raises(OptionError, match="an IterableDataset has its own order, and takes no shuffle"):
        DataLoader(Countdown(), shuffle=True)
    with pytest.raises(
        DTypeError, match=r"Subset: takes a dataset, not Countdown\. It has no items by number"
    ):
        Subset(Countdown(), [0])
    with pytest.raises(DTypeError, match="has no items by number: iterate over it"):
        Countdown()[0]
    with pytest.raises(DTypeError, match=r"an IterableDataset defines __iter__\(self\). This one lacks it"):
        list(DataLoader(IterableDataset()))


def test_a_dataset_is_iterated_over_once_and_joined_by_a_plus() -> None:
    assert [y for _, y in Mine()] == Y.tolist()
    both = Mine() + Mine(3)
    assert [both[i][1] for i in (0, 9, 10, 12, -1, -3, -4, -13)] == [0, 9, 0, 2, 2, 0, 9, 0]
    assert both.cumulative_sizes == [10, 13]
    for index in (13, -14):
        with pytest.raises(IndexError, match=rf"ConcatDataset: index {index} is out of range for 13 items"):
            both[index]


def test_joined_datasets_are_met_from_the_end_too() -> None:
    joined = ConcatDataset([TensorDataset(F[:4], Y[:4]), TensorDataset(F[4:], Y[4:])])
    for indices in ([-1, -10, 4], [-1, 9, -6], [0, -7]):
        ((x, y),) = DataLoader(Subset(joined, indices), batch_size=3)
        np.testing.assert_array_equal(x, F[indices])
        assert y.tolist() == Y[indices].tolist()


def test_joined_datasets_of_several_forms_make_batches_where_they_can() -> None:
    wide, alone = TensorDataset(np.ones((2, 3)), Y[:2]), TensorDataset(F)
    for other, words in (
        (wide, r"has shape \(3,\), and dataset\[9\]\[0\] has shape \(2,\)"),
        (alone, "has 1 entries"),
    ):
        batches = iter(DataLoader(TensorDataset(F, Y) + other, batch_size=3))
        assert [len(next(batches)[0]) for _ in range(3)] == [3, 3, 3]
        with pytest.raises(ShapeError, match=words):
            next(batches)
    doubles = TensorDataset(F.astype(np.float64), Y)
    assert next(iter(DataLoader(TensorDataset(F, Y) + doubles, batch_size=11)))[0].dtype == np.float64


def test_datasets_and_loaders_are_pickled() -> None:
    loader = DataLoader(Subset(TensorDataset(F, Y) + TensorDataset(F, Y), [1, 19]), batch_size=2)
    assert flat(pickle.loads(pickle.dumps(loader))) == flat(loader)


def test_a_dataset_s_own_error_is_its_own() -> None:
    class Broken(Mine):
        def __getitem__(self, index: Any) -> Any:
            raise KeyError("its own")

    for dataset in (Broken(), Subset(Broken(), [0]), ConcatDataset([Broken()])):
        with pytest.raises(KeyError, match="its own"):
            next(iter(DataLoader(dataset)))


# ------------------------------------------------------------------------------------ items to batches


class Point(NamedTuple):
    x: float
    y: int


@pytest.mark.parametrize(
    ("items", "batch"),
    [
        ([1, 2], Tensor([1, 2])),
        ([0.5, 2.0], Tensor(np.array([0.5, 2.0]))),
        ([True, False], Tensor(np.array([True, False]))),
        ([np.float32(1), np.float32(2)], Tensor([1.0, 2.0])),
        ([np.int8(1), 2], Tensor(np.array([1, 2]))),
        ([np.zeros(2), np.ones(2)], Tensor(np.array([[0.0, 0.0], [1.0, 1.0]]))),
        ([Tensor(1), np.int64(2), 3], Tensor([1, 2, 3])),
        (["a", "b"], ["a", "b"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([(1, "a"), (2, "b")], [Tensor([1, 2]), ("a", "b")]),
        ([[1, 2], [3, 4]], [Tensor([1, 3]), Tensor([2, 4])]),
        (
            [{"a": 1, "b": (2, "x")}, {"b": (3, "y"), "a": 4}],
            {"a": Tensor([1, 4]), "b": [Tensor([2, 3]), ("x", "y")]},
        ),
        ([Point(0.5, 1), Point(1.5, 2)], Point(Tensor(np.array([0.5, 1.5])), Tensor([1, 2]))),  # type: ignore[arg-type]
        ([(), ()], []),
        ([{}, {}], {}),
    ],
    ids=str,
)
def test_items_become_a_batch(items: list[Any], batch: Any) -> None:
    for found in (default_collate(items), next(iter(DataLoader(items, batch_size=9)))):
        assert repr(found) == repr(batch)


@pytest.mark.parametrize(
    ("items", "kind", "message"),
    [
        (
            [np.ones(2), np.ones(3)],
            ShapeError,
            r"dataset\[1\] has shape \(3,\), and dataset\[0\] has shape \(2,\)",
        ),
        (
            [(0, np.ones(2)), (1, 5)],
            ShapeError,
            r"dataset\[1\]\[1\] has shape \(\), and dataset\[0\]\[1\] has",
        ),
        (
            [{"a": [1, Tensor([1])]}, {"a": [1, Tensor(1)]}],
            ShapeError,
            r"dataset\[1\]\['a'\]\[1\] has shape \(\)",
        ),
        ([(1, 2), (1,)], ShapeError, r"dataset\[1\] has 1 entries, and dataset\[0\] has 2 entries"),
        ([{"a": 1}, {"b": 1}], ShapeError, r"dataset\[1\] has keys 'b', and dataset\[0\] has keys 'a'"),
        ([1, "a"], DTypeError, r"dataset\[1\] is of type str, and dataset\[0\] is of type int"),
        ([(1, 2), None], DTypeError, r"dataset\[1\] is of type NoneType, and dataset\[0\] is of type tuple"),
        ([(1, None), (2, None)], DTypeError, r"dataset\[0\]\[1\] is of type NoneType. Give tensors, arrays"),
        ([1j, 2j], DTypeError, r"dataset\[0\] is of type complex. Give tensors"),
        ([np.array(["a"])] * 2, DTypeError, r"a tensor holds real numbers.* Give a collate_fn"),
        ([2**70, 1], DTypeError, r"a tensor holds real numbers.* Give a collate_fn"),
    ],
    ids=str,
)
def test_items_that_make_no_batch_are_named(items: list[Any], kind: Any, message: str) -> None:
    with pytest.raises(kind, match=f"^default_collate: .*{message}"):
        next(iter(DataLoader(items, batch_size=2)))
    with pytest.raises(kind, match=r"^default_collate: "):
        default_collate(items)


def test_the_item_named_is_the_dataset_s_whatever_the_order() -> None:
    items = [np.ones(1 + (i == 7)) for i in range(9)]
    with pytest.raises(ShapeError, match=r"dataset\[7\] has shape \(2,\), and dataset\[4\] has shape \(1,\)"):
        list(DataLoader(items, batch_size=3, sampler=[0, 1, 2, 4, 3, 7]))
    with pytest.raises(OptionError, match=r"there are no items\. Leave empty batches out"):
        list(DataLoader(items, batch_sampler=[[]]))
    with pytest.raises(OptionError, match="there are no items"):
        list(DataLoader(ConcatDataset([items]), batch_sampler=[[]]))


# ------------------------------------------------------------------------------------- parts of datasets


def test_random_parts_are_all_of_it_and_their_order_is_the_seed_s() -> None:
    for data in (Mine(), TensorDataset(F, Y), list(Y)):
        parts = random_split(data, [5, 3, 2], generator=0)
        assert [len(part) for part in parts] == [5, 3, 2]
        order = [int(i) for part in parts for i in part.indices]
        assert order == np.random.default_rng(0).permutation(10).tolist()
        again = random_split(data, [5, 3, 2], np.random.default_rng(0))
        assert [part.indices.tolist() for part in again] == [part.indices.tolist() for part in parts]
    minitensor.manual_seed(4)
    first = random_split(Mine(), [9, 1])[1].indices
    minitensor.manual_seed(4)
    assert first.tolist() == random_split(Mine(), [9, 1], rng=None)[1].indices.tolist()


@pytest.mark.parametrize(
    ("n", "lengths", "sizes"),
    [
        (10, [0.5, 0.5], [5, 5]),
        (10, [0.75, 0.25], [8, 2]),
        (11, [0.7, 0.2, 0.1], [8, 2, 1]),
        (10, [1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        (10, [1.0], [10]),
        (10, [1.0, 0.0], [10, 0]),
        (10, [10, 0], [10, 0]),
        (10, [np.int64(4), np.int32(6)], [4, 6]),
        (0, [0, 0], [0, 0]),
        (1, [1, 0], [1, 0]),
    ],
)
def test_fractions_are_rounded_down_and_the_rest_goes_to_the_first(n: int, lengths: Any, sizes: Any) -> None:
    assert [len(part) for part in random_split(range(n), lengths)] == sizes


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([5, 4], r"lengths \[5, 4\] add up to 9, and the dataset has 10 items"),
        ([], "add up to 0, and the dataset has 10 items"),
        ([0.5, 0.4], "add up to 0.9: fractions add up to 1"),
        ([9, 0.1], "add up to 9.1: fractions add up to 1, and numbers of items are int"),
        ([11, -1], "each must be a number of items, or a fraction, of at least 0"),
        ([float("nan"), 1.0], "each must be a number of items"),
        ("ab", "each must be a number of items"),
        ([0.99, 0.01], "of 10 items leave one part empty"),
        (10, "lengths is a list"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(lengths: Any, message: str) -> None:
    with pytest.raises((OptionError, DTypeError), match=f"^random_split: .*{message}"):
        random_split(Mine(), lengths)


def test_a_part_has_the_items_it_says() -> None:
    part = Subset(TensorDataset(F, Y), [7, -1, 7])
    assert [int(y) for _, y in part] == [7, 9, 7]
    assert (len(part), int(part[-1][1]), part[1:][1].tolist()) == (3, 7, [9, 7])
    part.indices = [1, 2, 3]  # a list, as PyTorch has it
    assert [int(y) for _, y in part] == next(iter(DataLoader(part, 3)))[1].tolist() == [1, 2, 3]
    for index in (3, -4, np.int64(3)):
        with pytest.raises(IndexError, match=rf"Subset: index {index} is out of range for 3 items"):
            part[index]
    with pytest.raises(IndexError, match="Subset: index 10 is out of range for 10 items"):
        Subset(Mine(), [0, 10])
    with pytest.raises(
        DTypeError, match=r"indices are integers, not bool. Of a mask take np.flatnonzero\(mask\)"
    ):
        Subset(Mine(), Y > 3)
    with pytest.raises(DTypeError, match="indices are integers, not float64"):
        Subset(Mine(), [0.5])  # type: ignore[list-item]
    with pytest.raises(ShapeError, match=r"indices have one axis, not shape \(1, 1\)"):
        Subset(Mine(), np.array([[0]]))


# ------------------------------------------------------------------------------------------ what is none


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((F, 64), r"after arrays, 64 is none. Write DataLoader\(x, batch_size=64\)"),
        ((F, Y, 64), r"after arrays, 64 is none. Write DataLoader\(x, y, batch_size=64\)"),
        ((F, Y, 64, True), r"Write DataLoader\(x, y, batch_size=64, shuffle=True\)"),
        (([1, 2], [3, 4], 64), r"Write DataLoader\(x, y, batch_size=64\)"),
        (((F, Y), 64), r"not a tuple of them. Write DataLoader\(\*data\)"),
        (({"x": F},), r"takes a dataset, not dict. Write TensorDataset\(\*data.values\(\)\)"),
        (("data.csv",), "not str. Read the file first: see load_file"),
        ((Path("data.csv"),), "Read the file first: see load_file"),
        ((zip(F, Y, strict=True),), "not zip. Make a list of it"),
        (({1, 2},), "not set. Make a list of it"),
        ((5,), "not int. It needs __len__ and __getitem__: see Dataset"),
        ((None,), "not NoneType. It needs __len__ and __getitem__"),
        ((Mine,), r"not the class Mine. Make one: Mine\(...\)"),
        ((), "needs a dataset, or arrays"),
        ((Mine(), Mine()), "takes one dataset.* Datasets one after the other: ConcatDataset"),
        ((Mine(), Y), "takes one dataset"),
        (
            (Mine(), 4, True, False),
            "takes one dataset, and after it batch_size and shuffle; the rest by name",
        ),
        ((F, Mine()), "takes arrays, or one dataset, not arrays and Mine"),
        ((F, Y, True), r"Write DataLoader\(x, y, shuffle=True\)"),
        ((Samples(F, Y),), r"Write DataLoader\(data.x, data.y\)"),
        ((DataLoader(F),), "takes a dataset, not DataLoader. Make a list of it"),
    ],
    ids=lambda x: "" if isinstance(x, tuple) else x[:30],
)
def test_what_is_no_data_is_refused_with_the_cure(data: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DTypeError, match=f"^DataLoader: .*{message}"):
        DataLoader(*data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shuffle": True, "sampler": [0]}, "sampler and shuffle exclude each other"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler and batch_size exclude each other"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler and drop_last exclude each other"),
        ({"batch_sampler": [[0]], "sampler": [0]}, "sampler and batch_sampler exclude each other"),
        ({"batch_size": None}, "batch_size must be an integer of at least 1, not None"),
        ({"sampler": 5}, "DataLoader: sampler is an iterable, not int"),
        ({"batch_sampler": 5}, "DataLoader: batch_sampler is an iterable, not int"),
        ({"collate_fn": 5}, "DataLoader: collate_fn is a function, not int"),
        ({"transform": 5}, "DataLoader: transform is a function, not int"),
        ({"generator": "a"}, "generator takes a NumPy generator, or an integer of at least 0, not 'a'"),
        ({"generator": -1}, "an integer of at least 0, not -1"),
        ({"generator": 1, "rng": 1}, "rng and generator mean the same argument"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_are_refused(options: Any, message: str) -> None:
    for data in ((F, Y), (Mine(),), (TensorDataset(F, Y),)):
        with pytest.raises((OptionError, DTypeError), match=message):
            DataLoader(*data, **options)


def test_what_is_given_twice_is_refused() -> None:
    places: list[Any] = [((4,), {"batch_size": 3}), ((4, True), {"shuffle": True})]
    for place, options in places:
        with pytest.raises(DTypeError, match="given twice, by its place and by name"):
            DataLoader(Mine(), *place, **options)


def test_a_dataset_that_lacks_something_says_what() -> None:
    class Empty(Dataset[Any]):
        pass

    class Unsized(Dataset[Any]):
        def __getitem__(self, index: int) -> int:
            return index

    with pytest.raises(DTypeError, match=r"Empty: a Dataset defines __getitem__\(self, index\)"):
        Empty()[0]
    with pytest.raises(DTypeError, match="DataLoader: Unsized has no __len__"):
        DataLoader(Unsized())
    assert [x.tolist() for x in DataLoader(Unsized(), 2, sampler=[7, 8, 9])] == [[7, 8], [9]]
    with pytest.raises(TypeError, match="has no length, as list_iterator has none"):
        len(DataLoader(Unsized(), sampler=iter([1])))
    kinds: list[Any] = [Dataset, Empty]
    for kind in kinds:
        with pytest.raises(
            DTypeError, match=r"takes no arguments, as it defines no __init__\. For arrays write Tensor"
        ):
            kind(F, Y)
    with pytest.raises(DTypeError, match="batch_sampler yields a list of indices for each batch, not int"):
        list(DataLoader(Mine(), batch_sampler=[1, 2]))  # type: ignore[list-item]
    kind = ConcatDataset
    for data in ((Mine(),), (Mine(), Mine()), (5,)):
        with pytest.raises(DTypeError, match=r"takes one list of datasets. Write ConcatDataset\(\[a, b\]\)"):
            kind(*data)
    places: list[Any] = ["a", slice(2), None]
    for index in places:
        with pytest.raises(DTypeError, match="ConcatDataset: an index is an integer, not "):
            (Mine() + Mine())[index]
    none: list[Any] = [5, None, [[1], [1, 2]]]
    for indices in none:
        with pytest.raises(DTypeError, match="Subset: indices are a list of integers, and these are not"):
            Subset(Mine(), indices)
    with pytest.raises(OptionError, match="ConcatDataset: needs at least one dataset"):
        ConcatDataset([])
    with pytest.raises(DTypeError, match="ConcatDataset: takes a dataset, not int"):
        ConcatDataset([5])  # type: ignore[list-item]


def test_columns_that_do_not_fit_are_refused() -> None:
    for kind in (TensorDataset, DataLoader):
        name = kind.__name__
        with pytest.raises(
            ShapeError, match=rf"^{name}: needs arrays of one length, got shapes \[\(10, 2\), \(9,\)\]"
        ):
            kind(F, Y[1:])
        with pytest.raises(ShapeError, match=rf"^{name}: needs arrays of one length, got shapes \[\(\)\]"):
            kind(np.array(3.0))
        with pytest.raises(ShapeError, match=f"^{name}: a list holds rows of several lengths"):
            kind([[1], [1, 2]], [0, 1])
    together: list[Any] = [(F, Y), [F, F], (Tensor(F), Tensor(F))]
    for data in together:
        with pytest.raises(
            DTypeError, match=rf"not a {type(data).__name__} of them. Write TensorDataset\(\*data\)"
        ):
            TensorDataset(data)
    with pytest.raises(DTypeError, match=r"^TensorDataset: takes tensors or arrays, not TensorDataset"):
        TensorDataset(TensorDataset(F))  # type: ignore[arg-type]
    numbers: Any = [np.int64(3), 4]
    assert [x.tolist() for x in TensorDataset([[1.0], [2.0]], numbers)[1]] == [[2.0], 4]
    with pytest.raises(DTypeError, match=r"^TensorDataset: a tensor holds real numbers"):
        TensorDataset(np.array(["a"]))
    with pytest.raises(IndexError, match=r"^TensorDataset: index 10 is out of bounds"):
        TensorDataset(F)[10]
    for data in (TensorDataset(F), F):
        with pytest.raises(DTypeError, match="DataLoader: indices are integers, not bool"):
            list(DataLoader(data, batch_size=2, sampler=[True, False]))
        with pytest.raises(IndexError, match=r"^DataLoader: index 10 is out of bounds"):
            list(DataLoader(data, sampler=[10]))
    with pytest.raises(IndexError, match="ConcatDataset: index 10 is out of range for 10 items"):
        list(DataLoader(ConcatDataset([Mine()]), sampler=[10]))
