"""Scalar mode against tensor mode: the same rules give the same numbers, one at a time or all at once."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
import runpy
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import minitensor as mt
from minitensor import Tensor, Value, nn, optim
from minitensor.core.rule import registry
from minitensor.errors import CompileError, DTypeError, GraphError, OptionError, ShapeError
from minitensor.nn import functional, scalar
from minitensor.nn.activations import ACTIVATIONS
from minitensor.nn.utils import clip_grad_norm_
from tests.table import ROWS
from tests.table.arithmetic import MASK
from tests.table.row import Check

Array = NDArray[Any]

MICRO = Path(__file__).parents[1] / "examples" / "micro.py"


@cache
def load_micro() -> dict[str, Any]:
    """What examples/micro.py defines."""
    return runpy.run_path(str(MICRO))


# --------------------------------------------------------------------------------------------- every rule

SCALAR = sorted(name for name, row in ROWS.items() if row.graph and registry[name].is_scalar)


def of_values(inputs: list[Array]) -> list[Array]:
    """The same numbers as Values."""
    return [np.array([Value(x) for x in array.flat], object).reshape(array.shape) for array in inputs]


def assert_element_by_element(check: Check, at: Callable[[tuple[int, ...]], Callable[..., Any]]) -> None:
    """Value and gradients of the tensor expression equal those of its elements; `at(place)` gives theirs."""
    inputs = check.inputs()
    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    y = check.function(*tensors)
    seed = np.random.default_rng(1).normal(size=y.shape)
    y.backward(seed)

    leaves = of_values(inputs)
    spread = np.broadcast_arrays(*leaves, np.empty(y.shape))[:-1]
    for place in np.ndindex(y.shape):
        one = at(place)(*[array[place] for array in spread])
        np.testing.assert_allclose(one.data, y.data[place], rtol=1e-12, atol=1e-12)
        if one.requires_grad:
            one.backward(seed[place])
    for tensor, leaf in zip(tensors, leaves, strict=True):
        found = np.array([value.grad for value in leaf.flat]).reshape(leaf.shape)
        np.testing.assert_allclose(found, tensor.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted({*SCALAR} - {"where", "zero_where"}))
def test_a_rule_on_tensors_is_the_rule_on_each_of_their_elements(name: str) -> None:
    for check in ROWS[name].checks:
        assert_element_by_element(check, partial(_same, check.function))


def _same(function: Callable[..., Any], place: tuple[int, ...]) -> Callable[..., Any]:
    return function


def test_so_are_those_with_a_condition_for_each_element() -> None:
    choose = Check(lambda x, y: mt.where(MASK, x, y), ((2, 3), (3,)))
    assert_element_by_element(choose, lambda place: lambda x, y: mt.where(bool(MASK[place]), x, y))
    hide = Check(lambda x: mt.zero_where(x, MASK), ((2, 3),))
    assert_element_by_element(hide, lambda place: lambda x: mt.zero_where(x, bool(MASK[place])))


def test_a_wrong_rule_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Value, "_pass_on", lambda self, g, gradients: gradients.update(dict.fromkeys(self.parents, g))
    )
    with pytest.raises(AssertionError):
        assert_element_by_element(ROWS["multiply"].checks[0], lambda place: operator.mul)


# --------------------------------------------------------------------------------------------- networks


def hinge(x: Any, labels: Array) -> Any:
    """Each class against the others."""
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    return functional.hinge_loss(x, targets)


def mse(x: Any, labels: Array) -> Any:
    return functional.mse_loss(x, np.eye(3)[labels])


LOSSES: dict[str, Callable[[Any, Array], Any]] = {
    "cross-entropy": lambda x, labels: functional.cross_entropy(x, labels),
    "hinge": hinge,
    "mse": mse,
    "logistic": lambda x, labels: functional.binary_cross_entropy_with_logits(x, np.eye(3)[labels]),
}


class Twins:
    """One network in both modes, and a batch."""

    def __init__(self, hidden: list[int], activation: str, rows: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.tensor = nn.MLP(4, [*hidden, 3], activation, dtype=np.float64, rng=seed)
        self.scalar = scalar.MLP.from_tensor(self.tensor)
        self.x, self.labels = rng.normal(size=(rows, 4)), rng.integers(0, 3, rows)

    def losses(self, loss: str) -> tuple[Any, Any]:
        of = LOSSES[loss]
        scores = [self.scalar(row) for row in self.x]
        return of(scores, self.labels), of(self.tensor(Tensor(self.x)), self.labels)

    def zero_grad(self) -> None:
        self.scalar.zero_grad()
        self.tensor.zero_grad()


def largest(one: list[Array], other: list[Array]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


networks = st.builds(
    Twins,
    hidden=st.lists(st.integers(1, 5), max_size=3),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
)


@settings(max_examples=60)
@given(networks, st.sampled_from(sorted(LOSSES)))
def test_39_the_loss_and_every_gradient_are_the_same_in_both_modes(twins: Twins, loss: str) -> None:
    one, all_at_once = twins.losses(loss)
    one.backward()
    all_at_once.backward()
    assert abs(one.data - all_at_once.item()) <= 1e-12
    assert largest(twins.scalar.gradients(), [p.grad for p in twins.tensor.parameters()]) <= 1e-12


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("hidden", [[], [5], [4, 3]])
def test_after_fifty_steps_every_weight_is_the_same_in_both_modes(loss: str, hidden: list[int]) -> None:
    twins = Twins(hidden, ["relu", "tanh", "gelu"][len(hidden)], rows=3, seed=len(loss))
    make: Callable[[Any], Any] = lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3)  # noqa: E731
    optimizers = [make(twins.scalar.parameters()), make(twins.tensor.parameters())]
    first = twins.scalar.arrays()
    for _ in range(50):
        for optimizer, mode in zip(optimizers, twins.losses(loss), strict=True):
            optimizer.zero_grad()
            mode.backward()
            optimizer.step()
    assert largest(twins.scalar.arrays(), [p.data for p in twins.tensor.parameters()]) <= 1e-10
    assert largest(twins.scalar.arrays(), first) > 1e-2  # it did move


def test_a_network_for_an_image_of_mnist_runs_without_a_recursion_limit() -> None:
    model = scalar.MLP(784, [32, 10], rng=0)
    image = np.random.default_rng(0).random(784)
    loss = functional.cross_entropy(model(image), 3)
    loss.backward()
    assert sum(parameter.grad != 0 for parameter in model.parameters()) > 5_000


# ---------------------------------------------------------------------------------- micrograd's code


def test_the_classes_take_what_micrograds_take() -> None:
    model = scalar.MLP(3, [4, 4, 1])
    x = [Value(1.0), Value(-2.0), Value(0.5)]
    score = model(x)
    assert isinstance(score, Value)
    loss = (1 + -1 * score).relu() + 1e-4 * sum(p * p for p in model.parameters())
    model.zero_grad()
    loss.backward()
    for parameter in model.parameters():
        parameter.data -= 0.01 * parameter.grad
    assert len(model.parameters()) == 41
    assert [type(layer) for layer in model.layers] == [scalar.Layer] * 3
    assert [neuron.nonlin for layer in model.layers for neuron in layer.neurons] == [True] * 8 + [False]
    assert len(scalar.Layer(2, 3)(x[:2])) == 3
    assert all(-1 <= w.data <= 1 for w in scalar.Neuron(9).w)
    assert scalar.Neuron(2).b.data == 0.0
    assert scalar.Neuron(2, nonlin=False).parameters()[-1].data == 0.0


def test_one_seed_gives_one_network() -> None:
    numbers = [
        [p.data for p in scalar.MLP(2, [3, 1], rng=rng).parameters()]
        for rng in (0, 0, np.random.default_rng(0))
    ]
    assert numbers[0] == numbers[1] == numbers[2]
    mt.manual_seed(0)
    assert [p.data for p in scalar.MLP(2, [3, 1]).parameters()] == numbers[0]


def test_the_repr_shows_the_layers_and_counts() -> None:
    assert repr(scalar.MLP(2, [3, 1], activation="tanh")) == (
        "MLP(\n  Layer(2 → 3, tanh)  # 9 parameters\n  Layer(3 → 1, linear)  # 4 parameters\n)"
        "  # 13 parameters"
    )
    assert repr(scalar.Neuron(2)) == "Neuron(2, relu)"


def changed() -> nn.MLP:
    """A network with another activation than it was made with."""
    mlp = nn.MLP(2, [3, 1])
    mlp[1] = nn.Tanh()
    return mlp


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda: scalar.MLP(2, []), OptionError, "ends with the output's width"),
        (lambda: scalar.MLP(2, 3), OptionError, "ends with the output's width"),  # type: ignore[arg-type]
        (lambda: scalar.MLP(2, [0]), OptionError, "at least 1 neuron"),
        (lambda: scalar.MLP(0, [1]), OptionError, "at least 1 input"),
        (lambda: scalar.MLP(2, [1], activation="sine"), OptionError, "'sine' is not one of relu"),
        (lambda: scalar.MLP(2, [1])([1.0]), ShapeError, r"Neuron\(2\) got 1 numbers"),
        (lambda: scalar.MLP(2, [1])([[1.0, 2.0]]), ShapeError, "takes one sample"),  # type: ignore[list-item]
        (lambda: scalar.MLP(2, [1])(np.ones((3, 2))), ShapeError, "takes one sample"),
        (lambda: scalar.MLP(1, [1])(Value(1.0)), ShapeError, "takes one sample"),  # type: ignore[arg-type]
        (lambda: optim.SGD(Value(1.0), lr=0.1), DTypeError, "Pass a list of it"),  # type: ignore[arg-type]
        (lambda: clip_grad_norm_([Value(1.0)], 1.0), DTypeError, "clipping takes tensors"),  # type: ignore[list-item]
        (lambda: scalar.MLP.from_tensor(changed()), OptionError, "layers were changed"),
        (
            lambda: functional.mse_loss([[Value(1.0)], [Value(1.0)] * 2], [[1.0], [1.0]]),
            ShapeError,
            "lists of one length",
        ),
        (lambda: scalar.MLP.from_tensor(nn.MLP(2, [3, 1], dropout=0.5)), OptionError, "Dropout"),
        (lambda: scalar.MLP.from_tensor(nn.Linear(2, 1)), DTypeError, "takes an nn.MLP, not Linear"),  # type: ignore[arg-type]
        (lambda: nn.MLP(2, [1]).load_scalar(nn.MLP(2, [1])), DTypeError, "takes a scalar.MLP, not MLP"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_explained(mistake: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        mistake()


# -------------------------------------------------------------------------------------- both ways across


def test_weights_carry_across_and_back() -> None:
    mlp = nn.MLP(3, [4, 2], activation="gelu", rng=0)
    there = scalar.MLP.from_tensor(mlp)
    assert there.activation == "gelu"
    assert largest(there.arrays(), [p.data for p in mlp.parameters()]) == 0
    back = nn.MLP(3, [4, 2], activation="gelu", rng=1)
    back.load_scalar(there)
    assert all((p.data == q.data).all() for p, q in zip(back.parameters(), mlp.parameters(), strict=True))
    with pytest.raises(OptionError, match="activation there is gelu, and here it is relu"):
        nn.MLP(3, [4, 2]).load_scalar(there)
    with pytest.raises(ShapeError, match="2 layers there, and 3 here"):
        nn.MLP(3, [4, 4, 2], activation="gelu").load_scalar(there)
    with pytest.raises(ShapeError, match=r"2.weight has shape \(2, 4\) and must have \(2, 5\)"):
        nn.MLP(3, [5, 2], activation="gelu").load_scalar(there)


# -------------------------------------------------------------------------------------- the first lesson


def test_micro_py_is_at_most_a_hundred_lines_and_imports_only_python() -> None:
    text = MICRO.read_text(encoding="utf-8")
    assert text.count("\n") <= 100
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names)


@settings(max_examples=100)
@given(st.lists(st.floats(-2, 2), min_size=3, max_size=3), st.integers(0, 2**32 - 1))
def test_micro_py_computes_what_value_computes(numbers: list[float], seed: int) -> None:
    micro = load_micro()
    outcomes = []
    for library, kind in ((micro, micro["Value"]), (vars(mt), Value)):
        leaves = [kind(x) for x in numbers]
        values, rng = list(leaves), np.random.default_rng(seed)
        for _ in range(12):
            x, y = (values[i] for i in rng.integers(len(values), size=2))
            made = [
                *(x + y, 2 - x, x * y, -x, x - y, 3 / (x * x + 1), x / (y * y + 1), (x * x + 0.5) ** y),
                *(library["tanh"](x), library["relu"](x), library["exp"](library["tanh"](x))),
                *(library["log"](x * x + 1), x**3),
            ]
            values.append(library["tanh"](made[rng.integers(len(made))]))
        total = sum(values[1:], values[0])
        total.backward()
        outcomes.append([total.data, *[leaf.grad for leaf in leaves]])
    np.testing.assert_allclose(outcomes[0], outcomes[1], rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------------------------------- losses

PAIRS = [
    *(functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss),
    *(functional.hinge_loss, functional.binary_cross_entropy_with_logits),
]


@pytest.mark.parametrize("loss", PAIRS, ids=lambda loss: str(loss.__name__))
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_of_values_is_the_loss_of_tensors(loss: Any, reduction: str) -> None:
    rng = np.random.default_rng(0)
    numbers, targets = 2 * rng.normal(size=(3, 2)), np.where(rng.random((3, 2)) < 0.5, -1.0, 1.0)
    x = Tensor(numbers, requires_grad=True)
    values = [[Value(number) for number in row] for row in numbers]
    expected, found = loss(x, targets, reduction), loss(values, targets.tolist(), reduction)
    if reduction == "none":
        np.testing.assert_allclose([[v.data for v in row] for row in found], expected.data, rtol=1e-14)
        expected, found = expected.sum(), sum(sum(row) for row in found)
    found.backward()
    expected.backward()
    assert abs(found.data - expected.item()) < 1e-13
    np.testing.assert_allclose([[v.grad for v in row] for row in values], x.grad, rtol=1e-12, atol=1e-15)


def test_a_single_value_is_a_loss_too_and_so_are_values_as_targets() -> None:
    assert functional.mse_loss(Value(3.0), 1.0).data == 4.0
    target = Value(1.0)
    functional.mse_loss(Value(2.0), target).backward()
    assert target.grad == -2.0


def test_cross_entropy_of_values_takes_masked_logits() -> None:
    values = [Value(-math.inf), Value(-math.inf), Value(1.0), Value(0.0)]
    functional.cross_entropy(values, 2).backward()
    x = Tensor(np.array([-np.inf, -np.inf, 1.0, 0.0]), requires_grad=True)
    functional.cross_entropy(x, 2).backward()
    np.testing.assert_allclose([value.grad for value in values], x.grad, atol=1e-15)


def test_cross_entropy_of_values_does_not_overflow() -> None:
    row = [Value(1000.0), Value(-1000.0)]
    loss = nn.CrossEntropyLoss()(row, 1)
    loss.backward()
    assert loss.data == 2000.0
    assert [x.grad for x in row] == [1.0, -1.0]
    both = functional.cross_entropy([row, row], [0, 1], "none")
    assert [loss.data for loss in both] == [0.0, 2000.0]


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (lambda v: functional.mse_loss([v, v], [1.0]), ShapeError, r"input \(2,\) and target \(1,\) differ"),
        (lambda v: functional.mse_loss([v], Tensor([1.0])), DTypeError, "Values or tensors, not both"),
        (lambda v: functional.mse_loss([v], [1.0], "average"), OptionError, "reduction must be"),
        (lambda v: functional.cross_entropy([[v, v]], [2]), ShapeError, "some are out of range"),
        (lambda v: functional.cross_entropy([[v, v]], [0.5]), ShapeError, r"Try target.astype\(int\)"),
        (lambda v: functional.cross_entropy(v, 0), ShapeError, "must have shape"),
        (lambda v: functional.cross_entropy([v, v], 0, label_smoothing=0.1), OptionError, "no smoothing"),
    ],
)
def test_losses_of_values_explain_mistakes(mistake: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        mistake(Value(1.0))


# ----------------------------------------------------------------------------------------- optimizers

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.1, centered=True, momentum=0.5),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "Adadelta": lambda p: optim.Adadelta(p, rho=0.5),
    "Adamax": lambda p: optim.Adamax(p, lr=0.1),
    "NAdam": lambda p: optim.NAdam(p, lr=0.1, weight_decay=0.1, decoupled_weight_decay=True),
    "RAdam": lambda p: optim.RAdam(p, lr=0.1, betas=(0.9, 0.99)),
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_an_optimizer_steps_values_as_it_does_a_tensor(name: str) -> None:
    numbers = np.array([1.0, -2.0, 0.5])
    values, tensor = [Value(x) for x in numbers], Tensor(numbers, requires_grad=True)
    of_values, of_tensor = OPTIMIZERS[name](values), OPTIMIZERS[name]([tensor])
    for step in range(6):
        if step == 3:  # what was saved goes on as what was not
            saved = of_values.state_dict()
            of_values = OPTIMIZERS[name](values)
            of_values.load_state_dict(saved)
        of_values.zero_grad()
        of_tensor.zero_grad()
        (values[0] * values[1] + values[2].exp()).backward()
        (tensor[0] * tensor[1] + tensor[2].exp()).backward()
        of_values.step()
        of_tensor.step()
        assert [value.data for value in values] == tensor.data.tolist()


def test_optimizers_of_values_refuse_what_those_of_tensors_refuse() -> None:
    a, b = Value(1.0), Value(2.0)
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([a, b, a])
    with pytest.raises(ValueError, match="given twice"):
        optim.SGD([{"params": [a]}, {"params": [b, a]}])
    with pytest.raises(DTypeError, match="all Tensors or all Values, not Tensor"):
        optim.SGD([a, Tensor([1.0], requires_grad=True)])  # type: ignore[arg-type]
    with pytest.raises(DTypeError, match="must be Tensors, not Value"):
        optim.SGD([Tensor([1.0], requires_grad=True), a])  # type: ignore[arg-type]
    with pytest.raises(GraphError, match=r"leaves, and one of shape \(\) is made by multiply"):
        optim.SGD([a * b])
    with pytest.raises(GraphError, match="no parameter requires grad"):
        optim.SGD([Value(1.0, requires_grad=False)])


@pytest.mark.parametrize("make", [partial(optim.SGD, momentum=0.9, weight_decay=0.1), optim.AdamW])
def test_an_optimizer_leaves_frozen_values_alone(make: Callable[..., optim.Optimizer]) -> None:
    a, b = Value(1.0), Value(2.0, requires_grad=False)
    optimizer = make([a, b], lr=0.1)
    (a * b).backward()
    optimizer.step()
    assert (a.data != 1.0, b.data) == (True, 2.0)
    a.requires_grad_(False)
    b.requires_grad_()
    before = a.data
    optimizer.step()
    assert (a.data, b.data != 2.0) == (before, True)


def test_numpys_numbers_do_not_narrow_values() -> None:
    third, narrow = Value(1 / 3), np.float32(0.1)
    assert (third - np.float32(0)).data == (np.float32(0) - third).data * -1 == 1 / 3
    assert (Value(1e300) * np.float16(100)).data == 1e302
    product = third * narrow
    product.backward()
    assert (product.data, third.grad) == (1 / 3 * float(narrow), float(narrow))
    assert (
        functional.mse_loss([third], [narrow]).data == functional.mse_loss([third], np.array([narrow])).data
    )
    model, row = scalar.MLP(2, [4, 1], rng=0), np.array([0.3, 0.7], np.float32)
    assert model(row).data == model(list(row)).data == model(row.tolist()).data


def test_a_gradient_may_be_set_to_none() -> None:
    x = Value(2.0)
    optimizer = optim.SGD([x], lr=0.1)
    x.grad = None
    optimizer.step()
    (x * x).backward()
    assert (x.data, x.grad) == (2.0, 4.0)


def test_comparisons_are_with_numbers() -> None:
    assert Value(2) < 3 <= Value(3) < Value(4)
    assert Value(2) > 1 >= Value(1)
    with pytest.raises(TypeError, match="not supported between"):
        assert Value(2) < "3"  # type: ignore[operator]


def test_groups_schedules_and_the_repr_work_on_values() -> None:
    a, b = Value(1.0), Value(2.0)
    groups: list[dict[str, Any]] = [{"params": [a], "lr": 1.0}, {"params": b}]
    optimizer = optim.SGD(groups, lr=0.5)
    schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
    (a + b).backward()
    optimizer.step()
    assert (a.data, b.data) == (0.0, 1.5)
    schedule.step()
    optimizer.step()
    assert (a.data, b.data) == (-0.5, 1.25)
    assert repr(optim.SGD(scalar.MLP(2, [3, 1]).parameters())).startswith("SGD(13 parameters, lr=0.001")


# ---------------------------------------------------------------------------------------------- Value


def test_a_value_whose_input_was_overwritten_refuses_to_run_backward() -> None:
    x, w = Value(0.0), Value(5.0)
    y = x * w
    w.data = 7.0  # y is 0 either way, and its gradient is not
    with pytest.raises(GraphError, match="multiply needs an input whose data was overwritten"):
        y.backward()
    assert x.grad == 0.0
    z = x * w
    z.backward()
    assert x.grad == 7.0


def test_so_does_one_whose_input_an_optimizer_has_written() -> None:
    x, frozen = Value(3.0), Value(2.0, requires_grad=False)
    kept, stale = frozen * Value(1.0), x * x
    (x * frozen).backward()
    optim.SGD([x, frozen], lr=0.1).step()
    assert (x.data, frozen.data) == (2.8, 2.0)
    kept.backward()
    with pytest.raises(GraphError, match="multiply needs an input whose data was overwritten"):
        stale.backward()


def test_data_is_a_python_float_whatever_is_assigned() -> None:
    x = Value(1.0)
    x.data = np.float64(2.5)
    assert type(x.data) is float
    x.data -= 1
    assert x.data == 1.5


def test_compile_refuses_values() -> None:
    x = Value(2.0)

    def step() -> None:
        (x * x).backward()

    with pytest.raises(CompileError, match="computing with Values"):
        mt.compile(step)()


def test_a_scalar_network_can_be_copied_and_pickled() -> None:
    model = scalar.MLP(2, [3, 1], rng=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert other([1.0, 2.0]) == model([1.0, 2.0])
        assert not {*other.parameters()} & {*model.parameters()}


# ---------------------------------------------------------------------------------------- assignment


@pytest.mark.parametrize("value", [0.5, [0.5, 1.0], np.zeros(2), None, "w", [], [Value(1.0), 0.5]], ids=repr)
@pytest.mark.parametrize("place", ["w", "b", "neurons", "layers"])
def test_nothing_takes_the_place_of_values_unseen(place: str, value: Any) -> None:
    model = scalar.MLP(2, [2, 1], rng=0)
    owner = {"layers": model, "neurons": model.layers[0]}.get(place, model.layers[0].neurons[0])
    before = model.parameters()
    with pytest.raises(DTypeError, match=rf"\.{place} holds parameters, which are Values"):
        setattr(owner, place, value)
    assert all(a is b for a, b in zip(model.parameters(), before, strict=True))


def test_the_refusal_names_what_is_needed() -> None:
    neuron = scalar.Neuron(2, rng=0)
    several = "holds parameters, which are Values or in modules, in a list; not {}, .*Assign a list of them"
    for value, what in [
        ([0.5, 0.5], "list of float"),
        ([Value(1.0), "w"], "list of str"),
        ([], "empty list"),
    ]:
        with pytest.raises(DTypeError, match=several.format(what)):
            neuron.w = value  # type: ignore[assignment]
    with pytest.raises(DTypeError, match=r"which are Values; not float, .*Assign a Value, or write"):
        neuron.b = 0.5  # type: ignore[assignment]


@pytest.mark.parametrize("place", [0, 1])
def test_an_optimizer_says_which_parameter_is_no_value(place: int) -> None:
    neuron = scalar.Neuron(2, rng=0)
    neuron.w[place] = 0.5  # type: ignore[call-overload]
    with pytest.raises(DTypeError, match=f"^SGD: parameters must be Values, not float, .* place {place}"):
        optim.SGD(neuron.parameters())


def test_values_and_lists_of_them_may_be_replaced() -> None:
    neuron = scalar.Neuron(2, rng=0)
    neuron.w, neuron.b = (Value(1.0), Value(2.0)), Value(3.0)  # type: ignore[assignment]
    assert neuron([1.0, 1.0]).data == 6.0


def test_what_is_no_parameter_may_be_anything() -> None:
    class Counting(scalar.Neuron):
        def __init__(self) -> None:
            self.last: Any = Value(0.0)
            self.last = None
            super().__init__(2, rng=0)

        def __call__(self, x: Any) -> Any:
            self.last = super().__call__(x)
            return self.last

    neuron = Counting()
    neuron([1.0, 2.0])
    neuron.last = 0.0
    neuron.activation = "tanh"


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m.zero_grad(),
        lambda m: optim.SGD(m.parameters()),
        lambda m: m.arrays(),
        lambda m: m.gradients(),
    ],
)
def test_a_number_written_into_a_list_of_values_is_named(use: Callable[[Any], Any]) -> None:
    model = scalar.MLP(2, [2, 1], rng=0)
    model.layers[0].neurons[0].w[1] = 0.5  # type: ignore[call-overload]
    with pytest.raises(DTypeError, match=r"Values[,;] not float"):
        use(model)
