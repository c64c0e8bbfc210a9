"""Axes, shapes and counts as arguments: lists where tuples do, NumPy's integers, and clean refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, ShapeError, Tensor
from minitensor.core.rule import registry

X = np.random.default_rng(0).normal(size=(3, 3, 3))
FOUR = np.ones((3, 3, 3, 3))
EVEN = np.random.default_rng(1).normal(size=(4, 4, 4))
I = np.zeros((3, 3, 3), int)  # noqa: E741

SEVERAL: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(mt, name)
        for name in [
            *["sum", "mean", "var", "std", "standardize", "norm", "logsumexp", "max", "min", "prod", "ptp"],
            *["nansum", "nanmean", "average", "median", "any", "all", "count_nonzero", "flip"],
            *["softmax", "softmin", "log_softmax"],
        ]
    },
    "amax": mt.amax,
    "amin": mt.amin,
    "quantile": lambda x, axis: mt.quantile(x, 0.3, axis),
    "percentile": lambda x, axis: mt.percentile(x, 30, axis),
    "squeeze": lambda x, axis: mt.squeeze(x[:1, :1, :1] if x.ndim else x, axis),
    "expand_dims": lambda x, axis: mt.expand_dims(x, axis),
    "roll": lambda x, axis: mt.roll(x, 1, axis),
    "moveaxis": lambda x, axis: mt.moveaxis(x, axis, axis),
}
"""What takes one axis or several."""
ONE: dict[str, Callable[..., Any]] = {
    **{
        name: getattr(mt, name)
        for name in [
            *["argmax", "argmin", "argsort", "sort", "cumsum", "cumprod", "max_with_indices"],
            *["min_with_indices", "unbind", "diff", "cummax", "cummin", "logcumsumexp"],
        ]
    },
    "take": lambda x, axis: mt.take(x, [0, 1], axis),
    "take_along_axis": lambda x, axis: mt.take_along_axis(x, I, axis),
    "gather": lambda x, axis: mt.gather(x, axis, I if x.ndim else np.array(0)),
    "scatter_add": lambda x, axis: mt.scatter_add(x, axis, I, X),
    "topk": lambda x, axis: mt.topk(x, 2 if x.ndim else 1, axis),
    "repeat": lambda x, axis: mt.repeat(x, 2, axis),
    "split": lambda x, axis: mt.split(x, 3, axis),
    "chunk": lambda x, axis: mt.chunk(x, 2, axis),
    "concatenate": lambda x, axis: mt.concatenate([x, x], axis),
    "stack": lambda x, axis: mt.stack([x, x], axis),
    "windows": lambda x, axis: mt.windows(x, 2, axis),
    "fold": lambda x, axis: mt.fold(FOUR if x.ndim else np.ones((1, 1)), 5, axis),
    "glu": lambda x, axis: mt.glu(EVEN if x.ndim else x, axis),
    "swapaxes": lambda x, axis: mt.swapaxes(x, axis, -1),
    "diagonal": lambda x, axis: mt.diagonal(x, 0, axis, 1),
    "trace": lambda x, axis: mt.trace(x, 0, axis, 1),
    "flatten": lambda x, axis: mt.flatten(x, axis),
    "cross": lambda x, axis: mt.cross(x, x, axis=axis),
    "trapezoid": lambda x, axis: mt.trapezoid(x, axis=axis),
}
"""What takes one axis."""
EVERY = {**SEVERAL, **ONE}
ALIASES = {"amax": "max", "amin": "min"}  # what messages call them
REPEATED_IS_FINE = {"roll"}
MAKES_AXES = {"expand_dims", "stack", "fold"}
MODES: dict[str, Callable[[Any], Any]] = {
    "array": lambda x: x,
    "tensor": lambda x: Tensor(x, requires_grad=x.dtype.kind == "f"),
}


def plain(x: Any) -> Any:
    return (
        [plain(part) for part in x] if isinstance(x, tuple | list) else x.data if isinstance(x, Tensor) else x
    )


def assert_equal(found: Any, expected: Any) -> None:
    found, expected = (plain(x) if isinstance(x, tuple | list) else [plain(x)] for x in (found, expected))
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)


def input_of(name: str, mode: str) -> Any:
    return MODES[mode](X > 0 if name in ("any", "all") else X)


def test_every_operation_with_an_axis_is_tried() -> None:
    with_axis = {
        operation.name
        for name, operation in registry.items()
        if name[0] != "_"
        and {"axis", "axis1", "start_dim", "source"} & set(signature(operation.function).parameters)
    }
    assert with_axis <= EVERY.keys()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SEVERAL)
def test_lists_arrays_and_ranges_of_axes_are_what_tuples_are(name: str, mode: str) -> None:
    function = partial(SEVERAL[name], input_of(name, mode))
    for given in [(0, 2), (-1, 1), (1,), (2, 0, 1), ()]:
        if name == "average" and not given:
            continue
        expected = function(axis=given)
        ways: list[Any] = [
            list(given),
            np.array(given, int),
            tuple(map(np.int64, given)),
            list(map(np.int8, given)),
        ]
        for way in ways:
            assert_equal(function(axis=way), expected)
    assert_equal(function(axis=range(2)), function(axis=(0, 1)))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EVERY)
def test_any_kind_of_integer_is_an_axis(name: str, mode: str) -> None:
    function = partial(EVERY[name], input_of(name, mode))
    for axis in (0, 2, -1, -3):
        if name in ("diagonal", "trace") or (name == "swapaxes" and axis == 2):
            axis = {0: 0, 2: 2, -1: 2, -3: 0}[axis]
        if name == "flatten" and axis == -3:
            continue
        expected = function(axis=axis)
        for way in (np.int64(axis), np.int8(axis), np.array(axis), Tensor(axis)):
            assert_equal(function(axis=way), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EVERY)
def test_an_axis_that_does_not_exist_is_named(name: str, mode: str) -> None:
    for x in (input_of(name, mode), MODES[mode](np.array(1.0))):
        for axis in (10, -11, np.int64(10), *([[10], (10, -11)] if name in SEVERAL else [])):
            with pytest.raises(ShapeError, match=r"axis -?1[01] does not exist in (shape|the result)"):
                EVERY[name](x, axis=axis)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EVERY)
def test_what_is_no_integer_is_no_axis(name: str, mode: str) -> None:
    x = input_of(name, mode)
    bad: list[Any] = [1.0, np.float32(1), "0", True, np.True_, {0}]
    bad += (
        [[0, 1.0], (True,), np.array([0.0, 1.0]), ["a"]] if name in SEVERAL else [[0], (0,), np.array([0, 1])]
    )
    cases = [*[(x, axis) for axis in bad], *[(MODES[mode](np.array(1.0)), axis) for axis in bad[:6]]]
    for of, axis in cases:
        with pytest.raises(DTypeError, match=f"^{ALIASES.get(name, name)}: an axis is an integer, not "):
            EVERY[name](of, axis=axis)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(SEVERAL.keys() - REPEATED_IS_FINE))
def test_an_axis_named_twice_is_refused(name: str, mode: str) -> None:
    last = -4 if name == "expand_dims" else -3
    for axis in ((1, 1), [0, 2, 0], (0, last - (name == "expand_dims")), np.array([2, 2])):
        with pytest.raises(ShapeError, match="is named twice"):
            SEVERAL[name](input_of(name, mode), axis=axis)


ALONG_NOTHING = {
    "glu",
    *["take", "take_along_axis", "scatter_add", "repeat", "split", "chunk", "concatenate", "windows", "flip"],
    *["roll", "moveaxis", "swapaxes", "diagonal", "trace", "cross", "trapezoid", "unbind", "diff"],
}
"""What needs an axis to work along, and so takes no 0-d array."""


@pytest.mark.parametrize("name", sorted(EVERY.keys() - MAKES_AXES))
def test_a_0d_tensor_has_axis_0_and_minus_1_where_numpy_or_pytorch_lend_it_one(name: str) -> None:
    for axis in (1, -2, 10, *([0, -1] if name in ALONG_NOTHING else [])):
        with pytest.raises(ShapeError, match=rf": axis {axis} does not exist in shape \(\)"):
            EVERY[name](Tensor(2.0), axis=axis)
    for axis in (0, -1):
        if name not in ALONG_NOTHING:
            EVERY[name](Tensor(2.0), axis=axis)


# ----------------------------------------------------------------------------- shapes, counts and shifts

COUNTS: dict[str, tuple[Callable[..., Any], tuple[int, ...]]] = {
    "reshape": (lambda x, n: x.reshape(n), (9, 3)),
    "broadcast_to": (lambda x, n: mt.broadcast_to(x, n), (2, 3, 3, 3)),
    "tile": (lambda x, n: mt.tile(x, n), (2, 1, 3)),
    "repeat": (lambda x, n: mt.repeat(x, n, 1), (2, 0, 1)),
    "split": (lambda x, n: mt.split(x, n, 0), (1, 2)),
    "roll": (lambda x, n: mt.roll(x, n, (0, 1, 2)), (1, -2, 5)),
    "roll of axes": (lambda x, n: mt.roll(x, 1, n), (2, 0)),
    "transpose": (lambda x, n: mt.transpose(x, n), (2, 0, -2)),
    "permute": (lambda x, n: mt.permute(x, n), (1, 0, 2)),
    "moveaxis": (lambda x, n: mt.moveaxis(x, n, n[::-1]), (0, 2)),
    "pad": (lambda x, n: mt.pad(x, n), (1, 2)),
    "pad by edges": (lambda x, n: mt.pad(x, n, "edge"), (1, 2)),
    "pad each": (lambda x, n: mt.pad(x, [n, n, n]), (0, 2)),
    "tensordot": (lambda x, n: mt.tensordot(x, x, [n, n]), (0, 1)),
    "zeros": (lambda x, n: mt.zeros(n), (2, 3)),
    "full": (lambda x, n: mt.full(n, 2.0), (2, 3)),
    "randn": (lambda x, n: mt.randn(n, rng=0), (2, 3)),
    "randint": (lambda x, n: mt.randint(0, 9, n, rng=0), (2, 3)),
    "conv2d": (lambda x, n: mt.conv2d(x[None], np.ones((3, 1, 2, 2)), None, n, n, n, 3), (1, 2)),
    "max_pool2d": (lambda x, n: mt.max_pool2d(x, n, n, (1, 0)), (2, 1)),
    "avg_pool2d": (lambda x, n: mt.avg_pool2d(x, n, n, (0, 0)), (1, 2)),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", COUNTS)
def test_lists_and_numpys_integers_are_shapes_counts_and_shifts(name: str, mode: str) -> None:
    function, given = COUNTS[name]
    x = input_of(name, mode)
    expected = function(x, given)
    ways: list[Any] = [list(given), np.array(given), tuple(map(np.int64, given)), list(map(np.int32, given))]
    for way in ways:
        assert_equal(function(x, way), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: mt.tile(x, 1.5), "tile: reps: integers are needed, not float"),
        (lambda x: mt.repeat(x, [1.0, 2.0, 3.0], 0), "repeat: repeats: integers are needed, not float"),
        (lambda x: mt.roll(x, 0.5), "roll: shift: integers are needed, not float"),
        (lambda x: mt.roll(x, [1, True], [0, 1]), "roll: shift: integers are needed, not bool"),
        (lambda x: mt.pad(x, 0.5), "pad: pad_width: integers are needed, not float"),
        (lambda x: mt.pad(x, [[0, 1.5]] * 3, "edge"), "pad: pad_width: integers are needed, not float"),
        (lambda x: mt.diff(x, 1.5), "diff: n: one integer is needed, not float"),
        (lambda x: mt.diag(x[0], 0.5), "diag: k: one integer is needed, not float"),
        (lambda x: mt.diff(x, [1, 2]), "diff: n: one integer is needed, not list"),
        (lambda x: mt.diagonal(x, None), "diagonal: offset: one integer is needed, not NoneType"),
        (lambda x: mt.tril(x, "a"), "tril: k: one integer is needed, not str"),
        (lambda x: mt.triu(x, 1.5), "triu: k: one integer is needed, not float"),
        (lambda x: mt.topk(x, 1.5), "topk: k: one integer is needed, not float"),
        (lambda x: mt.topk(x, True), "topk: k: one integer is needed, not bool"),
        (lambda x: mt.topk(x[0, 0, 0], "1"), "topk: k: one integer is needed, not str"),
        (lambda x: mt.chunk(x, 1.5), "chunk: chunks: one integer is needed, not float"),
        (lambda x: mt.split(x, None), "split: indices_or_sections: one integer is needed, not NoneType"),
        (lambda x: mt.split(x, [1.5]), "split: indices_or_sections: integers are needed, not float"),
        (lambda x: mt.tensordot(x, x, 1.5), "tensordot: axes: one integer is needed, not float"),
        (lambda x: mt.tensordot(x, x, (1,)), "tensordot: axes are a number, or two: .* not 1$"),
        (
            lambda x: mt.tensordot(x, x[0], 3),
            r"tensordot: \(3, 3, 3\) and \(3, 3\) do not both have 3 axes to sum over",
        ),
        (lambda x: mt.tensordot(x, x, -1), "tensordot: .* do not both have -1 axes"),
        (lambda x: mt.norm(x, "nuc"), "norm: ord: one number is needed, not str"),
        (lambda x: mt.norm(x, None), "norm: ord: one number is needed, not NoneType"),
        (lambda x: mt.norm(x, [1, 2]), "norm: ord: one number is needed, not list"),
        (lambda x: mt.quantile(x, "a"), "quantile: q: one number is needed, or an array of them, not str"),
        (lambda x: mt.quantile(x, [[0.1], [0.2, 0.3]]), "quantile: q: one number is needed, or an array"),
        (lambda x: mt.percentile(x, None), "percentile: q: one number is needed, or .*, not NoneType"),
        (lambda x: mt.quantile(x, np.array(1j)), "quantile: q: one number is needed, or .*, not ndarray"),
        (lambda x: mt.max_pool2d(x, 2.0), "max_pool2d: kernel_size: integers are needed, not float"),
        (
            lambda x: mt.repeat(x, [1, 2], 0),
            "repeat: repeats must be one number from 0 up, or one for each",
        ),
        (lambda x: mt.repeat(x, -1), "repeat: repeats must be one number from 0 up"),
        (lambda x: mt.tile(x, (-1, 2)), r"tile: reps must be from 0 up, not \(-1, 2\)"),
        (lambda x: mt.pad(x, (-2, -2)), r"pad: axis 0 of \(3, 3, 3\) is too short to cut \(-2, -2\) off"),
        (lambda x: mt.roll(x, (1, 2, 3), (0, 1)), "roll: there are 3 shifts, and 2 axes in"),
        (lambda x: mt.transpose(x, (0, 1)), r"transpose: shape \(3, 3, 3\) has 3 axes, and \(0, 1\) names 2"),
        (lambda x: mt.transpose(x, (0, 1, 1)), "transpose: axis 1 is named twice"),
        (lambda x: mt.pad(x[:0], 1, "edge"), r"pad: axis 0 of \(0, 3, 3\) has no element to repeat"),
    ],
)
def test_other_shapes_counts_and_shifts_are_refused(call: Any, message: str, mode: str) -> None:
    with pytest.raises((DTypeError, ShapeError), match=f"^{message}"):
        call(input_of("", mode))


@pytest.mark.parametrize("name", ["var", "std"])
def test_a_ddof_that_is_given_counts_also_along_dim(name: str) -> None:
    array = np.arange(12.0).reshape(3, 4) ** 2
    ours, theirs = getattr(mt, name), getattr(np, name)
    for ddof in (0, 1, 2, 0.5):
        np.testing.assert_allclose(ours(Tensor(array), dim=1, ddof=ddof).data, theirs(array, 1, ddof=ddof))
        np.testing.assert_allclose(ours(Tensor(array), 1, correction=ddof).data, theirs(array, 1, ddof=ddof))


def test_sizes_and_parts_that_do_not_exist_are_refused() -> None:
    x: Any = Tensor(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"^size: axis 2 does not exist in shape \(2, 3\)"):
        x.size(2)
    for start, length in [(0, 4), (3, 1), (-4, 1), (1, -1)]:
        with pytest.raises(ShapeError, match=r"^narrow: axis 1 of \(2, 3\) has no"):
            x.narrow(1, start, length)
    with pytest.raises(ShapeError, match="more dimensions"):
        x.expand(3)
    with pytest.raises(ShapeError, match=r"^fill_: .* read-only, .* x.clone\(\)"):
        x.expand(4, 2, 3).fill_(1)


def test_a_list_that_may_be_lengths_or_indices_is_refused_unless_both_mean_the_same() -> None:
    x = Tensor(np.arange(4.0))
    with pytest.raises(mt.OptionError, match=r"^split: parts cut before \(1, 3\), or .* axis=0 .* dim=0"):
        mt.split(x, [1, 3])
    assert [len(part) for part in mt.split(x, [1, 3], axis=0)] == [1, 2, 1]
    assert [len(part) for part in mt.split(x, [1, 3], dim=0)] == [1, 3]
    assert [len(part) for part in mt.split(x, [1, 2])] == [1, 1, 2]
    assert [len(part) for part in np.split(x, [1, 3])] == [1, 2, 1]
