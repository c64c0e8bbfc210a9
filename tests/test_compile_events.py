"""compile: whatever is done to a model and its optimizer between two steps, the next is as without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minitensor as mt
from minitensor import nn, optim
from minitensor.nn.functional import cross_entropy
from minitensor.nn.utils import clip_grad_norm_

OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda params: optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True),
    "plain": lambda params: optim.SGD(params, lr=0.1),
    "adam": lambda params: optim.Adam(params, lr=0.01),
    "adamw": lambda params: optim.AdamW(params, lr=0.01),
    "rmsprop": lambda params: optim.RMSprop(params, lr=0.01, momentum=0.5),
    "adagrad": lambda params: optim.Adagrad(params, lr=0.05),
    "adadelta": lambda params: optim.Adadelta(params),
    "adamax": lambda params: optim.Adamax(params, lr=0.01),
    "nadam": lambda params: optim.NAdam(params, lr=0.01),
    "radam": lambda params: optim.RAdam(params, lr=0.01, betas=(0.9, 0.99), decoupled_weight_decay=True),
}


class World:
    """A model with normalization, dropout and a second bias (with equal gradients), and its training step."""

    def __init__(self, kind: str, groups: bool, compiled: bool) -> None:
        mt.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Dropout(0.2), nn.Linear(7, 4)
        )
        self.bias = nn.Parameter(np.zeros(4, np.float32))
        self.params = [*self.model.parameters(), self.bias]
        given = [{"params": self.params[:2]}, {"params": self.params[2:6], "lr": 0.02}]
        self.optimizer = OPTIMIZERS[kind](given if groups else self.params[:6])
        self.saved: Any = None
        self.set_to_none = True
        self.step = mt.compile(self._step) if compiled else self._step
        self.kept: list[Any] = []

    def _step(self, x: Any, y: Any, max_norm: float = np.inf) -> Any:
        output = self.model(x) + self.bias
        loss = cross_entropy(output, y)
        self.optimizer.zero_grad(self.set_to_none)
        loss.backward()
        if max_norm < np.inf:
            clip_grad_norm_(self.model.parameters(), max_norm)
        self.optimizer.step()
        return loss, output

    def numbers(self) -> list[Any]:
        """Everything there is: what was returned so far, the model, its gradients, the optimizer's state."""
        states = [self.optimizer.state.get(parameter, {}) for parameter in self.params]
        return [
            *[result.data for results in self.kept for result in results],
            *self.model.state_dict().values(),
            *[parameter.data for parameter in self.params],
            *[parameter.grad for parameter in self.params],
            *[value for state in states for value in state.values()],
        ]


def load(world: World) -> None:
    if world.saved is not None:
        weights, state = world.saved
        world.model.load_state_dict(weights)
        if len(state["param_groups"]) == len(world.optimizer.param_groups):
            world.optimizer.load_state_dict(state)


def save(world: World) -> None:
    world.saved = world.model.state_dict(), world.optimizer.state_dict()


def add_group(world: World) -> None:
    known = [parameter for group in world.optimizer.param_groups for parameter in group["params"]]
    if len(known) == 6:
        world.optimizer.add_param_group({"params": [world.bias]})


def write_state(world: World) -> None:
    for value in world.optimizer.state.get(world.params[3], {}).values():
        if isinstance(value, np.ndarray):
            value *= 0


def replace_state(world: World) -> None:
    state = world.optimizer.state.get(world.params[1], {})
    state.update({name: x * 0.5 for name, x in state.items() if isinstance(x, np.ndarray)})


def replace_data(world: World) -> None:
    world.params[1].data = world.params[1].data + np.float32(0.01)


def write_data(world: World) -> None:
    world.params[4].data -= np.float32(0.01)


def change_rate(world: World) -> None:
    world.optimizer.param_groups[0]["lr"] *= 0.7


def change_options(world: World) -> None:
    """Also of what had no meaning before, such as the velocity of plain steps."""
    for name, value in {"momentum": 0.5, "betas": (0.7, 0.9), "weight_decay": 0.1, "maximize": True}.items():
        if name in world.optimizer.param_groups[-1] and not world.optimizer.param_groups[-1].get("nesterov"):
            world.optimizer.param_groups[-1][name] = value


def set_to_zero(world: World) -> None:
    world.set_to_none = not world.set_to_none


def set_grad(world: World) -> None:
    world.params[0].grad = np.ones_like(world.params[0].data)


EVENTS: dict[str, Callable[[World], object]] = {
    "nothing": lambda world: None,
    "nothing else": lambda world: None,
    "change the rate": change_rate,
    "change options": change_options,
    "zeros or None": set_to_zero,
    "save": save,
    "load": load,
    "freeze": lambda world: world.params[0].requires_grad_(False),
    "thaw": lambda world: world.params[0].requires_grad_(True),
    "add a group": add_group,
    "replace data": replace_data,
    "write data": write_data,
    "set a gradient": set_grad,
    "clear the state": lambda world: world.optimizer.state.clear(),
    "replace state": replace_state,
    "write state": write_state,
    "evaluate": lambda world: world.model.eval(),
    "train": lambda world: world.model.train(),
    "short batch": lambda world: None,
    "clip": lambda world: None,
}


def check(kind: str, groups: bool, events: list[str]) -> None:
    worlds = [World(kind, groups, compiled) for compiled in (False, True)]
    rng = np.random.default_rng(0)
    for event in events:
        n = 3 if event == "short batch" else 6
        x, y = rng.standard_normal((n, 5), dtype=np.float32), rng.integers(0, 4, n)
        state = rng.bit_generator.state
        for world in worlds:
            mt.manual_seed(int(state["state"]["state"] % 2**32))
            EVENTS[event](world)
            world.kept.append(world.step(x, y, 0.1) if event == "clip" else world.step(x, y))
        for expected, found in zip(worlds[0].numbers(), worlds[1].numbers(), strict=True):
            np.testing.assert_array_equal(found, expected, event)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(OPTIMIZERS)),
    groups=st.booleans(),
    events=st.lists(st.sampled_from(sorted(EVENTS)), min_size=4, max_size=14),
)
def test_whatever_is_done_between_steps(kind: str, groups: bool, events: list[str]) -> None:
    check(kind, groups, events)


@pytest.mark.parametrize(
    ("kind", "events"),
    [
        ("plain", ["add a group", *["nothing"] * 4]),  # two parameters whose gradients are computed alike
        (
            "adagrad",
            ["nothing", "nothing", "freeze", "nothing", "thaw", "nothing"],
        ),  # unequal counts of steps
        (
            "plain",
            [*["nothing"] * 4, "change options", "nothing", "freeze", "nothing"],
        ),  # velocities, at last
        ("sgd", ["evaluate", "freeze", "train", "thaw", "evaluate", "freeze", "train", "thaw"]),  # new modes
    ],
)
def test_what_went_wrong_once(kind: str, events: list[str]) -> None:
    check(kind, False, events)
