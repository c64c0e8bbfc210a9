"""What a rule may do and what the engine then must: nothing shared, nothing stale, nothing unsaid."""

from __future__ import annotations

import functools
import math
import operator
import sys
import tempfile
import weakref
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import minitensor as mt
from minitensor import DTypeError, GraphError, ShapeError, Tensor, Value, gradcheck
from minitensor.context import watching
from minitensor.core.watcher import Watcher
from minitensor.func import grad

Array = NDArray[Any]
ROOT = Path(mt.__file__).parents[1]
pytestmark = pytest.mark.usefixtures("own_rules_are_forgotten")


def parameter(*numbers: float) -> Tensor:
    return Tensor(np.array(numbers or (1.0, 2.0, 3.0)), requires_grad=True)


# ------------------------------------------------------------------ what a local gradient may return

CONSTANT = np.array([1.0, 2.0, 3.0])
BUFFER = bytearray(CONSTANT.tobytes())
STORE: dict[str, Any] = {"rows": [CONSTANT.copy()], "matrix": np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])}
FROZEN = CONSTANT.copy()
FROZEN.flags.writeable = False


WEAK: Any = weakref.WeakValueDictionary()
with tempfile.TemporaryFile() as file:
    MAPPED = np.memmap(file, CONSTANT.dtype, shape=(3,))
MAPPED[...] = CONSTANT


@lru_cache
def cached() -> Array:
    return CONSTANT.copy()


class Holder:
    def __init__(self) -> None:
        self.array = CONSTANT.copy()

    def gradient(self, g: Any) -> Any:
        return self.array


HELD = Holder()
LOCALS: dict[str, Callable[[Array], Callable[[Any], Any]]] = {
    "a constant": lambda x: lambda g: CONSTANT,
    "a default argument": lambda x: lambda g, c=CONSTANT: c,  # type: ignore[misc]
    "a cached array": lambda x: lambda g: cached(),
    "an array in a container": lambda x: lambda g: STORE["rows"][0],
    "an attribute, by a bound method": lambda x: HELD.gradient,
    "a view of a constant": lambda x: lambda g: CONSTANT[:],
    "a column": lambda x: lambda g: STORE["matrix"][:, 0],
    "a broadcast view": lambda x: lambda g: np.broadcast_to(CONSTANT, (3,)),
    "a view of a buffer": lambda x: lambda g: np.frombuffer(BUFFER),
    "a view of a view of a buffer": lambda x: lambda g: np.frombuffer(BUFFER)[:],
    "a read-only array": lambda x: lambda g: FROZEN,
    "the captured input": lambda x: lambda g: x,
    "its own g": lambda x: lambda g: g,
    "a view of its g": lambda x: lambda g: g[::-1][::-1],
    "what a weak dictionary keeps": lambda x: lambda g: WEAK.setdefault("x", CONSTANT.copy()),
    "a memory map": lambda x: lambda g: MAPPED,
}


@pytest.mark.parametrize("name", LOCALS)
def test_a_gradient_shares_nothing_with_what_a_local_gradient_returns(name: str) -> None:
    @mt.rule
    def odd(x):  # type: ignore[no-untyped-def]
        return x * 1.0, LOCALS[name](x)

    expected = np.ones(3) if "its" in name else CONSTANT
    x, seed = parameter(), np.ones(3)
    for times in (1, 2, 3):  # gradients add up, also within one pass
        odd(x).backward(seed)
        np.testing.assert_array_equal(x.grad, times * expected)
    x.grad = None
    (odd(x) + odd(x) + odd(x)).backward(seed)
    np.testing.assert_array_equal(x.grad, 3 * expected)
    x.grad = None
    odd(x).backward(seed)
    x.grad += 100
    total = grad(lambda x: (odd(x) + odd(x)).sum())(parameter())
    total.data[...] += 100
    x.grad = None
    odd(x).backward(seed)
    np.testing.assert_array_equal(x.grad, expected)
    np.testing.assert_array_equal(x.data, [1, 2, 3])
    np.testing.assert_array_equal(seed, np.ones(3))
    np.testing.assert_array_equal(CONSTANT, [1, 2, 3])


def test_two_inputs_may_be_given_the_same_array() -> None:
    @mt.rule
    def both(x, y):  # type: ignore[no-untyped-def]
        shared = np.ones(3)
        return x + y, lambda g: shared, lambda g: shared

    x, y = parameter(), parameter()
    both(x, y).sum().backward()
    x.grad += 1
    assert y.grad.tolist() == [1, 1, 1]
    both(x, x).sum().backward()
    assert x.grad.tolist() == [4, 4, 4]


def test_a_gradient_that_only_the_engine_holds_is_not_copied() -> None:
    made: list[int] = []

    @mt.rule
    def fresh(x):  # type: ignore[no-untyped-def]
        def local(g: Any) -> Any:
            array = g * 2.0
            made.append(array.ctypes.data)
            return array

        return x * 2.0, local

    x = parameter()
    fresh(x).backward(np.ones(3))
    assert x.grad.ctypes.data == made[0]


# ------------------------------------------------------------------------------------- stale inputs


class Caller:
    def __init__(self, x: Array) -> None:
        self.x = x

    def __call__(self, g: Any) -> Any:
        return g * self.x

    def method(self, g: Any) -> Any:
        return g * self.x


def keyword(x: Array) -> Callable[[Any], Any]:
    def local(g: Any, *, factor: Array = x) -> Any:
        return g * factor

    return local


def default(x: Array) -> Callable[[Any], Any]:
    def local(g: Any, factor: Array = x) -> Any:
        return g * factor

    return local


def in_a_dict(x: Array) -> Callable[[Any], Any]:
    saved = {"x": x}
    return lambda g: g * saved["x"]


def in_containers(x: Array) -> Callable[[Any], Any]:
    saved = ([{"x": (x,)}],)
    return lambda g: g * saved[0][0]["x"][0]


def nested(x: Array) -> Callable[[Any], Any]:
    def inner(g: Any) -> Any:
        return g * x

    def outer(g: Any) -> Any:
        return inner(g)

    return outer


def wrapped(x: Array) -> Callable[[Any], Any]:
    def inner(g: Any) -> Any:
        return g

    @functools.wraps(inner)
    def local(g: Any) -> Any:
        return inner(g) * x

    return local


def in_an_attribute(x: Array) -> Callable[[Any], Any]:
    def local(g: Any) -> Any:
        return g * local.x  # type: ignore[attr-defined]

    local.x = x  # type: ignore[attr-defined]
    return local


def in_a_class(x: Array) -> Callable[[Any], Any]:
    class Context:
        saved = x

    return lambda g: g * Context.saved


def loaded() -> Array:
    return SAVED["x"]


def through_a_helper(x: Array) -> Callable[[Any], Any]:
    SAVED["x"] = x
    return lambda g: g * loaded()


def in_a_factory(x: Array) -> Callable[[Any], Any]:
    saved: defaultdict[str, Array] = defaultdict(lambda: x)
    return lambda g: g * saved["x"]


def in_an_array_of_objects(x: Array) -> Callable[[Any], Any]:
    saved = np.empty(1, object)
    saved[0] = x
    return lambda g: g * saved[0]


class Context(dict[str, Any]):
    x: Array


def in_an_attribute_of_a_dict(x: Array) -> Callable[[Any], Any]:
    context = Context()
    context.x = x
    return lambda g: g * context.x


def through_a_global_method(x: Array) -> Callable[[Any], Any]:
    global times
    times = x.__mul__
    return lambda g: times(g)


def through_a_global(x: Array) -> Callable[[Any], Any]:
    SAVED["x"] = x
    return lambda g: g * SAVED["x"]


SAVED: dict[str, Array] = {}
times: Any = None
CAPTURES: dict[str, Callable[[Array], Callable[[Any], Any]]] = {
    "closure": lambda x: lambda g: g * x,
    "default argument": default,
    "keyword argument": keyword,
    "partial": lambda x: partial(operator.mul, x),
    "partial of a lambda": lambda x: partial(lambda x, g: g * x, x),
    "keyword of a partial": lambda x: partial(lambda g, x: g * x, x=x),
    "dict": in_a_dict,
    "nested containers": in_containers,
    "bound method": lambda x: Caller(x).method,
    "callable object": Caller,
    "object in a closure": lambda x: (lambda held: lambda g: g * held.x)(Caller(x)),
    "nested function": nested,
    "view": lambda x: (lambda rows: lambda g: g * rows)(x[:]),
    "method of an array": lambda x: x.__mul__,
    "global container": through_a_global,
    "function that wraps another": wrapped,
    "attribute of a function": in_an_attribute,
    "attribute of a class": in_a_class,
    "global function": through_a_helper,
    "factory of a dict": in_a_factory,
    "array of objects": in_an_array_of_objects,
    "attribute of a dict": in_an_attribute_of_a_dict,
    "global method of an array": through_a_global_method,
}


@pytest.mark.parametrize("name", CAPTURES)
def test_a_write_after_the_forward_pass_is_noticed_however_the_input_was_kept(name: str) -> None:
    @mt.rule
    def keeps(x):  # type: ignore[no-untyped-def]
        return x * x / 2, CAPTURES[name](x)

    x = parameter()
    keeps(x).sum().backward()
    np.testing.assert_array_equal(x.grad, [1, 2, 3])
    y = keeps(x).sum()
    with mt.no_grad():
        x += 1
    with pytest.raises(GraphError, match=r"keeps needs an input of shape .* overwritten"):
        y.backward()
    np.testing.assert_array_equal(x.grad, [1, 2, 3])


def test_a_write_is_noticed_through_a_rule_that_returns_the_second_of_three() -> None:
    @mt.rule
    def second(x, y, z):  # type: ignore[no-untyped-def]
        return y, lambda g: g * 0, lambda g: g, lambda g: g * 0

    x, w = Tensor(np.array([1.0, 2.0])), parameter(3.0, 4.0)
    y = (second(x * 2, x, x * 3) * w).sum()
    x += 1
    with pytest.raises(GraphError, match="multiply needs an input"):
        y.backward()


@pytest.mark.parametrize("same", [lambda x: x, lambda x: x[:], lambda x: x.T], ids=["itself", "view", "T"])
def test_a_write_is_noticed_through_a_rule_that_returns_its_input(same: Callable[[Array], Array]) -> None:
    @mt.rule
    def passed(x):  # type: ignore[no-untyped-def]
        return same(x), lambda g: g

    x, w = Tensor(np.array([1.0, 2.0])), parameter(3.0, 4.0)
    y = (passed(x) * w).sum()
    x += 1
    with pytest.raises(GraphError, match="multiply needs an input"):
        y.backward()


def test_a_write_is_no_fault_where_the_local_gradient_keeps_only_shapes_and_numbers() -> None:
    @mt.rule(arrays=True)
    def spread(x, n=3):  # type: ignore[no-untyped-def]
        shape = x.shape
        return x.sum() * n, lambda g: np.full(shape, g * n)

    x = parameter()
    y = spread(x)
    with mt.no_grad():
        x += 1
    y.backward()
    assert x.grad.tolist() == [3, 3, 3]


def test_a_write_is_no_fault_where_numpy_s_functions_and_empty_cells_are_all_there_is() -> None:
    from numpy import where

    @mt.rule
    def chosen(x, k=None):  # type: ignore[no-untyped-def]
        if k is not None:
            factor = k
        return x + 1.0, lambda g: where(True, g, 0.0) if k is None else g * factor

    x = parameter()
    y = chosen(x).sum()
    x.data += 1
    y.backward()
    assert x.grad.tolist() == [1, 1, 1]


def test_other_memory_shares_no_writes_with_what_was_viewed() -> None:
    a = parameter()
    b = a.detach()
    y = (a * a).sum()
    b.data = np.zeros(3)
    with mt.no_grad():
        b += 1
    y.backward()
    assert a.grad.tolist() == [2, 4, 6]


# ------------------------------------------------------------------------------ a rule in a notebook


def test_a_plain_rule_works_in_every_mode() -> None:
    @mt.rule
    def squashed(x):  # type: ignore[no-untyped-def]
        y = 1 + abs(x)
        return x / y, lambda g: g / (y * y)

    assert squashed(1.0) == 0.5
    assert squashed(np.array([1.0, -3.0])).tolist() == [0.5, -0.75]
    v, t = Value(1.0), Tensor([1.0, -3.0], dtype=float, requires_grad=True)
    squashed(v).backward()
    squashed(t).sum().backward()
    assert (v.grad, t.grad.tolist()) == (0.25, [0.25, 1 / 16])
    assert grad(grad(squashed))(1.0).item() == -0.25
    assert gradcheck(squashed, np.array([0.5, -2.0, 3.0]), order=2)
    w = Value(1.0)
    squashed(w).backward(create_graph=True)
    slope, w.grad = w.grad, 0.0
    slope.backward()
    assert w.grad == -0.25

    def step(x: Any) -> Any:
        t.grad = None
        (squashed(t) * x).sum().backward()
        return squashed(t).detach()

    compiled = mt.compile(step)
    for i in range(5):
        x = np.array([1.0, float(i)])
        np.testing.assert_array_equal(compiled(x).data, step(x).data)
        found, _ = t.grad.copy(), step(x)
        np.testing.assert_array_equal(found, t.grad)
    assert compiled._programs


BROKEN: dict[str, tuple[Callable[[Any], Any], Any, str]] = {
    "no tuple": (lambda x: x, DTypeError, "odd"),
    "nothing": (lambda x: None, DTypeError, "odd"),
    "an empty tuple": (lambda x: (), DTypeError, "odd"),
    "text": (lambda x: ("one", lambda g: g), DTypeError, "odd"),
    "a list": (lambda x: ([1.0, 2.0, 3.0], lambda g: g), DTypeError, "odd"),
    "no value": (lambda x: (None, lambda g: g), DTypeError, "odd"),
    "a gradient that is a list": (lambda x: (x * 1.0, lambda g: [1.0, 2.0, 3.0]), DTypeError, "odd"),
    "a gradient that is text": (lambda x: (x * 1.0, lambda g: "one"), DTypeError, "odd"),
    "a gradient that is nothing": (lambda x: (x * 1.0, lambda g: None), DTypeError, "odd"),
    "a gradient that is complex": (lambda x: (x * 1.0, lambda g: g * 1j), DTypeError, "odd"),
    "a gradient of objects": (lambda x: (x * 1.0, lambda g: np.array([None] * 3)), DTypeError, "odd"),
    "a gradient that is no function": (lambda x: (x * 1.0, x), DTypeError, "odd"),
    "a complex value": (lambda x: (x * 1j, lambda g: g), DTypeError, "odd"),
    "a value of text": (lambda x: (np.array(["1"] * 3), lambda g: g), DTypeError, "odd"),
    "no gradient": (lambda x: (x * 1.0, None), GraphError, "odd: no gradient flows to argument 1"),
}


@pytest.mark.parametrize("make", [parameter, lambda: Value(2.0)], ids=["Tensor", "Value"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_that_breaks_its_promise_is_named(name: str, make: Callable[[], Any]) -> None:
    function, fault, message = BROKEN[name]

    @mt.rule
    def odd(x):  # type: ignore[no-untyped-def]
        return function(x)

    def use() -> None:
        y = odd(make())
        (y.sum() if isinstance(y, Tensor) else y).backward()

    with pytest.raises(fault, match=message):
        use()


def test_a_gradient_of_another_shape_is_named_too() -> None:
    @mt.rule
    def odd(x):  # type: ignore[no-untyped-def]
        return x * 1.0, lambda g: np.ones(5)

    with pytest.raises(ShapeError, match=r"odd: a local gradient of shape \(5,\) cannot be summed down"):
        odd(parameter()).sum().backward()


def test_a_rule_that_takes_numbers_out_of_nodes_has_no_second_order() -> None:
    @mt.rule
    def sine(x):  # type: ignore[no-untyped-def]
        return math.sin(x), lambda g: g * math.cos(x)

    v = Value(1.0)
    sine(v).backward()
    assert v.grad == math.cos(1.0)
    with pytest.raises(DTypeError, match="sine: has no gradient of its gradient, as its rule makes a float"):
        sine(v).backward(create_graph=True)


def test_a_mark_that_there_is_not_is_refused() -> None:
    with pytest.raises(mt.OptionError, match=r"rule: no mark arry. There are arrays, floats, inputs, method"):
        mt.rule(arry=True)(lambda x: (x, None))  # type: ignore[call-overload]


def test_an_error_is_not_its_own_cause() -> None:
    @mt.rule
    def odd(x):  # type: ignore[no-untyped-def]
        return x * 1.0, lambda g: np.ones(5)

    with pytest.raises(ShapeError) as error:
        odd(parameter()).sum().backward()
    assert error.value.__cause__ is not error.value
    with pytest.raises(mt.OptionError, match="rule: inputs names y, not among x"):
        mt.rule(inputs="x y")(lambda x: (x, None))


def test_a_value_error_of_a_local_gradient_names_the_rule() -> None:
    @mt.rule
    def odd(x):  # type: ignore[no-untyped-def]
        return x * 1.0, lambda g: g + np.ones((3, 3)) @ np.ones(4)

    with pytest.raises(ShapeError, match=r"^odd: matmul: Input operand 1 has a mismatch"):
        odd(parameter()).sum().backward()


def test_what_looks_on_sees_operations_and_gradients() -> None:
    seen: list[str] = []

    class Tape(Watcher):
        def made(self, node: Any, operation: Any, args: tuple[Any, ...]) -> None:
            seen.append(operation.name)

        def receives(self, leaf: Any, gradient: Any) -> Any:
            seen.append(f"gradient {gradient.tolist()}")
            return gradient

    x = parameter(1.0, 2.0)
    with watching(Tape()):
        (x * x).sum().backward()
        Value(1.0) + 1
    x * x
    assert seen == ["multiply", "sum", "gradient [2.0, 4.0]", "add"]


def test_a_rule_for_arrays_alone_says_so_on_a_value() -> None:
    @mt.rule
    def total(x):  # type: ignore[no-untyped-def]
        return x.sum(), lambda g: g

    with pytest.raises(DTypeError, match="total"):
        total(Value(1.0))
    with pytest.raises(DTypeError, match="sum: takes tensors and arrays, not a Value"):
        mt.sum(Value(1.0))


# ------------------------------------------------------------------------------------ how far it is


def functions_entered(call: Callable[[], Any]) -> tuple[Any, list[tuple[str, str]]]:
    """What a call returns, and the project's functions it passes through, as (file, name)."""
    entered: list[tuple[str, str]] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT) and "tests" not in path.parts:
            entered.append((str(path.relative_to(ROOT)), frame.f_code.co_name))

    sys.setprofile(profile)
    try:
        result = call()
    finally:
        sys.setprofile(None)
    return result, entered


def test_a_product_passes_through_four_functions_in_three_files() -> None:
    a, b = parameter(), parameter()
    _, entered = functions_entered(lambda: a * b)
    assert len(entered) <= 4
    assert len({file for file, _ in entered}) <= 3


def test_backward_of_a_sum_passes_through_six_functions_beside_the_rules() -> None:
    total = (parameter() * parameter()).sum()
    _, entered = functions_entered(total.backward)
    assert len({place for place in entered if "rules" not in place[0]}) <= 6
