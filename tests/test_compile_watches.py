"""compile: what it watches and what it refuses, one by one; test_compile_changes.py draws them at random."""

from __future__ import annotations

import argparse
import array
import collections
import collections.abc
import configparser
import contextvars
import copy
import functools
import gc
import pickle
import queue
import random
import sys
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor as mt
from minitensor import nn, optim, training
from tests.test_compile_changes import same_bits

pandas: Any = pytest.importorskip("pandas")

X = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.5]], np.float32)


def holding(value: Any, where: str) -> tuple[Callable[[Any], Any], Callable[[Any], None]]:
    """A step that divides by a value which stands somewhere, and a function that puts another there."""
    box, layer, entries, pairs = types.SimpleNamespace(by=value), nn.Dropout(), [value], {"by": (value,)}
    layer.p = value

    def set_cell(x: Any) -> None:
        nonlocal value
        value = x

    def default(x: Any, by: Any = value) -> Any:
        return x / by

    def set_default(x: Any) -> None:
        default.__defaults__ = (x,)

    return {
        "closure": (lambda x: x / value, set_cell),
        "attribute": (lambda x: x / box.by, lambda y: setattr(box, "by", y)),
        "module": (lambda x: x / layer.p, lambda y: setattr(layer, "p", y)),
        "list": (lambda x: x / entries[0], lambda y: entries.__setitem__(0, y)),
        "tuple in a dict": (lambda x: x / pairs["by"][0], lambda y: pairs.update(by=(y,))),
        "default": (default, set_default),
    }[where]


ALIKE = [
    (0.0, -0.0),
    (2, 2.0),
    (1, True),
    (2.0, np.float32(2)),
    (2.0, np.float64(2)),
    (2, np.int8(2)),
    (1.0, np.nan),
]


@pytest.mark.parametrize("where", ["closure", "attribute", "module", "list", "tuple in a dict", "default"])
@pytest.mark.parametrize(("one", "two"), ALIKE, ids=repr)
def test_equal_numbers_of_other_types_or_signs_are_others(where: str, one: Any, two: Any) -> None:
    for x in (X.astype(np.float64), X.astype(int)):
        step, put = holding(one, where)
        compiled = mt.compile(step)
        for value in (one, two, one, two):
            put(value)
            for _ in range(3):
                with np.errstate(all="ignore"):
                    assert same_bits(compiled(x), step(x))
        assert sum(map(len, compiled._programs.values())) == 2


@pytest.mark.parametrize(("one", "two"), ALIKE, ids=repr)
def test_arguments_are_told_apart_likewise(one: Any, two: Any) -> None:
    def step(x: Any, by: Any, pair: Any) -> Any:
        return x / by - pair[0]

    compiled = mt.compile(step)
    for _ in range(3):
        for value in (one, two):
            with np.errstate(all="ignore"):
                assert same_bits(compiled(X, value, (value,)), step(X, value, (value,)))


@pytest.mark.parametrize("where", ["closure", "attribute", "module", "list", "tuple in a dict", "default"])
def test_the_same_number_set_again_needs_no_other_program(where: str) -> None:
    step, put = holding(0.1, where)
    compiled = mt.compile(step)
    for _ in range(6):
        put(float("0.1"))
        compiled(X)
    assert sum(map(len, compiled._programs.values())) == 1


class Trainer:
    def __init__(self) -> None:
        self.model = nn.Linear(3, 2, rng=0)
        self.scale = 2.0

    @mt.compile
    def step(self, x: Any) -> Any:
        return (self.model(x) * self.scale).detach()

    @classmethod
    @mt.compile
    def of_the_class(cls, x: Any) -> Any:
        return x * 2

    @staticmethod
    @mt.compile
    def of_none(x: Any) -> Any:
        return x * 2


def test_methods_have_programs_of_their_own_for_each_object() -> None:
    one, two = Trainer(), Trainer()
    two.scale = 3.0
    for _ in range(4):
        np.testing.assert_array_equal(one.step(X).data * np.float32(1.5), two.step(X).data)
        np.testing.assert_array_equal(one.of_the_class(X) + one.of_none(X), X * 4)
    assert one.step is one.step
    assert len(one.step._programs) == len(two.step._programs) == 1
    assert Trainer.step.__name__ == "step"


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_of_an_object_begins_anew(duplicate: Any) -> None:
    trainer = Trainer()
    expected = trainer.step(X).data
    for _ in range(3):
        trainer.step(X)
    other = duplicate(trainer)
    other.scale = 4.0
    for _ in range(4):
        np.testing.assert_array_equal(other.step(X).data, expected * 2)
        np.testing.assert_array_equal(trainer.step(X).data, expected)


def test_an_object_with_a_compiled_method_can_be_freed() -> None:
    trainer = Trainer()
    for _ in range(4):
        trainer.step(X)
    gone = weakref.ref(trainer)
    del trainer
    gc.collect()
    assert gone() is None


def test_a_method_needs_a_place_for_its_programs() -> None:
    class Slots:
        __slots__ = ()

        @mt.compile
        def step(self, x: Any) -> Any:
            return x

    with pytest.raises(mt.CompileError, match=r"without __dict__.*Compile a function"):
        Slots().step(X)


def test_what_is_no_function_cannot_be_compiled() -> None:
    with pytest.raises(mt.DTypeError, match="takes a function, the step, not a int"):
        mt.compile(3)  # type: ignore[arg-type]


def test_training_and_evaluation_take_turns_without_being_recorded_again() -> None:
    model = nn.Sequential(nn.Linear(3, 3, rng=0), nn.Dropout(0.5, rng=0))
    compiled = mt.compile(lambda x: model(x).detach())
    for _ in range(4):
        for mode in (True, False):
            model.train(mode)
            compiled(X)
    (programs,) = compiled._programs.values()
    known = list(programs)
    for mode in (True, False, True):
        model.train(mode)
        compiled(X)
    assert programs == known
    assert len(known) == 2


def test_a_number_that_changes_at_every_call_runs_as_it_is_with_a_warning_that_names_it() -> None:
    rate = 0.0

    def step(x: Any) -> Any:
        return x * rate

    compiled = mt.compile(step)
    for i in range(64):
        rate = float(i)
        compiled(X)
    message = r"step runs as it is: .*64 times in vain, as rate is another each time.*can be an array"
    for i in range(3):
        rate = float(i)
        with pytest.warns(UserWarning, match=message):
            np.testing.assert_array_equal(compiled(X), X * np.float32(rate))


def test_a_number_that_changes_now_and_then_never_wears_compile_out() -> None:
    rate = 0.0
    compiled = mt.compile(lambda x: x * rate)
    for i in range(100):
        rate = float(i)
        for _ in range(4):
            np.testing.assert_array_equal(compiled(X), X * np.float32(rate))
    (programs,) = compiled._programs.values()
    assert len(programs) == 8


def numbers_without_end() -> Any:
    while True:
        yield 1.0


UNSEEN: dict[str, Any] = {
    "iterator": iter([1.0] * 9),
    "generator": numbers_without_end(),
    "queue": queue.Queue(),
    "variable": contextvars.ContextVar("v", default=1.0),
    "many": [0.0] * 10_001,
    "large": np.broadcast_to(np.float32(1), (2**13, 2**12)),
    "next": iter([1.0] * 9).__next__,
    "event": threading.Event(),
    "function of objects": np.frompyfunc(lambda x: x, 1, 1),
}


@pytest.mark.parametrize("kind", UNSEEN)
def test_what_cannot_be_watched_is_refused_before_anything_is_done(kind: str) -> None:
    done, thing = [], UNSEEN[kind]

    @mt.compile
    def step(x: Any) -> Any:
        done.append(1)
        return x * len(str(thing))

    with pytest.raises(mt.CompileError, match=r'thing.*cannot be seen.*watches.py", line [0-9]+. Give'):
        step(X)
    assert not done


@pytest.mark.parametrize("text", ["eval('X')", "globals()['X']", "__import__('math').pi"])
def test_names_in_a_text_are_refused(text: str) -> None:
    with pytest.raises(mt.CompileError, match=r"finds what is named in a text.*line 1"):
        mt.compile(eval(f"lambda x: x * {text}"))(X)


@pytest.mark.parametrize("text", ["np.random.default_rng()", "random.Random()", "secrets.randbelow(2)"])
def test_generators_without_a_seed_are_refused(text: str) -> None:
    around = {"np": np, "random": random, "secrets": __import__("secrets")}
    with pytest.raises(mt.CompileError, match=r"(default_rng|Random|secrets) draws other random numbers"):
        mt.compile(eval(f"lambda x: x * 2 if {text} else x", around))(X)


@pytest.mark.parametrize(
    "text",
    [
        "np.random.default_rng(3)",
        "mt.Generator()",
        "mt.Generator().manual_seed(3)",
    ],
)
def test_generators_that_the_step_makes_itself_are_refused(text: str) -> None:
    make = eval(f"lambda: {text}", {"np": np, "mt": mt})
    step = mt.compile(lambda x: x + mt.randn(3, rng=make()))
    with pytest.raises(mt.CompileError, match=r"does not do the same"):
        [step(X) for _ in range(6)]


def test_a_generator_that_is_seeded_in_the_step_is_seeded_in_each() -> None:
    draw = mt.Generator()

    def step(x: Any) -> Any:
        draw.manual_seed(3)
        return x + mt.randn(3, generator=draw)

    compiled, wanted = mt.compile(step), step(X)
    for _ in range(5):
        np.testing.assert_array_equal(compiled(X), wanted)
    assert "No program" not in compiled.explain()


def test_what_another_thread_changes_is_no_fault_of_the_step() -> None:
    settings, asked, done = types.SimpleNamespace(gain=1.0), threading.Lock(), threading.Lock()
    asked.acquire(), done.acquire()

    def change() -> None:
        while asked.acquire(timeout=5):
            settings.gain += 1.0
            done.release()

    def step(x: Any) -> Any:
        asked.release()
        done.acquire()
        return x * settings.gain

    thread = threading.Thread(target=change)
    thread.start()
    compiled = mt.compile(step)
    for i in range(6):
        assert compiled(np.ones(1))[0] == i + 2
    thread.join()


def test_a_cache_that_is_emptied_is_noticed() -> None:
    settings = types.SimpleNamespace(gain=1.0)

    @functools.lru_cache
    def gain() -> float:
        return float(settings.gain)

    compiled = mt.compile(lambda x: x * gain())
    for cleared in (False, False, True):
        if cleared:
            gain.cache_clear()
        for _ in range(4):
            np.testing.assert_array_equal(compiled(X), X * np.float32(5 if cleared else 1))
        settings.gain = 5.0


@mt.compile
def doubled(x: Any) -> Any:
    return x * 2


def test_a_compiled_function_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    assert copy.deepcopy(doubled) is doubled


@pytest.mark.parametrize("draw", [random.random, np.random.rand, np.random.default_rng(0).random])
def test_random_numbers_from_elsewhere_are_refused_even_if_they_only_decide(draw: Any) -> None:
    @mt.compile
    def step(x: Any) -> Any:
        return x * 2 if draw() >= 0 else x

    step(X), step(X)
    with pytest.raises(mt.CompileError, match=r"draws random numbers.*watches.py.*outside"):
        step(X)


def test_a_seeded_generator_goes_on_as_it_does_without_compile() -> None:
    def step(x: Any) -> Any:
        draw = mt.random.generator(7)
        return x + draw.random(3) + draw.normal(size=3) - mt.random.generator(7).random(3)

    compiled = mt.compile(step)
    for _ in range(4):
        np.testing.assert_array_equal(compiled(X), step(X))


def test_fit_with_callbacks_that_change_things() -> None:
    def losses(compile: bool) -> list[float]:
        model = nn.Sequential(
            nn.Linear(3, 8, rng=0), nn.Dropout(0.5, rng=1), nn.LeakyReLU(), nn.Linear(8, 2, rng=2)
        )
        loss = nn.CrossEntropyLoss()

        class Changes(training.Callback):
            batches = 0

            def on_batch(self, run: training.Run) -> None:
                self.batches += 1
                if self.batches == 4:
                    model[1].p = 0.0  # type: ignore[attr-defined]
                elif self.batches == 8:
                    loss.label_smoothing = 0.2
                elif self.batches == 12:
                    model[2] = nn.Tanh()
                elif self.batches == 16:
                    model[0].bias = None  # type: ignore[attr-defined]
                elif self.batches == 20:
                    np.clip(model[3].weight.data, -0.1, 0.1, out=model[3].weight.data)  # type: ignore

        rng = np.random.default_rng(0)
        data = [(rng.standard_normal((6, 3), dtype=np.float32), rng.integers(0, 2, 6)) for _ in range(5)]
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        return training.fit(model, data, None, optimizer, loss, 6, compile=compile, callbacks=[Changes()])[
            "loss"
        ]

    assert losses(True) == losses(False)


def test_threads_use_a_model_while_another_records_it_again_and_again() -> None:
    model = nn.Sequential(
        nn.Linear(3, 8, rng=0), nn.BatchNorm1d(8), nn.Dropout(0.2, rng=0), nn.Linear(8, 2, rng=1)
    )
    optimizer = optim.Adam(model.parameters())
    stop, faults, used = threading.Event(), [], []

    def step(x: Any) -> Any:
        loss = (model(x) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def use() -> None:
        try:
            while not stop.is_set():
                with mt.no_grad():
                    assert np.isfinite(model(X).numpy()).all()
                model.state_dict(), repr(model)
                used.append(1)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    compiled = mt.compile(step)
    for i in range(60):
        model[2].p = 0.1 + 0.01 * (i // 4)  # type: ignore[attr-defined]
        compiled(X)
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert used


def test_seeding_within_a_step_is_done_at_each_call() -> None:
    def step(x: Any) -> Any:
        mt.manual_seed(3)
        return x + mt.randn(3)

    compiled = mt.compile(step)
    for _ in range(4):
        np.testing.assert_array_equal(compiled(X).data, step(X).data)
        assert mt.random.generator().random() == step_again(step)


def step_again(step: Any) -> float:
    step(X)
    return float(mt.random.generator().random())


class Answers:
    """A configuration as libraries have them: names are answered, and nowhere to be found."""

    __module__ = "argparse"  # of a library

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self.__dict__["_values"]:
            raise AttributeError(name)
        return self._values[name]


CONFIGURATIONS: dict[str, tuple[Any, Callable[[Any, float], object]]] = {
    "namespace": (types.SimpleNamespace(by=2.0), lambda c, y: setattr(c, "by", y)),
    "arguments": (argparse.Namespace(by=2.0), lambda c, y: setattr(c, "by", y)),
    "answers": (Answers(by=2.0), lambda c, y: c._values.update(by=y)),
    "nested answers": (Answers(deep=Answers(by=2.0)), lambda c, y: c.deep._values.update(by=y)),
    "user dict": (collections.UserDict(by=2.0), lambda c, y: c.update(by=y)),
    "default dict": (collections.defaultdict(float, by=2.0), lambda c, y: c.update(by=y)),
    "chain": (collections.ChainMap({"by": 2.0}), lambda c, y: c.maps[0].update(by=y)),
    "parser": (configparser.ConfigParser(), lambda c, y: c.read_dict({"a": {"by": str(y)}})),
    "deque": (collections.deque([2.0]), lambda c, y: c.__setitem__(0, y)),
    "set": ({2.0}, lambda c, y: (c.clear(), c.add(y))),
    "bytes": (bytearray([2]), lambda c, y: c.__setitem__(0, int(y))),
    "array": (array.array("d", [2.0]), lambda c, y: c.__setitem__(0, y)),
    "frame": (pandas.DataFrame({"by": [2.0]}), lambda c, y: c.__setitem__("by", [y])),
}


def number_in(found: Any) -> float:
    """The one number in a configuration, as its users would read it."""
    if isinstance(found, configparser.ConfigParser):
        return found.getfloat("a", "by")
    if isinstance(found, collections.abc.Mapping | pandas.DataFrame):
        return (
            float(found["by"]) if isinstance(found, collections.abc.Mapping) else float(found["by"].iloc[0])
        )
    if isinstance(found, collections.abc.Collection):
        return float(next(iter(found)))
    return float(found.deep.by if hasattr(found, "deep") else found.by)


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_numbers_in_configurations_of_all_kinds(kind: str) -> None:
    configuration, change = CONFIGURATIONS[kind]
    change(configuration, 2.0)

    def step(x: Any) -> Any:
        return x * number_in(configuration)

    compiled = mt.compile(step)
    for value in (2.0, 3.0, 2.0):
        change(configuration, value)
        for _ in range(3):
            np.testing.assert_array_equal(compiled(X), X * np.float32(value))
    assert sum(map(len, compiled._programs.values())) >= 2


# programs as somebody would write them, with a step f of one array, and what changes later
PROGRAMS: dict[str, tuple[str, str]] = {
    "named tuple": (
        "C = typing.NamedTuple('C', [('n', float)]); c = C(1.0)\nf = lambda x: x * c.n",
        "c = c._replace(n=5.0)",
    ),
    "named tuple of an object": (
        "C = typing.NamedTuple('C', [('n', float)])\nclass T: pass\nt = T(); t.c = C(1.0)\n"
        "f = lambda x: x * t.c.n",
        "t.c = C(5.0)",
    ),
    "constructor": (
        "gain = 1.0\nclass B:\n    def __init__(self, x): self.x = x * gain\nf = lambda x: B(x).x",
        "gain = 5.0",
    ),
    "module made in the step": (
        "gain = 1.0\nclass B(nn.Module):\n    def __init__(self): self.by = gain\n"
        "    def forward(self, x): return x * self.by\nf = lambda x: B()(x)",
        "gain = 5.0",
    ),
    "data class": (
        "gain = 1.0\n@dataclasses.dataclass\nclass B:\n    x: object\n"
        "    def __post_init__(self): self.x = self.x * gain\nf = lambda x: B(x).x",
        "gain = 5.0",
    ),
    "subclass": (
        "class A: by = 1.0\nclass B(A): pass\nb = B()\nf = lambda x: x * b.by",
        "B.by = 5.0",
    ),
    "forward of a subclass": (
        "class N(nn.Linear): pass\nn = N(3, 2, rng=0)\nf = lambda x: n(x).detach()",
        "N.forward = lambda self, x: mt.Tensor(x) * 7",
    ),
    "other bases": (
        "class A: by = 1.0\nclass A2: by = 5.0\nclass B(A): pass\nb = B()\nf = lambda x: x * b.by",
        "B.__bases__ = (A2,)",
    ),
    "metaclass": (
        "class M(type):\n    @property\n    def by(cls): return cls.n\n"
        "class A(metaclass=M): n = 1.0\nf = lambda x: x * A.by",
        "A.n = 5.0",
    ),
    "absent, by getattr": (
        "c = types.SimpleNamespace()\nf = lambda x: x * getattr(c, 'gain', 1.0)",
        "c.gain = 5.0",
    ),
    "absent, by hasattr": (
        "class C: pass\nc = C()\nf = lambda x: x * (c.gain if hasattr(c, 'gain') else 1.0)",
        "c.gain = 5.0",
    ),
    "absent, by an exception": (
        "class C: pass\nc = C()\ndef f(x):\n    try: return x * c.gain\n    except AttributeError: return x",
        "c.gain = 5.0",
    ),
    "absent from a function": (
        "def h(x): return x\nf = lambda x: h(x) * getattr(h, 'gain', 1.0)",
        "h.gain = 5.0",
    ),
    "wrapper of a library's function": (
        "gain = 1.0\n@functools.wraps(F.relu)\ndef h(x): return F.relu(x) * gain\n"
        "f = lambda x: h(mt.Tensor(x))",
        "gain = 5.0",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef h(x): return x\n"
        "@h.register(np.ndarray)\ndef of_arrays(x): return x * 2\nf = lambda x: h(x)",
        "h.register(np.ndarray)(lambda x: x * 5)",
    ),
    "proxy of a dict": (
        "d = {'g': 1.0}; c = types.MappingProxyType(d)\nf = lambda x: x * c['g']",
        "d['g'] = 5.0",
    ),
    "values of a dict": (
        "d = {'g': 1.0}; c = d.values()\nf = lambda x: x * sum(c)",
        "d['g'] = 5.0",
    ),
    "items of a dict": (
        "d = {'g': 1.0}; c = d.items()\nf = lambda x: x * dict(c)['g']",
        "d['g'] = 5.0",
    ),
    "enumeration of integers": (
        "K = {1: 1.0}\nclass P(enum.IntEnum):\n    A = 1\n    @property\n    def by(self): return K[self]\n"
        "p = P.A\nf = lambda x: x * p.by",
        "K[1] = 5.0",
    ),
    "subclass of float": (
        "class W(float): pass\nw = W(2.0); w.by = 1.0\nf = lambda x: x * w.by",
        "w.by = 5.0",
    ),
    "subclass of an array": (
        "class W(np.ndarray): pass\nw = np.ones(3).view(W); w.by = 1.0\nf = lambda x: x * w.by",
        "w.by = 5.0",
    ),
    "subclass of a parameter": (
        "class W(nn.Parameter): pass\nw = W([1.0]); w.by = 1.0\nf = lambda x: x * w.by",
        "w.by = 5.0",
    ),
    "frozen set of objects": (
        "class C: by = 1.0\nc = C(); s = frozenset({c})\nf = lambda x: x * sum(o.by for o in s)",
        "c.by = 5.0",
    ),
    "array of objects": (
        "class C: by = 1.0\nc = C(); s = np.array([c, c])\nf = lambda x: x * s[0].by",
        "c.by = 5.0",
    ),
    "attrgetter": (
        "c = types.SimpleNamespace(by=1.0); get = operator.attrgetter('by')\nf = lambda x: x * get(c)",
        "c.by = 5.0",
    ),
    "another name of getattr": (
        "class C: pass\nc = C(); c.by = 1.0; get = getattr\nf = lambda x: x * get(c, 'by')",
        "c.by = 5.0",
    ),
    "formatted": (
        "class C: pass\nc = C(); c.by = 1.0\nf = lambda x: x * float('{0.by}'.format(c))",
        "c.by = 5.0",
    ),
    "partial method": (
        "gain = 1.0\ndef scaled(self, by, x): return x * by * gain\n"
        "class C: h = functools.partialmethod(scaled, 2.0)\nc = C()\nf = lambda x: c.h(x)",
        "gain = 5.0",
    ),
    "private slot": (
        "class C:\n    __slots__ = ('__g',)\n    def __init__(self): self.__g = 1.0\n"
        "    def set(self, y): self.__g = y\n    def __call__(self, x): return x * self.__g\n"
        "c = C()\nf = lambda x: c(x)",
        "c.set(5.0)",
    ),
    "proxy": (
        "class C: by = 1.0\nc = C(); p = weakref.proxy(c)\nf = lambda x: x * p.by",
        "c.by = 5.0",
    ),
    "property that a library's layer reads": (
        "k = types.SimpleNamespace(slope=0.2)\nclass L(nn.LeakyReLU):\n    def __init__(self): pass\n"
        "    negative_slope = property(lambda self: k.slope)\nl = L()\nf = lambda x: l(mt.Tensor(x))",
        "k.slope = 0.7",
    ),
    "class attribute that a library's layer reads": (
        "class L(nn.LeakyReLU):\n    def __init__(self): pass\n    negative_slope = 0.2\n"
        "l = L()\nf = lambda x: l(mt.Tensor(x))",
        "L.negative_slope = 0.7",
    ),
    "constructor by a class method": (
        "g = 1.0\nclass C:\n    def __init__(self, x=1): self.x = x * g\n    @classmethod\n"
        "    def make(cls, x): return cls(x)\nc = C()\nf = lambda x: c.make(x).x",
        "g = 5.0",
    ),
    "constructor by type": (
        "g = 1.0\nclass C:\n    def __init__(self, x=1): self.x = x * g\nc = C()\nf = lambda x: type(c)(x).x",
        "g = 5.0",
    ),
    "vectorized": (
        "g = 1.0\nv = np.vectorize(lambda a: a * g)\nf = lambda x: x * v(np.ones(3))",
        "g = 5.0",
    ),
    "single dispatch of a method": (
        "g = 1.0\nclass C:\n    @functools.singledispatchmethod\n    def h(self, x): return x * g\n"
        "c = C()\nf = lambda x: c.h(x)",
        "g = 5.0",
    ),
    "cleared cache": (
        "k = types.SimpleNamespace(by=1.0)\n@functools.lru_cache\ndef by(): return k.by\n"
        "f = lambda x: x * by()",
        "k.by = 5.0; [f(np.ones(3)) for _ in range(3)]; by.cache_clear()",
    ),
    "written out": (
        "g = 1.0\nclass C:\n    def __repr__(self): return str(g)\nc = C()\nf = lambda x: x * float(f'{c}')",
        "g = 5.0",
    ),
    "written out by a percent sign": (
        "class C:\n    def __init__(self): self.by = 1.0\n    def __repr__(self): return str(self.by)\n"
        "c = C()\nf = lambda x: x * float('%s' % c)",
        "c.by = 5.0",
    ),
    "item of a class": (
        "g = 1.0\nclass C:\n    def __class_getitem__(cls, i): return i * g\nf = lambda x: x * C[2]",
        "g = 5.0",
    ),
    "other attributes": (
        "class C: by = 1.0\nc = C()\nf = lambda x: x * c.by",
        "c.__dict__ = {'by': 5.0}",
    ),
    "attribute of an optimizer's class": (
        "class S(optim.SGD): boost = 1.0\nw = mt.Tensor([1.0], requires_grad=True); o = S([w])\n"
        "f = lambda x: x * o.boost",
        "o.boost = 5.0",
    ),
    "import": (
        "import sys\nsettings = types.ModuleType('pkg.conf'); settings.by = 1.0\n"
        "sys.modules['pkg'] = types.ModuleType('pkg'); sys.modules['pkg'].conf = settings\n"
        "sys.modules['pkg.conf'] = settings; __package__ = 'pkg'\nsys.modules['pkg'].__path__ = []\n"
        "def f(x):\n    from .conf import by\n    return x * by",
        "settings.by = 5.0",
    ),
}


IMPORTS = """
import dataclasses, enum, functools, operator, types, typing, weakref
import numpy as np
import minitensor as mt
from minitensor import nn, optim
from minitensor.nn import functional as F
"""


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_that_were_wrong_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, change = PROGRAMS[name]
    somebodys = types.ModuleType("somebodys")
    monkeypatch.setitem(sys.modules, "somebodys", somebodys)
    exec(IMPORTS + before, somebodys.__dict__)
    f = somebodys.f
    compiled, known = mt.compile(f), numbers_of(f(X))
    for _ in range(4):
        assert same_bits(numbers_of(compiled(X)), known)
    assert compiled._programs
    exec(change, somebodys.__dict__)
    assert not same_bits(numbers_of(f(X)), known)
    for _ in range(4):
        assert same_bits(numbers_of(compiled(X)), numbers_of(f(X)))


def numbers_of(result: Any) -> Any:
    return result.data if isinstance(result, mt.Tensor) else result


ASKING: dict[str, Callable[[Any], Any]] = {
    "isinstance": lambda x: x * 2 if isinstance(x, np.ndarray) else x,
    "of a result": lambda x: x * 2 if isinstance(x.sum(), np.floating) else x,
    "of data": lambda x: x * 2 if isinstance(mt.Tensor(x).data, np.ndarray) else x,
    "of another kind": lambda x: x if isinstance(x, list | dict | mt.Tensor) else x * 2,
    "hasattr": lambda x: x * 2 if hasattr(x, "tolist") and not hasattr(x, "backward") else x,
}


@pytest.mark.parametrize("name", ASKING)
def test_arrays_of_a_recording_are_arrays_to_whoever_asks(name: str) -> None:
    compiled = mt.compile(ASKING[name])
    for _ in range(4):
        np.testing.assert_array_equal(compiled(X), ASKING[name](X))


def test_results_have_the_types_that_they_have_without_compile() -> None:
    def step(x: Any) -> Any:
        t = mt.Tensor(x)
        return x.sum(), t.sum().data, t.sum(), x[0, 0], x[:1, 0].reshape(()), x.max(), np.asarray(x).T

    def step_of(x: Any) -> Any:
        return x.sum(), mt.Tensor(x).sum().data, mt.Tensor(x).sum(), x[0, 0], x[:1, 0].reshape(()), x.max()

    compiled = mt.compile(step_of)
    for _ in range(4):
        for one, two in zip(compiled(X), step_of(X), strict=True):
            assert type(one) is type(two)
            assert same_bits(numbers_of(one), numbers_of(two))
    with pytest.raises(mt.CompileError, match="plain array"):
        mt.compile(step)(X)


def test_a_refusal_that_the_step_catches_is_raised_nevertheless() -> None:
    @mt.compile
    def step(x: Any) -> Any:
        try:
            by = float(x.sum())
        except Exception:
            by = 1.0
        return x * by

    for _ in range(3):
        with pytest.raises(mt.CompileError, match=r"float\(\) of an array.*watches.py"):
            step(X)


def test_train_at_the_top_of_a_step_and_eval_after_each_epoch() -> None:
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Dropout(0.5))

    def step(x: Any) -> Any:
        model.train()
        return model(x).detach()

    compiled = mt.compile(step)
    for epoch in range(8):
        for _ in range(3):
            mt.manual_seed(epoch)
            found = compiled(X).data
            mt.manual_seed(epoch)
            np.testing.assert_array_equal(found, step(X).data)
        model.eval()
    assert sum(map(len, compiled._programs.values())) == 1


def test_what_no_code_reads_is_nobodys_business() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 2, rng=0)
            self.steps, self.losses = 0, [0.0]

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    model = Model()
    compiled = mt.compile(lambda x: model(x).detach())
    for i in range(6):
        compiled(X)
        model.steps += 1
        model.losses.append(i)
    (programs,) = compiled._programs.values()
    assert len(programs) == 1


def test_a_layer_that_is_made_at_the_first_call_may_stay() -> None:
    class Lazy(nn.Module):
        def __init__(self) -> None:
            self.layer: Any = None

        def forward(self, x: Any) -> Any:
            if self.layer is None:
                self.layer = nn.Sequential(nn.Linear(x.shape[-1], 2, rng=0), nn.Dropout(0.5, rng=1))
            return self.layer(x)

    one, two = Lazy(), Lazy()
    compiled = mt.compile(lambda x: two(x).detach())
    for _ in range(5):
        np.testing.assert_array_equal(compiled(X).data, one(X).data)
    assert compiled._programs


def test_what_is_kept_of_arguments_does_not_grow() -> None:
    compiled = mt.compile(lambda x, by: x * by)
    for _ in range(4):
        compiled(X, 0.5)
    for i in range(200):
        compiled(X, 1.0 + i)
        compiled(X, 0.5)
    assert len(compiled._programs) <= 32
    assert len(compiled._earlier) <= 32


def test_a_matrix_is_no_array() -> None:
    with pytest.raises(mt.CompileError, match="a MaskedArray as an argument"):
        mt.compile(lambda x: x * 2)(np.ma.masked_array([1.0, 2.0], [True, False]))


class Loop:
    """What a class that trains keeps beside its step, and changes between the steps."""

    def __init__(self) -> None:
        self.model, self.kind, self.scale = nn.Linear(3, 2, rng=0), "relu", 2.0
        self.history: list[float] = []
        self.best, self.epoch, self.log = np.inf, 0, {"lr": 0.1}
        self.seen: Any = None

    @mt.compile
    def named(self, x: Any) -> Any:
        return self.model(x).detach() * self.scale

    @mt.compile
    def written_out(self, x: Any) -> Any:
        assert x.ndim == 2, f"two axes are needed, not {x.shape} of {self.kind!r} by {x.dtype}"
        return self.model(x).detach() * self.scale + len(f"{1} of {self.kind}")

    @mt.compile
    def by_text(self, x: Any) -> Any:
        activation = getattr(nn.functional, self.kind)
        return activation(self.model(x)).detach() * getattr(self, "scale", 1.0)

    @mt.compile
    def trying(self, x: Any) -> Any:
        try:
            return self.model(x).detach() * self.scale
        except Exception:
            raise


@pytest.mark.parametrize("name", ["named", "written_out", "by_text", "trying"])
def test_what_a_step_does_not_read_may_change_at_each_call(name: str) -> None:
    loop = Loop()
    step = getattr(loop, name)
    for i in range(12):
        loop.scale = 2.0 if i < 6 else 3.0
        np.testing.assert_array_equal(step(X).data, step._step.__func__(loop, X).data)
        loop.history.append(float(i))
        loop.log["lr"] = 0.1 * i
        loop.best, loop.epoch, loop.seen = float(i), i, object()
    (programs,) = step._programs.values()
    assert len(programs) == 2


def test_a_step_that_comes_by_too_much_is_refused() -> None:
    tables = [[types.SimpleNamespace(by=1.0) for _ in range(500)] for _ in range(25)]
    with pytest.raises(mt.CompileError, match=r"more than 10,000 objects.*watches.py.*as arguments"):
        mt.compile(lambda x: x * tables[0][0].by)(X)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop])
@pytest.mark.parametrize("given", [(2,), (0, 2, 5), (0, 4, 6)], ids=repr)
def test_a_gradient_of_a_parameter_that_the_step_does_not_use_is_taken_as_by_the_step_itself(
    kind: type[optim.Optimizer], given: tuple[int, ...]
) -> None:
    """It was left over, or given by hand, before one of these calls; nobody clears it."""

    def trained(compile: bool) -> list[Any]:
        used, left = (mt.Tensor(np.ones(3, np.float32), requires_grad=True) for _ in range(2))
        optimizer = kind([{"params": [used, left]}], lr=0.1)

        def step(x: Any) -> Any:
            used.grad = None
            loss = (used * x).sum()
            loss.backward()
            optimizer.step()
            return loss

        run, seen = mt.compile(step) if compile else step, []
        for i in range(8):
            if i in given:
                left.grad = None if left.grad is not None else np.full(3, 0.5, np.float32)
            run(X[0])
            seen += [used.data.copy(), left.data.copy()]
        return seen

    for one, two in zip(trained(False), trained(True), strict=True):
        assert same_bits(one, two)


def test_a_loss_of_probabilities_is_compiled_and_of_other_numbers_is_nan() -> None:
    model, loss = nn.Linear(3, 1, rng=0), nn.BCELoss(weight=[2.0])
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    target = np.array([[1.0], [0.0]], np.float32)

    def step(x: Any, gain: Any) -> Any:
        found = loss(model(x).sigmoid() * gain, target)
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        return found

    start = model.state_dict()
    compiled, one = mt.compile(step), np.ones(1, np.float32)
    losses = [compiled(X, one).item() for _ in range(6)]
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        assert np.isnan(compiled(X, one * 9).item())
    model.load_state_dict(start)
    assert losses == [step(X, one).item() for _ in range(6)]
    with pytest.raises(mt.DataError, match="must be probabilities"):
        step(X, one * 9)


# --------------------------------------------------------------------------------------------- hooks

HOOKS: dict[str, Callable[[Any], Any]] = {
    "forward": lambda model: model[0].register_forward_hook(lambda module, args, y: y * 0.5),
    "before forward": lambda model: model[2].register_forward_pre_hook(lambda module, args: args[0] * 2),
    "of the whole": lambda model: model.register_forward_hook(lambda module, args, y: y + 1),
    "backward": lambda model: model[1].register_full_backward_hook(lambda module, gi, go: (gi[0] * 0.1,)),
    "before backward": lambda model: model[0].register_full_backward_pre_hook(lambda module, go: go[0] * 3),
    "clips": lambda model: model[2].register_full_backward_hook(
        lambda module, gi, go: (np.clip(gi[0].data, -1e-4, 1e-4),)
    ),
    "changes nothing": lambda model: model[1].register_full_backward_hook(lambda *_: None),
}


def trained_with_a_hook_meanwhile(register: Callable[[Any], Any], compile: bool) -> list[float]:
    model = nn.MLP(3, [5, 1], rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

    def step(x: Any) -> Any:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run, losses, handle = mt.compile(step) if compile else step, [], None
    for i in range(20):
        if i in (5, 15):
            handle = register(model)
        elif i == 10 and handle is not None:
            handle.remove()
        losses.append(run(X).item())
    return losses


@pytest.mark.parametrize("kind", HOOKS)
def test_hooks_that_come_and_go_change_the_compiled_step(kind: str) -> None:
    losses = trained_with_a_hook_meanwhile(HOOKS[kind], compile=True)
    assert losses == trained_with_a_hook_meanwhile(HOOKS[kind], compile=False)
    plain = trained_with_a_hook_meanwhile(lambda model: types.SimpleNamespace(remove=int), compile=False)
    assert (losses == plain) is (kind == "changes nothing")


NOTED: dict[str, Callable[[Any, list[Any]], Any]] = {
    "forward": lambda model, notes: model[0].register_forward_hook(lambda module, args, y: notes.append(1)),
    "before forward": lambda model, notes: model[0].register_forward_pre_hook(lambda *_: notes.append(1)),
    "backward": lambda model, notes: model[1].register_full_backward_hook(lambda *_: notes.append(1)),
    "before backward": lambda model, notes: model.register_full_backward_pre_hook(lambda *_: notes.append(1)),
    "a number": lambda model, notes: model[1].register_full_backward_hook(
        lambda module, gi, go: notes.append(go[0].sum().item())
    ),
    "a tensor": lambda model, notes: model[1].register_forward_hook(lambda module, args, y: notes.append(y)),
}


@pytest.mark.parametrize("kind", NOTED)
def test_a_hook_that_takes_notes_is_refused_with_its_line(kind: str) -> None:
    notes: list[Any] = []
    with pytest.raises(mt.CompileError, match=r'test_compile_watches.py", line [0-9]+'):
        trained_with_a_hook_meanwhile(lambda model: NOTED[kind](model, notes), compile=True)


def test_a_backward_hook_whose_way_depends_on_a_number_is_refused_and_not_left_out() -> None:
    def hook(module: Any, grad_input: Any, grad_output: Any) -> Any:
        return (grad_input[0] * 3,) if grad_output[0].abs().max() > 0.01 else None

    with pytest.raises(mt.CompileError, match=r"taking numbers out of a tensor.*watches.py.*cannot be rec"):
        trained_with_a_hook_meanwhile(lambda model: model[1].register_full_backward_hook(hook), compile=True)


def test_a_number_that_a_hook_reads_is_watched() -> None:
    model, settings = nn.MLP(3, [5, 1], rng=0), types.SimpleNamespace(by=2.0)
    model[0].register_forward_hook(lambda module, args, y: y * settings.by)
    compiled = mt.compile(lambda x: model(x).detach())
    for i in range(9):
        settings.by = 2.0 + i // 3
        np.testing.assert_array_equal(compiled(X).data, model(X).data)
