"""Containers: rows and tables of modules and parameters, their names, and what they refuse."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, OptionError, Tensor, nn

X = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


def names(module: nn.Module) -> list[str]:
    return list(module.state_dict())


def kinds(modules: Any) -> list[str]:
    return [type(module).__name__ for module in modules]


class Net(nn.Module):
    """One of each."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2), nn.ReLU()])
        self.heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
        self.scales = nn.ParameterList([nn.Parameter([1.0]), np.ones(2, np.float32)])
        self.rates = nn.ParameterDict({"slow": Tensor([0.1])})

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        y: Tensor = self.heads["a"](x * self.scales[1]) * self.scales[0] + self.rates["slow"]
        return y


def test_entries_are_named_by_their_container_as_in_pytorch() -> None:
    net = Net()
    expected = ["layers.0.weight", "layers.0.bias", "heads.a.weight", "heads.a.bias", "scales.0", "scales.1"]
    assert names(net) == [*expected, "rates.slow"]
    assert [name for name, _ in net.named_modules()] == [
        *("", "layers", "layers.0", "layers.1", "heads", "heads.a", "scales", "rates")
    ]
    net(Tensor(X)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin(Tensor(X)).data, net(Tensor(X)).data)
        assert repr(twin) == repr(net)


# ----------------------------------------------------------------------------------------------- rows

ROWS: dict[str, Callable[[int], Any]] = {
    "ModuleList": lambda n: nn.ModuleList([nn.Linear(1, i + 1) for i in range(n)]),
    "ParameterList": lambda n: nn.ParameterList([nn.Parameter(np.ones(i + 1)) for i in range(n)]),
    "Sequential": lambda n: nn.Sequential(*[nn.Linear(1, i + 1) for i in range(n)]),
}

DONE: dict[str, Callable[[Any, Any], Any]] = {
    "append": lambda row, x: row.append(x[0]) and None,
    "extend": lambda row, x: row.extend(x) and None,
    "extend by itself": lambda row, x: row.extend(row) and None,
    "insert": lambda row, x: row.insert(1, x[0]) and None,
    "insert in front": lambda row, x: row.insert(0, x[0]) and None,
    "insert far behind": lambda row, x: row.insert(99, x[0]) and None,
    "insert from behind": lambda row, x: row.insert(-1, x[0]) and None,
    "set": lambda row, x: row.__setitem__(1, x[0]),
    "set from behind": lambda row, x: row.__setitem__(-1, x[0]),
    "delete": lambda row, x: row.__delitem__(1),
    "delete from behind": lambda row, x: row.__delitem__(-3),
    "delete a slice": lambda row, x: row.__delitem__(slice(0, 2)),
    "delete every second": lambda row, x: row.__delitem__(slice(None, None, 2)),
    "pop": lambda row, x: row.pop(),
    "pop the first": lambda row, x: row.pop(0),
}


@pytest.mark.parametrize("what", DONE)
@pytest.mark.parametrize("kind", ROWS)
def test_a_row_changes_as_a_list_does_and_its_names_are_its_numbers(kind: str, what: str) -> None:
    row, new = ROWS[kind](4), list(ROWS[kind](2))
    like = list(row)
    found, expected = DONE[what](row, new), DONE[what](like, new)
    assert found is expected
    assert [id(x) for x in row] == [id(x) for x in like]
    assert len(row) == len(like)
    own = [name for name, x in vars(row).items() if isinstance(x, nn.Module | nn.Parameter)]
    assert own == [str(i) for i in range(len(like))]


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_is_read_as_a_list_is(kind: str) -> None:
    row = ROWS[kind](4)
    entries = list(row)
    assert row[0] is entries[0]
    assert row[-1] is row[np.int64(3)] is entries[3]
    assert entries[2] in row
    assert next(iter(ROWS[kind](1))) not in row
    for part in (row[1:], row[:-1], row[::-1], row[1:1], row[:]):
        assert type(part) is type(row)
    assert [id(x) for x in row[1:]] == [id(x) for x in entries[1:]]
    assert [id(x) for x in row[::-1]] == [id(x) for x in entries[::-1]]
    assert [id(x) for x in row + row[:1]] == [id(x) for x in [*entries, entries[0]]]
    assert len(row) == 4
    row += row[:1]
    assert len(row) == 5
    assert names(ROWS[kind](0)) == []


@pytest.mark.parametrize("kind", ROWS)
def test_what_a_row_has_not_is_an_index_error_and_changes_nothing(kind: str) -> None:
    row = ROWS[kind](2)
    before = dict(vars(row))
    attempts: list[Callable[[], Any]] = [
        lambda: row[2],
        lambda: row[-3],
        lambda: row.__setitem__(2, row[0]),
        lambda: row.__delitem__(5),
        lambda: row.pop(2),
    ]
    for do in attempts:
        with pytest.raises(IndexError, match=rf"{kind}: there is no entry -?\d among 2"):
            do()
    with pytest.raises(DTypeError, match=f"{kind}: entries have numbers, and slices of them, not str"):
        row["0"]
    assert vars(row) == before


@pytest.mark.parametrize("kind", ROWS)
def test_a_row_takes_only_its_kind_and_all_or_nothing(kind: str) -> None:
    row = ROWS[kind](2)
    before = dict(vars(row))
    wrong: Any = row[0].weight if kind != "ParameterList" else nn.ReLU()
    wanted = "Parameter" if kind == "ParameterList" else "Module"
    attempts: list[Callable[[], Any]] = [
        lambda: row.append(wrong),
        lambda: row.extend([row[0], wrong]),
        lambda: row.insert(0, wrong),
        lambda: row.__setitem__(0, wrong),
    ]
    for do in attempts:
        with pytest.raises(DTypeError, match=rf"{kind}: every (entry|layer) must be a {wanted}, not"):
            do()
    with pytest.raises(DTypeError, match=rf"{kind}.extend: takes a list, not int"):
        row.extend(3)
    assert vars(row) == before


# ----------------------------------------------------------------------------------------- Sequential


def test_layers_can_be_given_by_name_and_are_attributes() -> None:
    model: Any = nn.Sequential(
        OrderedDict([("fc1", nn.Linear(2, 3)), ("act", nn.ReLU()), ("fc2", nn.Linear(3, 1))])
    )
    assert names(model) == ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    assert model.fc1 is model[0]
    assert names(model[1:]) == ["fc2.weight", "fc2.bias"]
    model.fc1 = replaced = nn.Linear(2, 3)
    assert model[0] is replaced
    model[0] = nn.Linear(2, 3)
    assert model.fc1 is not replaced
    model.append(nn.Tanh())
    assert [name for name, _ in model.named_children()] == ["fc1", "act", "fc2", "3"]
    model.last = nn.Sigmoid()
    assert kinds(model)[-2:] == ["Tanh", "Sigmoid"]
    y = model(Tensor(X)).data
    assert (y > 0.2).all()
    assert (y < 0.8).all()  # of a hyperbolic tangent
    del model.act
    assert kinds(model) == ["Linear", "Linear", "Tanh", "Sigmoid"]


def test_a_slice_shares_its_layers_keeps_their_names_and_can_be_extended() -> None:
    model = nn.MLP(2, [3, 3, 1], rng=0)
    features = model[:-1]
    assert type(features) is nn.Sequential
    assert features[0] is model[0]
    tail = model[2:]
    assert names(tail) == ["2.weight", "2.bias", "4.weight", "4.bias"]
    tail.append(nn.ReLU())  # whose number would be that of another's name
    assert kinds(tail) == ["Linear", "ReLU", "Linear", "ReLU"]
    assert len(model) == 5
    np.testing.assert_array_equal(model(Tensor(X)).data, model[2:](model[:2](Tensor(X))).data)


def test_a_subclass_may_set_its_layers_as_attributes() -> None:
    class Block(nn.Sequential):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(2)
            self.act = nn.ReLU()

    block = Block()
    np.testing.assert_array_equal(block(Tensor(X)).data, block.act(block.norm(Tensor(X))).data)
    assert len(block) == 2
    assert type(block[:1]) is nn.Sequential


def test_a_list_of_layers_has_its_cure() -> None:
    with pytest.raises(
        DTypeError, match=r"every layer must be a Module, not list. Write Sequential\(\*layers\)"
    ):
        nn.Sequential([nn.ReLU()])  # type: ignore[call-overload]
    assert nn.Sequential({})(3) == 3


# --------------------------------------------------------------------------------------------- tables

TABLES: dict[str, Callable[[], Any]] = {
    "ModuleDict": lambda: nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 2)}),
    "ParameterDict": lambda: nn.ParameterDict({"a": np.ones(1), "b": nn.Parameter([2.0])}),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_is_read_and_changed_as_a_dict_is(kind: str) -> None:
    table, other = TABLES[kind](), TABLES[kind]()
    a, b = table["a"], table["b"]
    assert list(table) == list(table.keys()) == ["a", "b"]
    assert [id(x) for x in table.values()] == [id(a), id(b)]
    assert [(name, id(x)) for name, x in table.items()] == [("a", id(a)), ("b", id(b))]
    assert "a" in table
    assert "c" not in table
    assert table.a is a
    table["a"] = other["a"]
    assert table["a"] is other["a"]
    table.update({"c": b})
    table.update([("d", a)])
    table.update(other)
    assert list(table) == ["a", "b", "c", "d"]
    assert table["b"] is other["b"]
    assert table.pop("c") is b
    del table["d"]
    assert len(table) == 2
    assert table.get("a") is other["a"]
    assert (table.get("z"), table.get("z", 3)) == (None, 3)
    table.clear()
    assert len(table) == 0
    assert names(table) == []


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_names_what_it_has_and_refuses_names_that_would_be_lost(kind: str) -> None:
    table = TABLES[kind]()
    before, entry = dict(vars(table)), table["a"]
    attempts: list[Callable[[], Any]] = [
        lambda: table["z"],
        lambda: table.pop("z"),
        lambda: table.__delitem__("z"),
    ]
    for do in attempts:
        with pytest.raises(KeyError, match=rf"{kind} has no entry 'z'. There are a, b"):
            do()
    for name in ("keys", "forward", "training"):
        with pytest.raises(OptionError, match=f"{kind}: '{name}' is an attribute that every {kind} has"):
            table[name] = entry
    for name in ("", "a.b"):
        with pytest.raises(OptionError, match="neither empty nor dotted"):
            table.update({"c": entry, name: entry})
    with pytest.raises(DTypeError, match="names of members are strings, not int"):
        table[3] = entry
    for wrong in (3, [3], "ab"):
        with pytest.raises(DTypeError, match=rf"{kind}: takes a dict, or pairs"):
            table.update(wrong)
    with pytest.raises(DTypeError, match=rf"{kind}: every entry must be a"):
        table["c"] = nn.ReLU() if kind == "ParameterDict" else 3
    assert vars(table) == before


def test_lists_and_tables_of_modules_say_that_they_have_no_forward() -> None:
    for container in (nn.ModuleList(), nn.ModuleDict()):
        with pytest.raises(
            NotImplementedError, match=f"{type(container).__name__}: has no forward. Call its"
        ):
            container(Tensor(X))


# ------------------------------------------------------------------------------------------ compile

CHANGES: dict[str, Callable[[Any], object]] = {
    "append": lambda net: net.layers.append(nn.Tanh()),
    "extend": lambda net: net.layers.extend([nn.Tanh(), nn.Tanh()]),
    "insert": lambda net: net.layers.insert(0, nn.Tanh()),
    "set": lambda net: net.layers.__setitem__(1, nn.Tanh()),
    "del": lambda net: net.layers.__delitem__(1),
    "pop": lambda net: net.layers.pop(),
    "set by name": lambda net: net.heads.__setitem__("a", nn.Linear(2, 1, rng=5)),
    "update": lambda net: net.heads.update({"a": nn.Linear(2, 1, rng=5)}),
    "a parameter": lambda net: net.scales.__setitem__(0, nn.Parameter([3.0])),
    "a parameter by name": lambda net: net.rates.__setitem__("slow", [7.0]),
    "another order": lambda net: net.layers.insert(0, net.layers.pop()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_compiled_step_sees_what_changes_in_a_container(change: str) -> None:
    net = Net()
    step = mt.compile(lambda x: net(x).detach())
    for _ in range(4):
        before = step(X).data
    assert sum(map(len, step._programs.values())) == 1
    CHANGES[change](net)
    for _ in range(4):
        np.testing.assert_array_equal(step(X).data, net(Tensor(X)).data)
    assert not np.array_equal(step(X).data, before)
    assert sum(map(len, step._programs.values())) == 2
