"""The same elements in another shape, order or dtype; repeated, padded, joined."""

from __future__ import annotations

from typing import Any

import numpy as np

import minitensor as mt
from tests.table.checks import check
from tests.table.forms import of_list, of_members, part_of
from tests.table.row import Row, Sample, Shape
from tests.table.samples import ONE, POINTS, drawn, pairs, sample, with_each

MODES = ["edge", "reflect", "symmetric", "wrap"]
WIDTHS: list[Any] = [0, 1, (1, 0), ((1, 1), (0, 2)), ((0, 0), (2, 1))]
PADDED: list[Sample] = [
    *with_each([sample(drawn(3, 4)), sample(drawn(4, 3).T)], pad_width=WIDTHS),
    *with_each([sample(drawn(3))], pad_width=[(2, 0)], constant_values=[1.5, np.inf, np.nan]),
    *with_each([sample(drawn(0, 2)), sample(drawn(2, 2, 3))], pad_width=[1]),
    *with_each([sample(drawn(3, 4)), sample(drawn(4, 3).T)], pad_width=WIDTHS, mode=MODES),
    *with_each([sample(drawn(3))], pad_width=[(2, 0), (1, 2)], mode=MODES),
    *with_each([sample(drawn(2, 2, 3))], pad_width=[1], mode=MODES),
    sample(drawn(2), pad_width=(5, 7), mode="edge"),
    *with_each([sample(drawn(4, 5))], pad_width=[(-1, 0), (-1, -1), ((2, -3), (-1, 1)), -2]),
]
MATRICES: list[Sample] = [
    *[sample(drawn(*shape)) for shape in [(3, 3), (2, 4), (4, 2), (2, 3, 4), (0, 3), (1, 1)]],
    *[sample(drawn(4, 3).T), sample(np.array([[1.0, np.inf], [np.nan, -np.inf]]))],
]
TRIANGLES: list[Sample] = [*MATRICES, *[sample(*m, k) for k in (-1, 1, 5) for m, _ in MATRICES]]

OF_ONE: dict[str, list[Sample]] = {
    "hstack": pairs(((3,), (2,)), ((3,), ()), ((2, 3), (2, 1)), ((2, 0), (2, 3))),
    "vstack": pairs(((3,), (2, 3)), ((1, 3), (4, 3)), ((0, 3), (3,))),
    "dstack": pairs(((2,), (1, 2)), ((2, 3), (2, 3, 4)), ((2, 3, 0), (2, 3))),
    "column_stack": pairs(((2,), (2, 3)), ((2, 3), (2, 1)), ((2, 0), (2,))),
}
"""What each of the stacks makes fit."""


def stacked(name: str) -> Row:
    """One of NumPy's stacks."""
    function = getattr(mt, name)
    same: list[tuple[Shape, ...]] = [((),), ((), ()), ((2,), (2,)), ((2, 3), (2, 3)), ((2, 0), (2, 0))]
    return Row(
        function,
        name,
        [check(lambda *xs: function(xs), *shapes) for shapes in [*same, ((2, 3, 2),) * 3]],
        [
            *pairs(((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((0,), (0,)), ((2, 3, 4), (2, 3, 4))),
            *[sample(drawn(3, 2).T, drawn(2, 3)), sample(drawn(3)), sample(drawn(2), drawn(2), drawn(2))],
            *OF_ONE[name],
        ],
        form=of_list,
    )


SHAPES: dict[str, Row] = {
    "reshape": Row(
        mt.reshape,
        "reshape",
        [
            *[check(lambda x: x.reshape(3, -1), (2, 3)), check(lambda x: mt.reshape(x, (6,)), (2, 3))],
            *[check(lambda x: x.reshape(()), (1, 1)), check(lambda x: x.reshape(0, 5), (0, 3))],
        ],
        [
            *[sample(drawn(2, 3), shape) for shape in [(3, -1), (6,), (1, 2, 3)]],
            *[sample(drawn(3, 2).T, (6,)), sample(drawn(1, 1), ()), sample(drawn(0, 3), (0, 5))],
        ],
    ),
    "flatten": Row(
        mt.flatten,
        "flatten",
        [
            *[check(mt.flatten, (2, 3, 2)), check(lambda x: x.flatten(1), (2, 3, 0))],
            *[check(lambda x: x.flatten(0, -2), (2, 3, 2)), check(mt.flatten, ())],
        ],
        [
            *ONE,
            *[sample(drawn(2, 3, 4), start_dim=i, end_dim=j) for i, j in [(0, 1), (1, 2), (1, 1)]],
            *[sample(drawn(2, 3, 4).T, start_dim=-2), sample(drawn(2, 0, 3), start_dim=1)],
        ],
    ),
    "ravel": Row(mt.ravel, "ravel", [check(mt.ravel, (2, 3))], [*ONE, sample(drawn(2, 3, 4).T)]),
    "squeeze": Row(
        mt.squeeze,
        "adapters.squeeze",
        [
            check(mt.squeeze, (1, 3, 1)),
            *[check(lambda x: x.squeeze(-1), (1, 3, 1)), check(lambda x: x.squeeze((0, 2)), (1, 3, 1))],
        ],
        [
            *[*ONE, sample(drawn(1, 1)), sample(drawn(1, 3, 1).T), sample(drawn(1, 0))],
            *with_each([sample(drawn(1, 3, 1))], axis=[0, -1, (0, 2), (-1, 0), ()]),
            sample(drawn(), axis=0),
        ],
    ),
    "expand_dims": Row(
        mt.expand_dims,
        "adapters.expand_dims",
        [
            *[check(lambda x: mt.expand_dims(x, 0), (2, 3)), check(lambda x: x.unsqueeze(-1), (2, 3))],
            check(lambda x: mt.expand_dims(x, (0, 2)), (2, 3)),
        ],
        [
            *with_each([sample(drawn(2, 3)), sample(drawn(3, 2).T)], axis=[0, 1, 2, -1, -3, (0, -1), (1, 2)]),
            *with_each([sample(drawn()), sample(drawn(0))], axis=[0, -1]),
        ],
    ),
    **{
        name: Row(
            getattr(mt, name),
            name,
            [check(getattr(mt, name), shape) for shape in [(), (2,), (2, 3), (2, 0, 3), (1, 2, 1, 2)]],
            [*ONE, sample(drawn(2, 3, 4)), sample(drawn(2, 1, 3, 1))],
        )
        for name in ("atleast_1d", "atleast_2d", "atleast_3d")
    },
    "transpose": Row(
        mt.transpose,
        "adapters.transpose",
        [
            *[check(mt.transpose, (2, 3)), check(mt.transpose, ())],
            check(lambda x: x.transpose(1, 2, 0), (2, 3, 4)),
            check(lambda x: x.transpose((-1, 0, 1)), (2, 3, 0)),
            check(lambda x: x.T @ x, (2, 3)),
        ],
        [
            *[
                *ONE,
                sample(drawn(2, 3, 4)),
                sample(drawn(2, 3, 4), 1, 2, 0),
                sample(drawn(2, 3, 0), -1, 0, 1),
            ],
            *[sample(drawn(2, 3, 4), 0, 2), sample(drawn(2, 3), 0, 1), sample(drawn(2, 3), 1, 0)],
        ],
    ),
    "permute": Row(
        mt.permute,
        lambda x, *axes: x.permute(axes),
        [check(lambda x: x.permute(1, 2, 0), (2, 3, 4)), check(lambda x: x.permute((1, 0)), (2, 3))],
        [
            sample(drawn(2, 3, 4), 1, 2, 0),
            sample(drawn(2, 3), 0, 1),
            sample(drawn(2, 3), -1, 0),
            sample(drawn()),
        ],
    ),
    "swapaxes": Row(
        mt.swapaxes,
        "swapaxes",
        [check(lambda x: x.swapaxes(0, -1), (2, 3, 4))],
        [sample(drawn(2, 3, 4), 0, -1), sample(drawn(2, 3), 1, 0), sample(drawn(2), 0, 0)],
    ),
    "moveaxis": Row(
        mt.moveaxis,
        "moveaxis",
        [
            check(lambda x: mt.moveaxis(x, 0, -1), (2, 3, 4)),
            check(lambda x: mt.moveaxis(x, (0, 1), (-1, 0)), (2, 3, 4)),
        ],
        [
            *[sample(drawn(2, 3, 4), i, j) for i, j in [(0, 2), (-1, 0), (1, 1), (0, -2)]],
            *[sample(drawn(2, 3, 4, 1), i, j) for i, j in [((0, 1), (2, 3)), ((3, 0), (0, -1))]],
            sample(drawn(0, 3), 0, 1),
        ],
    ),
    "flip": Row(
        mt.flip,
        "adapters.flip",
        [check(lambda x, a=axis: mt.flip(x, a), (2, 3, 2)) for axis in (None, 0, -1, (0, 2))],
        [*ONE, *with_each([sample(drawn(2, 3, 4)), sample(drawn(4, 3, 2).T)], axis=[0, -1, (0, 2), ()])],
    ),
    "roll": Row(
        mt.roll,
        "roll",
        [
            *[check(lambda x: mt.roll(x, 2), (2, 3)), check(lambda x: mt.roll(x, -1, 0), (2, 3))],
            *[
                check(lambda x: mt.roll(x, (1, 2), (0, 1)), (2, 3)),
                check(lambda x: mt.roll(x, 1, (0, 2)), (2, 3, 4)),
            ],
            check(lambda x: mt.roll(x, (1, 1, -3), (1, 0, 1)), (2, 3)),
        ],
        [
            *[sample(*x, 1) for x, _ in ONE],
            *[sample(drawn(3, 4), shift) for shift in (0, 2, -1, 13)],
            *[sample(drawn(3, 4), shift, 1) for shift in (2, -5)],
            *[sample(drawn(4, 3).T, (1, -2), (0, 1)), sample(drawn(0, 3), 1, 0), sample(drawn(3, 4), 1, -1)],
            *[sample(drawn(3, 4), (1, 1), (0, 0)), sample(drawn(2, 3, 4), (5, -1, 2), (-1, 0, 1))],
            *[sample(drawn(0, 3), (1, 2), (0, 1)), sample(drawn(2, 3, 4).T, (1, 2), (2, -3))],
        ],
    ),
    "broadcast_to": Row(
        mt.broadcast_to,
        "broadcast_to",
        [check(lambda x: x.broadcast_to((4, 2, 3)), shape) for shape in [(), (3,), (2, 1), (4, 2, 3)]],
        [
            *[sample(drawn(*x), (4, 2, 3)) for x in [(), (3,), (2, 1), (1, 1, 1), (4, 2, 3)]],
            sample(drawn(1, 3), (0, 3)),
        ],
    ),
    "repeat": Row(
        mt.repeat,
        "adapters.repeat",
        [
            check(lambda x: mt.repeat(x, 2), (2, 3)),
            check(lambda x: mt.repeat(x, np.array([0, 2, 1]), -1), (2, 3)),
        ],
        [
            *with_each([sample(drawn(2, 3)), sample(drawn(3, 2).T)], repeats=[0, 1, 3], axis=[None, 0, -1]),
            *[sample(drawn(3), repeats=np.array([2, 0, 1])), sample(drawn(0), repeats=2)],
            *[sample(drawn(2, 3), repeats=np.array([2, 0, 1]), axis=1), sample(POINTS, repeats=2)],
        ],
    ),
    "tile": Row(
        mt.tile,
        "adapters.tile",
        [check(lambda x, r=reps: mt.tile(x, r), (2, 3)) for reps in (2, (2, 1), (2, 1, 3), (1, 0))],
        [
            *with_each([*ONE, sample(drawn(2, 3))], reps=[2, (2, 3), ()]),
            *with_each([sample(drawn(2, 3))], reps=[(2, 1, 2), (0, 2), 0, 1, (1, 1)]),
        ],
    ),
    "pad": Row(
        mt.pad,
        "adapters.pad",
        [
            check(lambda x: mt.pad(x, 1), (2, 3)),
            check(lambda x: mt.pad(x, ((0, 2), (1, 0)), constant_values=3), (2, 3)),
            *[check(lambda x, m=mode: mt.pad(x, ((1, 2), (1, 1)), m), (4, 3)) for mode in MODES],
        ],
        PADDED,
    ),
    "concatenate": Row(
        mt.concatenate,
        "adapters.concatenate",
        [
            check(lambda x, y: mt.concatenate([x, y], axis=None), (2, 3), (2,)),
            check(lambda x, y: mt.concatenate([x, y]), (2, 3), (1, 3)),
            check(lambda x, y: mt.concatenate([x, y, x], axis=-1), (2, 3), (2, 0)),
            check(lambda x: mt.concatenate([x]), (2,)),
        ],
        [
            *[sample(drawn(2, 3), drawn(1, 3)), sample(drawn(2, 3), drawn(1, 2).T, axis=-1)],
            sample(drawn(2, 0), drawn(2, 3), axis=1),
            *[sample(drawn(3)), sample(drawn(3), drawn(2), drawn(0), drawn(1))],
            *[sample(drawn(2, 3), drawn(4), axis=None), sample(drawn(), drawn(3, 2).T, axis=None)],
        ],
        form=of_members,
    ),
    "stack": Row(
        mt.stack,
        "stack",
        [
            check(lambda x, y: mt.stack([x, y]), (2, 3), (2, 3)),
            check(lambda x, y: mt.stack([x, y, x], axis=-1), (2,), (2,)),
            check(lambda x, y: mt.stack([x, y], 1), (2, 0), (2, 0)),
            check(lambda x: mt.stack([x]), ()),
        ],
        [
            *with_each([sample(drawn(2, 3), drawn(3, 2).T)], axis=[0, 1, -1]),
            *pairs(((), ()), ((2, 0), (2, 0))),
        ],
        form=of_members,
    ),
    **{name: stacked(name) for name in ("hstack", "vstack", "dstack", "column_stack")},
    "meshgrid": Row(
        mt.meshgrid,
        "adapters.meshgrid",
        [
            check(lambda x, y: mt.stack(mt.meshgrid(x, y)), (3,), (2,)),
            check(lambda x, y, z: mt.stack(mt.meshgrid(x, y, z, indexing="ij")), (3,), (2,), (4,)),
        ],
        [
            *with_each([sample(drawn(2), drawn(3))], part=[0, 1], indexing=["xy", "ij"]),
            *with_each([sample(drawn(2), drawn(3), drawn(4))], part=[0, 1, 2], indexing=["xy", "ij"]),
            *with_each([sample(drawn(2), drawn()), sample(drawn(0), drawn(2))], part=[0, 1]),
            *[sample(drawn(3), part=0), sample(drawn(2), drawn(3), part=1)],
        ],
        form=part_of,
    ),
    "tril": Row(
        mt.tril, "tril", [check(lambda x, k=k: mt.tril(x, k), (2, 3, 4)) for k in (0, 1, -1)], TRIANGLES
    ),
    "triu": Row(
        mt.triu, "triu", [check(lambda x, k=k: mt.triu(x, k), (2, 3, 4)) for k in (0, 1, -1)], TRIANGLES
    ),
    "copy": Row(mt.copy, "clone", [check(mt.copy, (2, 3))], ONE),
    "astype": Row(
        mt.astype,
        "adapters.astype",
        [check(lambda x: x.astype(np.float64), (2, 3))],
        with_each([sample(drawn(2, 3)), sample(drawn())], dtype=["float32", "float64"]),
    ),
}
