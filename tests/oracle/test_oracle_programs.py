"""Random programs against PyTorch: operations composed as nobody would think of composing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import minitensor as mt
from tests.oracle.adapters import counterpart
from tests.oracle.agreement import MINITENSOR, TORCH, results
from tests.table import ROWS
from tests.table.row import Array, Function, Shape
from tests.table.samples import POINTS

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

Draw: TypeAlias = st.DrawFn
FULL = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3)


BY_PLACE = {"roll", "swapaxes", "moveaxis", "tril", "triu", "broadcast_to"}
"""Operations whose attributes have other names there."""


class Step(NamedTuple):
    """A row of the table, where its inputs stand among the values so far, and its attributes."""

    name: str
    inputs: tuple[int, ...]
    attrs: dict[str, Any]


class Program(NamedTuple):
    """What to compute, and from what."""

    steps: list[Step]
    inputs: list[Array]

    def run(self, of: Callable[[str], Function]) -> Function:
        """The program as a function, of ours or theirs by name; its value is the last three, as one row."""

        def function(*leaves: Any) -> Any:
            values = list(leaves)
            for name, inputs, attrs in self.steps:
                args = [values[i] for i in inputs]
                if name == "where":
                    args = [args[0] > 0, *args]
                call = of(name)
                values.append(call(*args, *attrs.values()) if name in BY_PLACE else call(*args, **attrs))
            return of("concatenate")(*values[-3:], axis=None)

        return function


def examples(number: int) -> Callable[[Any], Any]:
    """The same examples on every run, so many."""
    return settings(
        max_examples=number,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


# ----------------------------------------------------------------------------------------- programs

BOUNDED = [
    *[
        "negative",
        "absolute",
        "sin",
        "cos",
        "arctan",
        "tanh",
        "arcsinh",
        "sigmoid",
        "erf",
        "relu",
        "leaky_relu",
    ],
    *["elu", "selu", "hardtanh", "softplus", "silu", "gelu"],
]
"""Functions of one number, defined everywhere, that do not grow faster than it."""
STEEP = ["square", "exp", "exp2", "expm1", "sinh", "cosh"]
PARTIAL = [
    *[
        "log",
        "log2",
        "log10",
        "log1p",
        "sqrt",
        "rsqrt",
        "reciprocal",
        "arcsin",
        "arccos",
        "arctanh",
        "arccosh",
    ],
    *["tan", "floor", "ceil", "trunc", "round", "sign"],
]
PAIRS = ["add", "subtract", "multiply", "maximum", "minimum", "logaddexp", "hypot", "arctan2"]
PARTIAL_PAIRS = ["divide", "power", "remainder", "floor_divide"]
OVER_AXES = ["sum", "mean", "var", "std", "norm", "logsumexp", "max", "min", "prod", "median"]
ALONG = [
    "cumsum",
    "cumprod",
    "sort",
    "softmax",
    "log_softmax",
    "max_with_indices",
    "min_with_indices",
    "topk",
]
SHAPES = [
    "ravel",
    "expand_dims",
    "transpose",
    "swapaxes",
    "moveaxis",
    "flip",
    "roll",
    "tile",
    "repeat",
    "pad",
]
CHOSEN = ["index", "take", "diagonal", "tril", "triu", "unbind", "chunk", "split", "broadcast_to", "squeeze"]
JOINED = [
    "stack",
    "concatenate",
    "matmul",
    "outer",
    "kron",
    "vdot",
    "where",
    "clip",
    "linear",
    "dot",
    "tensordot",
]


@st.composite
def steps(draw: Draw, shapes: Sequence[Shape], names: Sequence[str]) -> Step:
    """An operation that fits one of the values so far, or two of them."""
    name = draw(st.sampled_from(names))
    i, j = (draw(st.integers(0, len(shapes) - 1)) for _ in range(2))
    shape, other = shapes[i], shapes[j]
    n = len(shape)
    axis = st.integers(-n, n - 1) if n else st.just(0)
    a, b = draw(axis), draw(axis)
    attrs: dict[str, Any] = {}
    inputs: tuple[int, ...] = (i,)
    if name in [*PAIRS, *PARTIAL_PAIRS]:
        assume(all(p == q or 1 in (p, q) for p, q in zip(shape[::-1], other[::-1], strict=False)))
        inputs = (i, j)
    elif name in OVER_AXES:
        several = hnp.valid_tuple_axes(n, min_size=1) if n else st.none()
        attrs = {"axis": draw(st.none() | axis | several), "keepdims": draw(st.booleans())}
        if name == "norm":
            attrs["ord"] = draw(st.sampled_from([1, 2, 3, 0.5, np.inf, -np.inf]))
        elif name in ("var", "std"):
            attrs["ddof"] = draw(st.sampled_from([0, 0.5]))
    elif name in ALONG:
        attrs = {"axis": a}
        assume(n or name not in ("cumsum", "cumprod"))
        if name in ("max_with_indices", "min_with_indices"):
            attrs |= {"part": 0, "keepdims": draw(st.booleans())}
        elif name == "topk":
            assume(n)
            attrs |= {"part": 0, "k": draw(st.integers(1, shape[a])), "largest": draw(st.booleans())}
        elif name == "sort":
            attrs["descending"] = draw(st.booleans())
    elif name in ("where", "linear", "matmul", "outer", "kron", "vdot", "dot", "tensordot"):
        inputs = (i, j)
        if name == "where":
            assume(shape == other)
        elif name == "linear":
            assume(n and len(other) == 2 and shape[-1] == other[-1])
        elif name == "matmul":
            assume(n and other and shape[-1] == (other[-2] if len(other) > 1 else other[0]))
            assume(all(p == q or 1 in (p, q) for p, q in zip(shape[-3::-1], other[-3::-1], strict=False)))
        elif name == "dot":
            assume(n == len(other) == 1 and shape == other)
        elif name == "vdot":
            assume(shape == other and n == 1)
        elif name == "outer":
            assume(n == len(other) == 1)
        elif name == "tensordot":
            assume(n and other and shape[-1] == other[0])
            attrs = {"axes": 1}
        elif name == "kron":
            assume(n == len(other))
    elif name in ("stack", "concatenate"):
        assume(shape == other and n)
        inputs, attrs = (i, j, i), {"axis": a}
    elif name == "clip":
        attrs = draw(st.sampled_from([{"min": -0.5, "max": 0.5}, {"min": 0.0}, {"max": 1.0}]))
    elif name == "index":
        attrs = {"key": draw(hnp.basic_indices(shape, allow_newaxis=True))}
        if n and draw(st.booleans()):
            attrs = {"key": np.array(draw(st.lists(st.integers(-shape[0], shape[0] - 1), min_size=1)))}
        parts = attrs["key"] if isinstance(attrs["key"], tuple) else (attrs["key"],)
        assume(not any(isinstance(part, slice) and (part.step or 1) < 0 for part in parts))
    elif name in ("take", "repeat", "tile"):
        attrs = {"axis": a} if n else {"axis": None}
        if name == "take":
            attrs["indices"] = np.array([-1, 0, 0])
        elif name == "repeat":
            attrs["repeats"] = draw(st.integers(1, 2))
        else:
            attrs = {"reps": draw(st.sampled_from([2, (2, 1), (1, 2)]))}
    elif name in ("diagonal", "tril", "triu"):
        assume(n > 1)
        attrs = (
            {"offset": draw(st.integers(-1, 1))} if name == "diagonal" else {"k": draw(st.integers(-1, 1))}
        )
        assume(name != "diagonal" or min(shape[:2]) > 1)
    elif name in ("unbind", "chunk", "split"):
        assume(n)
        attrs = {"axis": a, "part": draw(st.sampled_from([0, -1]))}
        attrs |= (
            {"chunks": 2} if name == "chunk" else {"indices_or_sections": (0, 1)} if name == "split" else {}
        )
        assume(name != "split" or shape[a] > 1)
    elif name == "swapaxes":
        assume(n)
        attrs = {"axis1": a, "axis2": b}
    elif name == "moveaxis":
        assume(n)
        attrs = {"source": a, "destination": b}
    elif name == "flip":
        attrs = {"axis": draw(st.sampled_from([None, a] if n else [None]))}
    elif name == "roll":
        attrs = {"shift": draw(st.integers(-2, 3))}
    elif name == "expand_dims":
        attrs = {"axis": draw(st.integers(-n - 1, n))}
    elif name == "pad":
        assume(n)
        attrs = {"pad_width": 1}
    elif name == "broadcast_to":
        attrs = {"shape": (2, *shape)}
    return Step(name, inputs, attrs)


@st.composite
def programs(draw: Draw, names: Sequence[str], length: int, numbers: Sequence[float] | None) -> Program:
    """Up to so many operations on three arrays that broadcast: of these numbers, or all different ones."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=2, min_side=1, max_side=3))
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    if numbers is None:
        inputs = [rng.normal(size=shape) for shape in shapes.input_shapes]
    else:
        element = st.sampled_from(numbers)
        inputs = [
            draw(hnp.arrays(float, s, elements=element, fill=st.nothing())) for s in shapes.input_shapes
        ]
    values = list(inputs)
    made = []
    for _ in range(draw(st.integers(1, length))):
        step = draw(steps([x.shape for x in values], names))
        args: list[Any] = [values[i] for i in step.inputs]
        if step.name == "where":
            args = [args[0] > 0, *args]
        values.append(np.asarray(ROWS[step.name].ours(*args, **step.attrs)))
        assume(0 < values[-1].size <= 300 and values[-1].ndim <= 5)
        made.append(step)
    return Program(made, inputs)


def compare(program: Program, order: int, within: float) -> None:
    found = results(MINITENSOR, program.run(lambda name: ROWS[name].ours), program.inputs, order)
    expected = results(TORCH, program.run(lambda name: counterpart(ROWS[name])), program.inputs, order)
    scale = max([1.0, *[np.abs(x[np.isfinite(x)]).max(initial=0) for x in expected.values()]])
    assume(scale < 1e8)
    for name, x in found.items():
        if name.startswith("second"):  # where PyTorch's is NaN, its formula gave up: nothing to compare with
            x = np.where(np.isnan(expected[name]), expected[name], x)
        np.testing.assert_allclose(x, expected[name], rtol=within, atol=within * scale, err_msg=name)


SMOOTH = [*BOUNDED, *PAIRS, *OVER_AXES, *ALONG, *SHAPES, *CHOSEN, *JOINED]
SINGULAR = [*BOUNDED, *STEEP, *PARTIAL, *PAIRS, *PARTIAL_PAIRS]
JUMPS = ["remainder", "floor_divide", "power", "floor", "ceil", "trunc", "round", "sign"]
"""What makes much of the last digit of its input."""
RECTIFIED = ["relu", "leaky_relu", "elu", "selu"]
"""What makes 0 of −0 here, and keeps it in PyTorch."""
DIVIDED = ["prod", "cumprod", "median", "max", "min", "norm"]
"""What PyTorch makes NaN: it divides by infinities, interpolates between them, or multiplies them by 0."""
CONTINUED = [x for x in [*SINGULAR, *SMOOTH] if x not in [*JUMPS, *RECTIFIED, *DIVIDED]]


@examples(400)
@given(programs(SMOOTH, 8, None))
def test_random_programs_have_the_values_and_gradients_of_pytorch(program: Program) -> None:
    compare(program, 1, 1e-9)


@examples(150)
@given(programs(SMOOTH, 4, None))
def test_and_its_gradients_of_gradients(program: Program) -> None:
    compare(program, 2, 1e-9)


@examples(300)
@given(programs([*SINGULAR, *SMOOTH], 5, None))
def test_functions_that_are_not_defined_everywhere_are_nan_in_the_same_places(program: Program) -> None:
    compare(program, 1, 1e-9)


@examples(300)
@given(programs(SINGULAR, 1, POINTS.tolist()))
def test_single_operations_agree_at_ties_zeros_infinities_and_nan(program: Program) -> None:
    compare(program, 1, 1e-9)


@examples(300)
@given(programs(CONTINUED, 3, POINTS.tolist()))
def test_programs_agree_at_ties_zeros_infinities_and_nan(program: Program) -> None:
    compare(program, 1, 1e-9)


# ------------------------------------------------------------------------------------------ compiled


@examples(300)
@given(st.one_of(programs(SMOOTH, 8, None), programs([*SINGULAR, *SMOOTH], 6, None)))
def test_a_compiled_program_has_the_bits_of_the_eager_one(program: Program) -> None:
    calls: dict[str, Any] = {
        name: ROWS[name].ours for name in [*(x.name for x in program.steps), "concatenate"]
    }
    function = program.run(calls.__getitem__)

    def step(*arrays: Array) -> list[Any]:
        leaves = [mt.Tensor(x, requires_grad=True) for x in arrays]
        y = function(*leaves)
        if y.requires_grad:
            (y * y).sum().backward()
        return [y.detach(), *[leaf.grad for leaf in leaves]]

    compiled = mt.compile(step)
    for shift in range(4):
        arrays = [np.roll(x, shift) for x in program.inputs]
        for pair in zip(compiled(*arrays), step(*arrays), strict=True):
            found, expected = (x.data if isinstance(x, mt.Tensor) else x for x in pair)
            np.testing.assert_array_equal(found, expected)
    assert compiled._programs
