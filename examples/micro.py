"""Backpropagation in a hundred lines, for the first hour: this file needs nothing but Python.

The engine of minitensor is this, with arrays in place of numbers. Three ideas:

1. A *rule* says what an operation computes, and for each input how a gradient passes back through it.
2. Called on Values, a rule computes on their numbers, and makes a Value that remembers where it came from.
3. `backward` visits the Values from the last to the first, and applies the chain rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from typing import Any

tick = count().__next__  # a clock: what is computed later has a later tick


def rule(function: Callable[..., tuple[Any, ...]]) -> Callable[..., Value]:
    """Make an operation of a rule: a function that returns a number, and one local gradient per input."""

    def call(*args: Value | float) -> Value:
        number, *locals = function(*[x.data if isinstance(x, Value) else x for x in args])
        value = Value(number)
        value.edges = [(x, local) for x, local in zip(args, locals, strict=True) if isinstance(x, Value)]
        return value

    return call


add = rule(lambda x, y: (x + y, lambda g: g, lambda g: g))
subtract = rule(lambda x, y: (x - y, lambda g: g, lambda g: -g))
multiply = rule(lambda x, y: (x * y, lambda g: g * y, lambda g: g * x))
divide = rule(lambda x, y: (x / y, lambda g: g / y, lambda g: -g * x / (y * y)))
power = rule(lambda x, n: (x**n, lambda g: g * n * x ** (n - 1), lambda g: g * x**n * math.log(x)))
exp = rule(lambda x: (math.exp(x), lambda g: g * math.exp(x)))
log = rule(lambda x: (math.log(x), lambda g: g / x))
tanh = rule(lambda x: (math.tanh(x), lambda g: g * (1 - math.tanh(x) ** 2)))
relu = rule(lambda x: (max(x, 0.0), lambda g: g if x > 0 else 0.0))


class Value:
    """A number that remembers how it was computed."""

    def __init__(self, data: float) -> None:
        self.data = data
        self.grad = 0.0
        self.tick = tick()
        self.edges: list[
            tuple[Value, Callable[[float], float]]
        ] = []  # its inputs, with their local gradients

    def backward(self) -> None:
        """Add d self / d v to `v.grad`, for every Value v that self was computed from."""
        found, seen = [self], {self}
        for value in found:  # grows while it is walked
            for parent, _ in value.edges:
                if parent not in seen:
                    seen.add(parent)
                    found.append(parent)
        gradients = dict.fromkeys(found, 0.0) | {self: 1.0}
        for value in sorted(found, key=lambda value: value.tick, reverse=True):
            value.grad += gradients[value]
            for parent, local in value.edges:  # the chain rule: along a path rates multiply, and paths add up
                gradients[parent] += local(gradients[value])

    __add__ = __radd__ = add
    __sub__ = subtract
    __mul__ = __rmul__ = multiply
    __truediv__ = divide
    __pow__ = power

    def __neg__(self) -> Value:
        return 0.0 - self

    def __rsub__(self, other: float) -> Value:
        return subtract(other, self)

    def __rtruediv__(self, other: float) -> Value:
        return divide(other, self)

    def __repr__(self) -> str:
        return f"Value(data={self.data}, grad={self.grad})"


if __name__ == "__main__":  # a neuron learns "and": 1 where both inputs are 1, and −1 elsewhere
    w1, w2, b = Value(0.1), Value(-0.2), Value(0.0)
    samples = [(0.0, 0.0, -1.0), (0.0, 1.0, -1.0), (1.0, 0.0, -1.0), (1.0, 1.0, 1.0)]
    for step in range(101):
        errors = [tanh(w1 * x1 + w2 * x2 + b) - target for x1, x2, target in samples]
        loss = sum([error * error for error in errors], Value(0.0))
        for parameter in (w1, w2, b):
            parameter.grad = 0.0
        loss.backward()
        for parameter in (w1, w2, b):
            parameter.data -= 0.1 * parameter.grad
        if step % 25 == 0:
            print(f"step {step:3}: loss {loss.data:.4f}, w {w1.data:+.2f} {w2.data:+.2f}, b {b.data:+.2f}")
