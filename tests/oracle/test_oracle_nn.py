"""Layers, losses and initialisers against torch.nn, with the same weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import minitensor as mt
from minitensor import Tensor, manual_seed, nn
from tests.oracle.agreement import assert_agree, assert_same, tolerance
from tests.table.row import Array

RNG = np.random.default_rng(0)


Maker = Callable[[str], Any]
"""Makes a layer whose parameters have a dtype."""


def drawn(*shape: int) -> Array:
    return RNG.normal(size=shape)


# --------------------------------------------------------------------------------------------- layers


def same(name: str, *args: Any, **theirs: Any) -> tuple[Maker, Maker]:
    """A layer without parameters that both libraries call by one name."""
    return (
        lambda dtype: getattr(nn, name)(*args),
        lambda dtype: getattr(torch.nn, name)(*args, **theirs),
    )


def mlp(activation: str, torch_activation: Callable[[], Any], dropout: float = 0.0) -> tuple[Maker, Maker]:
    """An MLP of widths 4, 6, 2, and the Sequential that it stands for."""

    def theirs(dtype: str) -> Any:
        hidden = [torch.nn.Linear(4, 6), torch_activation(), *[torch.nn.Dropout(dropout)] * (dropout > 0)]
        return torch.nn.Sequential(*hidden, torch.nn.Linear(6, 2)).to(getattr(torch, dtype))

    return lambda dtype: nn.MLP(4, [6, 2], activation, dropout, dtype), theirs


def torch_linear(dtype: str, bias: bool = True) -> Any:
    return torch.nn.Linear(4, 3, bias, dtype=getattr(torch, dtype))


LAYERS: dict[str, tuple[Maker, Maker]] = {
    "Linear": (lambda dtype: nn.Linear(4, 3, dtype=dtype), torch_linear),
    "Linear without bias": (
        lambda dtype: nn.Linear(4, 3, bias=False, dtype=dtype),
        lambda dtype: torch_linear(dtype, bias=False),
    ),
    "ReLU": same("ReLU"),
    "LeakyReLU": same("LeakyReLU"),
    "LeakyReLU(0.2)": same("LeakyReLU", 0.2),
    "Tanh": same("Tanh"),
    "Sigmoid": same("Sigmoid"),
    "GELU": same("GELU"),
    "Softmax": same("Softmax", -1),
    "Softmax(0)": same("Softmax", 0),
    "Flatten": same("Flatten"),
    "Dropout": same("Dropout", 0.5),  # in evaluation, as are all layers here
    "MLP(relu)": mlp("relu", torch.nn.ReLU),
    "MLP(leaky_relu)": mlp("leaky_relu", torch.nn.LeakyReLU),
    "MLP(tanh)": mlp("tanh", torch.nn.Tanh),
    "MLP(sigmoid)": mlp("sigmoid", torch.nn.Sigmoid),
    "MLP(gelu)": mlp("gelu", torch.nn.GELU),
    "MLP with dropout": mlp("relu", torch.nn.ReLU, dropout=0.5),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (1, 4), (0, 4)], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_with_pytorch_s_weights_has_its_output_and_gradients(
    name: str, shape: tuple[int, ...], dtype: str
) -> None:
    ours, theirs = [make(dtype).eval() for make in LAYERS[name]]
    ours.load_state_dict(theirs.state_dict())
    x = drawn(*shape).astype(dtype)
    assert_agree(ours, theirs, [x])
    ours.zero_grad()
    mt.sum(mt.tanh(ours(Tensor(x, requires_grad=True)))).backward()
    torch.autograd.backward(torch.tanh(theirs(torch.tensor(x, requires_grad=True))).sum())
    found, expected = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert list(found) == list(expected)
    for key, parameter in found.items():
        gradient = expected[key].grad.numpy()
        assert_same(parameter.grad, gradient, key, tolerance(gradient))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_dropping_nothing_or_everything_agrees_with_pytorch(p: float) -> None:
    assert_agree(nn.Dropout(p), torch.nn.Dropout(p), [drawn(3)])


def test_a_state_dict_goes_to_pytorch_and_comes_back() -> None:
    ours = nn.MLP(4, [5, 2])
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 2))
    theirs.load_state_dict({key: torch.tensor(x) for key, x in ours.state_dict().items()})
    again = nn.MLP(4, [5, 2])
    again.load_state_dict(theirs.state_dict())
    for key, x in ours.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[key], x)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_and_scales_as_often_and_as_much_as_pytorch(p: float) -> None:
    n = 200_000
    ours = nn.functional.dropout(x := Tensor(np.ones(n), requires_grad=True), p, rng=0)
    ours.backward(np.ones(n))
    theirs = functional.dropout(torch.ones(n, dtype=torch.float64), p)
    np.testing.assert_array_equal(np.unique(ours.data), np.unique(theirs.numpy()))
    np.testing.assert_array_equal(x.grad, ours.data)  # the gradient is the mask, scaled
    deviation = math.sqrt(p * (1 - p) / n)
    assert abs(np.mean(ours.data > 0) - (1 - p)) < 5 * deviation


# --------------------------------------------------------------------------------------------- losses


def torch_hinge(reduction: str) -> Callable[[Any, Any], Any]:
    """By definition: torch.nn has no such loss of scores and signs."""
    reduce: Callable[[Any], Any] = getattr(torch, reduction.replace("none", "clone"))
    return lambda x, target: reduce(torch.relu(1 - target * x))


SCORES = np.array([1000.0, -1000.0, 1000.0, -1000.0, 0.0, -0.0, 1.0, -1.0, 40.0, -40.0])
LOGITS = np.array([[1000.0, -1000.0], [-1000.0, 1000.0], [-np.inf, 0.0], [0.0, 0.0], [1000.0, 1000.0]])
EVERYWHERE: list[tuple[Array, Array]] = [
    (drawn(6), drawn(6)),
    (drawn(2, 3), drawn(2, 3)),
    (drawn(4, 2).T, drawn(2, 4)),
    (drawn(), drawn()),
    (drawn(0), drawn(0)),
    (SCORES, SCORES[::-1].copy()),
]

LOSSES: dict[str, tuple[Maker, Maker, list[tuple[Array, Array]]]] = {
    "MSELoss": (nn.MSELoss, lambda r: torch.nn.MSELoss(reduction=r), EVERYWHERE),
    "BCEWithLogitsLoss": (
        nn.BCEWithLogitsLoss,
        lambda r: torch.nn.BCEWithLogitsLoss(reduction=r),
        [(x, np.asarray(np.clip(t, 0, 1))) for x, t in EVERYWHERE],
    ),
    "HingeLoss": (nn.HingeLoss, torch_hinge, [(x, np.where(t > 0, 1.0, -1.0)) for x, t in EVERYWHERE]),
    "CrossEntropyLoss": (
        nn.CrossEntropyLoss,
        lambda r: torch.nn.CrossEntropyLoss(reduction=r),
        [
            (drawn(5, 3), np.array([0, 1, 2, 2, 0])),
            (drawn(3, 2).T, np.array([0, 2])),
            (drawn(0, 3), np.array([], np.int64)),
            (LOGITS, np.array([1, 1, 1, 0, 1])),
            (LOGITS, np.array([0, 0, 0, 1, 0])),
        ],
    ),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "x", "target"),
    [
        pytest.param(name, *case, id=f"{name}-{i}")
        for name in LOSSES
        for i, case in enumerate(LOSSES[name][2])
    ],
)
def test_a_loss_and_its_gradients_are_those_of_pytorch(
    name: str, x: Array, target: Array, reduction: str, dtype: Any
) -> None:
    ours, theirs, _ = LOSSES[name]
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    assert_agree(ours(reduction), theirs(reduction), [x.astype(dtype), target])


# --------------------------------------------------------------- extremes: exact limits, and no warning


def value_and_gradient(function: Callable[[Tensor], Tensor], data: Any) -> tuple[Any, Any]:
    x = Tensor(np.array(data), requires_grad=True)
    y = function(x)
    y.backward(np.ones(y.shape))
    return y.data.tolist(), x.grad.tolist()


@pytest.mark.parametrize(
    ("ours", "theirs", "x", "value", "gradient"),
    [
        pytest.param(
            lambda x: nn.functional.cross_entropy(x, np.array([1])),
            lambda x: functional.cross_entropy(x, torch.tensor([1])),
            *([[1000.0, -1000.0]], 2000.0, [[1.0, -1.0]]),
            id="cross_entropy, wrong by far",
        ),
        pytest.param(
            lambda x: nn.functional.cross_entropy(x, np.array([1])),
            lambda x: functional.cross_entropy(x, torch.tensor([1])),
            *([[-np.inf, 0.0]], 0.0, [[0.0, 0.0]]),
            id="cross_entropy, another class impossible",
        ),
        pytest.param(
            nn.functional.sigmoid,
            torch.sigmoid,
            *([-1000.0, 1000.0], [0.0, 1.0], [0.0, 0.0]),
            id="sigmoid",
        ),
        pytest.param(
            lambda x: mt.logaddexp(x, 0.0),
            functional.softplus,
            *([-1000.0, 1000.0], [0.0, 1000.0], [0.0, 1.0]),
            id="softplus",
        ),
        pytest.param(
            nn.functional.softmax,
            lambda x: torch.softmax(x, -1),
            *([1000.0, -1000.0], [1.0, 0.0], [0.0, 0.0]),
            id="softmax",
        ),
        pytest.param(
            nn.functional.log_softmax,
            lambda x: torch.log_softmax(x, -1),
            *([1000.0, -1000.0], [0.0, -2000.0], [-1.0, 1.0]),
            id="log_softmax",
        ),
        pytest.param(
            lambda x: nn.functional.binary_cross_entropy_with_logits(
                x, np.array([1.0, 1.0, 0.0, 0.0]), "none"
            ),
            lambda x: functional.binary_cross_entropy_with_logits(
                x, torch.tensor([1.0, 1.0, 0.0, 0.0], dtype=torch.float64), reduction="none"
            ),
            *([1000.0, -1000.0, 1000.0, -1000.0], [0.0, 1000.0, 1000.0, 0.0], [0.0, -1.0, 1.0, 0.0]),
            id="binary_cross_entropy_with_logits",
        ),
    ],
)
def test_limits_are_exact_and_silent(ours: Any, theirs: Any, x: Any, value: Any, gradient: Any) -> None:
    assert value_and_gradient(ours, x) == (value, gradient)  # outside errstate: a warning is an error
    assert_agree(ours, theirs, [np.array(x)], order=1)


# ---------------------------------------------------------------------------------------- initialisers


def assert_same_distribution(ours: Array, theirs: Array) -> None:
    """The same mean and deviation within five standard errors, and about the same extremes."""
    error = theirs.std() / math.sqrt(theirs.size)
    assert abs(ours.mean() - theirs.mean()) < 5 * math.sqrt(2) * error
    assert ours.std() == pytest.approx(theirs.std(), rel=0.02)
    for edge in (0.001, 0.25, 0.75, 0.999):
        assert np.quantile(ours, edge) == pytest.approx(np.quantile(theirs, edge), rel=0.06)


@pytest.mark.parametrize(("in_features", "out_features"), [(400, 300), (300, 400), (20_000, 5)])
def test_linear_starts_from_pytorch_s_distribution(in_features: int, out_features: int) -> None:
    manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = nn.Linear(in_features, out_features), torch.nn.Linear(in_features, out_features)
    assert ours.bias is not None
    assert_same_distribution(ours.weight.data, theirs.weight.detach().numpy())
    bound = 1 / math.sqrt(in_features)
    for x in (ours.weight.data, ours.bias.data, theirs.weight.detach().numpy(), theirs.bias.detach().numpy()):
        assert np.abs(x).max() <= bound * (1 + 1e-6)
    assert np.abs(ours.weight.data).max() > 0.999 * bound
    biases = np.concatenate([nn.Linear(4, 100).state_dict()["bias"] for _ in range(100)])
    assert_same_distribution(biases, np.concatenate([torch_bias(4, 100) for _ in range(100)]))


def torch_bias(in_features: int, out_features: int) -> Array:
    return torch.nn.Linear(in_features, out_features).bias.detach().numpy()


@pytest.mark.parametrize(
    ("name", "attrs"),
    [
        ("kaiming_uniform_", {}),
        ("kaiming_uniform_", {"a": math.sqrt(5)}),
        ("kaiming_uniform_", {"mode": "fan_out"}),
        *[
            ("kaiming_uniform_", {"nonlinearity": n})
            for n in ("relu", "tanh", "sigmoid", "linear", "leaky_relu")
        ],
        ("xavier_uniform_", {}),
        ("xavier_uniform_", {"gain": 2.0}),
    ],
)
@pytest.mark.parametrize("shape", [(300, 200), (60, 40, 5, 5)], ids=str)
def test_initialisers_have_pytorch_s_distributions(
    name: str, attrs: dict[str, Any], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    ours = getattr(nn.init, name)(Tensor(np.zeros(shape)), **attrs, rng=0)
    theirs = getattr(torch.nn.init, name)(torch.zeros(shape, dtype=torch.float64), **attrs)
    assert_same_distribution(ours.data, theirs.numpy())
    assert np.abs(ours.data).max() == pytest.approx(theirs.abs().max().item(), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "args"), [("uniform_", (-2.0, 3.0)), ("normal_", (1.5, 0.5)), ("uniform_", ())]
)
def test_plain_initialisers_have_pytorch_s_distributions(name: str, args: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    ours = getattr(nn.init, name)(Tensor(np.zeros(200_000)), *args, rng=0)
    theirs = getattr(torch.nn.init, name)(torch.zeros(200_000, dtype=torch.float64), *args)
    error = 5 * math.sqrt(2 / 200_000) * theirs.numpy().std()
    assert ours.data.mean() == pytest.approx(theirs.mean().item(), abs=error)
    assert ours.data.std() == pytest.approx(theirs.std().item(), rel=0.01)


# ---------------------------------------------------------------------------------------- assignment


def assigned(library: Any, place: str, what: str) -> tuple[Any, ...]:
    """Whether one kind of thing may take the place of another, and what the module holds then."""
    ours = library is nn
    array = np.zeros(2, np.float32)
    norm = library.BatchNorm1d(2)
    if place.startswith("none"):
        norm.weight = norm.running_mean = norm.inner = None
    elif place.startswith("no"):
        norm = library.BatchNorm1d(2, affine=False, track_running_stats=False)
    elif place.startswith("deleted"):
        del norm.weight, norm.running_mean
    if place.endswith("inner"):
        norm.inner = library.ReLU()
        if place.startswith("none"):
            norm.inner = None
    values: dict[str, Callable[[], Any]] = {
        "array": lambda: array,
        "list": lambda: [1.0, 2.0],
        "float": lambda: 1.0,
        "int": lambda: 0,
        "bool": lambda: True,
        "str": lambda: "",
        "function": lambda: abs,
        "None": lambda: None,
        "tensor": lambda: Tensor(array) if ours else torch.tensor(array),
        "Parameter": lambda: library.Parameter(array if ours else torch.tensor(array)),
        "Buffer": lambda: library.Buffer(array if ours else torch.tensor(array)),
        "Module": lambda: library.Tanh(),
    }
    value = values[what]()
    try:
        setattr(norm, place.split()[-1], value)
    except TypeError:
        return ("refused",)
    return (
        sorted(name for name, _ in norm.named_parameters()),
        sorted(name for name, _ in norm.named_buffers()),
        sorted(name for name, _ in norm.named_modules()),
        sorted(norm.state_dict()),
    )


PLACES = [
    *("weight", "running_mean", "inner"),
    *("none weight", "none running_mean", "none inner"),
    *("no weight", "no running_mean", "deleted weight", "deleted running_mean"),
]
KINDS = [
    *("array", "list", "float", "int", "bool", "str", "function", "None", "tensor"),
    *("Parameter", "Buffer", "Module"),
]


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("place", PLACES)
def test_what_may_be_assigned_is_what_pytorch_lets(place: str, what: str) -> None:
    if what == "tensor" and "running_mean" in place and "deleted" not in place:
        assert assigned(nn, place, what) == ("refused",)  # as a Buffer is a class here
    else:
        assert assigned(nn, place, what) == assigned(torch.nn, place, what)
