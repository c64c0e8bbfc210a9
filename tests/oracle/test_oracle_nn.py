"""Layers, losses and initialisers against torch.nn, with the same weights."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict
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


def same(name: str, *args: Any, **ours: Any) -> tuple[Maker, Maker]:
    """A layer without parameters that both libraries call by one name."""
    return lambda dtype: getattr(nn, name)(*args, **ours), lambda dtype: getattr(torch.nn, name)(*args)


class Hardsigmoid(torch.nn.Module):
    """By definition: theirs takes 1/6 in float32, and has no gradient of its gradient."""

    def forward(self, x: Any) -> Any:
        return functional.relu6(x + 3) / 6


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
    "Flatten(0)": same("Flatten", 0),
    "Flatten(-2, -1)": same("Flatten", -2, -1),
    "Identity": same("Identity", 3),
    "Unflatten": same("Unflatten", -1, (2, 2)),
    "Unflatten(1)": same("Unflatten", 1, (-1, 1)),
    "ReLU(inplace)": same("ReLU", inplace=True),
    "ReLU6": same("ReLU6"),
    "ELU(0.5)": same("ELU", 0.5),
    "CELU(0.5)": same("CELU", 0.5, inplace=True),
    "SELU": same("SELU"),
    "SiLU": same("SiLU"),
    "Mish": same("Mish"),
    "Hardtanh": same("Hardtanh", -0.3, 0.8),
    "Hardswish": same("Hardswish"),
    "Hardsigmoid": (lambda dtype: nn.Hardsigmoid(), lambda dtype: Hardsigmoid()),
    "Hardshrink": same("Hardshrink", 0.4),
    "Softshrink": same("Softshrink", 0.4),
    "Threshold": same("Threshold", 0.2, -3.0),
    "LogSigmoid": same("LogSigmoid"),
    "Softplus": same("Softplus", 2.0, 1.0),
    "Softsign": same("Softsign"),
    "Tanhshrink": same("Tanhshrink"),
    "GLU": same("GLU"),
    "Softmin": same("Softmin", -1),
    "LogSoftmax": same("LogSoftmax", -1),
    "PReLU": (
        lambda dtype: nn.PReLU(init=0.3, dtype=dtype),
        lambda dtype: torch.nn.PReLU(init=0.3, dtype=getattr(torch, dtype)),
    ),
    "Dropout2d": same("Dropout", 0.5),
    "Sequential by name": (
        lambda dtype: nn.Sequential({"fc": nn.Linear(4, 3, dtype=dtype), "act": nn.Tanh()}),
        lambda dtype: torch.nn.Sequential(
            OrderedDict(fc=torch.nn.Linear(4, 3, dtype=getattr(torch, dtype)), act=torch.nn.Tanh())
        ),
    ),
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a softmax stands there without its axis
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
    "BCELoss": (
        nn.BCELoss,
        lambda r: lambda x, t: torch.nn.BCELoss(reduction=r)(x, t.detach()),
        [
            (1 / (1 + np.exp(-drawn(2, 3))), np.abs(np.tanh(drawn(2, 3)))),
            (np.array([0.5, 1e-3, 1 - 1e-6, 1.0, 0.0]), np.array([0.5, 1.0, 0.0, 1.0, 0.0])),
            (drawn(0), drawn(0)),
        ],
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
    if (
        name == "BCELoss"
    ):  # PyTorch's gradient of the gradient is of another formula, and of the target infinite
        assert_agree(
            lambda x, t: ours(reduction)(x, t.detach()), theirs(reduction), [x.astype(dtype), target], order=1
        )
    else:
        assert_agree(ours(reduction), theirs(reduction), [x.astype(dtype), target])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (1, 3), (2, 1), (), (1,)], ids=str)
@pytest.mark.parametrize("which", [("weight",), ("pos_weight",), ("weight", "pos_weight")], ids=str)
def test_binary_losses_weigh_as_pytorch_s(
    which: tuple[str, ...], shape: tuple[int, ...], reduction: str
) -> None:
    x, t = drawn(2, 3), np.abs(np.tanh(drawn(2, 3)))
    factors = {name: np.abs(drawn(*shape)) for name in which}
    their_factors: dict[str, Any] = {name: torch.tensor(w) for name, w in factors.items()}
    assert_agree(
        nn.BCEWithLogitsLoss(reduction, **factors),
        torch.nn.BCEWithLogitsLoss(reduction=reduction, **their_factors),
        [x, t],
    )
    givens: list[dict[str, Any]] = [factors, {name: Tensor(w) for name, w in factors.items()}]
    for given in givens:
        found = nn.functional.binary_cross_entropy_with_logits(Tensor(x), Tensor(t), reduction, **given)
        expected = functional.binary_cross_entropy_with_logits(
            torch.tensor(x), torch.tensor(t), reduction=reduction, **their_factors
        )
        assert_same(found.data, expected.numpy())
    if which == ("weight",):
        probabilities = 1 / (1 + np.exp(-x))
        assert_agree(
            lambda x: nn.BCELoss(reduction, weight=factors["weight"])(x, t),
            lambda x: torch.nn.BCELoss(their_factors["weight"], reduction=reduction)(x, torch.tensor(t)),
            [probabilities],
            order=1,
        )


def test_the_log_loss_of_impossible_probabilities_is_held_as_in_pytorch() -> None:
    x, t = np.array([0.0, 1.0, 1e-30, 1 - 1e-14]), np.array([1.0, 0.0, 1.0, 0.25])
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    found = nn.functional.binary_cross_entropy(ours, t, "none")
    expected = functional.binary_cross_entropy(theirs, torch.tensor(t), reduction="none")
    found.sum().backward()
    torch.autograd.backward(expected.sum())
    assert theirs.grad is not None
    np.testing.assert_array_equal(found.data, expected.detach().numpy())
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-8)  # theirs takes 1e-12 in float32


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
        ("kaiming_normal_", {}),
        ("kaiming_normal_", {"a": 0.3, "mode": "fan_out"}),
        ("kaiming_normal_", {"nonlinearity": "selu"}),
        ("xavier_normal_", {}),
        ("xavier_normal_", {"gain": 2.0}),
        ("trunc_normal_", {}),
        ("trunc_normal_", {"mean": 1.0, "std": 0.5, "a": 0.9, "b": 3.0}),
        ("trunc_normal_", {"mean": 0.0, "std": 0.02, "a": -2.0, "b": 2.0}),
        ("orthogonal_", {"gain": 1.5}),
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
    within = 1e-3 if "uniform" in name or (name == "trunc_normal_" and not attrs) else 0.3
    assert np.abs(ours.data).max() == pytest.approx(theirs.abs().max().item(), rel=within)


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


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (4, 2, 3), (6, 2, 1, 3), (1, 4)], ids=str)
def test_orthogonal_tensors_are_orthogonal_in_the_direction_of_pytorch_s(shape: tuple[int, ...]) -> None:
    found = nn.init.orthogonal_(Tensor(np.zeros(shape)), 2.0, rng=0).data.reshape(shape[0], -1)
    expected = torch.nn.init.orthogonal_(torch.zeros(shape, dtype=torch.float64), 2.0).numpy()
    expected = expected.reshape(shape[0], -1)
    products = [found @ found.T, expected @ expected.T] if found.shape[0] <= found.shape[1] else []
    products = products or [found.T @ found, expected.T @ expected]
    np.testing.assert_allclose(products[0], products[1], atol=1e-12)
    assert not np.allclose(
        found, nn.init.orthogonal_(Tensor(np.zeros(shape)), rng=1).data.reshape(found.shape)
    )


def test_orthogonal_tensors_have_either_sign_as_often() -> None:
    ours = [nn.init.orthogonal_(Tensor(np.zeros((1, 1))), rng=seed).item() for seed in range(200)]
    theirs = [torch.nn.init.orthogonal_(torch.zeros(1, 1)).item() for _ in range(200)]
    for signs in (ours, theirs):
        assert 60 < signs.count(1.0) < 140
        assert set(signs) == {1.0, -1.0}


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.55, 1.0])
def test_sparse_matrices_have_as_many_zeros_in_each_column(sparsity: float) -> None:
    found = nn.init.sparse_(Tensor(np.zeros((7, 40))), sparsity, std=0.5, rng=0).data
    expected = torch.nn.init.sparse_(torch.zeros(7, 40), sparsity).numpy()
    assert (found == 0).sum(0).tolist() == (expected == 0).sum(0).tolist()
    assert sparsity == 1 or abs(found[found != 0].std() - 0.5) < 0.1
    assert sparsity in (0, 1) or len(np.unique((found == 0).argmax(0))) > 2


CONSTANT: list[tuple[str, tuple[int, ...], tuple[Any, ...]]] = [
    *[("constant_", (2, 3), (0.3,)), ("ones_", (4,), ()), ("zeros_", (), ())],
    *[("eye_", (3, 3), ()), ("eye_", (2, 4), ()), ("eye_", (4, 2), ())],
    *[("dirac_", (2, 3, 3), ()), ("dirac_", (4, 2, 2, 3), ()), ("dirac_", (4, 2, 3, 1, 2), ())],
    *[("dirac_", (6, 2, 3), (3,)), ("dirac_", (6, 2, 4, 4), (2,)), ("dirac_", (4, 4, 1), (2,))],
]


@pytest.mark.parametrize(("name", "shape", "args"), CONSTANT, ids=str)
def test_initialisers_without_chance_give_pytorch_s_numbers(
    name: str, shape: tuple[int, ...], args: tuple[Any, ...]
) -> None:
    start = drawn(*shape).astype(np.float32)
    found = nn.Parameter(start)
    assert getattr(nn.init, name)(found, *args) is found
    expected = getattr(torch.nn.init, name)(torch.tensor(start), *args).numpy()
    assert_same(found.data, expected)
    assert found.requires_grad
    assert found.is_leaf


def test_gains_are_pytorch_s() -> None:
    names: list[Any] = [
        "linear",
        "conv1d",
        "conv_transpose2d",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "selu",
    ]
    for name in names:
        assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    for slope in (0, 0.3, math.sqrt(5)):
        assert nn.init.calculate_gain("leaky_relu", slope) == torch.nn.init.calculate_gain(
            "leaky_relu", slope
        )


def test_every_initialiser_of_pytorch_is_there() -> None:
    theirs = {name for name in dir(torch.nn.init) if name.endswith("_") and not name.startswith("_")}
    assert theirs <= set(dir(nn.init))


def test_parameters_as_a_vector_and_back_as_in_pytorch() -> None:
    ours, theirs = nn.MLP(4, [3, 2]), torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    ours.load_state_dict({k.replace("1.", "2."): v for k, v in theirs.state_dict().items()})
    found = nn.utils.parameters_to_vector(ours.parameters())
    expected = torch.nn.utils.parameters_to_vector(theirs.parameters())
    assert_same(found.data, expected.detach().numpy())
    (found * found).sum().backward()
    torch.autograd.backward((expected * expected).sum())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert q.grad is not None
        assert_same(p.grad, q.grad.numpy())
    new = drawn(23).astype(np.float32)
    nn.utils.vector_to_parameters(Tensor(new), ours.parameters())
    torch.nn.utils.vector_to_parameters(torch.tensor(new), theirs.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_same(p.data, q.detach().numpy())
        assert p.requires_grad


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
