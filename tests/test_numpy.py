"""NumPy's protocols: its functions record when they meet a tensor, or refuse; no gradient is lost unsaid."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, GraphError, ShapeError, Tensor, Value
from minitensor.core.rule import registry

A = np.array([[1.0, 2.0], [3.0, 4.0]])
V = np.array([0.5, 0.25])


def parameter(array: Any = A) -> Tensor:
    return Tensor(array, requires_grad=True)


ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["arcsin", "arccos", "arctanh"], (V,)),
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
    "split": (A, 2),
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
    "kron": (A, V),
}

SHARED = sorted(
    name
    for name, operation in registry.items()
    if callable(getattr(np, name, None)) and not isinstance(getattr(np, name), type)
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
        (lambda t: np.sum(t, 1, np.float64), "sum: got an unexpected keyword argument 'dtype'"),
        (lambda t: np.linalg.norm(t.reshape(2, 1, 2), 2), "numpy.linalg.norm: the matrix norm 2"),
        (lambda t: mt.add([1.0], [2.0]), "add: takes tensors and arrays, not list. Try Tensor(...)."),
        (lambda t: mt.concatenate([[1.0], [2.0]]), "concatenate: takes tensors and arrays, not lists."),
        (lambda t: t.astype(complex), "astype: a tensor holds real numbers, not complex128"),
        (
            lambda t: t.sort(0, True),
            "sort() takes from 1 to 2 positional arguments but 3 were given. It takes",
        ),
        (lambda t: t.sum(dim=0, axis=1), "sum: dim and axis mean the same argument"),
        (
            lambda t: t.sum([0, 1]),
            "sum: 'list' object cannot be interpreted as an integer. An axis is an int",
        ),
        (lambda t: Tensor([True]) - Tensor([True]), "subtract: numpy boolean subtract"),
        (lambda t: mt.linear(t, 2.0), "linear: 'float' object has no attribute 'shape'"),
        (np.vstack, "numpy.vstack has no gradient rule. The nearest operation is minitensor.concatenate."),
        (np.nansum, "numpy.nansum has no gradient rule. The nearest operation is minitensor.sum."),
        (np.fft.fft, "numpy.fft.fft has no gradient rule. docs/operations.md lists those that have one."),
        (np.linalg.eigvals, "numpy.linalg.eigvals has no gradient rule."),
        (np.spacing, "numpy.spacing has no gradient rule."),
        (lambda t: np.linalg.norm(t, 1), "numpy.linalg.norm: the matrix norm 1 has no gradient rule."),
        (lambda t: np.add(t, 1, where=A > 1), "numpy.add(where=...) has no gradient rule."),
        (np.logaddexp.reduce, "numpy.logaddexp.reduce has no gradient rule."),
        (lambda t: np.add.at(t, 0, 1), "numpy.add.at has no gradient rule."),
        (
            lambda t: np.sum(t, dtype=float),
            "sum: got an unexpected keyword argument 'dtype'. It takes sum(x, axis=None, keepdims=False).",
        ),
        (lambda t: mt.where(A > 1, t, None), "where: None is no number"),
        (lambda t: mt.sum([1.0, 2.0]), "sum: takes tensors and arrays, not list. Try Tensor(...)."),
        (lambda t: np.add(t.detach(), 1, out=t.detach()), "numpy.add: out= must be an array."),
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
        ("view", "reshape"),
        ("t", ".T"),
        ("to", "astype"),
        ("numel", ".size"),
        ("add_", "no_grad"),
    ]:
        with pytest.raises(AttributeError, match=f"Tensor has no attribute '{name}'. Use .*{cure}"):
            getattr(t, name)
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
