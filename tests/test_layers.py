"""Convolution, pooling, normalisation and embedding, against loops that say what they mean; buffers; and
what it takes to add an activation."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import minitensor as mt
from minitensor import DTypeError, OptionError, ShapeError, Tensor, Value, gradcheck, nn, no_grad
from minitensor.cli.options import parser
from minitensor.core.rule import registry
from minitensor.nn import functional, scalar
from minitensor.sklearn import MLPClassifier

Array = NDArray[Any]
RNG = np.random.default_rng(0)


def drawn(*shape: int) -> Array:
    return RNG.normal(size=shape)


# --------------------------------------------------------------------------------------- convolution


def convolved(
    x: Array, weight: Array, bias: Array, stride: int, padding: int, dilation: int, groups: int
) -> Array:
    """The definition, number by number."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    n, _, h, w = x.shape
    o, c, kh, kw = weight.shape
    oh, ow = [(m - (k - 1) * dilation - 1) // stride + 1 for m, k in ((h, kh), (w, kw))]
    y = np.zeros((n, o, oh, ow))
    for a, f, i, j in np.ndindex(*y.shape):
        y[a, f, i, j] = bias[f]
        first = f // (o // groups) * c
        for channel, p, q in np.ndindex(c, kh, kw):
            pixel = x[a, first + channel, i * stride + p * dilation, j * stride + q * dilation]
            y[a, f, i, j] += weight[f, channel, p, q] * pixel
    return y


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation"), list(product((1, 2), (0, 1), (1, 2))))
def test_conv2d_is_its_definition(stride: int, padding: int, dilation: int, groups: int) -> None:
    x, weight, bias = drawn(2, 4, 5, 6), drawn(6, 4 // groups, 2, 3), drawn(6)
    found = mt.conv2d(x, weight, bias, stride, padding, dilation, groups)
    np.testing.assert_allclose(
        found, convolved(x, weight, bias, stride, padding, dilation, groups), rtol=1e-12, atol=1e-12
    )


def test_a_single_image_needs_no_batch() -> None:
    layer = nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.AvgPool2d(2))
    x = drawn(2, 10, 10).astype(np.float32)
    np.testing.assert_array_equal(layer(x).data, layer(x[None]).data[0])
    assert layer(x).shape == (3, 2, 2)


def test_padding_may_be_named() -> None:
    x, weight = drawn(1, 1, 4, 5), drawn(1, 1, 2, 4)
    same = mt.conv2d(x, weight, padding="same")
    assert same.shape == x.shape
    np.testing.assert_allclose(same, mt.conv2d(np.pad(x, ((0, 0), (0, 0), (0, 1), (1, 2))), weight))
    np.testing.assert_array_equal(mt.conv2d(x, weight, padding="valid"), mt.conv2d(x, weight))
    with pytest.raises(OptionError, match="needs stride 1, not \\(2, 2\\)"):
        mt.conv2d(x, weight, stride=2, padding="same")
    with pytest.raises(OptionError, match='"same" or "valid", not \'full\''):
        mt.conv2d(x, weight, padding="full")


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: nn.Conv2d(3, 8, 5)(np.zeros((2, 1, 28, 28))),
        "Conv2d(3 → 8, kernel 5 × 5) got (2, 1, 28, 28): images must be (n, 3, h, w) or (3, h, w).",
    ),
    (lambda: nn.Conv2d(1, 8, 5)(np.zeros((32, 28, 28))), "For a batch try x.reshape(32, 1, 28, 28)."),
    (lambda: nn.Conv2d(3, 8, 5)(np.zeros((2, 9, 9, 3))), "Channels come first: try x.transpose(0, 3, 1, 2)."),
    (
        lambda: nn.Conv2d(1, 8, 5)(np.zeros((2, 784))),
        "got (2, 784): images must be (n, 1, h, w) or (1, h, w).",
    ),
    (
        lambda: nn.Conv2d(1, 8, 3, dilation=3, padding=1)(np.zeros((2, 1, 4, 9))),
        "spans 7 × 7, and an image with its padding only 6 × 11. Try a smaller kernel, or more padding.",
    ),
    (lambda: mt.conv2d(np.zeros((1, 2, 3, 3)), np.zeros((3, 1, 2, 2)), groups=2), "o a multiple of groups"),
    (
        lambda: mt.conv2d(np.zeros((1, 1, 3, 3)), np.zeros((3, 1, 2, 2)), np.zeros(2)),
        "must have shape (3,), not (2,)",
    ),
    (lambda: nn.MaxPool2d(5)(np.zeros((1, 3, 4, 6))), "max_pool2d got (1, 3, 4, 6): a window spans 5 × 5"),
    (
        lambda: nn.AvgPool2d(2)(np.zeros((3, 4))),
        "avg_pool2d: images must be (n, c, h, w) or (c, h, w), not (3, 4)",
    ),
    (lambda: mt.windows(np.zeros((2, 3)), 4), "a window spans 4 elements, and axis 1 of (2, 3) has 3"),
    (
        lambda: mt.fold(np.zeros((3, 3)), 6),
        "3 windows of 3 along axis 0 of (3, 3) do not come from an axis of length 6",
    ),
    (lambda: nn.BatchNorm1d(3)(np.zeros((4, 2))), "BatchNorm1d(3) got (4, 2): it takes (n, 3) or (n, 3, l)"),
    (lambda: nn.BatchNorm2d(3)(np.zeros((4, 3))), "BatchNorm2d(3) got (4, 3): it takes (n, 3, h, w)"),
    (lambda: nn.BatchNorm1d(3)(np.zeros((1, 3))), "1 values for each channel, and training needs at least 2"),
    (
        lambda: nn.LayerNorm((2, 3))(np.zeros((4, 3))),
        "the input (4, 3) must end with the normalized_shape (2, 3)",
    ),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_what_does_not_fit_is_refused_with_its_cure(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ShapeError) as error:
        call()
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Conv2d(4, 6, 3, groups=4), "groups=4 must divide both channel numbers"),
        (lambda: nn.Conv2d(0, 6, 3), "must all be at least 1"),
        (
            lambda: nn.MaxPool2d(3, padding=2)(np.zeros((1, 1, 9, 9))),
            "padding 2 must be at most half the kernel_size 3",
        ),
        (
            lambda: mt.max_pool2d(np.zeros((1, 1, 9, 9)), (1, 2, 3)),
            "kernel_size must be one or two integers from 1 up",
        ),
        (
            lambda: mt.conv2d(np.zeros((1, 1, 9, 9)), np.zeros((1, 1, 2, 2)), stride=0),
            "stride must be one or two",
        ),
        (lambda: mt.windows(np.zeros(3), 0), "must be at least 1, not 0, 1 and 1"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx 3 is not among the 3 embeddings"),
        (lambda: functional.batch_norm(np.zeros((2, 2)), None, None), "evaluation needs running_mean"),
    ],
)
def test_options_that_make_no_sense_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        call()
    assert message in str(error.value)


# ------------------------------------------------------------------------------------------- pooling


def pooled(
    x: Array, size: int, stride: int, padding: int, ceil_mode: bool, how: Callable[[Array], Any]
) -> Array:
    """`how` of the elements of each window that lie inside the images, window by window."""
    n, c, h, w = x.shape

    def starts(length: int) -> list[int]:
        room = length + padding - size  # the last place where a window fits
        found = list(range(-padding, room + 1, stride))
        over = found[-1] + stride
        return [*found, over] if ceil_mode and found[-1] < room and over < length else found

    def cut(start: int) -> slice:
        return slice(max(start, 0), start + size)

    y = np.zeros((n, c, len(starts(h)), len(starts(w))))
    for a, b, i, j in np.ndindex(*y.shape):
        y[a, b, i, j] = how(x[a, b, cut(starts(h)[i]), cut(starts(w)[j])])
    return y


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 1), (1, 2, 0)]
)
def test_pooling_is_its_definition(size: int, stride: int, padding: int, ceil_mode: bool) -> None:
    x = drawn(2, 3, 6, 7)
    args = (size, stride, padding)
    np.testing.assert_array_equal(
        mt.max_pool2d(x, *args, ceil_mode=ceil_mode), pooled(x, *args, ceil_mode, np.max)
    )
    np.testing.assert_allclose(
        mt.avg_pool2d(x, *args, ceil_mode=ceil_mode, count_include_pad=False),
        pooled(x, *args, ceil_mode, np.mean),
        rtol=1e-12,
    )


def test_the_first_of_equal_elements_has_the_whole_gradient() -> None:
    x = Tensor(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])[None], requires_grad=True)
    mt.max_pool2d(x, 2, 1).sum().backward()
    assert x.grad.tolist() == [[[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]]


def test_nan_is_the_largest_and_infinite_gradients_stay_where_they_belong() -> None:
    x = Tensor(np.array([[[1.0, np.nan], [2.0, -np.inf]]]), requires_grad=True)
    y = mt.max_pool2d(x, 2)
    assert np.isnan(y.data).all()
    y.backward(np.full((1, 1, 1), np.inf))
    assert x.grad.tolist() == [[[0.0, np.inf], [0.0, 0.0]]]


def test_padding_is_never_the_largest_and_integers_are_pooled_too() -> None:
    assert (mt.max_pool2d(np.full((1, 2, 2), -np.inf), 2, 2, 1) == -np.inf).all()
    assert mt.max_pool2d(np.array([[[-5, -7]]]), (1, 2), padding=(0, 1)).tolist() == [[[-5, -7]]]


def test_windows_are_a_view_that_cannot_be_written_to() -> None:
    x = np.arange(6.0)
    view = mt.windows(x, 2, stride=2)
    assert np.shares_memory(x, view)
    assert not view.flags.writeable


# -------------------------------------------------------------------------------------- normalisation


def normal(x: Array, axes: tuple[int, ...], eps: float = 1e-5) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + eps)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2)], ids=str)
def test_batch_norm_uses_the_batch_in_training_and_its_averages_in_evaluation(shape: tuple[int, ...]) -> None:
    layer = nn.BatchNorm1d(3, dtype=np.float64)
    assert layer.weight is not None
    assert layer.bias is not None
    layer.weight.data[...], layer.bias.data[...] = drawn(3), drawn(3)
    axes, columns = (0, *range(2, len(shape))), (3, *[1] * (len(shape) - 2))
    weight, bias = layer.weight.data.reshape(columns), layer.bias.data.reshape(columns)
    mean, var = np.zeros(3), np.ones(3)
    for _ in range(3):
        x = drawn(*shape)
        np.testing.assert_allclose(layer(x).data, normal(x, axes) * weight + bias, rtol=1e-12)
        mean = 0.9 * mean + 0.1 * x.mean(axes)
        var = 0.9 * var + 0.1 * x.var(axes, ddof=1)
    layer.eval()
    x = drawn(*shape)
    expected = (x - mean.reshape(columns)) / np.sqrt(var.reshape(columns) + 1e-5) * weight + bias
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-12)
    assert layer.state_dict()["num_batches_tracked"] == 3


def test_without_momentum_the_averages_count_all_batches_alike() -> None:
    layer = nn.BatchNorm1d(2, momentum=None, affine=False, dtype=np.float64)
    batches = [drawn(4, 2) for _ in range(3)]
    with no_grad():  # changes nothing: the averages are off the graph anyway
        for x in batches:
            layer(x)
    state = layer.state_dict()
    np.testing.assert_allclose(state["running_mean"], np.mean([x.mean(0) for x in batches], 0), rtol=1e-12)
    np.testing.assert_allclose(
        state["running_var"], np.mean([x.var(0, ddof=1) for x in batches], 0), rtol=1e-12
    )


def test_without_averages_the_batch_is_used_in_evaluation_too() -> None:
    layer = nn.BatchNorm1d(2, track_running_stats=False, dtype=np.float64).eval()
    x = drawn(4, 2)
    np.testing.assert_allclose(layer(x).data, normal(x, (0,)), rtol=1e-12)
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_in_evaluation_nothing_is_averaged() -> None:
    layer = nn.BatchNorm1d(2).eval()
    before = layer.state_dict()
    layer(drawn(4, 2))
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_normalising_agrees_with_the_composition_of_mean_var_and_rsqrt() -> None:
    def composed(x: Tensor, w: Tensor, b: Tensor) -> Any:
        return (x - x.mean(0, True)) * mt.rsqrt(x.var(axis=0, keepdims=True) + 1e-5) * w + b

    def fused(x: Tensor, w: Tensor, b: Tensor) -> Any:
        return functional.batch_norm(x, None, None, w, b, training=True)

    arrays, cotangent = [drawn(5, 3), drawn(3), drawn(3)], drawn(5, 3)
    found = []
    for function in (composed, fused):
        leaves = [Tensor(a, requires_grad=True) for a in arrays]
        y = function(*leaves)
        y.backward(cotangent)
        found.append([y.data, *[leaf.grad for leaf in leaves]])
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12)
    assert gradcheck(fused, *arrays, order=2)


def test_layer_norm_is_over_the_last_axes_of_each_sample() -> None:
    x = drawn(2, 4, 3)
    np.testing.assert_allclose(nn.LayerNorm((4, 3), dtype=np.float64)(x).data, normal(x, (1, 2)), rtol=1e-12)
    np.testing.assert_allclose(nn.LayerNorm(3, dtype=np.float64)(x).data, normal(x, (2,)), rtol=1e-12)
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == ["weight"]
    assert list(nn.LayerNorm(3, elementwise_affine=False).state_dict()) == []
    assert gradcheck(lambda x, w, b: functional.layer_norm(x, 3, w, b), x, drawn(3), drawn(3), order=2)


# ------------------------------------------------------------------------------------------ embedding


@pytest.mark.parametrize("indices", [[1, 0, 1], [[0, 2], [2, 2]], 1, []], ids=str)
def test_an_embedding_looks_rows_up_and_adds_gradients_up(indices: Any) -> None:
    layer = nn.Embedding(4, 2, rng=0)
    x = np.array(indices, int)
    y = layer(x)
    np.testing.assert_array_equal(y.data, layer.weight.data[x])
    y.sum().backward()
    np.testing.assert_array_equal(
        layer.weight.grad, np.bincount(x.reshape(-1), minlength=4)[:, None] * np.ones(2)
    )


@pytest.mark.parametrize("padding_idx", [1, -3])
def test_the_padding_starts_at_0_and_is_not_trained(padding_idx: int) -> None:
    layer = nn.Embedding(4, 2, padding_idx)
    assert layer.weight.data[1].tolist() == [0.0, 0.0]
    layer(np.array([1, 2, 1])).sum().backward()
    assert layer.weight.grad.tolist() == [[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]


def test_an_index_that_names_no_row_is_refused() -> None:
    layer = nn.Embedding(4, 2)
    for indices in ([0, 4], [-1, 4]):
        with pytest.raises(IndexError, match=r"to 4, and must be from 0 to 3: num_embeddings=4"):
            layer(np.array(indices))
    with pytest.raises(IndexError, match="indices run from -1"):
        layer(np.array([-1]))
    with pytest.raises(IndexError, match="must be integers, not float64"):
        layer(np.array([1.0]))


# ------------------------------------------------------------------------------------------- buffers


def convnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )


def test_buffers_are_saved_after_a_module_s_parameters_and_are_not_parameters() -> None:
    model = convnet()
    averages = ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert [name for name, _ in model.named_buffers()] == averages
    assert list(model.state_dict())[2:7] == ["1.weight", "1.bias", *averages]
    assert not {id(b) for b in model.buffers()} & {id(p) for p in model.parameters()}
    assert not any(b.requires_grad for b in model.buffers())
    assert repr(model[1]) == (
        "BatchNorm2d(2, eps=1e-05, momentum=0.1, weight (2,), bias (2,), "
        "buffers running_mean (2,), running_var (2,), num_batches_tracked ())  # 4 parameters"
    )


def test_a_trained_convnet_survives_its_state_dict_copying_and_pickling() -> None:
    model, x = convnet(), drawn(3, 1, 6, 6).astype(np.float32)
    model(x)
    model.eval()
    again = convnet().eval()
    again.load_state_dict(model.state_dict())
    for twin in (again, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(x).data, model(x).data)
        assert all(isinstance(b, nn.Buffer) for b in twin.buffers())
        assert not any(a is b for a, b in zip(twin.buffers(), model.buffers(), strict=True))
        twin.train()(x)
    assert model.state_dict()["1.num_batches_tracked"] == 1


def test_a_buffer_is_not_lost_by_assigning_a_tensor() -> None:
    layer = nn.BatchNorm1d(2)
    with pytest.raises(DTypeError, match=r"running_mean takes a Buffer or None, not .*, which buffers\(\)"):
        layer.running_mean = Tensor([1.0, 2.0])  # type: ignore[assignment]
    layer.running_mean = nn.Buffer([1.0, 2.0])
    assert layer.state_dict()["running_mean"].tolist() == [1.0, 2.0]


def test_a_missing_buffer_is_named() -> None:
    state = convnet().state_dict()
    del state["1.running_var"]
    with pytest.raises(ShapeError, match=r"missing 1\.running_var\. Nothing"):
        convnet().load_state_dict(state)


X = np.array([[0.3, -0.7], [1.5, 0.2]], np.float32)
F = nn.functional
ANYTHING: Any = 7
ANY_ARRAY: Any = np.ones(2)
ANY_TENSOR: Any = nn.Parameter([1.0, 1.0])
A_LIST: Any = [1]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nn.Linear(2, 3, device="cuda"), OptionError, "computes on the CPU alone"),
        (
            lambda: nn.Linear(2, 3, dtype=int),
            DTypeError,
            "Linear: parameters must be floating-point, not int64",
        ),
        (lambda: nn.Embedding(2, 3, dtype=int), DTypeError, "Embedding: parameters must be floating-point"),
        (
            lambda: nn.Embedding.from_pretrained(np.zeros((2, 3), int)),
            DTypeError,
            "Embedding: parameters must be floating-point",
        ),
        (
            lambda: nn.Embedding.from_pretrained(np.zeros(3)),
            ShapeError,
            "the shape must be (num_embeddings, embedding_dim), and is (3,)",
        ),
        (lambda: nn.BatchNorm2d(2, dtype=int), DTypeError, "BatchNorm2d: parameters must be floating-point"),
        (lambda: nn.LayerNorm(2, device="mps"), OptionError, "computes on the CPU alone"),
        (lambda: nn.PReLU(dtype=int), DTypeError, "PReLU: parameters must be floating-point"),
        (lambda: nn.Conv1d(2, 3, 2, device="cuda:0"), OptionError, "computes on the CPU alone"),
        (lambda: nn.Conv1d(2, 3, (2, 2)), OptionError, "Conv1d: kernel_size must be one number, not (2, 2)"),
        (
            lambda: nn.Conv2d(2, 3, (2,)),
            OptionError,
            "Conv2d: kernel_size must be one number or two, not (2,)",
        ),
        (
            lambda: nn.Conv1d(2, 3, 2)(np.zeros((4, 5, 2), np.float32)),
            ShapeError,
            "Conv1d(2 → 3, kernel 2) got (4, 5, 2): sequences must be (n, 2, l) or (2, l). "
            "Channels come first: try x.transpose(0, 2, 1).",
        ),
        (lambda: nn.Conv1d(2, 3, 2)(X[0]), ShapeError, "sequences must be (n, 2, l) or (2, l)."),
        (
            lambda: nn.Conv1d(2, 3, 9, padding=1)(np.zeros((2, 5), np.float32)),
            ShapeError,
            "a window spans 9, and a sequence with its padding only 7. Try a smaller kernel, or more",
        ),
        (
            lambda: F.conv1d(X, np.ones((3, 2, 1)), np.ones(2)),
            ShapeError,
            "the bias must have shape (3,), not",
        ),
        (
            lambda: F.conv1d(X, np.ones((3, 2))),
            ShapeError,
            "conv1d: the weight must be (o, c / groups, kernel",
        ),
        (
            lambda: F.conv1d(X, np.ones((3, 2, 1)), stride=(1, 1)),
            OptionError,
            "conv1d: stride must be one int",
        ),
        (
            lambda: F.conv1d(X, np.ones((3, 2, 1)), stride=2, padding="same"),
            OptionError,
            'conv1d: padding="same" needs stride 1, not 2.',
        ),
        (
            lambda: F.conv1d(X, np.ones((3, 2, 1)), padding="full"),
            OptionError,
            'conv1d: padding must be numbers, "same" or "valid", not \'full\'',
        ),
        (
            lambda: F.max_pool1d(X[0], 2),
            ShapeError,
            "max_pool1d: sequences must be (n, c, l) or (c, l), not (2,)",
        ),
        (
            lambda: F.avg_pool1d(X, 3),
            ShapeError,
            "avg_pool1d got (2, 2): a window spans 3, and a sequence only 2",
        ),
        (
            lambda: F.max_pool1d(X, 0),
            OptionError,
            "max_pool1d: kernel_size must be one integer from 1 up, not 0",
        ),
        (
            lambda: F.adaptive_avg_pool2d(X, 1),
            ShapeError,
            "images must be (n, c, h, w) or (c, h, w), not (2, 2)",
        ),
        (
            lambda: F.adaptive_avg_pool2d(X[None], (1, 2, 3)),
            OptionError,
            "output_size is one number or two, not",
        ),
        (lambda: F.adaptive_avg_pool2d(X[None, :0], 1), ShapeError, "without height or width have no mean"),
        (
            lambda: F.pad(X, (1, 1, 1)),
            ShapeError,
            "pad: takes a pair of numbers for each of the last axes of (2, 2)",
        ),
        (
            lambda: F.pad(X, (2, 0), "reflect"),
            ShapeError,
            "axis 1 of (2, 2) has 2 elements: too few for (2, 0)",
        ),
        (lambda: F.pad(X, (3, 0), "circular"), ShapeError, "too few for (3, 0) and 'circular'"),
        (lambda: F.pad(X, (-3, 0)), ShapeError, "too few for (-3, 0) and 'constant'"),
        (
            lambda: F.pad(X, (1, 0), "edge"),
            OptionError,
            "mode must be one of constant, reflect, replicate, circular",
        ),
        (
            lambda: F.layer_norm(X, 2, np.ones((2, 2))),
            ShapeError,
            "weight must have the normalized_shape (2,)",
        ),
        (
            lambda: F.layer_norm(X, 2, bias=np.ones(1)),
            ShapeError,
            "bias must have the normalized_shape (2,), not",
        ),
        (
            lambda: F.prelu(X, np.ones(3)),
            ShapeError,
            "prelu: the weight must have shape (1,) or (2,) for (2, 2)",
        ),
        (lambda: F.glu(X[:, :1]), ShapeError, "glu: axis 1 of (2, 1) has an odd length, and no halves"),
        (lambda: F.celu(X, 0.0), OptionError, "celu: alpha must not be 0"),
        (lambda: F.softshrink(X, -1.0), OptionError, "softshrink: lambd must not be negative, and is -1.0"),
        (
            lambda: nn.Unflatten(1, (3, -1))(X),
            ShapeError,
            "Unflatten: axis 1 of (2, 2) has 2 elements, which do not",
        ),
        (lambda: nn.Unflatten(1, (-1, -2))(X), ShapeError, "which do not make (-1, -2)"),
        (
            lambda: nn.Dropout(0.5, ANYTHING),
            OptionError,
            "Dropout: inplace is True or False, not int. Write rng=...",
        ),
        (
            lambda: F.dropout(X, 0.5, True, ANYTHING),
            OptionError,
            "dropout: inplace is True or False, not int. Write rng=",
        ),
        (
            lambda: nn.Dropout2d()(X),
            ShapeError,
            "dropout2d: images must be (n, c, h, w) or (c, h, w), not (2, 2)",
        ),
        (lambda: F.dropout2d(X[None], 2.0), OptionError, "dropout2d: p must be between 0 and 1, not 2.0"),
        (lambda: F.binary_cross_entropy(X, X), mt.DataError, "the input must be probabilities, from 0 to 1."),
        (lambda: nn.BCELoss()(Tensor([np.nan]), [1.0]), mt.DataError, "the input must be probabilities"),
        (
            lambda: nn.BCEWithLogitsLoss(weight=np.ones(3))(X, X),
            ShapeError,
            "a weight of shape (3,) cannot be broadcast to (2, 2)",
        ),
        (
            lambda: nn.BCEWithLogitsLoss(pos_weight=np.ones((1, 2, 2)))(X, X),
            ShapeError,
            "cannot be broadcast to",
        ),
        (lambda: nn.BCEWithLogitsLoss(weight="a")(X, X), DTypeError, "a weight is of real numbers, not <U1"),
        (
            lambda: nn.BCELoss(ANY_ARRAY),
            OptionError,
            'BCELoss: reduction is a word such as "mean", not ndarray.',
        ),
        (
            lambda: nn.functional.cross_entropy(X, np.array([0, 1]), ANY_TENSOR),
            OptionError,
            'cross_entropy: reduction is a word such as "mean", not Parameter. Write weight=',
        ),
        (lambda: nn.ReLU().apply(ANYTHING), DTypeError, "ReLU.apply: takes a function, not int"),
        (
            lambda: nn.ReLU().load_state_dict(A_LIST),
            DTypeError,
            "load_state_dict: takes a dict of arrays by name",
        ),
    ],
)
def test_layers_and_functions_say_what_they_take(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as error:
        call()
    assert message in str(error.value)


def test_layers_take_pytorch_s_device_and_dtype() -> None:
    made: list[nn.Module] = [
        *[nn.Linear(2, 3, device="cpu", dtype="float64"), nn.Conv1d(2, 3, 2, dtype=np.float64, device="cpu")],
        *[nn.Embedding(2, 3, device="cpu", dtype=np.float64), nn.PReLU(2, device="cpu", dtype=np.float64)],
        *[nn.BatchNorm1d(2, device="cpu", dtype=np.float64), nn.LayerNorm(2, device="cpu", dtype=np.float64)],
        nn.Conv2d(2, 3, 2, device="cpu", dtype=np.float64),
    ]
    for layer in made:
        assert {parameter.dtype for parameter in layer.parameters()} == {np.dtype(np.float64)}
    for usual in (
        nn.Linear(2, 3),
        nn.Conv1d(2, 3, 2),
        nn.PReLU(),
        nn.LayerNorm(2),
        nn.Linear(2, 3, dtype=None),
    ):
        assert {parameter.dtype for parameter in usual.parameters()} == {np.dtype(np.float32)}


def test_binary_losses_of_values_are_weighed_too() -> None:
    logits, targets = [0.3, -1.2], [1.0, 0.25]
    for loss in (
        nn.BCEWithLogitsLoss(weight=[2.0, 0.5], pos_weight=3.0),
        nn.BCEWithLogitsLoss("none", pos_weight=[3.0, 2.0]),
    ):
        ours = loss([Value(x) for x in logits], targets)
        theirs = loss(Tensor(np.array(logits)), np.array(targets))
        numbers = [x.data for x in (ours if isinstance(ours, list) else [ours])]
        np.testing.assert_allclose(numbers, theirs.data.reshape(-1))
    values = [Value(0.3), Value(0.9)]
    found = nn.BCELoss(weight=[2.0, 0.5])(values, targets)
    found.backward()
    x = Tensor(np.array([0.3, 0.9]), requires_grad=True)
    expected = nn.BCELoss(weight=[2.0, 0.5])(x, np.array(targets))
    expected.backward()
    assert found.data == pytest.approx(expected.item())
    assert [v.grad for v in values] == pytest.approx(x.grad.tolist())
    with pytest.raises(mt.DataError, match="must be probabilities"):
        nn.BCELoss()([Value(1.5)], [1.0])


# --------------------------------------------------------------------------------------- activations


class Squash(nn.Activation):
    """x / (1 + |x|)."""

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = registry["squash"].call(x)
        return result


@pytest.fixture
def entry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An operation that there is not, and its entry in the table: all that an activation's class needs."""

    @mt.rule
    def squash(x: Any) -> Any:
        d = 1 + abs(x)
        return x / d, lambda g: g / (d * d)

    monkeypatch.setitem(nn.ACTIVATIONS, "squash", Squash)
    yield "squash"
    del registry["squash"]


def test_an_activation_is_one_class_and_one_entry(entry: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.MLP(2, [3, 1], entry, dtype=np.float64, rng=0)
    x = drawn(4, 2)
    hidden = model[0](x).data
    np.testing.assert_allclose(model(x).data, model[2](hidden / (1 + abs(hidden))).data)
    gradcheck(model, x)

    one = scalar.MLP.from_tensor(model)
    np.testing.assert_allclose([one(row).data for row in x], model(x).data[:, 0])
    model.load_scalar(scalar.MLP(2, [3, 1], activation=entry, rng=1))

    for command in ("train", "compare"):
        assert parser().parse_args([command, "--activation", entry]).activation == entry
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--help"])
        assert ",softsign,squash}" in capsys.readouterr().out
        with pytest.raises(SystemExit):
            parser().parse_args([command, "--activation", "squish"])
        assert "'softsign', 'squash')" in capsys.readouterr().err

    estimator = MLPClassifier((3,), entry, max_iter=100, tol=1e9, n_iter_no_change=1, random_state=0)
    estimator.fit(x, [0, 1, 0, 1])
    assert isinstance(estimator.model_[1], Squash)
    with pytest.raises(OptionError, match=r"'squish' is not one of identity, .*, softsign, squash$"):
        MLPClassifier(activation="squish").fit(x, [0, 1, 0, 1])


def test_every_class_of_activations_is_handed_on() -> None:
    made = [kind for kind in vars(nn.activations).values() if isinstance(kind, type)]
    kinds = [kind for kind in made if issubclass(kind, nn.Activation)]
    assert {nn.Softmax, *nn.ACTIVATIONS.values()} < set(kinds)
    assert all(getattr(nn, kind.__name__) is kind for kind in kinds)
