"""Datasets, loaders and files beside PyTorch's: the same items, batches, lengths, types and orders."""

from __future__ import annotations

import random
import re
import warnings
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.utils.data as theirs
from safetensors.torch import load_file, save_file

import minitensor
import minitensor.data as ours
from minitensor import CheckpointError, Tensor, nn

X = np.random.default_rng(0).normal(size=(11, 2, 3)).astype(np.float32)
Y = np.arange(11)
HERE = (ours, Tensor)
THERE = (theirs, torch.from_numpy)


def plain(x: Any) -> Any:
    """Ours and theirs in one form: kinds of containers, dtypes and shapes included."""
    if isinstance(x, torch.Tensor):
        return ("tensor", str(x.dtype).removeprefix("torch."), tuple(x.shape), x.tolist())
    if isinstance(x, Tensor):
        return ("tensor", str(x.dtype), x.shape, x.data.tolist())
    if isinstance(x, np.ndarray | np.generic):
        return ("array", str(x.dtype), x.shape, x.tolist())
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, tuple | list):
        return (type(x).__name__, [plain(part) for part in x])
    return x


def datasets(data: Any, tensor: Any) -> dict[str, Any]:
    """The same datasets, of one library or of the other."""

    class Mine(data.Dataset):  # type: ignore[misc]
        def __init__(self, n: int) -> None:
            self.n = n

        def __len__(self) -> int:
            return self.n

        def __getitem__(self, index: int) -> Any:
            return {"x": tensor(X[index]), "y": index, "name": str(index), "z": (0.5 * index, X[index, 0])}

    class Many(data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 11

        def __getitems__(self, indices: Any) -> Any:
            assert type(indices) is list
            return [(tensor(X[i]), i) for i in indices]

    def rows(start: int, stop: int) -> Any:
        return data.TensorDataset(tensor(X[start:stop].copy()), tensor(Y[start:stop].copy()))

    return {
        "tensors": rows(0, 11),
        "one tensor": data.TensorDataset(tensor(X.copy())),
        "mine": Mine(11),
        "many": Many(),
        "a list": [(tensor(x), y, float(y)) for x, y in zip(X, Y, strict=True)],
        "numbers": list(range(11)),
        "arrays": list(X),
        "a part": data.Subset(rows(0, 11), [3, 10, 0, 3, -1]),
        "a part of a part": data.Subset(data.Subset(Mine(11), [3, 10, 0, 7]), [-1, 0, 2]),
        "joined": data.ConcatDataset([rows(0, 4), rows(4, 4), rows(4, 11)]),
        "joined by a plus": Mine(5) + Mine(7),
        "a part of joined": data.Subset(data.ConcatDataset([rows(0, 4), rows(2, 9)]), [8, 0, 3, 4, 10]),
        "joined, of several kinds": data.ConcatDataset([rows(0, 3), data.Subset(rows(0, 11), [9, 8])]),
    }


NAMES = list(datasets(*HERE))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"batch_size": 3},
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 100},
        {"batch_size": 100, "drop_last": True},
        {"batch_size": 2, "sampler": [2, 0, 2, 1, 0]},
        {"batch_size": 2, "sampler": [2, 0, 1], "drop_last": True},
        {"batch_sampler": [[0], [2, 1], [1, 1, 1]]},
    ],
    ids=str,
)
def test_batches_are_theirs(name: str, options: dict[str, Any]) -> None:
    mine, other = datasets(*HERE)[name], datasets(*THERE)[name]
    batches, expected = ours.DataLoader(mine, **options), theirs.DataLoader(other, **options)
    assert [plain(batch) for batch in batches] == [plain(batch) for batch in expected]
    assert len(batches) == len(expected)
    assert len(mine) == len(batches.dataset) == len(other)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "many"])
def test_items_are_theirs_from_either_end(name: str) -> None:
    mine, other = datasets(*HERE)[name], datasets(*THERE)[name]
    own = name in ("mine", "joined by a plus")  # a script's own class knows no negative index
    for i in range(0 if own else -len(other), len(other)):
        assert plain(mine[i]) == plain(other[i])


@pytest.mark.parametrize("name", NAMES)
def test_a_collate_fn_is_given_what_theirs_is(name: str) -> None:
    def kept(items: Any) -> Any:
        return list(map(plain, items))

    mine, other = datasets(*HERE)[name], datasets(*THERE)[name]
    batches = ours.DataLoader(mine, 4, collate_fn=kept)
    assert list(batches) == list(theirs.DataLoader(other, 4, collate_fn=kept))


Pair = namedtuple("Pair", "a b")
COLLATED: list[list[Any]] = [
    [1, 2],
    [1.5, 2.5],
    [True, False],
    [np.float32(1), np.float32(2)],
    [np.float64(1), np.float64(2)],
    [np.int16(1), np.int16(2)],
    [np.ones((2, 1), np.float16), np.zeros((2, 1), np.float16)],
    [np.array(1.0), np.array(2.0)],
    ["a", "b"],
    [b"a", b"b"],
    [(1, "a", 2.0), (3, "b", 4.0)],
    [[1, 2], [3, 4]],
    [Pair(1, (2, 3)), Pair(4, (5, 6))],
    [{"a": 1, "b": {"c": [1, 2]}}, {"a": 2, "b": {"c": [3, 4]}}],
    [[[1, (2.0,)]], [[3, (4.0,)]]],
]


@pytest.mark.parametrize("items", COLLATED, ids=str)
def test_collation_is_theirs(items: list[Any]) -> None:
    assert plain(ours.default_collate(items)) == plain(theirs.default_collate(items))


@pytest.mark.parametrize(
    "items",
    [
        [np.ones(2), np.ones(3)],
        [(1, 2), (1,)],
        [{"a": 1}, {"b": 2}],
        [None, None],
        [{1}, {2}],
        [np.array(["a"]), np.array(["b"])],
        [1, "a"],
        [],
    ],
    ids=str,
)
def test_what_they_cannot_collate_is_refused(items: list[Any]) -> None:
    with pytest.raises((RuntimeError, TypeError, KeyError, IndexError, ValueError)):
        theirs.default_collate(items)
    with pytest.raises((ValueError, TypeError), match=r"^default_collate: "):
        ours.default_collate(items)


def test_random_parts_have_their_lengths() -> None:
    draw = random.Random(0)
    for _ in range(300):
        n = draw.randrange(1, 200)
        shares = [draw.randrange(1, 9) for _ in range(draw.randrange(1, 6))]
        fractions = [share / sum(shares) for share in shares]
        if not sum(fractions) <= 1:  # by rounding: there this raises, here it does not
            continue
        with warnings.catch_warnings():  # of parts that are empty
            warnings.simplefilter("ignore")
            parts: Any = theirs.random_split(range(n), fractions)  # type: ignore[arg-type]
        expected = [len(part) for part in parts]
        if 0 in expected:
            with pytest.raises(ValueError, match="leave one part empty"):
                ours.random_split(range(n), fractions)
        else:
            assert [len(part) for part in ours.random_split(range(n), fractions)] == expected
        assert [len(part) for part in ours.random_split(range(n), expected)] == expected
        whole = sorted(i for part in ours.random_split(range(n), expected) for i in part)
        assert whole == list(range(n))


def test_a_stream_s_batches_are_theirs() -> None:
    def stream(data: Any) -> Any:
        class Stream(data.IterableDataset):  # type: ignore[misc]
            def __iter__(self) -> Iterator[Any]:
                return ((X[i], i) for i in range(7))

        return Stream()

    for options in ({}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}):
        batches = [plain(batch) for batch in ours.DataLoader(stream(ours), **options)]  # type: ignore[arg-type]
        assert batches == [plain(batch) for batch in theirs.DataLoader(stream(theirs), **options)]  # type: ignore[arg-type]


def test_their_datasets_work_here() -> None:
    for name, other in datasets(*THERE).items():
        batches = [plain(batch) for batch in ours.DataLoader(other, 4)]
        assert batches == [plain(batch) for batch in theirs.DataLoader(other, 4)], name


# ----------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("name", ["model.pt", "model.pth", "model", "model.safetensors.bin"])
def test_a_file_of_torch_is_refused_with_lines_that_convert_it(name: str, old: bool, tmp_path: Path) -> None:
    path = tmp_path / name
    layer = torch.nn.Linear(3, 2)
    torch.save(layer.state_dict(), path, _use_new_zipfile_serialization=not old)
    with pytest.raises(CheckpointError, match=r"was written by torch\.save: a pickle") as caught:
        minitensor.load(path)
    found = re.search(r"in PyTorch: (state = .*?); (safetensors\.torch\.save_file\(.*\))", str(caught.value))
    assert found is not None
    import safetensors.torch

    exec("\n".join(found.groups()), {"torch": torch, "safetensors": safetensors})
    (converted,) = set(tmp_path.iterdir()) - {path}
    model = nn.Linear(3, 2)
    model.load_state_dict(minitensor.load(converted))
    np.testing.assert_array_equal(model.weight.data, layer.weight.detach().numpy())


def test_state_dicts_cross_in_both_directions(tmp_path: Path) -> None:
    model = nn.MLP(3, [4, 2], rng=0)
    minitensor.save(model.state_dict(), tmp_path / "ours")
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    other.load_state_dict(load_file(tmp_path / "ours"))
    x = X[:, 0]
    expected = other(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(model(Tensor(x)).data, expected, rtol=1e-5, atol=1e-6)
    save_file(torch.nn.Linear(3, 2).state_dict(), tmp_path / "theirs")
    nn.Linear(3, 2).load_state_dict(minitensor.load(tmp_path / "theirs", map_location=torch.device("cpu")))
