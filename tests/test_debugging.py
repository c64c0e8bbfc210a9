"""debug() finds the operation at fault; and what warns of itself, without it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import GraphError, NumericError, Tensor, Value, debug, nn, optim
from minitensor.context import watching
from minitensor.core.watcher import Watcher, here
from minitensor.nn import functional, scalar


def parameter(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers, float), requires_grad=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mt.log(parameter(1, 0) * 2).sum(), r"^log made inf of finite inputs of shape \(2,\)."),
        (lambda: parameter(0, 1) / np.zeros(2), r"^divide made NaN of finite inputs of shape \(2,\) and"),
        (lambda: parameter(np.inf) - np.array([np.inf]), "^subtract made NaN of infinite inputs"),
        (lambda: mt.exp(parameter(np.nan)), "^exp was given NaN in inputs of shape"),
        (
            lambda: mt.sqrt(parameter(0, 1)).sum().backward(),
            r"^backward\(\): sqrt made inf of a finite gradient",
        ),
        (lambda: Value(0.0).log(), "^log made inf"),
    ],
)
def test_the_first_operation_that_makes_nan_or_inf_is_named(call: Callable[[], Any], message: str) -> None:
    with np.errstate(all="ignore"), debug(), pytest.raises(NumericError, match=message) as error:
        call()
    assert 'test_debugging.py", line ' in str(error.value)


def test_infinities_that_were_there_may_stay() -> None:
    mask = np.array([0.0, -np.inf])
    with debug():
        functional.softmax(parameter(1, 2) + mask).sum().backward()


def test_without_debug_nothing_is_watched() -> None:
    with debug():
        pass
    with np.errstate(all="ignore"):
        assert mt.log(parameter(0.0)).item() == -np.inf
    assert here.state.watcher is None


def test_an_array_that_backward_needs_is_read_only_until_then() -> None:
    x = parameter(1, 2)
    with debug():
        y = (x * x).sum()
        with pytest.raises(ValueError, match="read-only"):
            x.data[0] = 5
        y.backward()
        x.data[0] = 5
        kept = x * x
        assert not x.data.flags.writeable
    assert x.data.flags.writeable
    assert kept.tolist() == [25, 4]


def test_an_array_needed_twice_stays_read_only_until_the_last_has_run() -> None:
    x = parameter(1, 2)
    with debug():
        first, second = (x * x).sum(), (x * 3 * x).sum()
        first.backward()
        assert not x.data.flags.writeable
        del second
        assert x.data.flags.writeable


def test_overlapping_views_are_released_whichever_goes_first() -> None:
    x = parameter(1, 2, 3, 4)
    with debug():
        u, v = mt.split(x * 1, 2)
        (u * v).sum().backward()
        x.grad = None
        first, second = (x[:3] * x[:3]).sum(), (x[1:] * x[1:]).sum()
        second.backward()
        del first
    assert x.data.flags.writeable


def test_optimizers_and_no_grad_may_write_what_a_graph_still_needs() -> None:
    w = parameter(1, 2)
    optimizer = optim.SGD([w], lr=0.1)
    with debug():
        logged = (w * w).sum()
        (w * 3).sum().backward()
        optimizer.step()
        with mt.no_grad():
            w += 1
        with pytest.raises(GraphError, match="overwritten after the forward pass"):
            logged.backward()


def test_gradients_that_overflow_in_their_sum_are_noticed() -> None:
    x = Tensor([1e-30], requires_grad=True)
    with debug(), np.errstate(over="ignore"), pytest.raises(NumericError, match="add up to inf"):
        (x * 3e38 + x * 3e38).backward()
    with debug(), pytest.raises(NumericError, match="multiply was given a gradient with NaN"):
        (x * 2).backward([np.nan])


def test_a_rule_whose_local_gradient_calls_itself_is_no_trouble() -> None:
    @mt.rule
    def tower(x: Any) -> Any:
        def local(g: Any, times: int = 2) -> Any:
            return g if not times else local(g, times - 1)

        return x.copy(), local

    x = parameter(1, 2)
    with debug():
        tower(x).sum().backward()
    mt.registry.pop("tower")
    assert x.grad.tolist() == [1, 1]


def test_errors_about_a_node_end_with_the_line_that_made_it() -> None:
    x = parameter(1, 2)
    with debug():
        y = (x * x).sum()
        y.backward()
        with pytest.raises(GraphError, match=r"y = \(x \* x\).sum\(\)$"):
            y.backward()


def test_a_second_backward_without_zero_grad_warns_once() -> None:
    model = nn.MLP(2, [3, 1])
    with debug():
        model(Tensor([1.0, 2.0])).backward()
        with pytest.warns(UserWarning, match="adds to the gradients of an earlier") as found:
            model(Tensor([1.0, 2.0])).backward()
    assert len(found) == 1
    model(Tensor([1.0, 2.0])).backward()  # legal and silent without debug()


def test_training_runs_under_debug_to_the_same_weights() -> None:
    def train() -> list[Any]:
        model = nn.MLP(3, [4, 2], dropout=0.1, rng=0)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        for _ in range(5):
            loss = functional.cross_entropy(model(np.eye(3, dtype=np.float32)), np.array([0, 1, 1]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return [p.data for p in model.parameters()]

    with debug():
        watched = train()
    for x, y in zip(watched, train(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_another_thread_is_not_watched() -> None:
    found = []

    def work() -> None:
        with np.errstate(all="ignore"):
            found.append(mt.log(parameter(0.0)).item())

    with debug():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == [-np.inf]


def test_cross_entropy_of_probabilities_warns() -> None:
    logits = parameter(1.0, 2.0, 3.0, 4.0).reshape(2, 2)
    target = np.array([0, 1])
    for probabilities in (mt.softmax(logits), mt.softmax(logits).detach()):
        with pytest.warns(UserWarning, match="looks like probabilities, and it takes logits"):
            functional.cross_entropy(probabilities, target)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        functional.cross_entropy(logits, target)
        for harmless in ([[0.5, 0.5], [0.5, 0.6]], [[1.0, 0.0], [0.0, 1.0]]):
            functional.cross_entropy(Tensor(harmless), target)


def test_a_step_without_any_gradient_warns() -> None:
    optimizer = optim.SGD([parameter(1.0), parameter(2.0)], lr=0.1)
    with pytest.warns(UserWarning, match=r"SGD.step\(\): no parameter has a gradient"):
        optimizer.step()
    optimizer._parameters()[0].grad = np.ones(1)
    optimizer.step()
    assert [p.item() for p in optimizer._parameters()] == [0.9, 2.0]


# --------------------------------------------------------------------------------------- scalar mode


SCALAR: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "Adam": lambda p: optim.Adam(p, lr=0.1, amsgrad=True),
    "AdamW": lambda p: optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: optim.RMSprop(p, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p),
    "NAdam": lambda p: optim.NAdam(p),
    "groups": lambda p: optim.SGD([{"params": p[:3]}, {"params": p[3:], "lr": 0.5}], lr=0.1),
}


@pytest.mark.parametrize("name", SCALAR)
def test_a_scalar_network_trains_under_debug_to_the_same_weights(name: str) -> None:
    def train() -> list[float]:
        model = scalar.MLP(2, [3, 2], activation="tanh", rng=0)
        optimizer = SCALAR[name](model.parameters())
        schedule = optim.StepLR(optimizer, 2, 0.5)
        for _ in range(5):
            loss = functional.cross_entropy(model([0.5, -1.0]), 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        return [p.data for p in model.parameters()]

    with debug():
        watched = train()
    assert watched == train()


def test_a_loop_by_hand_runs_under_debug() -> None:
    model = scalar.Neuron(2, rng=0)
    with debug():
        for _ in range(3):
            model.zero_grad()
            (model([1.0, 2.0]) - 1).backward()
            for p in model.parameters():
                p.data -= 0.1 * p.grad
    assert all(type(p.data) is float for p in model.parameters())


@pytest.mark.parametrize("kind", [Value, parameter])
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: (x * 0) ** -0.5, "^power made inf of finite inputs"),
        (lambda x: x * 0 / (x * 0), "^divide made NaN of finite inputs"),
        (lambda x: x * float("nan"), "^multiply was given NaN in inputs"),
        (lambda x: mt.sqrt(x * 0).backward(), r"^backward\(\): sqrt made inf of a finite gradient"),
        (
            lambda x: (x * 1e200 * 1e100 * 1e8).backward(1e200),
            r"^backward\(\): multiply made inf of a finite",
        ),
        (lambda x: (x * 1e308 + x * 1e308 - x).backward(), r"add made inf|the gradients of a leaf of shape"),
        (lambda x: (x * 2).backward(float("nan")), r"^backward\(\): multiply was given a gradient with NaN"),
    ],
)
def test_both_modes_are_told_the_same(call: Callable[[Any], Any], message: str, kind: Any) -> None:
    x = kind(1.0)
    if kind is parameter:
        x = Tensor(np.array(1.0), requires_grad=True)
    with np.errstate(all="ignore"), debug(), pytest.raises(NumericError, match=message):
        call(x)


def test_gradients_of_a_value_that_overflow_in_their_sum_are_noticed() -> None:
    x = Value(1e-300)
    with (
        debug(),
        np.errstate(over="ignore"),
        pytest.raises(NumericError, match=r"leaf of shape .* add up to inf"),
    ):
        (x * 1e308 + x * 1e308).backward()
    assert x.grad == 0.0


def test_a_second_backward_without_zero_grad_warns_once_in_scalar_mode() -> None:
    model = scalar.MLP(2, [3, 1], rng=0)
    with debug():
        model([1.0, 2.0]).backward()
        with pytest.warns(UserWarning, match="adds to the gradients of an earlier") as found:
            model([1.0, 2.0]).backward()
        assert found[0].filename == __file__
        model.zero_grad()
        model([1.0, 2.0]).backward()
    assert len(found) == 1
    model([1.0, 2.0]).backward()  # legal and silent without debug()


def test_errors_about_a_value_end_with_the_line_that_made_it() -> None:
    x = Value(3.0)
    with debug():
        y = x * x
        x.data = 4.0
        with pytest.raises(GraphError, match=r"y = x \* x$"):
            y.backward()
        z = x * x
        z.backward()
        with pytest.raises(GraphError, match=r"z = x \* x$"):
            z.backward()


def test_whoever_watches_is_told_of_a_value_what_it_is_told_of_a_tensor() -> None:
    told: list[tuple[str, Any, Any]] = []

    class Watch(Watcher):
        def assigns(self, tensor: Any, name: str, value: Any) -> Any:
            told.append((name, tensor, value))
            return value

        def receives(self, leaf: Any, gradient: Any) -> Any:
            told.append(("receives", leaf, gradient))
            return gradient

        def writes(self, tensor: Any) -> None:
            told.append(("writes", tensor, None))

    x = Value(2.0)
    with watching(Watch()):
        (x * 3.0).backward()
        x.data = 5.0
        optimizer = optim.SGD([x], lr=1.0)
        optimizer.step()
    vector = optimizer.param_groups[0]["params"][0]
    assert told == [("receives", x, 3.0), ("data", x, 5.0), ("writes", vector, None)]
    assert (x.data, x.grad) == (2.0, 3.0)
