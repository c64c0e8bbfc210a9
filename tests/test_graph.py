"""The graph: accumulation, freeing, staleness, recording, depth and memory. Scalar and tensor mode alike."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import GraphError, ShapeError, Tensor, Value, nn, no_grad, optim


@pytest.fixture(params=[Value, lambda x: Tensor(np.array(x), requires_grad=True)], ids=["Value", "Tensor"])
def leaf(request: pytest.FixtureRequest) -> Any:
    """How to make a leaf from a float, in scalar mode and in tensor mode."""
    return request.param


def test_a_node_used_twice_gets_both_gradients(leaf: Any) -> None:
    a = leaf(3.0)
    (a * a).backward()
    assert a.grad == 6.0


def test_a_diamond_is_walked_once(leaf: Any) -> None:
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad == 4.0


def test_an_expression_of_all_operators(leaf: Any) -> None:
    a, b = leaf(-4.0), leaf(2.0)
    c = 1 - a / b + b**3 * (2 / b) - (-a) ** 2 + 3**b + abs(a) + (+b)
    c.backward()
    # c = 1 − a/b + 2b² − a² + 3ᵇ + |a| + b
    assert a.grad == pytest.approx(-1 / 2 - 2 * -4 - 1)
    assert b.grad == pytest.approx(-4 / 2**2 + 4 * 2 + 9 * np.log(3) + 1)


def test_gradients_of_leaves_add_up_over_calls_and_unused_leaves_keep_theirs(leaf: Any) -> None:
    a, unused = leaf(2.0), leaf(1.0)
    for _ in range(2):
        (a * 5).backward()
    assert a.grad == 10.0
    assert not unused.grad


def test_gradients_of_gradients(leaf: Any) -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert float(first) == 12.0
    x.grad = None if isinstance(x, Tensor) else 0.0
    first.backward()
    assert x.grad == 12.0  # 6x


def test_a_million_additions_are_walked_and_dropped(leaf: Any, without_collector: None) -> None:
    a = leaf(1.0)
    y = a
    for _ in range(1_000_000):
        y = y + a
    y.backward(retain_graph=True)
    assert a.grad == 1_000_001.0
    del y  # and with it a million nodes, each held by the next


def test_a_second_backward_through_a_freed_graph_raises(leaf: Any) -> None:
    a = leaf(1.0)
    y = a + 1
    z = y * 2
    z.backward()
    for root in (z, y, y + 1):
        with pytest.raises(GraphError, match="freed by an earlier backward"):
            root.backward()
    assert a.grad == 2.0


def test_retain_graph_keeps_it(leaf: Any) -> None:
    a = leaf(1.0)
    y = a * 3
    y.backward(retain_graph=True)
    y.backward()
    assert a.grad == 6.0


def test_nothing_upstream_requires_grad() -> None:
    message = r"nothing upstream requires grad \(made under no_grad, detached, or rebuilt from .data\?\)"
    with pytest.raises(GraphError, match=message):
        (Tensor([1.0]) * 2).backward()
    with pytest.raises(GraphError, match=message):
        Value(1.0, requires_grad=False).backward()


def test_a_dropped_graph_is_freed_without_the_garbage_collector(leaf: Any, without_collector: None) -> None:
    a = leaf(0.5)
    y = ((a * a).tanh() + a.exp().relu()).sigmoid() ** 2
    nodes = [y, *y.parents, *y.parents[0].parents]
    alive = [weakref.ref(node) for node in nodes]
    del y, nodes
    assert not any(reference() for reference in alive)


def test_training_steps_leave_no_node_behind_without_the_garbage_collector(without_collector: None) -> None:
    model = nn.MLP(8, [16, 3], activation="tanh")
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    counts = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(np.ones((4, 8), np.float32)), np.array([0, 1, 2, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        counts.append(sum(issubclass(type(x), Tensor) for x in gc.get_objects()))
    assert counts[-1] == counts[1]


def test_every_value_keeps_its_gradient_but_of_tensors_only_leaves_and_those_asked() -> None:
    x = Value(2.0)
    y = x * 3
    (y * y).backward()
    assert y.grad == 12.0

    t = Tensor([2.0], requires_grad=True)
    plain, kept = t * 3, (t * 3).retain_grad()
    (plain * kept).backward()
    assert plain.grad is None
    assert kept.grad.tolist() == [6.0]
    with pytest.raises(GraphError, match="does not require grad"):
        Tensor([1.0]).retain_grad()


def test_no_grad_nests_and_is_restored_after_exceptions(leaf: Any) -> None:
    a = leaf(1.0)

    def inside() -> None:
        with no_grad():
            pass
        assert not (a * 2).requires_grad
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), no_grad():
        inside()
    assert (a * 2).requires_grad


def test_no_grad_decorates(leaf: Any) -> None:
    @no_grad()
    def double(x: Any) -> Any:
        return x * 2

    assert not double(leaf(1.0)).requires_grad
    assert mt.is_grad_enabled()


def test_no_grad_holds_for_its_thread_only() -> None:
    found = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(mt.is_grad_enabled()))
        thread.start()
        thread.join()
        assert not mt.is_grad_enabled()
    assert found == [True]


def test_backward_needs_one_element_or_a_gradient_of_the_right_shape() -> None:
    y = Tensor([1.0, 2.0], requires_grad=True) * 2
    with pytest.raises(
        ShapeError, match=r"reduce it with .mean\(\) or .sum\(\), or pass a gradient of shape \(2,\)"
    ):
        y.backward()
    with pytest.raises(ShapeError, match=r"the gradient has shape \(1,\) and the tensor \(2,\)"):
        y.backward([1.0])
    Tensor([[3.0]], requires_grad=True).backward()


def test_gradients_share_no_memory_with_each_other_or_the_seed() -> None:
    a, b = Tensor([1.0], requires_grad=True), Tensor([2.0], requires_grad=True)
    seed = np.ones(1, np.float32)
    y = (a + b).retain_grad()
    y.backward(seed)
    arrays = [a.grad, b.grad, y.grad, seed, y.data]
    assert not any(np.shares_memory(p, q) for i, p in enumerate(arrays) for q in arrays[:i])
    leaf = Tensor([1.0], requires_grad=True)
    leaf.backward(seed)
    assert not np.shares_memory(leaf.grad, seed)


def test_accumulating_leaves_the_earlier_gradient_array_alone() -> None:
    a = Tensor([1.0], requires_grad=True)
    (a * 2).backward()
    earlier = a.grad
    (a * 3).backward()
    assert earlier.tolist() == [2.0]
    assert a.grad.tolist() == [5.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (3, 1), (1, 4), (2, 1, 4), (4,)])
def test_a_gradient_has_its_leaf_s_shape_and_dtype(dtype: Any, shape: tuple[int, ...]) -> None:
    a = Tensor(np.ones(shape, dtype), requires_grad=True)
    for other in (np.ones((2, 3, 4)), np.ones((2, 3, 4), np.float32)):
        a.grad = None
        (other * a + a).sum().backward()
        assert a.grad.shape == shape
        assert a.grad.dtype == dtype
        np.testing.assert_array_equal(a.grad, np.full(shape, 48 / max(a.size, 1)))


@pytest.mark.parametrize(
    "use", [lambda x, condition: mt.where(condition, x, x), lambda x, mask: mt.zero_where(x, mask - 0.5)]
)
def test_a_gradient_that_could_not_flow_is_refused_instead_of_dropped(use: Callable[..., Any]) -> None:
    x, other = Tensor([1.0, 2.0]), Tensor(0.5, requires_grad=True)
    with pytest.raises(
        GraphError, match=r"no gradient flows to argument \d, which requires grad: detach\(\) it"
    ):
        use(x, other)
    assert use(x, other.detach()).data.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("first", ["sum", "branch"])
@pytest.mark.parametrize("view", [False, True])
def test_a_gradient_shared_by_two_inputs_is_never_added_to_in_place(first: str, view: bool) -> None:
    x, z = [Tensor(np.ones((2, 2)), requires_grad=True) for _ in range(2)]
    u, v = x * 1, z * 1

    def total() -> Tensor:
        return (u.T + v.T).T if view else u + v

    s, w = (total(), u * 5) if first == "sum" else (u * 5, total())[::-1]
    (s * 2 + w).sum().backward()
    assert (x.grad == 7).all()
    assert (z.grad == 2).all()


def test_gradients_with_a_graph_share_no_memory_either() -> None:
    a, b = [Tensor(np.ones(2), requires_grad=True) for _ in range(2)]
    seed = Tensor(np.ones((2, 1)))
    (a.reshape(2, 1) + b.reshape(2, 1)).backward(seed, create_graph=True)
    assert not np.shares_memory(a.grad.data, b.grad.data)
    assert not np.shares_memory(a.grad.data, seed.data)


def test_the_gradient_of_a_0d_leaf_is_an_array_however_often_it_is_added_to() -> None:
    a = Tensor(1.0, requires_grad=True)
    for _ in range(2):
        (a + a).backward()
        assert type(a.grad) is np.ndarray
    assert a.grad == 4.0


# ---------------------------------------------------------------------------------- stale inputs


def parameter() -> Tensor:
    return Tensor([1.0, 2.0], requires_grad=True)


def test_an_input_overwritten_after_the_forward_pass_is_refused_before_any_gradient_changes() -> None:
    a, b = parameter(), parameter()
    y = (a * b).sum() + a.sum()
    with no_grad():
        b += 1
    with pytest.raises(
        GraphError, match=r"multiply needs an input of shape .* overwritten after the forward pass"
    ):
        y.backward()
    assert a.grad is None


def test_an_output_overwritten_after_the_forward_pass_is_refused() -> None:
    y = parameter().exp()
    with no_grad():
        y *= 2
    with pytest.raises(GraphError, match="exp needs its result, which was overwritten"):
        y.sum().backward()


def test_a_write_through_a_view_or_into_its_base_is_noticed() -> None:
    for write_base in (True, False):
        a = parameter()
        view = a.detach()
        y = (view * a).sum() if write_base else (a * a).sum()
        with no_grad():
            target = a if write_base else view
            target[0] = 5.0
        with pytest.raises(GraphError, match="overwritten"):
            y.backward()


def test_a_training_step_on_data_counts_as_a_write() -> None:
    a = parameter()
    y = (a * a).sum()
    a.data -= 0.1
    with pytest.raises(GraphError, match="overwritten"):
        y.backward()


def test_a_write_that_no_local_gradient_needs_is_allowed() -> None:
    a, b = parameter(), parameter()
    y = (a + b).sum()
    with no_grad():
        b += 1
    y.backward()
    assert a.grad.tolist() == [1.0, 1.0]


def test_a_write_before_the_forward_pass_is_allowed() -> None:
    a = parameter()
    with no_grad():
        a += 1
    (a * a).sum().backward()
    assert a.grad.tolist() == [4.0, 6.0]


def test_gradients_of_gradients_run_the_rule_again_and_so_refuse_any_overwritten_input() -> None:
    a, b = parameter(), parameter()
    y = (a + b).sum()
    with no_grad():
        b += 1
    with pytest.raises(GraphError, match="overwritten"):
        y.backward(create_graph=True)
