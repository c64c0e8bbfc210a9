"""Hooks of modules: what they are told, what they replace, and that they leave nothing behind."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import DTypeError, ShapeError, Tensor, Value, nn

X = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)


class Pair(nn.Module):
    """Two outputs of two inputs, and one that is no tensor."""

    def forward(self, x: Tensor, y: Tensor, scale: float = 1.0) -> tuple[Any, ...]:
        return x * y, y * scale, "no tensor"


def doubled_input(module: nn.Module, args: tuple[Any, ...]) -> Any:
    return args[0] * 2


def doubled_output(module: nn.Module, args: tuple[Any, ...], output: Tensor) -> Tensor:
    return output * 2


# ------------------------------------------------------------------------------------------- forward


def test_forward_hooks_are_called_in_order_with_what_the_ones_before_made() -> None:
    layer = nn.Tanh()
    told: list[Any] = []
    layer.register_forward_pre_hook(lambda module, args: told.append(("pre", args)))
    layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    layer.register_forward_hook(lambda module, args, output: output * 3)
    layer.register_forward_hook(lambda module, args, output: told.append(("post", args[0].item(), output)))
    layer.register_forward_hook(lambda module, args, output: output + 1, prepend=True)
    x = Tensor([1.0])
    y = layer(x)
    assert told[0] == ("pre", (x,))
    assert told[1][:2] == ("post", 2.0)
    assert told[1][2] is y
    assert y.item() == pytest.approx((np.tanh(2.0) + 1) * 3)


def test_hooks_may_take_and_replace_keyword_arguments() -> None:
    layer, told = Pair(), []
    layer.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"scale": kwargs["scale"] * 2}), with_kwargs=True
    )
    layer.register_forward_hook(
        lambda module, args, kwargs, output: told.append((len(args), kwargs)), with_kwargs=True
    )
    assert layer(Tensor([1.0]), Tensor([2.0]), scale=3.0)[1].item() == 12.0
    assert told == [(2, {"scale": 6.0})]


@pytest.mark.parametrize("returned", [3, (1,), ((1,), 2), [(), {}]], ids=repr)
def test_a_pre_hook_with_keywords_that_returns_no_pair_is_refused(returned: Any) -> None:
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda module, args, kwargs: returned, with_kwargs=True)
    with pytest.raises(DTypeError, match=r"ReLU: a forward pre-hook .* pair \(args, kwargs\)"):
        layer(Tensor([1.0]))


def test_what_is_no_function_is_no_hook() -> None:
    with pytest.raises(DTypeError, match="Linear: a hook is a function, not int"):
        nn.Linear(1, 1).register_forward_hook(3)  # type: ignore[arg-type]


REGISTER = [
    "register_forward_hook",
    "register_forward_pre_hook",
    "register_full_backward_hook",
    "register_full_backward_pre_hook",
]


@pytest.mark.parametrize("register", REGISTER)
def test_a_handle_takes_its_own_hook_back_once_and_leaves_nothing_behind(register: str) -> None:
    layer, told = nn.ReLU(), []
    before = dict(vars(layer))

    def hook(*_: Any) -> None:
        told.append(1)

    first, second = getattr(layer, register)(hook), getattr(layer, register)(hook)
    first.remove()
    first.remove()
    layer(Tensor([1.0], requires_grad=True)).sum().backward()
    assert len(told) == 1
    with second:
        pass
    layer(Tensor([1.0], requires_grad=True)).sum().backward()
    assert len(told) == 1
    assert vars(layer) == before


def test_a_hook_that_is_a_module_is_no_part_of_the_network() -> None:
    class Note(nn.Module):
        def __init__(self) -> None:
            self.weight = nn.Parameter([1.0])

        def forward(self, module: nn.Module, args: Any, output: Tensor) -> Tensor:
            return output * self.weight

    layer = nn.Linear(2, 1)
    names, text = list(layer.state_dict()), repr(layer)
    layer.register_forward_hook(Note())
    assert list(layer.state_dict()) == names
    assert repr(layer) == text
    assert list(layer.children()) == []


def test_a_hook_does_not_keep_its_module_alive() -> None:
    layer = nn.ReLU()
    handle = layer.register_full_backward_hook(lambda *_: None)
    gone = weakref.ref(layer)
    gc.disable()
    try:
        layer(Tensor(X, requires_grad=True)).sum().backward()
        del layer
        assert gone() is None
    finally:
        gc.enable()
    handle.remove()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_the_hooks_and_are_independent(duplicate: Callable[[Any], Any]) -> None:
    layer = nn.ReLU()
    handle = layer.register_forward_hook(doubled_output)
    other = duplicate(layer)
    handle.remove()
    assert layer(Tensor([1.0])).item() == 1.0
    assert other(Tensor([1.0])).item() == 2.0
    other.register_forward_hook(doubled_output)
    assert (layer(Tensor([1.0])).item(), other(Tensor([1.0])).item()) == (1.0, 4.0)


# ------------------------------------------------------------------------------------------- backward


def test_a_backward_hook_is_told_the_gradients_of_inputs_and_outputs() -> None:
    layer, told = nn.Linear(2, 3, rng=0), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append((module, gi, go)))
    x = Tensor(X, requires_grad=True)
    (layer(x) * 3).sum().backward()
    ((module, (given,), (arrived,)),) = told
    assert module is layer
    np.testing.assert_array_equal(arrived.data, np.full((2, 3), 3, np.float32))
    np.testing.assert_array_equal(given.data, x.grad)


def test_hooks_that_return_nothing_change_nothing() -> None:
    def gradients(hooks: bool) -> list[Any]:
        model = nn.MLP(2, [3, 2], rng=0)
        for module in model.modules() if hooks else ():
            module.register_full_backward_hook(lambda *_: None)
            module.register_full_backward_pre_hook(lambda *_: None)
            module.register_forward_hook(lambda *_: None)
        x = Tensor(X, requires_grad=True)
        y = model(x)
        (y * y).sum().backward()
        return [y.data, x.grad, *[parameter.grad for parameter in model.parameters()]]

    for one, two in zip(gradients(True), gradients(False), strict=True):
        np.testing.assert_array_equal(one, two)


def test_several_inputs_and_outputs_are_told_of_together_and_once() -> None:
    layer, told = Pair(), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append((gi, go)))
    x, y = Tensor([2.0], requires_grad=True), Tensor([[5.0], [6.0]], requires_grad=True)
    first, second, _ = layer(x, y)
    (first.sum() + second.sum() * 10).backward()
    ((given, arrived),) = told
    assert [g.data.tolist() for g in given] == [[11.0], [[12.0], [12.0]]]
    assert [None if g is None else g.data.tolist() for g in arrived] == [
        [[1.0], [1.0]],
        [[10.0], [10.0]],
        None,
    ]
    assert (x.grad.tolist(), y.grad.tolist()) == ([11.0], [[12.0], [12.0]])


def test_each_of_several_gradients_can_be_replaced() -> None:
    layer = Pair()
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] * 0, gi[1] + 1))
    layer.register_full_backward_pre_hook(lambda module, go: (go[0], go[1] * 100, None))
    x, y = Tensor([2.0], requires_grad=True), Tensor([5.0], requires_grad=True)
    first, second, _ = layer(x, y)
    (first + second).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([0.0], [103.0])


def test_inputs_of_two_dtypes_keep_theirs() -> None:
    layer, told = Pair(), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append([g.dtype for g in gi]))
    x = Tensor([2.0], requires_grad=True)
    y = Tensor(np.array([5.0]), requires_grad=True)
    first, second, _ = layer(x, y)
    assert (first.dtype, second.dtype) == (np.float64, np.float64)
    first.sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


def test_a_module_is_given_each_input_in_its_own_dtype() -> None:
    class Apart(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            return x * 1, y * 1

    layer = Apart()
    layer.register_full_backward_hook(lambda *_: None)
    first, second = layer(Tensor([2.0], requires_grad=True), Tensor(np.array([5.0]), requires_grad=True))
    assert (first.dtype, second.dtype) == (np.float32, np.float64)


def test_one_hook_after_another_is_told_what_the_one_before_made_of_it() -> None:
    layer, told = nn.ReLU(), []
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] * 2,))
    layer.register_full_backward_hook(lambda module, gi, go: told.append(gi[0].item()))
    layer.register_full_backward_hook(lambda module, gi, go: gi[0] * 5)  # one needs no tuple
    layer.register_full_backward_pre_hook(lambda module, go: (go[0] * 7,))
    x = Tensor([1.0], requires_grad=True)
    layer(x).sum().backward()
    assert told == [14.0]
    assert x.grad.tolist() == [70.0]


def test_a_hook_of_a_module_whose_input_needs_no_gradient_is_called_all_the_same() -> None:
    layer, told = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append((gi, go[0].shape)))
    layer(X).sum().backward()
    assert told == [((None,), (2, 1))]
    layer.requires_grad_(False)
    layer(X)
    with mt.no_grad():
        layer(Tensor(X, requires_grad=True))
    assert len(told) == 1


def test_hooks_are_called_at_each_backward_of_a_graph_that_is_kept() -> None:
    layer, told = nn.Tanh(), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append(go[0].item()))
    y = layer(Tensor([1.0], requires_grad=True))
    for seed in (1.0, 2.0):
        y.backward(np.array([seed], np.float32), retain_graph=True)
    assert told == [1.0, 2.0]


def test_after_an_exception_in_a_hook_the_graph_can_be_used_again() -> None:
    layer, faults = Pair(), [True]

    def hook(module: nn.Module, gi: Any, go: Any) -> Any:
        if faults:
            faults.pop()
            raise KeyError("of the user")
        return (gi[0] * 2, gi[1] * 3)

    layer.register_full_backward_hook(hook)
    x, y = Tensor([2.0], requires_grad=True), Tensor([5.0], requires_grad=True)
    first, _, _ = layer(x, y)
    with pytest.raises(KeyError, match="of the user"):
        first.backward(retain_graph=True)
    assert (x.grad, y.grad) == (None, None)
    first.backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([10.0], [6.0])


def test_what_was_left_of_a_backward_that_failed_is_not_taken_for_that_of_the_next() -> None:
    layer, firsts = Pair(), [Tensor([np.nan]), Tensor([3.0])]
    layer.register_full_backward_hook(lambda module, gi, go: (firsts.pop(0), gi[1]))
    x, y = Tensor([2.0], requires_grad=True), Tensor([5.0], requires_grad=True)
    with mt.debug():
        first, _, _ = layer(x, y)
        with pytest.raises(mt.NumericError, match="hooked made NaN"):
            first.backward(np.array([10.0], np.float32), retain_graph=True)
        first.backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [2.0])


def test_an_input_that_no_gradient_needs_may_be_overwritten_as_without_hooks() -> None:
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda *_: None)
    x = Tensor([1.0, -1.0], requires_grad=True)
    y = layer(x).sum()
    with mt.no_grad():
        x *= 5
    y.backward()
    assert x.grad.tolist() == [1.0, 0.0]


def test_gradients_of_gradients_pass_through_what_a_hook_makes() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda module, gi, go: (gi[0] ** 2,))
    x = Tensor(np.array([0.3, -0.7]), requires_grad=True)
    slope = mt.grad(lambda x: layer(x).sum())
    second = mt.grad(lambda x: slope(x).sum())(x)
    d = 1 - np.tanh(x.data) ** 2
    np.testing.assert_allclose(slope(x).data, d**2)
    np.testing.assert_allclose(second.data, 2 * d * (-2 * np.tanh(x.data) * d))


def test_transforms_call_hooks_too() -> None:
    layer, told = nn.Tanh(), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append(1))
    x = np.array([0.3, -0.7])
    plain = nn.Tanh()
    np.testing.assert_array_equal(mt.jacobian(layer)(x).data, mt.jacobian(plain)(x).data)
    assert len(told) == 2


def test_hooks_cannot_write_into_gradients() -> None:
    layer, faults = nn.ReLU(), []

    def hook(module: nn.Module, gi: Any, go: Any) -> None:
        for g in (*gi, *go):
            for target in (g.data, g):
                with pytest.raises(ValueError, match="read-only"):
                    target *= 2
                faults.append(1)

    layer.register_full_backward_hook(hook)
    x = Tensor([1.0], requires_grad=True)
    layer(x).sum().backward()
    assert len(faults) == 4
    assert x.grad.tolist() == [1.0]


@pytest.mark.parametrize("returned", [lambda g: (g[:1],), lambda g: (), lambda g: (g, g), lambda g: (None,)])
@pytest.mark.parametrize("register", REGISTER[2:])
def test_a_gradient_that_does_not_fit_is_refused(register: str, returned: Callable[[Any], Any]) -> None:
    layer = nn.ReLU()
    getattr(layer, register)(lambda module, *gradients: returned(gradients[0][0]))
    what = "grad_output" if "pre" in register else "grad_input"
    with pytest.raises(ShapeError, match=rf"ReLU: a backward hook.* {what} a tuple of shapes \(2, 2\), not"):
        layer(Tensor(X, requires_grad=True)).sum().backward()


def test_values_and_other_outputs_are_refused_where_hooks_would_not_see_them() -> None:
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda *_: None)
    with pytest.raises(DTypeError, match="ReLU: backward hooks are told of tensors, not of Values"):
        layer(Value(1.0))

    class Named(nn.Module):
        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"y": x}

    named = Named()
    named.register_full_backward_hook(lambda *_: None)
    with pytest.raises(DTypeError, match="returns a tensor or a tuple of them, not dict"):
        named(Tensor(X, requires_grad=True))


def test_updating_parameters_before_backward_is_refused_as_without_hooks() -> None:
    for hooked in (False, True):
        layer = nn.Linear(2, 2, rng=0)
        if hooked:
            layer.register_full_backward_hook(lambda *_: None)
        y = layer(Tensor(X, requires_grad=True)).sum()
        with mt.no_grad():
            layer.bias += 1  # type: ignore[operator, assignment]
        y.backward()  # which needs no bias
        y = layer(Tensor(X, requires_grad=True)).sum()
        with mt.no_grad():
            layer.weight += 1
        with pytest.raises(mt.GraphError, match="overwritten"):
            y.backward()


def test_hooks_work_under_debug() -> None:
    layer, told = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda module, gi, go: told.append(1))
    layer.register_forward_hook(lambda module, args, output: output * 2)
    with mt.debug():
        layer(Tensor(X, requires_grad=True)).sum().backward()
    assert told == [1]
    layer.register_full_backward_hook(functools.partial(lambda *_: (Tensor(np.full((2, 2), np.nan)),)))
    with mt.debug(), pytest.raises(mt.NumericError, match="hooked made NaN of a finite gradient"):
        layer(Tensor(X, requires_grad=True)).sum().backward()
