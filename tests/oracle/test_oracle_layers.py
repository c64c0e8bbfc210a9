"""Convolution, pooling, normalisation and embedding against torch.nn, over many hyperparameters."""

from __future__ import annotations

import math
import warnings
from collections import OrderedDict
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional

import minitensor as mt
from minitensor import Tensor, nn, no_grad
from tests.oracle.agreement import assert_agree, assert_same, tolerance
from tests.table.row import Array

RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Array:
    return RNG.normal(size=shape)


# --------------------------------------------------------------------------- convolution and pooling

SMALL = st.integers(1, 3)
PAIR = st.one_of(SMALL, st.tuples(SMALL, SMALL))
PADDING = st.one_of(st.integers(0, 3), st.tuples(st.integers(0, 2), st.integers(0, 2)))
LENGTHS = st.tuples(st.integers(3, 8), st.integers(3, 8))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(0, 3),
    SMALL,
    SMALL,
    LENGTHS,
    st.tuples(SMALL, SMALL),
    PAIR,
    PADDING,
    PAIR,
    SMALL,
    st.booleans(),
)
def test_conv2d_agrees_with_pytorch_to_second_order(
    n: int,
    channels: int,
    filters: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    bias: bool,
) -> None:
    apart, around = [x if isinstance(x, tuple) else (x, x) for x in (dilation, padding)]
    for i in (0, 1):
        assume(size[i] + 2 * around[i] > (kernel[i] - 1) * apart[i])
    images = (n, channels * groups, *size) if n else (channels * groups, *size)
    inputs = [drawn(*images), drawn(filters * groups, channels, *kernel)]
    inputs += [drawn(filters * groups)] if bias else []

    def theirs(x: Any, w: Any, b: Any = None) -> Any:
        return functional.conv2d(x, w, b, stride, padding, dilation, groups)

    def ours(x: Any, w: Any, b: Any = None) -> Any:
        return mt.conv2d(x, w, b, stride, padding, dilation, groups)

    assert_agree(ours, theirs, inputs)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("kernel", "dilation"), list(product([(3, 3), (2, 4), (1, 5)], [1, (2, 1), 3])))
def test_named_padding_agrees_with_pytorch(kernel: Any, dilation: Any, padding: str) -> None:
    def theirs(x: Any, w: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an even kernel needs a copy
            return functional.conv2d(x, w, padding=padding, dilation=dilation)

    assert_agree(
        lambda x, w: mt.conv2d(x, w, padding=padding, dilation=dilation),
        theirs,
        [drawn(2, 2, 9, 14), drawn(3, 2, *kernel)],
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.integers(0, 2),
    LENGTHS,
    st.tuples(SMALL, SMALL),
    st.none() | PAIR,
    st.booleans(),
    PAIR,
    st.booleans(),
    st.data(),
)
def test_pooling_agrees_with_pytorch_to_second_order(
    n: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: Any,
    ceil_mode: bool,
    dilation: Any,
    ties: bool,
    data: st.DataObject,
) -> None:
    padding = data.draw(st.tuples(*[st.integers(0, k // 2) for k in kernel]))
    apart = dilation if isinstance(dilation, tuple) else (dilation, dilation)
    for i in (0, 1):
        assume(size[i] + 2 * padding[i] > (kernel[i] - 1) * apart[i])
    x = drawn(*[n] * (n > 0), 2, *size)
    x = x.round() if ties else x
    args = (kernel, stride, padding, dilation, ceil_mode)
    assert_agree(lambda x: mt.max_pool2d(x, *args), lambda x: functional.max_pool2d(x, *args), [x])
    for counted in (True, False):
        means = (kernel, stride, padding, ceil_mode, counted)
        assert_agree(lambda x: mt.avg_pool2d(x, *means), lambda x: functional.avg_pool2d(x, *means), [x])  # noqa: B023


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("args", [(2,), (3, 1, 1), (2, 2, 1)], ids=str)
def test_max_pooling_of_nan_and_infinities_agrees_with_pytorch(args: Any, special: float) -> None:
    x = drawn(2, 3, 6, 5)
    x[RNG.random(x.shape) < 0.5] = special
    assert_agree(lambda x: mt.max_pool2d(x, *args), lambda x: functional.max_pool2d(x, *args), [x], 1)


# ---------------------------------------------------------------------------------------- the layers

LAYERS: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "Conv2d": (
        lambda **kw: nn.Conv2d(4, 6, 3, 2, 1, 1, 2, **kw),
        lambda **kw: torch.nn.Conv2d(4, 6, 3, 2, 1, 1, 2, **kw),
        (3, 4, 7, 6),
    ),
    "Conv2d of one image": (
        lambda **kw: nn.Conv2d(2, 3, (2, 3), padding="same", bias=False, **kw),
        lambda **kw: torch.nn.Conv2d(2, 3, (2, 3), padding="same", bias=False, **kw),
        (2, 7, 6),
    ),
    "Conv1d": (
        lambda **kw: nn.Conv1d(4, 6, 3, 2, 1, 1, 2, **kw),
        lambda **kw: torch.nn.Conv1d(4, 6, 3, 2, 1, 1, 2, **kw),
        (3, 4, 7),
    ),
    "Conv1d of one sequence": (
        lambda **kw: nn.Conv1d(2, 3, (3,), padding="same", dilation=2, bias=False, **kw),
        lambda **kw: torch.nn.Conv1d(2, 3, (3,), padding="same", dilation=2, bias=False, **kw),
        (2, 7),
    ),
    "PReLU": (lambda **kw: nn.PReLU(3, **kw), lambda **kw: torch.nn.PReLU(3, **kw), (4, 3, 2)),
    "LayerNorm": (lambda **kw: nn.LayerNorm(4, **kw), lambda **kw: torch.nn.LayerNorm(4, **kw), (2, 3, 4)),
    "LayerNorm over two": (
        lambda **kw: nn.LayerNorm((3, 4), 1e-3, bias=False, **kw),
        lambda **kw: torch.nn.LayerNorm((3, 4), 1e-3, bias=False, **kw),
        (2, 3, 4),
    ),
    "LayerNorm without parameters": (
        lambda **kw: nn.LayerNorm(4, elementwise_affine=False, **kw),
        lambda **kw: torch.nn.LayerNorm(4, elementwise_affine=False, **kw),
        (5, 4),
    ),
    **{
        f"{name}{options}{shape}": (
            lambda _n=name, _o=options, **kw: getattr(nn, _n)(3, **_o, **kw),
            lambda _n=name, _o=options, **kw: getattr(torch.nn, _n)(3, **_o, **kw),
            shape,
        )
        for name, shape in [
            ("BatchNorm1d", (5, 3)),
            ("BatchNorm1d", (4, 3, 2)),
            ("BatchNorm1d", (1, 3, 2)),
            ("BatchNorm2d", (2, 3, 2, 4)),
        ]
        for options in (
            {},
            {"momentum": None},
            {"momentum": 0.7, "eps": 0.1},
            {"affine": False},
            {"track_running_stats": False},
        )
    },
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_has_pytorch_s_output_gradients_and_state_over_several_steps(
    name: str, training: bool, dtype: str
) -> None:
    make, make_theirs, shape = LAYERS[name]
    ours, theirs = make(dtype=dtype), make_theirs(dtype=getattr(torch, dtype))
    for parameter in theirs.parameters():  # not 1 and 0
        torch.nn.init.normal_(parameter)
    ours.load_state_dict(theirs.state_dict())
    for step in range(3):
        x = drawn(*shape).astype(dtype)
        ours(Tensor(x))
        theirs(torch.tensor(x))
        if step == 1:
            with no_grad(), torch.no_grad():
                ours(Tensor(x))
                theirs(torch.tensor(x))
    assert_same_state(ours, theirs)
    ours.train(training)
    theirs.train(training)
    x = drawn(*shape).astype(dtype)
    if dtype == "float64":
        assert_agree(ours, theirs, [x])
    ours.zero_grad()
    theirs.zero_grad()
    y, z = ours(Tensor(x, requires_grad=True)), theirs(torch.tensor(x, requires_grad=True))
    cotangent = drawn(*y.shape).astype(dtype)
    y.backward(cotangent)
    z.backward(torch.tensor(cotangent))
    assert_same(y.data, z.detach().numpy(), "value", 5 * tolerance(x))
    expected = dict(theirs.named_parameters())
    for key, parameter in ours.named_parameters():
        assert_same(parameter.grad, expected[key].grad.numpy(), key, 5 * tolerance(x))
    assert_same_state(ours, theirs)


def assert_same_state(ours: nn.Module, theirs: Any) -> None:
    found, expected = ours.state_dict(), theirs.state_dict()
    assert list(found) == list(expected)
    for key, x in expected.items():
        assert_same(np.asarray(found[key]), x.numpy(), key, 5 * tolerance(x.numpy()))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (2, 3, 4)], ids=str)
def test_the_function_batch_norm_agrees_to_second_order_in_all_its_inputs(
    shape: tuple[int, ...], training: bool
) -> None:
    mean, var = drawn(3), drawn(3) ** 2

    def ours(x: Any, w: Any, b: Any) -> Any:
        return nn.functional.batch_norm(x, mean.copy(), var.copy(), w, b, training)

    def theirs(x: Any, w: Any, b: Any) -> Any:
        running = torch.tensor(mean), torch.tensor(var)
        return functional.batch_norm(x, *running, w, b, training)

    assert_agree(ours, theirs, [drawn(*shape), drawn(3), drawn(3)])


def test_the_function_layer_norm_agrees_to_second_order_in_all_its_inputs() -> None:
    for shape in [(4,), (3, 4)]:
        assert_agree(
            lambda x, w, b: nn.functional.layer_norm(x, shape, w, b),  # noqa: B023
            lambda x, w, b: functional.layer_norm(x, shape, w, b),  # noqa: B023
            [drawn(2, 3, 4), drawn(*shape), drawn(*shape)],
        )


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (0,)], ids=str)
def test_an_embedding_agrees_with_pytorch(shape: tuple[int, ...], padding_idx: int | None) -> None:
    indices = RNG.integers(0, 4, shape)
    assert_agree(
        lambda w: nn.functional.embedding(indices, w, padding_idx),
        lambda w: functional.embedding(torch.as_tensor(indices), w, padding_idx),
        [drawn(4, 3)],
        order=1,
    )
    theirs = torch.nn.Embedding(4, 3, padding_idx)
    ours = nn.Embedding(4, 3, padding_idx)
    assert ours.padding_idx == theirs.padding_idx
    if padding_idx is not None:
        assert ours.weight.data[padding_idx].tolist() == theirs.weight[padding_idx].tolist() == [0.0] * 3
    ours.load_state_dict(theirs.state_dict())
    assert_same_state(ours, theirs)


@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_embedding_of_given_vectors_is_pytorchs(freeze: bool, dtype: str) -> None:
    vectors, indices = drawn(4, 3).astype(dtype), np.array([[0, 2], [2, 1]])
    draw = mt.rand(1, rng=0)
    mt.manual_seed(0)
    ours = nn.Embedding.from_pretrained(Tensor(vectors), freeze, padding_idx=1)
    assert mt.rand(1).item() == draw.item(), "it draws nothing"
    library: Any = torch.nn
    theirs = library.Embedding.from_pretrained(torch.tensor(vectors), freeze, padding_idx=1)
    assert_same_state(ours, theirs)
    assert ours.weight.requires_grad == theirs.weight.requires_grad == (not freeze)
    assert not np.shares_memory(ours.weight.data, vectors)
    ours_out, theirs_out = ours(indices), theirs(torch.as_tensor(indices))
    np.testing.assert_array_equal(ours_out.data, theirs_out.detach().numpy())
    if not freeze:
        ours_out.sum().backward()
        theirs_out.sum().backward()
        np.testing.assert_array_equal(ours.weight.grad, np.asarray(theirs.weight.grad))


@pytest.mark.parametrize("library", [nn, torch.nn], ids=["ours", "theirs"])
def test_both_refuse_the_same(library: Any) -> None:
    tensor = Tensor if library is nn else torch.as_tensor
    for index in (3, -1):
        with pytest.raises(IndexError):
            library.Embedding(3, 2)(tensor(np.array([index])))
    with pytest.raises(ValueError, match="training"):
        library.BatchNorm1d(3)(tensor(np.zeros((1, 3), np.float32)))
    with pytest.raises(ValueError, match="groups"):
        library.Conv2d(3, 2, 1, groups=2)


def network(library: Any) -> Any:
    return library.Sequential(
        library.Conv2d(1, 4, 3, padding=1),
        library.BatchNorm2d(4),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(4, 6, 3),
        library.ReLU(),
        library.AvgPool2d(2),
        library.Flatten(),
        library.Linear(6, 3),
        library.LayerNorm(3),
    )


def test_a_convnet_s_state_goes_to_pytorch_and_comes_back() -> None:
    ours, theirs = network(nn), network(torch.nn)
    x = drawn(5, 1, 8, 8).astype(np.float32)
    ours(x)
    theirs.load_state_dict({key: torch.tensor(value) for key, value in ours.state_dict().items()})
    again = network(nn)
    again.load_state_dict(theirs.state_dict())
    assert_same_state(again, theirs)
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    assert_same(again.eval()(Tensor(x)).data, expected, "value", 1e-4)


@pytest.mark.parametrize("kernel", [5, (2, 3)], ids=str)
def test_conv2d_starts_with_pytorch_s_bounds(kernel: Any) -> None:
    ours, theirs = nn.Conv2d(6, 600, kernel, groups=2, rng=0), torch.nn.Conv2d(6, 600, kernel, groups=2)
    bound = 1 / math.sqrt(3 * np.prod(kernel if isinstance(kernel, tuple) else (kernel, kernel)))
    assert ours.bias is not None
    assert theirs.bias is not None
    for x in (ours.weight.data, ours.bias.data, *[p.detach().numpy() for p in theirs.parameters()]):
        assert 0.98 * bound < np.abs(x).max() <= bound * (1 + 1e-6)
        assert np.std(x) == pytest.approx(bound / math.sqrt(3), rel=0.1)


@pytest.mark.parametrize(
    ("name", "args", "shape"),
    [
        ("MaxPool1d", (2,), (2, 3, 7)),
        ("MaxPool1d", (3, 2, 1, 2, False, True), (3, 9)),
        ("AvgPool1d", (2,), (2, 3, 7)),
        ("AvgPool1d", (3, 2, 1, True, False), (3, 8)),
        ("AdaptiveAvgPool2d", (1,), (2, 3, 5, 4)),
        ("AdaptiveAvgPool2d", ((3, 7),), (3, 5, 4)),
        ("AdaptiveAvgPool2d", ((None, 2),), (2, 3, 5, 4)),
    ],
)
def test_a_pooling_layer_agrees_with_pytorch(name: str, args: Any, shape: tuple[int, ...]) -> None:
    theirs = getattr(torch.nn, name)(*args)
    ours_args = (*args[:4], args[5]) if len(args) == 6 else args  # without their return_indices
    assert_agree(getattr(nn, name)(*ours_args), theirs, [drawn(*shape)])


def test_dropping_whole_channels_drops_all_of_a_channel_as_often_as_pytorch() -> None:
    x = np.ones((200, 50, 2, 3), np.float32)
    ours, theirs = nn.Dropout2d(0.3, rng=0)(Tensor(x)).data, torch.nn.Dropout2d(0.3)(torch.tensor(x)).numpy()
    for dropped in (ours, theirs):
        assert set(np.unique(dropped)) == {0, np.float32(1 / 0.7)}
        assert (dropped == dropped[:, :, :1, :1]).all()
        assert (dropped == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert nn.Dropout2d(0.3, rng=0)(Tensor(x[0])).shape == (50, 2, 3)


@pytest.mark.parametrize(("kernel", "groups"), [(5, 2), ((3,), 1)])
def test_conv1d_starts_with_pytorch_s_bounds(kernel: Any, groups: int) -> None:
    ours, theirs = (
        nn.Conv1d(6, 600, kernel, groups=groups, rng=0),
        torch.nn.Conv1d(6, 600, kernel, groups=groups),
    )
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    for x in [*[p.data for p in ours.parameters()], *[p.detach().numpy() for p in theirs.parameters()]]:
        bound = 1 / math.sqrt(6 // groups * (kernel if isinstance(kernel, int) else kernel[0]))
        assert 0.98 * bound < np.abs(x).max() <= bound * (1 + 1e-6)


def sequence_network(library: Any) -> Any:
    return library.Sequential(
        OrderedDict(
            conv=library.Conv1d(2, 4, 3, padding=1),
            act=library.PReLU(4),
            pool=library.MaxPool1d(2),
            flat=library.Flatten(),
            blocks=library.ModuleList([library.Linear(12, 12), library.Hardswish()])[0],
            head=library.Linear(12, 3),
        )
    )


def test_a_network_of_sequences_goes_to_pytorch_and_comes_back() -> None:
    ours, theirs = sequence_network(nn), sequence_network(torch.nn)
    theirs.load_state_dict({key: torch.tensor(value) for key, value in ours.state_dict().items()})
    again = sequence_network(nn)
    assert again.load_state_dict(theirs.state_dict()) == ([], [])
    assert_same_state(again, theirs)
    x = drawn(5, 2, 6).astype(np.float32)
    assert_same(again(Tensor(x)).data, theirs(torch.tensor(x)).detach().numpy(), "value", 1e-5)


# ------------------------------------------------------------------------------------------ functions

FUNCTIONS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "relu": ((), {"inplace": False}),
    "leaky_relu": ((0.2,), {"inplace": False}),
    "leaky_relu ": ((), {"negative_slope": 0.2}),
    "elu": ((0.5, False), {}),
    "celu": ((), {"alpha": 0.5}),
    "selu": ((), {}),
    "relu6": ((False,), {}),
    "hardtanh": ((), {"min_val": -0.3, "max_val": 0.4}),
    "threshold": ((0.1, 2.0, False), {}),
    "silu": ((), {}),
    "mish": ((), {}),
    "gelu": ((), {"approximate": "tanh"}),
    "softplus": ((), {"beta": 2, "threshold": 0.5}),
    "softsign": ((), {}),
    "tanhshrink": ((), {}),
    "softshrink": ((0.3,), {}),
    "hardshrink": ((), {"lambd": 0.3}),
    "hardswish": ((), {}),
    "logsigmoid": ((), {}),
    "glu": ((), {"dim": 1}),
    "softmax": ((), {"dim": 1}),
    "softmin": ((), {"dim": 0}),
    "log_softmax": ((1,), {}),
    "normalize": ((), {}),
    "normalize ": ((), {"p": 1, "dim": -1}),
    "normalize  ": ((3.0, (0, 1)), {"eps": 100.0}),
    "pad": (((1, 2),), {}),
    "pad ": (((1, 2, 0, 3), "constant", 2.5), {}),
    "pad  ": (((-1, 2, 1, -2),), {"value": 1.0}),
    "pad   ": (((2, -1),), {"mode": "replicate"}),
    "pad    ": (((3, 1),), {"mode": "reflect"}),
    "pad     ": (((4, 2),), {"mode": "circular"}),
    "pad      ": (((-2, 0),), {}),
    "max_pool1d": ((2,), {"stride": 1, "padding": 1}),
    "avg_pool1d": ((3,), {"stride": 2, "ceil_mode": True}),
    "dropout": ((0.5,), {"training": False}),
    "dropout ": ((0.5, False, False), {}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_pytorch_s_arguments(name: str) -> None:
    args, attrs = FUNCTIONS[name]
    ours, theirs = [getattr(module, name.strip()) for module in (nn.functional, functional)]
    x = drawn(4, 4) if "pool" not in name and "pad" not in name else drawn(2, 3, 4)
    assert_agree(lambda x: ours(x, *args, **attrs), lambda x: theirs(x, *args, **attrs), [x])


@pytest.mark.parametrize(
    "name", ["relu", "relu6", "elu", "celu", "selu", "silu", "mish", "hardswish", "hardsigmoid", "leaky_relu"]
)
def test_in_place_is_accepted_and_nothing_is_written(name: str) -> None:
    x = drawn(3, 4)
    tensor = Tensor(x.copy())
    expected = getattr(functional, name)(torch.tensor(x)).numpy()
    np.testing.assert_allclose(getattr(nn.functional, name)(tensor, inplace=True).data, expected, rtol=1e-7)
    np.testing.assert_array_equal(tensor.data, x)
    kind = next(
        kind for kind in nn.Activation.__subclasses__() if kind.__name__.lower() == name.replace("_", "")
    )
    layer = kind(inplace=True)  # type: ignore[call-arg]
    np.testing.assert_allclose(layer(tensor).data, expected, rtol=1e-7)
    np.testing.assert_array_equal(tensor.data, x)
    assert "inplace=True (accepted, not done)" in repr(layer)
    assert "inplace" not in repr(kind())


def test_every_function_of_a_layer_is_there() -> None:
    theirs = {name for name in FUNCTIONS if hasattr(functional, name)}
    assert theirs <= set(nn.functional.__all__)
    assert all(hasattr(functional, name) or name == "hinge_loss" for name in nn.functional.__all__)
    assert all(hasattr(nn.functional, name) for name in nn.functional.__all__)


def test_embeddings_start_as_standard_normal() -> None:
    for x in (nn.Embedding(500, 40, rng=0).weight.data, torch.nn.Embedding(500, 40).weight.detach().numpy()):
        assert np.mean(x) == pytest.approx(0, abs=0.05)
        assert np.std(x) == pytest.approx(1, rel=0.05)
