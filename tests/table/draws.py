"""Samples drawn at random: shapes, axes and options that nobody chose, for operations that NumPy has too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.table.row import Array, Sample, Shape
from tests.table.samples import sample

Generator = np.random.Generator


def shape(rng: Generator, least: int = 0, side: int = 1) -> Shape:
    """Of up to 3 axes, `least` at least, each from `side` to 4 long."""
    return tuple(rng.integers(side, 5, rng.integers(least, 4)).tolist())


def of(rng: Generator, *lengths: int) -> Array:
    """Numbers of which some tie."""
    x = rng.normal(size=lengths)
    return np.asarray(np.where(rng.random(lengths) < 0.3, np.round(x), x))


def axis(rng: Generator, ndim: int) -> int:
    return int(rng.integers(-ndim, ndim))


def axes(rng: Generator, ndim: int) -> Any:
    """None, one, or several in any order."""
    some: Any = rng.permutation(ndim)[: rng.integers(1, ndim + 1)] if ndim else []
    several = tuple([int(a) - ndim * int(rng.integers(2)) for a in some])
    return [None, several, several[0]][rng.integers(3)] if ndim else None


def reduction(rng: Generator, **attrs: Any) -> Sample:
    x = of(rng, *shape(rng))
    return sample(x, axis=axes(rng, x.ndim), keepdims=bool(rng.integers(2)), **attrs)


def with_nan(rng: Generator) -> Sample:
    x, attrs = reduction(rng)
    return sample(np.where(rng.random(x[0].shape) < 0.2, np.nan, x[0]), **attrs)


def pair(rng: Generator) -> Sample:
    """Two that broadcast."""
    whole = shape(rng)
    parts = [
        [1 if rng.random() < 0.3 else n for n in whole][rng.integers(len(whole) + 1) :] for _ in range(2)
    ]
    return sample(*[of(rng, *part) for part in parts])


def apart(rng: Generator) -> Sample:
    """Two that broadcast, the second away from 0."""
    (x, y), _ = pair(rng)
    return sample(np.asarray(3 * x), np.asarray(np.copysign(np.abs(y) + 0.5, y)))


def averaged(rng: Generator) -> Sample:
    x = of(rng, *shape(rng, 1))
    chosen = axes(rng, x.ndim)
    named = chosen if isinstance(chosen, tuple) else range(x.ndim) if chosen is None else (chosen,)
    whole = rng.random() < 0.5 or not list(named)
    weights = np.exp(of(rng, *(x.shape if whole else [x.shape[a] for a in named])))
    return sample(x, weights, axis=chosen, keepdims=bool(rng.integers(2)))


def at_quantiles(rng: Generator, most: float = 1) -> Sample:
    x = rng.normal(size=shape(rng))
    q: Any = rng.random([(), (3,), (2, 2)][rng.integers(3)]) * most
    q = float(q) if not np.ndim(q) else np.asarray(q).tolist()
    method = ["linear", "lower", "higher", "midpoint", "nearest"][rng.integers(5)]
    return sample(x, q, axis=axes(rng, x.ndim), keepdims=bool(rng.integers(2)), method=method)


def differences(rng: Generator) -> Sample:
    x = of(rng, *shape(rng, 1))
    ends = {name: float(rng.normal()) for name in ("prepend", "append") if rng.random() < 0.3}
    return sample(x, n=int(rng.integers(0, 4)), axis=axis(rng, x.ndim), **ends)


def area(rng: Generator) -> Sample:
    y = of(rng, *shape(rng, 1))
    along = axis(rng, y.ndim)
    places = [[], [of(rng, *y.shape)], [of(rng, y.shape[along])]][rng.integers(3)]
    return sample(y, *places, axis=along, **({} if places else {"dx": float(rng.random())}))


def between_points(rng: Generator) -> Sample:
    n = int(rng.integers(1, 6))
    xp = np.cumsum(rng.random(n)) - 1
    x = np.asarray(2 * rng.normal(size=shape(rng)))
    if rng.random() < 0.3:
        x = rng.choice(xp, size=4)
    ends = {name: float(rng.normal()) for name in ("left", "right") if rng.random() < 0.3}
    if n > 1 and rng.random() < 0.3:
        ends = {"period": float(2 + rng.random())}
    return sample(x, xp, of(rng, n), **ends)


def rolled(rng: Generator) -> Sample:
    x = of(rng, *shape(rng, 1, 0))
    n = int(rng.integers(1, 4))
    shifts = tuple(rng.integers(-6, 7, n).tolist())
    if rng.random() < 0.3:
        return sample(x, shifts[0])
    return sample(x, shifts, tuple([axis(rng, x.ndim) for _ in range(n)]))


def stacked(rng: Generator, along: int, least: int) -> Sample:
    """Arrays that differ along one axis alone, and not where there are too few for that."""
    first = shape(rng, 0, 0)
    parts = []
    for _ in range(rng.integers(1, 4)):
        lengths = list(first)
        if len(lengths) >= least:
            lengths[min(along, len(lengths) - 1)] = int(rng.integers(0, 4))
        parts.append(of(rng, *lengths))
    return sample(*parts)


def crossed(rng: Generator) -> Sample:
    (x, y), _ = pair(rng)
    at = [int(rng.integers(-z.ndim - 1, z.ndim + 1)) for z in (x, y)]
    x, y = (
        np.moveaxis(np.broadcast_to(z[..., None], (*z.shape, 3)) + rng.normal(size=3), -1, a)
        for z, a in zip((x, y), at, strict=True)
    )
    return sample(x, y, *at, axisc=axis(rng, max(x.ndim, y.ndim)))


def inner(rng: Generator) -> Sample:
    n = int(rng.integers(0, 4))
    return sample(of(rng, *shape(rng)[:2], n), of(rng, *shape(rng)[:2], n))


DRAWS: dict[str, Callable[[Generator], Sample]] = {
    "ptp": reduction,
    "average": lambda rng: averaged(rng) if rng.random() < 0.7 else reduction(rng),
    **dict.fromkeys(["nansum", "nanmean"], with_nan),
    **dict.fromkeys(["copysign", "heaviside", "logaddexp2"], pair),
    "fmod": apart,
    "quantile": at_quantiles,
    "percentile": lambda rng: at_quantiles(rng, 100),
    "diff": differences,
    "trapezoid": area,
    "interp": between_points,
    "roll": rolled,
    "diag": lambda rng: sample(of(rng, *shape(rng, 1, 0)[:2]), k=int(rng.integers(-3, 4))),
    **dict.fromkeys(
        ["atleast_1d", "atleast_2d", "atleast_3d"], lambda rng: sample(of(rng, *shape(rng, 0, 0)))
    ),
    "hstack": lambda rng: stacked(rng, 1, 1),
    "vstack": lambda rng: stacked(rng, 0, 2),
    "dstack": lambda rng: stacked(rng, 2, 3),
    "column_stack": lambda rng: stacked(rng, 1, 2),
    "cross": crossed,
    "inner": inner,
}
