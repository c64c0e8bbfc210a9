"""The checks that many rows have in common: every kind of broadcasting, and every choice of axes."""

from __future__ import annotations

from typing import Any

from tests.table.row import Check, Function, Shape


def check(function: Function, *shapes: Shape) -> Check:
    return Check(function, shapes)


def unary(function: Function, low: float = -2.0, high: float = 2.0) -> list[Check]:
    """An elementwise function of one input."""
    return [Check(function, (shape,), low, high) for shape in [(), (3,), (2, 3), (0, 2), (2, 1, 3)]]


def binary(function: Function, low: float = -2.0, high: float = 2.0) -> list[Check]:
    """An elementwise function of two inputs, which broadcast in every way."""
    pairs: list[tuple[Shape, Shape]] = [
        *[((), ()), ((3,), ()), ((), (2, 3)), ((3, 1), (4,)), ((2, 3), (2, 3)), ((2, 2, 3), (2, 3))],
        *[((1,), (2, 1, 3)), ((0, 3), (3,)), ((2, 1), (2, 0))],
    ]
    return [Check(function, pair, low, high) for pair in pairs]


def several(function: Function, *more_axes: Any) -> list[Check]:
    """A reduction over axes of several elements: one that is not smooth over a single one."""
    return [
        check(lambda x, a=axis, k=keep: function(x, axis=a, keepdims=k), (2, 3, 2))
        for axis in [None, 0, -1, (0, 2), (-1, 0), (0, 1, 2), *more_axes]
        for keep in (False, True)
    ]


def reduction(function: Function, empty: bool = True) -> list[Check]:
    """A reduction over one, several or all axes, or none."""
    checks = [*several(function, ()), check(function, ()), check(function, (4,))]
    if empty:
        checks += [check(function, (0, 3)), check(lambda x: function(x, axis=1), (0, 3))]
    return checks
