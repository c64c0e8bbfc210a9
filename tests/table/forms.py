"""Forms in which samples call an operation whose inputs and outputs are not one tensor each."""

from __future__ import annotations

from tests.table.row import Function


def part_of(function: Function) -> Function:
    """Of an operation with several outputs, the one numbered `part`."""
    return lambda *inputs, part, **attrs: function(*inputs, **attrs)[part]


def of_members(function: Function) -> Function:
    """An operation on a sequence, as one on its members."""
    return lambda *arrays, axis=0: function(arrays, axis)


def of_list(function: Function) -> Function:
    """An operation on a sequence that takes nothing else."""
    return lambda *arrays: function(arrays)


def with_weights(function: Function) -> Function:
    """An average, whose weights are the second input."""
    return lambda x, weights=None, **attrs: function(x, weights=weights, **attrs)


def with_places(function: Function) -> Function:
    """An area under points, whose places are the second input."""
    return lambda y, x=None, **attrs: function(y, x=x, **attrs)


def with_subscripts(function: Function) -> Function:
    """An operation on operands after an equation, with the equation as an attribute."""
    return lambda *operands, subscripts: function(subscripts, *operands)


def towards_the_input(function: Function) -> Function:
    """A loss whose target may be `fixed`: no part of the graph."""
    return lambda x, target, fixed=False, **attrs: function(x, target.detach() if fixed else target, **attrs)
