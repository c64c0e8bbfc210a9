"""Elementary functions: exponentials and logarithms, roots, trigonometry."""

from __future__ import annotations

import minitensor as mt
from tests.table.checks import binary, unary
from tests.table.row import Function, Row
from tests.table.samples import INSIDE, TWO


def one(function: Function, torch: str, low: float = -2.0, high: float = 2.0) -> Row:
    """A function of one number, smooth from low to high."""
    return Row(function, torch, unary(function, low, high), INSIDE)


def two(function: Function, torch: str, low: float, high: float) -> Row:
    return Row(function, torch, binary(function, low, high), TWO)


ELEMENTWISE: dict[str, Row] = {
    "exp": one(mt.exp, "exp"),
    "exp2": one(mt.exp2, "exp2"),
    "expm1": one(mt.expm1, "expm1"),
    "log": one(mt.log, "log", 0.5, 3),
    "log2": one(mt.log2, "log2", 0.5, 3),
    "log10": one(mt.log10, "log10", 0.5, 3),
    "log1p": one(mt.log1p, "log1p", -0.5, 2),
    "logaddexp": two(mt.logaddexp, "logaddexp", -4, 4),
    "logaddexp2": two(mt.logaddexp2, "logaddexp2", -4, 4),
    "sigmoid": one(mt.sigmoid, "sigmoid", -4, 4),
    "sqrt": one(mt.sqrt, "sqrt", 0.5, 3),
    "rsqrt": one(mt.rsqrt, "rsqrt", 0.5, 3),
    "hypot": two(mt.hypot, "hypot", 0.5, 2),
    "sin": one(mt.sin, "sin"),
    "cos": one(mt.cos, "cos"),
    "tan": one(mt.tan, "tan", -1, 1),
    "arcsin": one(mt.arcsin, "arcsin", -0.8, 0.8),
    "arccos": one(mt.arccos, "arccos", -0.8, 0.8),
    "arctan": one(mt.arctan, "arctan"),
    "arctan2": two(mt.arctan2, "arctan2", 0.5, 2),
    "sinh": one(mt.sinh, "sinh"),
    "cosh": one(mt.cosh, "cosh"),
    "tanh": one(mt.tanh, "tanh"),
    "arcsinh": one(mt.arcsinh, "arcsinh"),
    "arccosh": one(mt.arccosh, "arccosh", 1.5, 3),
    "arctanh": one(mt.arctanh, "arctanh", -0.8, 0.8),
    "erf": one(mt.erf, "erf"),
}
