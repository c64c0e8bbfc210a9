"""NumPy's protocols: its functions record when they meet a tensor, or refuse; no gradient is lost unsaid."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, optimize, sparse, special, stats
from scipy.sparse import linalg as sparse_linalg
from scipy.spatial import distance
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import minitensor as mt
from minitensor import DTypeError, GraphError, OptionError, ShapeError, Tensor, Value
from minitensor.context import recording
from minitensor.core.rule import registry
from minitensor.errors import CompileError
from minitensor.func import hessian, jacobian, value_and_grad
from tests.table import ROWS
from tests.table.draws import DRAWS

# The operations are called as NumPy's are, which outside of tests they say (arrays/asking.py).
pytestmark = pytest.mark.filterwarnings("ignore:.*, as PyTorch has it:UserWarning")

A = np.array([[1.0, 2.0], [3.0, 4.0]])
V = np.array([0.5, 0.25])


def parameter(array: Any = A) -> Tensor:
    return Tensor(array, requires_grad=True)


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["arcsin", "arccos", "arctanh", "asin", "acos", "atanh"], (V,)),
    "clip": (A, 1.5, 3.0),
    "where": (A > 2, A, -A),
    "reshape": (A, (4,)),
    **dict.fromkeys(["transpose", "permute_dims"], (A, (1, 0))),
    "swapaxes": (A, 0, 1),
    "moveaxis": (A, 0, 1),
    "expand_dims": (A, 0),
    "roll": (A, 1),
    "repeat": (A, 2),
    "tile": (A, 2),
    "pad": (A, 1),
    "broadcast_to": (A, (3, 2, 2)),
    "take": (A, [0, 3]),
    "take_along_axis": (A, np.array([[0], [1]]), 1),
    "split": (A, 2, 0),
    "concatenate": ([A, A],),
    "concat": ([A, A],),
    "stack": ([A, A],),
    "meshgrid": (V, V),
    "einsum": ("ij,kj->ik", A, A),
    "full_like": (A, 7.0),
    "astype": (A, np.float64),
    **dict.fromkeys(["tril", "triu", "trace", "diagonal", "squeeze"], (A,)),
    **dict.fromkeys(["bitwise_and", "bitwise_or", "bitwise_xor"], (A.astype(int), A.astype(int))),
    "invert": (A.astype(int),),
    "vdot": (V, V),
    "interp": (A, [0.0, 2.0, 3.0], [1.0, 5.0, 0.0]),
    "cross": (np.array([[1.0, 2.0, 3.0]]), np.array([4.0, 5.0, 6.5])),
    "quantile": (A, [0.25, 0.5]),
    "percentile": (A, 30),
    **dict.fromkeys(["hstack", "vstack", "dstack", "column_stack"], ([A, A],)),
    "kron": (A, V),
}

SHARED = sorted(
    name
    for name, operation in registry.items()
    if callable(getattr(np, name, None)) and not isinstance(getattr(np, name), type) and name != "empty_like"
)


def arguments(name: str) -> tuple[Any, ...]:
    """Arrays for the function: the ones above, or as many as the operation has inputs."""
    needed = [p for p in registry[name].signature.parameters.values() if p.default is inspect.Parameter.empty]
    return ARGUMENTS.get(name, (A,) * len(needed))


def as_tensors(x: Any) -> Any:
    if isinstance(x, list):
        return [as_tensors(item) for item in x]
    floating = isinstance(x, np.ndarray) and x.dtype.kind == "f"
    return parameter(x) if floating else Tensor(x) if isinstance(x, np.ndarray) else x


def plain(x: Any) -> Any:
    return (
        [plain(item) for item in x] if isinstance(x, tuple | list) else x.data if isinstance(x, Tensor) else x
    )


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_name_means_what_it_means_in_numpy(name: str) -> None:
    args = arguments(name)
    expected = getattr(np, name)(*args)
    through_numpy = getattr(np, name)(*as_tensors(list(args)))
    directly = getattr(mt, name)(*as_tensors(list(args)))
    for found in (through_numpy, directly):
        for x, y in zip(np.atleast_1d(plain(found)), np.atleast_1d(expected), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-14, atol=1e-14)


def test_most_of_numpys_mathematics_has_a_rule() -> None:
    assert len(SHARED) > 100
    assert {"sum", "exp", "matmul", "concatenate", "einsum", "where", "cumsum", "median", "isnan"} <= set(
        SHARED
    )


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda t: np.linalg.norm(t), np.linalg.norm(A)),
        (lambda t: np.linalg.norm(t, axis=1), np.linalg.norm(A, axis=1)),
        (lambda t: np.linalg.norm(t[0], 1), 3.0),
        (lambda t: np.linalg.vector_norm(t, axis=0), np.linalg.norm(A, axis=0)),
        (lambda t: np.linalg.det(t), np.linalg.det(A)),
        (lambda t: np.linalg.inv(t), np.linalg.inv(A)),
        (lambda t: np.linalg.solve(t, V), np.linalg.solve(A, V)),
        (lambda t: np.linalg.slogdet(t).logabsdet, np.log(2.0)),
        (lambda t: np.linalg.cholesky(t @ t.T), np.linalg.cholesky(A @ A.T)),
        (lambda t: np.add.reduce(t), A.sum(0)),
        (lambda t: np.multiply.reduce(t, axis=1), A.prod(1)),
        (lambda t: np.add.accumulate(t), A.cumsum(0)),
        (lambda t: np.transpose(t, axes=(1, 0)), A.T),
        (lambda t: np.reshape(t, shape=(4,)), A.reshape(4)),
        (lambda t: np.clip(t, a_min=2, a_max=3), A.clip(2, 3)),
        (lambda t: np.concatenate([t, A], axis=None), np.concatenate([A, A], axis=None)),
        (lambda t: np.einsum(t, [0, 1], A, [1, 2], [0, 2], optimize=True), A @ A),
        (lambda t: np.float64(2) * t, 2 * A),
        (lambda t: A @ t, A @ A),
        (lambda t: A - t, A - A),
        (lambda t: t % 2 + t // 2 + round(t, 1), A % 2 + A // 2 + A),
    ],
)
def test_other_forms_record_too(call: Callable[[Tensor], Tensor], expected: Any) -> None:
    t = parameter()
    found = call(t)
    assert isinstance(found, Tensor)
    assert found.requires_grad
    np.testing.assert_allclose(found.data, expected, rtol=1e-12, atol=1e-12)
    found.sum().backward()
    assert t.grad.shape == A.shape


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: np.sort(t, -1, "stable"), "sort: got an unexpected keyword argument 'kind'"),
        (lambda t: np.prod(t, 1, np.float64), "prod: got an unexpected keyword argument 'dtype'"),
        (lambda t: np.linalg.norm(t.reshape(2, 1, 2), 2), "numpy.linalg.norm: the matrix norm 2"),
        (lambda t: mt.add([1.0], [2.0]), "add: takes tensors and arrays, not list. Try Tensor(...)."),
        (lambda t: mt.concatenate([[1.0], [2.0]]), "concatenate: takes tensors and arrays, not lists."),
        (lambda t: t.astype(complex), "astype: a tensor holds real numbers, not complex128"),
        (
            lambda t: t.sort(0, True),
            "sort() takes from 1 to 2 positional arguments but 3 were given. It takes",
        ),
        (lambda t: mt.topk(t), "topk() missing 1 required positional argument: 'k'. It takes topk(x, k, "),
        (lambda t: mt.sort(t, 0, axis=1), "sort() got multiple values for argument 'axis'. It takes"),
        (
            lambda t: np.quantile(t, cast(Any, object())),
            "quantile: q: one number is needed, or an array of them, not",
        ),
        (lambda t: t.sum(dim=0, axis=1), "sum: dim and axis mean the same argument"),
        (lambda t: Tensor([True]) - Tensor([True]), "subtract: numpy boolean subtract"),
        (lambda t: mt.linear(t, 2.0), "linear: 'float' object has no attribute 'shape'"),
        (np.nanstd, "numpy.nanstd has no gradient rule. The nearest operation is minitensor.std."),
        (
            lambda t: np.diagflat(t[0]),
            "numpy.diagflat has no gradient rule. The nearest operation is minitensor.diag.",
        ),
        (
            lambda t: np.lib.stride_tricks.sliding_window_view(t, 1),
            "numpy.lib.stride_tricks.sliding_window_view has no",
        ),
        (
            np.frompyfunc(abs, 1, 1),
            "abs (vectorized) has no gradient rule. The nearest operation is minitensor.abs.",
        ),
        (np.fft.fft, "numpy.fft.fft has no gradient rule. docs/operations.md lists those that have one."),
        (np.linalg.eigvals, "numpy.linalg.eigvals has no gradient rule."),
        (np.spacing, "numpy.spacing has no gradient rule."),
        (lambda t: np.linalg.norm(t, 1), "numpy.linalg.norm: the matrix norm 1 has no gradient rule."),
        (lambda t: np.add(t, 1, where=A > 1), "numpy.add(where=...) has no gradient rule."),
        (np.logaddexp.reduce, "numpy.logaddexp.reduce has no gradient rule."),
        (
            lambda t: np.prod(t, dtype=float),
            "prod: got an unexpected keyword argument 'dtype'. It takes prod(x, axis=None, keepdims=False).",
        ),
        (lambda t: mt.where(A > 1, t, None), "where: None is no number"),
        (
            lambda t: mt.where(t > 1),
            "where() missing 2 required positional arguments: 'x' and 'y'. It takes where(condition, x, y).",
        ),
        (
            lambda t: t.matmul(),
            "matmul() missing 1 required positional argument: 'y'. It takes matmul(x, y).",
        ),
        (lambda t: mt.sum([1.0, 2.0]), "sum: takes tensors and arrays, not list. Try Tensor(...)."),
        (lambda t: mt.registry["sum"].call(Value(1.0)), "sum: takes tensors and arrays, not a Value"),
    ],
)
def test_what_has_no_rule_is_refused_by_name(call: Callable[[Tensor], Any], message: str) -> None:
    with pytest.raises(DTypeError) as error:
        call(parameter())
    assert str(error.value).startswith(message)


def test_an_array_takes_a_tensor_in_place_only_where_no_gradient_is_lost() -> None:
    t, array = parameter(), A.copy()
    with pytest.raises(GraphError, match="writing into an array would lose the gradient"):
        array += t
    np.testing.assert_array_equal(array, A)
    array += t.detach()
    with mt.no_grad():
        array += t
    np.testing.assert_array_equal(array, 3 * A)
    assert type(array) is np.ndarray


@pytest.mark.parametrize(
    "make", [np.asarray, np.array, Tensor, lambda t: np.array([t, t]), lambda t: Tensor([t])]
)
def test_an_array_of_a_tensor_that_requires_grad_is_refused(make: Callable[[Any], Any]) -> None:
    if make is Tensor:
        with pytest.warns(UserWarning, match="leaves its graph"):
            assert not make(parameter()).requires_grad  # a copy, as torch.tensor makes it
        with mt.no_grad():
            assert not make(parameter()).requires_grad
        return
    for t in (parameter(), parameter().sum()):
        with pytest.raises(GraphError, match="would lose its gradient"):
            make(t)


def test_no_function_builds_an_array_of_objects() -> None:
    t = Tensor(A)
    for array in (np.array(t), np.array([t, t]), np.array([t.sum(), t.sum()]), np.asarray(t)):
        assert array.dtype == np.float64


def test_pytorchs_names_are_met_or_answered() -> None:
    t: Any = parameter()
    assert t.sum(dim=0, keepdim=True).shape == (1, 2)
    assert t.mean(dim=[0, 1]).shape == ()
    assert t.softmax(dim=0).shape == t.clamp(min=0).shape == t.clone().shape == (2, 2)
    assert t.mul(2).sub(1).div(2).pow(2).neg().abs().shape == (2, 2)
    assert t.unsqueeze(0).permute(2, 1, 0).shape == (2, 2, 1)
    for name, cure in [
        *[
            ("grad_fn", "made_by"),
            ("stride", ".strides"),
            ("unique", "np.unique"),
            ("bincount", "np.bincount"),
        ],
        *[("values", "dim="), ("indices", "dim=")],  # x.max(1).indices: without dim=, values alone
    ]:
        with pytest.raises(AttributeError, match=f"Tensor has no attribute '{name}'. Use .*{cure}"):
            getattr(t, name)
    with pytest.raises(TypeError, match=r"^type\(\) missing 1 required positional argument: 'dtype'"):
        t.type()
    assert not hasattr(t, "nothing_of_the_kind")


def test_numpys_numbers_as_options_change_no_dtype() -> None:
    t = Tensor([[1.0, -2.0]])
    half = np.float64(0.5)
    for found in (
        *(mt.leaky_relu(t, half), mt.elu(t, half), t.clip(half), mt.hardtanh(t, -half, half), t.norm(half)),
        mt.huber_loss(t, t * 2, delta=half),
    ):
        assert found.dtype == np.float32
    assert Tensor([1, 2]).clip(0.5).dtype == np.float32
    zero: Any = np.int64(0)
    one: Any = np.int64(1)
    assert t.squeeze(zero).shape == (2,)
    assert t.unsqueeze(one).sum(one).flip(one).moveaxis(one, zero).shape == (2, 1)
    assert mt.tensordot(t, t.T, one).shape == (1, 1)


def test_none_equals_nothing() -> None:
    assert ((Tensor([1.0]) == None).tolist(), (Tensor([1]) != None).tolist()) == ([False], [True])  # noqa: E711


def test_a_matrix_product_with_a_number_says_what_to_write() -> None:
    pairs: list[tuple[Any, Any]] = [(parameter(), 2), (2, parameter())]
    for x, y in pairs:
        with pytest.raises(
            ShapeError, match=r"needs at least one axis on each side. Multiply by a number with \*"
        ):
            x @ y


def test_a_tensor_is_a_sequence_a_number_and_an_index_where_it_can_be() -> None:
    t = Tensor([3, 1, 2])
    assert (len(t), [int(x) for x in t], 2 in t, 7 in t) == (3, [3, 1, 2], True, False)
    assert ["a", "b", "c"][t[1]] == "b"
    assert (f"{Tensor(2.5):.2f}", f"{Value(2.5):.1f}", t.tolist(), Tensor(2.5).tolist()) == (
        "2.50",
        "2.5",
        [3, 1, 2],
        2.5,
    )
    assert (float(Tensor([2.5])), int(Tensor(2.9)), bool(Tensor(0.0)), int(Value(2.9))) == (2.5, 2, False, 2)
    assert ((Tensor([1, 2, 3]) > 1) & ~(Tensor([1, 2, 3]) == 3)).tolist() == [False, True, False]
    assert (t.float().dtype, t.double().dtype) == (np.dtype("f4"), np.dtype("f8"))
    for bad in (lambda: len(Tensor(1.0)), lambda: list(Tensor(1.0))):
        with pytest.raises(DTypeError, match=r"a tensor of shape \(\) has no length"):
            bad()
    with pytest.raises(ShapeError, match=r"shape \(3,\) is ambiguous: use .all\(\) or .any\(\)"):
        bool(t)


# ---------------------------------------------------------------- functions without an operation, on no graph

RNG = np.random.default_rng
M, W, K = RNG(0).normal(size=(6, 4)), RNG(1).normal(size=6), np.array([3, 1, 2, 2, 0, 1])
SPD = M[:4] @ M[:4].T + np.eye(4)
scalar: Any = Value
UNRULED: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "unique": lambda m, w, k, s: np.unique(k, return_counts=True),
    "bincount": lambda m, w, k, s: np.bincount(k, weights=w),
    "histogram": lambda m, w, k, s: np.histogram(w, bins=5),
    "histogram2d": lambda m, w, k, s: np.histogram2d(w, W, bins=(2, 3)),
    "digitize": lambda m, w, k, s: np.digitize(w, [-0.5, 0.5]),
    "searchsorted": lambda m, w, k, s: np.searchsorted(np.arange(-2.0, 2.0), w),
    "searchsorted in it": lambda m, w, k, s: np.searchsorted(k[:1], [2, 3]),
    "isin": lambda m, w, k, s: np.isin(k, [1, 2]),
    "argwhere": lambda m, w, k, s: np.argwhere(k),
    "where of one": lambda m, w, k, s: np.where(k > 1),
    "svd": lambda m, w, k, s: np.linalg.svd(m),
    "eigh": lambda m, w, k, s: np.linalg.eigh(s),
    "lstsq": lambda m, w, k, s: np.linalg.lstsq(m, w),
    "matrix norm": lambda m, w, k, s: np.linalg.norm(m, 2),
    "fft": lambda m, w, k, s: np.fft.fft(w),
    "cov": lambda m, w, k, s: np.cov(m, rowvar=False),
    "polyfit": lambda m, w, k, s: np.polyfit(w, W**2, 1),
    "convolve": lambda m, w, k, s: np.convolve(w, [1.0, 2.0]),
    "gradient": lambda m, w, k, s: np.gradient(m),
    "partition": lambda m, w, k, s: np.partition(w, 2),
    "modf": lambda m, w, k, s: np.modf(m),
    "divmod": lambda m, w, k, s: np.divmod(m, 2.0),
    "add.outer": lambda m, w, k, s: np.add.outer(w, w),
    "add.reduceat": lambda m, w, k, s: np.add.reduceat(w, [0, 2]),
    "maximum.accumulate": lambda m, w, k, s: np.maximum.accumulate(w),
    "append": lambda m, w, k, s: np.append(w, w),
    "block": lambda m, w, k, s: np.block([[m, m], [m, m]]),
    "apply_along_axis": lambda m, w, k, s: np.apply_along_axis(np.ptp, 0, m),
    "select": lambda m, w, k, s: np.select([W > 0], [w], 7.0),
    "broadcast_arrays": lambda m, w, k, s: np.broadcast_arrays(w, m.T),
    "ix_": lambda m, w, k, s: np.ix_(k, k),
    "permutation": lambda m, w, k, s: RNG(0).permutation(m),
    "permutation of a vector": lambda m, w, k, s: RNG(0).permutation(w),
    "permuted": lambda m, w, k, s: RNG(0).permuted(m, axis=1),
    "choice": lambda m, w, k, s: RNG(0).choice(m, 3),
    "choice with p": lambda m, w, k, s: RNG(0).choice(6, 3, p=special.softmax(w)),
    "normal": lambda m, w, k, s: RNG(0).normal(w, 2.0),
    "an option that the operation lacks": lambda m, w, k, s: np.prod(m, dtype=np.float32),
    "another": lambda m, w, k, s: np.max(m, axis=0, initial=1.0),
    "where=": lambda m, w, k, s: np.add.reduce(m, where=M > 0),
    "one without a name": lambda m, w, k, s: np.sort(w, -1, "stable"),
    "a method that the operation lacks": lambda m, w, k, s: np.percentile(m, [10, 20], method="hazen"),
    "a mode that it lacks": lambda m, w, k, s: np.pad(w, 2, mode="linear_ramp"),
    "a shape that it lacks": lambda m, w, k, s: np.tril(w),
    "returned=True": lambda m, w, k, s: np.average(m, axis=0, weights=W**2, returned=True),
    "atleast_2d": lambda m, w, k, s: np.atleast_2d(w),
    "as an index": lambda m, w, k, s: M[k],
    "as a mask": lambda m, w, k, s: W[w > 0],
    "gamma": lambda m, w, k, s: special.gamma(m),
    "xlogy": lambda m, w, k, s: special.xlogy(w, W**2),
    "logsumexp": lambda m, w, k, s: special.logsumexp(m, axis=0),
    "zscore": lambda m, w, k, s: stats.zscore(m),
    "norm.pdf": lambda m, w, k, s: stats.norm.pdf(w),
    "pearsonr": lambda m, w, k, s: stats.pearsonr(w, W**2).statistic,
    "rankdata": lambda m, w, k, s: stats.rankdata(w),
    "linalg.solve": lambda m, w, k, s: linalg.solve(s, w[:4]),
    "linalg.expm": lambda m, w, k, s: linalg.expm(s),
    "csr_array": lambda m, w, k, s: sparse.csr_array(m).toarray(),
    "sparse @ tensor": lambda m, w, k, s: sparse.csr_array(M.T) @ m,
    "spsolve": lambda m, w, k, s: sparse_linalg.spsolve(sparse.csc_array(np.eye(6)), w),
    "cdist": lambda m, w, k, s: distance.cdist(m, m),
    "StandardScaler": lambda m, w, k, s: StandardScaler().fit_transform(m),
    "LinearRegression": lambda m, w, k, s: LinearRegression().fit(m, w).coef_,
    "accuracy_score": lambda m, w, k, s: accuracy_score(k, K),
    "DataFrame": lambda m, w, k, s: pd.DataFrame(m, columns=list("abcd")).to_numpy(),
    "column of a DataFrame": lambda m, w, k, s: pd.DataFrame({"w": w, "k": k}).to_numpy(),
    "assert_allclose": lambda m, w, k, s: np.testing.assert_allclose(m, M),
    "from_dlpack": lambda m, w, k, s: np.from_dlpack(m),
    "asarray": lambda m, w, k, s: np.asarray(m, np.float32),
}


def parts(x: Any) -> list[Any]:
    return [part for item in x for part in parts(item)] if isinstance(x, tuple | list) else [x]


@pytest.mark.parametrize("name", UNRULED)
def test_on_tensors_without_a_graph_a_function_gives_what_it_gives_on_arrays(name: str) -> None:
    expected = parts(UNRULED[name](M, W, K, SPD))
    found = parts(UNRULED[name](*[Tensor.from_numpy(x) for x in (M, W, K, SPD)]))
    assert [type(x) for x in found] == [type(x) for x in expected]
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_array_equal(x, y)
        assert not hasattr(y, "dtype") or x.dtype == y.dtype


OF_INTEGERS = {  # whose tensors are of integers, which never require grad
    *["unique", "searchsorted in it", "isin", "argwhere", "where of one", "ix_", "as an index"],
    "accuracy_score",
}


@pytest.mark.parametrize("name", sorted(UNRULED.keys() - OF_INTEGERS - {"as a mask", "atleast_2d"}))
def test_on_tensors_that_require_grad_it_is_refused_under_no_grad_too(name: str) -> None:
    tensors = [parameter(M), parameter(W), Tensor(K), parameter(SPD)]
    before = [t.data.copy() for t in tensors]
    for enabled in (True, False):
        with recording(enabled), pytest.raises((GraphError, ValueError, TypeError)) as error:
            UNRULED[name](*tensors)
        house = (DTypeError, GraphError, OptionError, ShapeError)
        assert isinstance(error.value, house) or isinstance(error.value.__context__, house)
    for t, x in zip(tensors, before, strict=True):
        np.testing.assert_array_equal(t.data, x)


@pytest.mark.parametrize(
    "call",
    [
        lambda t, x: np.histogram(x, bins=2, weights=t),
        lambda t, x: np.block([[x], [t]]),
        lambda t, x: np.append(x, t),
        lambda t, x: np.select([x > 0], [t], x),
        lambda t, x: np.piecewise(x, [x > 0], [t[0], 1.0]),
        lambda t, x: np.savez("never.npz", x, named=t),
        lambda t, x: np.savez("never.npz", x, t),
        lambda t, x: np.lexsort((x, t)),
        lambda t, x: np.sum(x, where=t > 0, initial=t[0]),
        lambda t, x: np.add(x, x, where=t),
        lambda t, x: np.nan_to_num(x, nan=t[0]),
        lambda t, x: np.interp(x, [0.0, 1.0], [0.0, 1.0], left=t),
        lambda t, x: np.append(x, np.array([Value(1.0), Value(2.0)], object)),
        lambda t, x: np.unique(scalar(1.0)),
        lambda t, x: np.spacing(Value(1.0)),
        lambda t, x: np.append(x, scalar(1.0)),
        lambda t, x: np.save("never.npy", t.sum()),
    ],
)
def test_one_that_requires_grad_among_the_arguments_is_enough(
    call: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        found = call(parameter(np.array([0.5, 2.0])), Tensor(np.array([0.25, 1.0])))
    except (DTypeError, GraphError):
        assert not list(tmp_path.iterdir())
    else:
        assert isinstance(found, Tensor)  # it has an operation, which records
        assert found.requires_grad


def test_what_speaks_of_arrays_alone_takes_any_tensor() -> None:
    t = parameter()
    assert np.may_share_memory(t, t.data)
    assert not np.shares_memory(t, A)
    assert np.result_type(t, np.float32(1)) == np.float64
    assert (np.iscomplexobj(t), np.isrealobj(t), np.common_type(t)) == (False, True, np.float64)


def test_files_of_tensors_are_files_of_arrays(tmp_path: Any) -> None:
    t = Tensor(A)
    np.save(tmp_path / "a.npy", t)
    np.savez(tmp_path / "a.npz", t, named=t)
    np.savetxt(tmp_path / "a.csv", t)
    with np.load(tmp_path / "a.npz") as saved:
        loaded = [np.load(tmp_path / "a.npy"), saved["arr_0"], saved["named"], np.loadtxt(tmp_path / "a.csv")]
    for x in loaded:
        np.testing.assert_array_equal(x, A)


def test_numpys_own_refusals_are_worded_in_this_house() -> None:
    t: Any = Tensor([1.5, 2.5])
    by: Any = "x"
    eigvals: Any = np.linalg.eigvals
    append: Any = np.append
    accumulate: Any = np.maximum.accumulate
    unknown: Any = {"nothing": 1}
    faults: list[tuple[Callable[[], Any], str]] = [
        (lambda: np.bincount(t), "numpy.bincount: Cannot cast array data"),
        (lambda: eigvals(t), r"numpy.linalg.eigvals: 1-dimensional array given"),
        (lambda: np.histogram(t, bins=-1), r"numpy.histogram: .bins. must be positive.* \(shape \(2,\)\)"),
        (lambda: append(t, A, axis=0), r"numpy.append: .* \(shape \(2,\)\)"),
        (lambda: accumulate(t, axis=3), r"numpy.maximum.accumulate: axis 3 is out of bounds"),
        (lambda: np.sum(t, axis=by), "sum: an axis is an integer, not str"),
        (lambda: np.sum(t, axis=4), "sum: axis 4 does not exist in shape"),
        (lambda: np.sum(t, **unknown), "sum.*unexpected keyword argument"),
    ]
    for call, message in faults:
        with pytest.raises((DTypeError, ShapeError, np.linalg.LinAlgError, TypeError), match=message):
            call()


def test_an_error_of_a_function_that_numpy_calls_stays_what_it_is() -> None:
    class OwnError(ValueError):
        pass

    def fail(x: Any) -> Any:
        raise OwnError("mine")

    along: Any = np.apply_along_axis
    with pytest.raises(OwnError, match=r"^mine$"):
        along(fail, 0, Tensor(A))


@pytest.mark.parametrize(
    "method", ["BFGS", "L-BFGS-B", "CG", "Newton-CG", "SLSQP", "trust-exact", "trust-ncg", "trust-constr"]
)
def test_scipy_minimizes_with_our_gradients(method: str) -> None:
    def rosen(x: Any) -> Any:
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    start = np.array([-1.2, 1.0, 0.5])
    hess = {"hess": hessian(rosen)} if method.startswith("trust") else {}
    for x0 in (start, Tensor(start)):
        found = optimize.minimize(value_and_grad(rosen), x0, jac=True, method=method, **hess)
        np.testing.assert_allclose(found.x, 1, atol=1e-3)
        assert (type(found.x), isinstance(found.fun, float)) == (np.ndarray, True)


def test_scipy_solves_with_our_jacobians() -> None:
    def f(x: Any) -> Any:
        return mt.square(Tensor(x) if isinstance(x, np.ndarray) else x) - np.array([1.0, 4.0])

    for solve in (optimize.root, optimize.least_squares):
        found = solve(f, [2.0, 3.0], jac=jacobian(f))
        np.testing.assert_allclose(found.x, [1, 2], rtol=1e-6)
        assert type(found.x) is np.ndarray


def test_tensors_are_split_drawn_and_shared_as_arrays_are() -> None:
    split = train_test_split(Tensor(M), Tensor(K), random_state=0)
    for ours, theirs in zip(split, train_test_split(M, K, random_state=0), strict=True):
        np.testing.assert_array_equal(ours.data, theirs)
    w = parameter(M)
    train, _ = train_test_split(w, random_state=0)
    train.sum().backward()  # an index: it records
    assert w.grad.sum() == train.size
    t: Any = Tensor(W)
    with pytest.warns(UserWarning, match="not a subclass of 'Sequence'"):
        RNG(0).shuffle(t)
    assert sorted(t.tolist()) == sorted(W.tolist())
    np.from_dlpack(t)[0] = 9.0
    assert t[0].item() == 9.0
    for call in (np.from_dlpack, RNG(0).permutation, StandardScaler().fit, pd.DataFrame):
        with pytest.raises(GraphError, match=r"requires? grad"):
            call(w)


# ------------------------------------------------------------------------------------------------- writing


modf: Any = np.modf


def writers() -> dict[str, Callable[[Any, Any], object]]:
    """Functions that write from the second into the first."""
    return {
        "add": lambda out, x: np.add(x, 1, out=out),
        "exp": lambda out, x: np.exp(x, out),
        "add.reduce": lambda out, x: np.add.reduce([x, x], axis=0, out=out),
        "add.at": lambda out, x: np.add.at(out, [0, 0], x),
        "clip": lambda out, x: np.clip(x, 0, 1, out),
        "sum": lambda out, x: np.sum([x, x], 0, None, out),
        "dot": lambda out, x: np.dot(x, x, out),
        "concatenate": lambda out, x: np.concatenate([x[:1], x[1:]], 0, out),
        "concatenate by name": lambda out, x: np.concatenate([x[:1], x[1:]], out=out),
        "fix": lambda out, x: np.fix(x, out),
        "take": lambda out, x: np.take(x, [1, 0], 0, out),
        "copyto": lambda out, x: np.copyto(out, x),
        "putmask": lambda out, x: np.putmask(out, A > 2, x),
        "place": lambda out, x: np.place(out, A > 2, x),
        "put": lambda out, x: np.put(out, [0, 3], x),
        "put_along_axis": lambda out, x: np.put_along_axis(out, np.array([[1], [0]]), x[:, :1], 1),
        "fill_diagonal": lambda out, x: np.fill_diagonal(out, x[0]),
        "modf": lambda out, x: modf(x, out=(None, out)),
    }


@pytest.mark.parametrize("name", writers())
def test_what_writes_is_done_and_noticed_or_refused(name: str) -> None:
    write = writers()[name]
    expected, given = A.copy() + 1, A / 4
    write(expected, given)
    for out in (A + 1, Tensor(A + 1)):
        if name == "add.reduce":
            write = lambda out, x: np.add.reduce(np.stack([np.asarray(x)] * 2), axis=0, out=out)  # noqa: E731
        write(out, Tensor(given))
        np.testing.assert_array_equal(plain(out), expected)
    w, target = parameter(), Tensor(A + 1)
    y = (w * target).sum()
    write(target, given)
    with pytest.raises(GraphError, match="was overwritten after the forward pass"):
        y.backward()
    if name in ("add.reduce", "sum"):  # from lists of tensors
        return
    pairs: list[tuple[Any, Any]] = [
        (A.copy(), parameter(given)),
        (Tensor(A), parameter(given)),
        (parameter(), Tensor(given)),
    ]
    for out, x in pairs:
        before = plain(out).copy()
        with pytest.raises(GraphError, match=r"would lose (the|its) gradient"):
            write(out, x)
        np.testing.assert_array_equal(plain(out), before)
        with mt.no_grad():
            write(out, x if name not in ("take", "concatenate", "concatenate by name") else x.detach())


def test_out_is_what_is_returned() -> None:
    t: Any = Tensor(A)
    out: Any = Tensor(np.zeros((2, 2)))
    assert np.add(t, 1, out=out) is out
    assert np.clip(t, 0, 1, out=out) is out
    fraction, whole = modf(t, out=(None, out))
    assert whole is out
    assert type(fraction) is np.ndarray
    with pytest.raises(DTypeError, match=r"numpy.add: "):
        np.add(t, 1, out=whole.astype(int))
    with pytest.raises(ShapeError, match=r"numpy.add: "):
        np.add(t, 1, out=np.zeros(3))


# ------------------------------------------------------------------------------------------ compiled steps


@pytest.mark.parametrize("name", sorted(UNRULED))
def test_a_compiled_step_gives_what_an_eager_one_gives_or_says_what_to_do(name: str) -> None:
    call = UNRULED[name]

    def step(m: Any, w: Any, k: Any, s: Any) -> Any:
        with mt.no_grad():
            return parts(call(m, w, k, s))

    compiled = mt.compile(step)
    for shift in (1.0, 1.0, 1.0, 1.5):
        arguments = [Tensor(x * shift if x.dtype.kind == "f" else x) for x in (M, W, K, SPD)]
        refusal: BaseException | None = None
        try:
            found = compiled(*arguments)
        except Exception as error:
            refusal = error
        if refusal is not None:
            while refusal is not None and not isinstance(refusal, CompileError):  # a library may pass it on
                refusal = refusal.__cause__ or refusal.__context__
            assert name == "assert_allclose" or "cannot be recorded by compile" in str(refusal)
            return
        for x, y in zip(found, step(*arguments), strict=True):
            np.testing.assert_array_equal(plain(x), plain(y))


# ---------------------------------------------------------------------------------------- drawn at random


def test_lists_and_numbers_take_the_dtype_of_the_tensor_beside_them() -> None:
    for dtype in (np.float32, np.float64):
        t = Tensor(np.array([0.1, 0.2, 0.7], dtype), requires_grad=True)
        for found in (
            *(mt.hstack([t, [0.1, 0.3]]), mt.vstack([[0.1] * 3, t]), mt.average(t, weights=[0.1, 0.2, 0.3])),
            *(mt.interp(t, [0.0, 0.3, 1.0], [0.1, 0.2, 0.3]), mt.trapezoid(t, [0.1, 0.3, 0.9])),
            *(
                mt.diff(t, prepend=0.3, append=[0.1]),
                mt.inner(t, [0.1, 0.2, 0.3]),
                mt.cross([0.1, 0.2, 0.3], t),
            ),
            *(mt.quantile(t, [0.1, 0.3]), mt.percentile(t, np.float64(30)), mt.heaviside(t, np.float64(0.1))),
        ):
            assert (found.dtype, found.requires_grad) == (dtype, True)
        assert mt.hstack([t, [0.1]]).data[-1] == dtype(0.1)  # and not by way of float32


def as_dtype(name: str, inputs: tuple[Any, ...], dtype: Any) -> list[Any]:
    """The inputs of a sample in a dtype, in which they still mean something."""
    if dtype == np.int64:
        inputs = tuple([np.nan_to_num(3 * x) if isinstance(x, np.ndarray) else x for x in inputs])
        if name == "fmod":
            inputs = (inputs[0], np.trunc(inputs[1] + np.sign(inputs[1])))  # not 0
        if name == "average":
            inputs = (inputs[0], *[x + 1 for x in inputs[1:]])  # NumPy raises where weights add up to 0
    if name == "interp" and dtype != np.float64:
        inputs = (inputs[0], np.arange(len(inputs[1])), *inputs[2:])  # points that stay apart
    return [np.asarray(x.astype(dtype)) if isinstance(x, np.ndarray | np.generic) else x for x in inputs]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("name", DRAWS)
def test_drawn_at_random_an_operation_has_numpys_values(name: str, dtype: Any) -> None:
    row, floats = ROWS[name], dtype != np.int64
    theirs = row.form(getattr(np, name))
    for seed in range(60):
        inputs, attrs = DRAWS[name](RNG(seed))
        arrays = as_dtype(name, inputs, dtype)
        wide = [x.astype(float) if floats and isinstance(x, np.ndarray) else x for x in arrays]
        note = f"{name} {[np.shape(x) for x in inputs]} {attrs}"
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing
            expected = theirs(*wide, **attrs)
            for call, on_graph in product((row.ours, theirs), {False, floats}):
                found = call(
                    *[Tensor(x, requires_grad=on_graph) if isinstance(x, np.ndarray) else x for x in arrays],
                    **attrs,
                )
                single = plain(found).dtype == np.float32
                assert np.shape(plain(found)) == np.shape(expected), note
                within = 1e-5 if single else 1e-12
                np.testing.assert_allclose(plain(found), expected, within, within, err_msg=note)
                assert not floats or plain(found).dtype == dtype, note
                assert not on_graph or found.requires_grad, note


@pytest.mark.parametrize("options", [{}, {"left": -7.0, "right": 8.0}, {"period": 1.7}], ids=str)
def test_between_points_without_end_interp_has_numpys_values(options: dict[str, float]) -> None:
    x = np.array([0.0, 0.25, 0.5, 1.0, 1.3, 2.0])
    if "period" not in options:
        x = np.concatenate([x, [-1.0, 2.5, np.nan, np.inf, -np.inf]])
    for fp in itertools.product([0.0, 2.5, np.inf, -np.inf, np.nan], repeat=3):
        with np.errstate(invalid="ignore"):
            for y in (np.array(fp), Tensor(np.array(fp), requires_grad=True)):
                ours = mt.interp(Tensor(x), [0.0, 1.0, 2.0], y, **options).detach()
                np.testing.assert_allclose(ours.numpy(), np.interp(x, [0.0, 1.0, 2.0], fp, **options))
