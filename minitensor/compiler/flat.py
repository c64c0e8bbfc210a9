"""An optimizer's step over one vector: small networks wait for the number of calls, not of elements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from sys import getrefcount
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from minitensor import memory
from minitensor.core.tensor import Tensor
from minitensor.optim.blas import LARGE
from minitensor.optim.optimizer import Group, Optimizer

Array = NDArray[Any]


class Home:
    """Parameters of one group side by side in a vector, and beside it what the optimizer remembers of them.

    Parameters keep their shapes and their order in memory, as views into the vector.
    """

    def __init__(self, optimizer: Optimizer, parameters: Sequence[Tensor]) -> None:
        self.parameters = tuple(parameters)
        self.states = [optimizer._state[parameter] for parameter in parameters]
        self.vector, self.views = _side_by_side([parameter.data for parameter in parameters])
        written = [max([p._writes()[0] for p in parameters])]
        for parameter, view in zip(parameters, self.views, strict=True):
            parameter._data, parameter._written = view, written
        self.state: dict[str, Any] = {}
        self.remembered: dict[str, list[Array]] = {}
        for name, value in self.states[0].items():
            if isinstance(value, np.ndarray):
                self.state[name], views = _side_by_side([state[name] for state in self.states])
                self.remembered[name] = views
                for state, view in zip(self.states, views, strict=True):
                    state[name] = view
            else:
                self.state[name] = value
        self.pieces = []
        for piece in _pieces([parameter.size for parameter in parameters]):
            part = Tensor.from_numpy(self.vector[piece])
            part._written = written
            state = {n: x[piece] if isinstance(x, np.ndarray) else x for n, x in self.state.items()}
            self.pieces.append((piece, part, state))
        self.counters = [name for name, x in self.state.items() if not isinstance(x, np.ndarray)]
        self.residents = list(zip(self.parameters, self.views, self.states, strict=True))

    def is_inhabited(self, optimizer: Optimizer) -> bool:
        """Whether the parameters and what is remembered of them still are where they were put."""
        known = optimizer._state
        for i, (parameter, view, state) in enumerate(self.residents):
            if parameter._data is not view or known.get(parameter) is not state:
                return False
            if any([state.get(name) is not self.remembered[name][i] for name in self.remembered]):
                return False
        return True

    def counts_alike(self) -> bool:
        """Whether all parameters have had as many steps; some may have been frozen for a while."""
        first, *others = self.states
        return all([state[name] == first[name] for name in self.counters for state in others])

    def count(self) -> None:
        """Take the counters from the parameters to the pieces."""
        for name in self.counters:
            for _, _, state in self.pieces:
                state[name] = self.states[0][name]

    def count_back(self) -> None:
        """Take the counters from the pieces to the parameters."""
        for name in self.counters:
            for state in self.states:
                state[name] = self.pieces[0][2][name]

    def has_grown(self) -> bool:
        """Whether updates remember more than they did, as once an optimizer is given momentum."""
        return any([len(state) != len(self.state) for _, _, state in self.pieces])

    def hand_out(self, optimizer: Optimizer) -> None:
        """Let the parameters remember it too. Their states are new ones, so that no program goes on."""
        start = 0
        for parameter, view, state in self.residents:
            piece, _, grown = next(found for found in self.pieces if found[0].stop >= start + view.size)
            place = slice(start - piece.start, start - piece.start + view.size)
            optimizer._state[parameter] = state | {
                name: np.ndarray(view.shape, x.dtype, x[place].data, 0, view.strides)
                if isinstance(x, np.ndarray)
                else x
                for name, x in grown.items()
                if name not in state
            }
            start += view.size


def small_last(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The order in which to put parameters side by side: the small ones lie together, for one update."""
    return sorted(parameters, key=lambda parameter: parameter.size < LARGE)


def _pieces(sizes: Iterable[int]) -> list[slice]:
    """The parts of a vector to update at once: large parameters by themselves, small ones together.

    So each element goes through BLAS or NumPy as it does where `step` updates parameter by parameter.
    """
    pieces, end = [slice(0, 0)], 0
    for size in sizes:
        start, end = end, end + size
        if end - pieces[-1].start < LARGE:
            pieces[-1] = slice(pieces[-1].start, end)
        else:
            pieces.append(slice(start, end))
    return [piece for piece in pieces if piece.start < piece.stop]


def _side_by_side(arrays: list[Array]) -> tuple[Array, list[Array]]:
    """A vector with all elements, in their order in memory, and views of it with the arrays' shapes."""
    vector = memory.empty(sum([x.nbytes for x in arrays])).view(arrays[0].dtype)
    views, start = [], 0
    for x in arrays:
        view: Array = np.ndarray(x.shape, x.dtype, vector[start : start + x.size].data, 0, x.strides)
        view[...] = x
        views.append(view)
        start += x.size
    return vector, views


class FlatStep:
    """An optimizer's step for gradients that lie in a vector for each group; elsewhere, `step()` itself.

    Args:
        optimizer: The optimizer.
        groups: For each group its home, and its gradients: as a vector, and as each parameter's `.grad`.
    """

    def __init__(
        self, optimizer: Optimizer, groups: Sequence[tuple[Home, Group, Array, list[Array]]]
    ) -> None:
        self.optimizer = optimizer
        self.homes = [home for home, *_ in groups]
        self.counting = [home for home in self.homes if home.counters]
        self.given = [pair for home, _, _, own in groups for pair in zip(home.parameters, own, strict=True)]
        given = {parameter for home in self.homes for parameter in home.parameters}
        self.others = [p for group in optimizer.param_groups for p in group["params"] if p not in given]
        self.updates = [
            (part, vector[piece], state, group)
            for home, group, vector, _ in groups
            for piece, part, state in home.pieces
        ]

    def conditions(self, name: Callable[[str, Any], str]) -> list[str]:
        """What must still be as it was, or no step may be taken, as Python source.

        Args:
            name: Names what the source is to refer to, given a proposal and the object.
        """

        def of_its_kind(x: Any) -> str:
            return name(type(x).__name__.lower(), x)

        optimizer = of_its_kind(self.optimizer)
        groups, states = self.optimizer.param_groups, name("states", self.optimizer._state)
        known_groups = name("groups", groups)
        found = [
            f"{optimizer}.update.__func__ is {name('update', type(self.optimizer).update)}",
            f"{optimizer}.param_groups is {known_groups}",
            f"{optimizer}._state is {states}",
            f"len({known_groups}) == {len(groups)}",
        ]
        for i, group in enumerate(groups):
            known, params = name("group", group), name("params", group["params"])
            found.append(f"{known_groups}[{i}] is {known}")
            found.append(f"{known}['params'] is {params}")
            found.append(f"len({params}) == {len(group['params'])}")
            for n, tensor in enumerate(group["params"]):
                found.append(f"{params}[{n}] is {of_its_kind(tensor)}")
        for home in self.homes:
            for i, (tensor, _, own) in enumerate(home.residents):
                state = name("state", own)
                found.append(f"{states}[{of_its_kind(tensor)}] is {state}")
                for key, views in home.remembered.items():
                    found.append(f"{state}[{key!r}] is {name('memory', views[i])}")
        return found

    def __call__(self) -> None:
        optimizer = self.optimizer
        for parameter, gradient in self.given:
            if parameter._grad is not gradient:  # there was one before, to which this was added
                return optimizer._update_all()
        for parameter in self.others:
            if parameter._grad is not None:  # of an earlier step
                return optimizer._update_all()
        for home in self.counting:
            if not home.counts_alike():
                return optimizer._update_all()
        for home in self.counting:
            home.count()
        optimizer.take(self.updates)
        for home in self.counting:
            home.count_back()
        for home in self.homes:
            if home.has_grown():
                home.hand_out(optimizer)
        return None


def is_elementwise(optimizer: Optimizer) -> bool:
    """Whether its `update` treats each element by itself: a class promises it for its own methods alone."""
    kind = type(optimizer)
    if any([callable(x) and hasattr(kind, name) for name, x in vars(optimizer).items()]):
        return False
    for base in kind.__mro__:
        if "elementwise" in vars(base):
            break
        if any([callable(x) for name, x in vars(base).items() if name not in ("__init__", "_check")]):
            return False
    return optimizer.elementwise


_homes: WeakKeyDictionary[Optimizer, list[Home]] = WeakKeyDictionary()
"""Where the parameters of each optimizer were put side by side."""
_alone = Tensor([0.0])
_HELD_ONCE = getrefcount(_alone._data)  # by the tensor, and by the call


def _shares_its_base(array: Array) -> bool:
    """Whether it is a view of memory that something else sees too."""
    return isinstance(array.base, np.ndarray) and getrefcount(array.base) > _HELD_ONCE


def home_of(optimizer: Optimizer, parameters: Sequence[Tensor]) -> Home | None:
    """The home of these parameters, made if there is none; None where they cannot live together.

    Moving in leaves the old arrays behind: so nobody else may hold one, who would wait for its updates.
    """
    homes = [home for home in _homes.get(optimizer, ()) if home.is_inhabited(optimizer)]
    _homes[optimizer] = homes
    for home in homes:
        if list(map(id, home.parameters)) == list(map(id, parameters)):
            return home
    settled = {parameter for home in homes for parameter in home.parameters}
    states = [optimizer._state.get(parameter) for parameter in parameters]
    if settled.intersection(parameters) or any([state is None for state in states]):
        return None
    first: Any = states[0]
    for parameter, state in zip(parameters, states, strict=True):
        assert state is not None
        if getrefcount(parameter._data) > _HELD_ONCE or _shares_its_base(parameter._data):
            return None
        if any(
            [getrefcount(state[name]) > _HELD_ONCE for name in state if isinstance(state[name], np.ndarray)]
        ):
            return None
        if parameter.dtype != parameters[0].dtype or state.keys() != first.keys():
            return None
        for name, x in state.items():
            if isinstance(x, np.ndarray):
                if (x.shape, x.strides, x.dtype) != (
                    parameter.shape,
                    parameter.data.strides,
                    parameter.dtype,
                ):
                    return None
            elif not isinstance(x, int | float) or x != first[name]:  # only counters count alike
                return None
    homes.append(Home(optimizer, parameters))
    return homes[-1]
