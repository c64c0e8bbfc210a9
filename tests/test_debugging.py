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
from minitensor.core.watcher import here
from minitensor.nn import functional


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
