"""Tensor: dtypes, copying, NumPy's protocols, writing in place, errors and the repr."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, GraphError, ShapeError, Tensor, Value, nn, no_grad

A = Tensor([1.0, 2.0, 3.0])


def parameter() -> Tensor:
    return Tensor([1.0, 2.0, 3.0], requires_grad=True)


# ------------------------------------------------------------------------------------ making one


def test_an_array_is_copied_and_keeps_its_dtype_and_from_numpy_shares() -> None:
    array = np.array([1.0, 2.0])
    copied, shared = Tensor(array), Tensor.from_numpy(array)
    array[0] = 9.0
    assert copied.data.tolist() == [1.0, 2.0]
    assert copied.dtype == np.float64
    assert np.shares_memory(shared.data, array)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.0, np.float32),
        ([1.0, 2.0], np.float32),
        ([1, 2], np.int64),
        (True, np.bool_),
        (np.float64(1), np.float64),
    ],
)
def test_numbers_get_pytorch_s_dtypes(data: Any, dtype: Any) -> None:
    assert Tensor(data).dtype == dtype


@pytest.mark.parametrize("data", ["text", [None], object(), np.array(["a"]), {"a": 1}])
def test_what_is_not_a_number_is_refused(data: Any) -> None:
    with pytest.raises(DTypeError, match="a tensor holds real numbers"):
        Tensor(data)


def test_integers_cannot_require_grad() -> None:
    with pytest.raises(DTypeError, match="only floating-point tensors can require grad, not int64"):
        Tensor([1, 2], requires_grad=True)


# ---------------------------------------------------------------------------------------- dtypes


@pytest.mark.parametrize(
    "other",
    [
        2.0,
        2,
        np.float64(2),
        np.array(2.0),
        Tensor(np.array(2.0)),
        np.array([1, 2, 3]),
        np.array([True, False, True]),
    ],
)
def test_float32_survives_numbers_0d_arrays_and_integers(other: Any) -> None:
    for result in (A * other, other * A, A + other, other - A):
        assert isinstance(result, Tensor)
        assert result.dtype == np.float32


def test_float64_arrays_with_axes_promote() -> None:
    assert (A * np.ones(3)).dtype == np.float64


def test_integer_division_gives_floats() -> None:
    assert (Tensor([1, 2]) / Tensor([2, 2])).data.tolist() == [0.5, 1.0]


def test_data_is_always_an_array() -> None:
    for result in (A.sum(), A @ A, A.max(), A[0], A.mean() * 2, -A.sum(), A.argmax()):
        assert type(result.data) is np.ndarray


# ------------------------------------------------------------------------------ numpy's protocols


@pytest.mark.parametrize(
    ("through_numpy", "directly"),
    [
        (lambda t: np.exp(t), lambda t: t.exp()),
        (lambda t: np.add(1, t), lambda t: t + 1),
        (lambda t: np.ones(3) + t, lambda t: t + np.ones(3)),
        (lambda t: np.float64(2) * t, lambda t: t * 2),
        (lambda t: np.ones((2, 3)) @ t, lambda t: mt.matmul(np.ones((2, 3)), t)),
        (lambda t: np.ones(3) - t, lambda t: 1 - t),
        (lambda t: np.sum(t, axis=0), lambda t: t.sum(axis=0)),
        (lambda t: np.mean(t), lambda t: t.mean()),
        (lambda t: np.concatenate([t, t]), lambda t: mt.concatenate([t, t])),
        (lambda t: np.stack([np.zeros(3), t], axis=1), lambda t: mt.stack([np.zeros(3), t], 1)),
        (lambda t: np.where(t > 1, t, 0.0), lambda t: mt.where(t > 1, t, 0.0)),
        (lambda t: np.clip(t, 1.5, None), lambda t: t.clip(1.5)),
        (lambda t: np.max(t), lambda t: t.max()),
        (lambda t: np.reshape(t, (3, 1)), lambda t: t.reshape(3, 1)),
        (lambda t: np.maximum(t, 2), lambda t: mt.maximum(t, 2)),
    ],
)
def test_numpy_s_functions_lead_to_the_same_rule(
    through_numpy: Callable[[Any], Any], directly: Callable[[Any], Any]
) -> None:
    gradients = []
    for function in (through_numpy, directly):
        t = parameter()
        result = function(t)
        assert isinstance(result, Tensor)
        result.sum().backward()
        gradients.append(t.grad.tolist())
    assert gradients[0] == gradients[1]


def test_value_and_tensor_do_not_mix() -> None:
    for mix in (lambda: A * Value(1.0), lambda: Value(1.0) * A, lambda: Value(1.0) * np.ones(3)):  # type: ignore[operator]
        with pytest.raises(DTypeError):
            mix()


def test_unknown_operands_are_refused() -> None:
    for other in ("text", None, object()):
        with pytest.raises(TypeError):
            A + other  # type: ignore[operator]


# --------------------------------------------------------------------------------- writing in place


@pytest.mark.parametrize("write", ["t += 1", "t -= 1", "t *= 2", "t /= 2", "t[0] = 5.0"])
def test_writing_into_a_leaf_that_requires_grad_is_refused_before_anything_changes(write: str) -> None:
    t = parameter()
    with pytest.raises(GraphError, match=r"under no_grad\(\), or make a new tensor: a = "):
        exec(write, {"t": t})
    assert t.data.tolist() == [1.0, 2.0, 3.0]
    with no_grad():
        exec(write, {"t": t})
    assert t.data.tolist() != [1.0, 2.0, 3.0]


def test_an_augmented_assignment_that_needs_a_graph_makes_a_new_tensor() -> None:
    t = parameter()
    total = Tensor(0.0)
    for _ in range(3):
        total += t.sum()
    total.backward()
    assert t.grad.tolist() == [3.0, 3.0, 3.0]


def test_an_augmented_assignment_without_a_graph_writes_in_place() -> None:
    t = Tensor([1.0])
    same = t
    t += 1
    assert same is t
    assert same.data.tolist() == [2.0]


def test_new_data_must_fit_the_gradient() -> None:
    t = parameter()
    t.sum().backward()
    with pytest.raises(ShapeError, match="does not fit the gradient"):
        t.data = np.zeros(2, np.float32)
    t.grad = None
    t.data = np.zeros(2)
    assert t.shape == (2,)


def test_detach_shares_memory_off_the_graph() -> None:
    t = parameter()
    assert not t.detach().requires_grad
    assert np.shares_memory(t.detach().data, t.data)


# -------------------------------------------------------------------------------------------- errors


def zeros(*shape: int) -> Tensor:
    return Tensor(np.zeros(shape))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: zeros(3, 4) + zeros(3),
            "add: cannot broadcast (3, 4) with (3,): last axis 4 against 3. "
            "For one value per row use shape (3, 1).",
        ),
        (
            lambda: zeros(2, 3, 4) * zeros(5, 4),
            "multiply: cannot broadcast (2, 3, 4) with (5, 4): axis -2 3 against 5.",
        ),
        (lambda: zeros(3, 4) @ zeros(3, 4), "matmul: (3, 4) @ (3, 4): inner sizes 4 and 3 differ"),
        (
            lambda: zeros(3) @ Tensor(1.0),
            "matmul: (3,) @ (): needs at least one axis on each side. Multiply by a number with *.",
        ),
        (
            lambda: zeros(2, 3, 4) @ zeros(3, 4, 5),
            "matmul: (2, 3, 4) @ (3, 4, 5): the leading axes (2,) and (3,) do not broadcast",
        ),
        (
            lambda: mt.linear(zeros(32, 28, 28), zeros(128, 784), None),
            "Linear(784 → 128) got (32, 28, 28): the last axis is 28 and must be 784. Try x.reshape(32, -1).",
        ),
        (
            lambda: mt.concatenate([zeros(2, 3), zeros(2)]),
            "concatenate: all the input arrays must have same number of dimensions",
        ),
        (
            lambda: zeros(0).max(),
            "max: zero-size array to reduction operation maximum which has no identity (shape (0,))",
        ),
        (
            lambda: zeros(2, 3).sum(axis=2),
            "sum: axis 2 does not exist in shape (2, 3)",
        ),
        (
            lambda: zeros(2, 3).reshape(4),
            "reshape: cannot reshape array of size 6 into shape (4,) (shape (2, 3))",
        ),
    ],
)
def test_a_shape_error_names_the_operation_the_shapes_and_the_axis(
    call: Callable[[], Any], message: str
) -> None:
    with pytest.raises(ShapeError) as error:
        call()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            np.zeros((2, 3), int),
            "For one-hot targets take target.argmax(axis=1), or target.astype(float) as probabilities.",
        ),
        (np.zeros((2, 1), int), "Try target.reshape((2,))."),
        (np.zeros(2), "not float64 of shape (2,). Try target.astype(int)."),
        (np.array([0, 3]), "targets from 0 to 2 of shape (2,); some are out of range"),
        (np.array([0, -1]), "targets from 0 to 2 of shape (2,); some are out of range"),
        (np.array([0]), "not int64 of shape (1,)."),
    ],
)
def test_cross_entropy_says_what_targets_it_needs(target: Any, message: str) -> None:
    with pytest.raises(ShapeError) as error:
        mt.cross_entropy(zeros(2, 3), target)
    assert str(error.value).endswith(message)
    assert str(error.value).startswith("cross_entropy: input (2, 3) needs 2 integer targets")


def test_truth_and_item_need_one_element() -> None:
    assert bool(Tensor(1.0))
    assert float(Tensor([2.0])) == 2.0
    assert int(Tensor(3)) == 3
    with pytest.raises(ShapeError, match="ambiguous"):
        bool(A)
    with pytest.raises(ShapeError, match="exactly one element"):
        A.item()


# --------------------------------------------------------------------------------- edges of the values


def test_cross_entropy_at_extreme_logits() -> None:
    x = Tensor([[1000.0, -1000.0]], requires_grad=True)
    loss = mt.cross_entropy(x, np.array([1]))
    loss.backward()
    assert loss.item() == 2000.0
    assert x.grad.tolist() == [[1.0, -1.0]]


def test_cross_entropy_with_an_impossible_other_class() -> None:
    x = Tensor([[0.0, -np.inf]], requires_grad=True)
    loss = mt.cross_entropy(x, np.array([0]))
    loss.backward()
    assert loss.item() == 0.0
    assert x.grad.tolist() == [[0.0, 0.0]]


def test_softmax_and_its_logarithms_are_finite_at_a_thousand() -> None:
    x = np.array([[1000.0, -1000.0], [-1000.0, -1000.0]])
    assert mt.softmax(x).tolist() == [[1.0, 0.0], [0.5, 0.5]]
    np.testing.assert_allclose(mt.log_softmax(x), [[0.0, -2000.0], [-np.log(2), -np.log(2)]])
    np.testing.assert_allclose(mt.logsumexp(x, axis=1), [1000.0, -1000 + np.log(2)])
    assert mt.logsumexp(np.full(3, -np.inf)) == -np.inf


def test_sigmoid_reaches_its_limits_exactly_and_silently() -> None:
    x = Tensor([-1000.0, 0.0, 1000.0], requires_grad=True)
    y = x.sigmoid()
    y.sum().backward(create_graph=True)
    assert y.data.tolist() == [0.0, 0.5, 1.0]
    assert x.grad.data.tolist() == [0.0, 0.25, 0.0]


def test_relu_at_its_edges() -> None:
    x = Tensor([-0.0, 0.0, np.nan, -np.inf, 2.0], requires_grad=True)
    y = x.relu()
    y.backward(np.ones(5))
    np.testing.assert_array_equal(y.data, [0, 0, np.nan, 0, 2])
    np.testing.assert_array_equal(x.grad, [0, 0, 1, 0, 1])


def test_a_gradient_not_selected_is_zero_even_when_infinite() -> None:
    x = Tensor([-1.0, 4.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        x.relu().sqrt().sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


def test_where_several_tie_the_gradient_is_shared() -> None:
    x = Tensor([3.0, 1.0, 3.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0.5, 0.0, 0.5]
    y = parameter()
    mt.maximum(y, y.detach()).sum().backward()
    assert y.grad.tolist() == [0.5, 0.5, 0.5]


def test_clip_passes_the_gradient_on_its_bounds() -> None:
    x = Tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
    x.clip(0, 1).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("exponent", "value", "gradient"),
    [(0, 1, 0), (1, 0, 1), (2, 0, 0), (0.5, 0, np.inf), (-1, np.inf, -np.inf)],
)
@pytest.mark.parametrize("make", [lambda: Value(0.0), lambda: Tensor(0.0, requires_grad=True)])
def test_powers_at_zero(make: Callable[[], Any], exponent: float, value: float, gradient: float) -> None:
    x = make()
    with np.errstate(all="ignore"):
        y = x**exponent
        y.backward()
    assert float(y) == value
    assert float(x.grad) == gradient


def test_a_tensor_as_exponent() -> None:
    x, y = Tensor([0.0, -2.0], requires_grad=True), Tensor([0.0, 3.0], requires_grad=True)
    with np.errstate(all="ignore"):
        z = x**y
        z.sum().backward()
    assert z.data.tolist() == [1.0, -8.0]
    np.testing.assert_array_equal(x.grad, [0.0, 12.0])
    np.testing.assert_array_equal(y.grad, [0.0, np.nan])
    t = Tensor([3.0], requires_grad=True)
    assert (2**t).item() == 8.0


@pytest.mark.parametrize("make", [Value, Tensor])
def test_division_by_zero_is_inf_or_nan_in_both_modes(make: Callable[[float], Any]) -> None:
    with np.errstate(all="ignore"):
        assert float(make(1.0) / make(0.0)) == np.inf
        assert np.isnan(float(make(0.0) / 0.0))
        assert float(make(0.0).log()) == -np.inf


def test_repeated_indices_add_up() -> None:
    x = parameter()
    x[[0, 0, 1]].sum().backward()
    assert x.grad.tolist() == [2.0, 1.0, 0.0]


def test_empty_reductions() -> None:
    empty = Tensor(np.zeros(0))
    assert empty.sum().item() == 0.0
    with np.errstate(invalid="ignore"):
        assert np.isnan(empty.mean().item())


# -------------------------------------------------------------------------------------- the rest


def test_the_repr_shows_values_dtype_and_origin() -> None:
    assert repr(parameter()) == "Tensor([1., 2., 3.], requires_grad=True)"
    assert repr(parameter() * 2) == "Tensor([2., 4., 6.], made_by=multiply)"
    assert repr(Tensor(np.zeros(1))) == "Tensor([0.], dtype=float64)"


def test_leaves_are_copied_and_pickled_and_graphs_are_not() -> None:
    t = parameter()
    (t * t).sum().backward()
    for twin in (copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        assert twin.requires_grad
        assert not np.shares_memory(twin.data, t.data)
        assert twin.grad.tolist() == t.grad.tolist()
    with pytest.raises(GraphError, match=r"detach\(\)"):
        copy.deepcopy(t * 2)


def test_comparisons_are_elementwise_and_tensors_can_be_dictionary_keys() -> None:
    t = parameter()
    assert (t == t).data.all()
    assert (t >= 2).data.tolist() == [False, True, True]
    assert (t != 2).data.tolist() == [True, False, True]
    assert {t: 1}[t] == 1


def test_iteration_and_length() -> None:
    assert [row.item() for row in A] == [1.0, 2.0, 3.0]
    assert len(A) == 3


def test_the_graph_can_be_read() -> None:
    t = parameter()
    y = t * 2
    assert y.made_by == "multiply"
    assert y.parents == (t,)
    assert t.is_leaf
    assert not y.is_leaf


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: x.cuda(), mt.OptionError, "device 'cuda': minitensor computes on the CPU alone"),
        (lambda x: x.to("cuda:1"), mt.OptionError, "device 'cuda:1': minitensor computes on the CPU alone"),
        (lambda x: x.to(0), mt.OptionError, "device 0: minitensor computes on the CPU alone"),
        (lambda x: mt.device("mps"), mt.OptionError, "device 'mps': minitensor computes on the CPU alone"),
        (lambda x: mt.zeros(2, device="cuda"), mt.OptionError, "device 'cuda': minitensor computes on the"),
        (
            lambda x: x.to("bfloat16"),
            mt.OptionError,
            "to: takes a dtype, a tensor or \"cpu\", not 'bfloat16'",
        ),
        (lambda x: x.to(order="C"), mt.OptionError, "to: no argument order. Write to(dtype) or"),
        (lambda x: x.repeat(2, 1), mt.DTypeError, "repeat: of (2, 1), is the last an axis, as in NumPy, or"),
        (
            lambda x: mt.arange(6).split(2),
            mt.OptionError,
            "split: 2 parts, or parts of length 2? Write axis=0",
        ),
        (
            lambda x: x.split([1, 1], dim=0),
            mt.ShapeError,
            "split: lengths (1, 1) do not add up to axis 0 of (3",
        ),
        (lambda x: x[None].t(), mt.ShapeError, "t(): shape (1, 3, 2) has more than two axes. Write .T, or"),
        (lambda x: mt.arange(3).add_(0.5), mt.DTypeError, "add_: cannot write float32 into int64"),
        (lambda x: x.add_(1), mt.GraphError, "add_: writing in place into a tensor that requires grad"),
        (
            lambda x: mt.multinomial(mt.zeros(3), 1),
            mt.OptionError,
            "multinomial: cannot draw 1 of weights of",
        ),
        (lambda x: mt.autograd.grad(x.sum(), mt.zeros(2)), mt.GraphError, "autograd.grad: an input of shape"),
        (
            lambda x: mt.autograd.grad(x, x),
            mt.ShapeError,
            "autograd.grad: an output has shape (3, 2): reduce",
        ),
        (
            lambda x: mt.autograd.grad(cast(Any, abs), x),
            mt.DTypeError,
            "autograd.grad: outputs are tensors, not builtin_",
        ),
        (lambda x: mt.max(x, dim=0, axis=1), mt.DTypeError, "max: axis and dim mean the same argument"),
        (lambda x: mt.mean(x, dtype=int), mt.DTypeError, "mean: dtype must be floating-point, not int64"),
        (
            lambda x: mt.utils,
            AttributeError,
            "module 'minitensor' has no attribute 'utils'. Use minitensor.data",
        ),
        (lambda x: x.grad_fn, AttributeError, "Tensor has no attribute 'grad_fn'. Use .made_by."),
    ],
)
def test_what_pytorch_has_and_this_has_not_is_answered_in_one_line(
    use: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    x = Tensor(np.ones((3, 2)), requires_grad=True)
    with pytest.raises(error) as found:
        use(x)
    assert str(found.value).startswith(message)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mt.zeros(-1), r"a shape has lengths from 0 up, and not \(-1,\)"),
        (lambda: mt.full((2, -1), 1.0), "a shape has lengths from 0 up"),
        (lambda: mt.tensor([[1], [2, 3]]), "a list for a tensor holds rows of one length"),
        (lambda: mt.as_tensor([[1.0], [2.0, 3.0]]), "a list for a tensor holds rows of one length"),
        (lambda: mt.zeros("a"), "a shape is made of integers, not str"),
        (lambda: mt.rand(2.5), "a shape is made of integers, not float"),
        (lambda: mt.rand(2, dtype=mt.int64), "rand: dtype must be floating-point, not int64"),
        (lambda: mt.randn_like(mt.tensor([1])), "randn: dtype must be floating-point, not int64"),
        (lambda: mt.randint(5, 2, (3,)), "randint: there is no integer from 5 up to 2"),
        (lambda: mt.randint(0, [3]), "randint: there is no integer from 0 up to 0"),
        (lambda: mt.randperm(-1), "a shape has lengths from 0 up"),
        (lambda: mt.randperm(cast(Any, 3.5)), "a shape is made of integers, not float"),
        (lambda: mt.normal(0.0, -1.0, (2,)), "normal: std must not be negative"),
        (lambda: mt.normal(mt.zeros(3), mt.ones(2)), r"normal: mean of shape \(3,\) and std of shape \(2,\)"),
        (lambda: mt.bernoulli(mt.tensor([0.5, 1.5])), "bernoulli: a probability is from 0 to 1"),
        (lambda: mt.bernoulli(mt.tensor([np.nan])), "bernoulli: a probability is from 0 to 1"),
        (lambda: mt.multinomial(mt.tensor([np.nan, 1.0]), 1), "multinomial: .* infinite or NaN"),
        (lambda: mt.multinomial(mt.tensor([np.inf, 1.0]), 1), "multinomial: .* infinite or NaN"),
    ],
)
def test_what_cannot_be_made_or_drawn_is_refused(make: Any, message: str) -> None:
    with pytest.raises((mt.ShapeError, mt.OptionError, mt.DTypeError), match=f"^{message}"):
        make()


def test_generators_are_copied_and_pickled_with_their_class_and_place() -> None:
    generator = mt.Generator().manual_seed(3)
    mt.rand(5, generator=generator)
    for twin in (copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))):
        assert type(twin) is mt.Generator
        assert twin.random() == copy.deepcopy(generator).random()
        assert twin.manual_seed(3).random() == mt.Generator().manual_seed(3).random()


def test_normal_and_uniform_in_place_draw_from_a_generator() -> None:
    x: Any = mt.zeros(2, 3)
    for fill in (x.normal_, x.uniform_):
        first = fill(generator=mt.Generator().manual_seed(3)).tolist()
        assert first == fill(rng=mt.Generator().manual_seed(3)).tolist()


def test_python_names_a_method_whose_arguments_are_wrong() -> None:
    x: Any = mt.zeros(2)
    for call, name in [
        (x.type, "type"),
        (x.masked_fill, "masked_fill"),
        (x.fill_, "fill_"),
        (x.new_full, "full"),
    ]:
        with pytest.raises(TypeError, match=rf"^{name}\(\) missing"):
            call()


def test_new_tensors_have_the_dtype_of_the_tensor_unless_another_is_given() -> None:
    x: Any = mt.zeros(2, dtype=mt.float64)
    made = [x.new_zeros(3), x.new_ones((3,)), x.new_full((3,), 2.0), x.new_tensor([1, 2, 3])]
    assert [y.dtype for y in made] == [np.float64] * 4
    assert x.new_ones(3, dtype=mt.float32, requires_grad=True).requires_grad
    assert x.new_full((3,), 2, dtype=mt.int64).dtype == np.int64


ASKED: dict[str, list[Callable[[Any], Any]]] = {
    "it gives the values alone, as in NumPy. Write axis=, or dim= for values and indices": [
        *[lambda x: x.max(1), lambda x: mt.max(x, 0), lambda x: x.min((0, 1)), lambda x: mt.min(x, -1, True)],
        *[lambda x: x.sort(), lambda x: mt.sort(x, 0), lambda x: x.sort(descending=True)],
    ],
    "of two in the middle it is the mean, as in NumPy. Write axis=, or dim= for the lower of them": [
        *[lambda x: x.median(), lambda x: mt.median(x, 1), lambda x: x.median(0, keepdims=True)],
    ],
    "it divides by n, as in NumPy. Write ddof=0, or ddof=1 to divide by n − 1": [
        *[lambda x: x.std(), lambda x: x.std(0), lambda x: mt.var(x), lambda x: x.var(1, keepdims=True)],
    ],
}


@pytest.mark.parametrize(("words", "use"), [(words, use) for words, uses in ASKED.items() for use in uses])
def test_what_pytorch_means_otherwise_is_done_as_numpy_does_and_says_so(
    words: str, use: Callable[[Any], Any]
) -> None:
    x = Tensor([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0]])
    for kind in (x, nn.Parameter(x)):
        with pytest.warns(UserWarning, match=f"^[a-z]+: {re.escape(words)}, as PyTorch has it.$") as found:
            use(kind)
        assert [warning.filename for warning in found] == [__file__]


def test_who_says_which_is_meant_is_not_told() -> None:
    x: Any = Tensor([[1.0, 4.0, 2.0], [3.0, 0.0, 5.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("max", "min", "sort", "median", "std", "var"):
            operation, method = getattr(mt, name), getattr(x, name)
            for said in ({"axis": 1}, {"dim": 1}):
                operation(x, **said), method(**said)
            getattr(np, name)(x, 1), operation(np.ones((2, 3)), 1)
        x.max(), x.min(), x.max(None), mt.max(x, x * 2), x.max(1, keepdim=True), x.amax(1), x.std(ddof=1)
        x.var(0, correction=0), x.std(unbiased=False), nn.LayerNorm(3)(x), nn.BatchNorm1d(3)(x)
