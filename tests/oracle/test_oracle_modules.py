"""Containers, hooks and functional_call against torch.nn: the same things done to both."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import minitensor as mt
from minitensor import Tensor, nn
from minitensor.func import functional_call
from tests.oracle.agreement import assert_same

# torch.func scripts a function with what PyTorch itself has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))

# ----------------------------------------------------------------------------------------- containers


def linear(library: Any, i: int = 1) -> Any:
    return library.Linear(3, i)


def row(library: Any) -> Any:
    return library.Sequential(*[linear(library, i + 1) for i in range(4)])


def named(library: Any) -> Any:
    return library.Sequential(OrderedDict((name, linear(library, i + 1)) for i, name in enumerate("abcd")))


def modules(library: Any) -> Any:
    return library.ModuleList([linear(library, i + 1) for i in range(4)])


def parameters(library: Any) -> Any:
    tensor: Any = Tensor if library is nn else torch.tensor
    return library.ParameterList([tensor(np.ones(i + 1)) for i in range(4)])


def table(library: Any) -> Any:
    return library.ModuleDict(OrderedDict((name, linear(library, i + 1)) for i, name in enumerate("abcd")))


def result(container: Any, *values: Any) -> Any:
    return container


ROWS: dict[str, Callable[[Any], Any]] = {
    "row": row,
    "named": named,
    "modules": modules,
    "parameters": parameters,
}
DONE: dict[str, Callable[[Any, Any], Any]] = {
    "nothing": lambda c, new: c,
    "append": lambda c, new: result(c, c.append(new)),
    "extend": lambda c, new: result(c, c.extend([new, new])),
    "set": lambda c, new: result(c, c.__setitem__(1, new)),
    "set from behind": lambda c, new: result(c, c.__setitem__(-1, new)),
    "a slice": lambda c, new: c[1:],
    "a slice from behind": lambda c, new: c[:-2],
    "a slice with steps": lambda c, new: c[::-2],
    "an empty slice": lambda c, new: c[3:1],
    "delete and append": lambda c, new: result(c, c.__delitem__(0), c.append(new)),
    "delete": lambda c, new: result(c, c.__delitem__(1)),
    "delete a slice": lambda c, new: result(c, c.__delitem__(slice(1, 3))),
    "delete from behind": lambda c, new: result(c, c.__delitem__(-1)),
    "insert": lambda c, new: result(c, c.insert(1, new)),
    "insert from behind": lambda c, new: result(c, c.insert(-1, new)),
    "pop": lambda c, new: result(c, c.pop(1)),
    "add": lambda c, new: c + c,
    "an attribute": lambda c, new: result(c, c.__setattr__("more", new)),
}
LACKING = {
    **{("parameters", what): "not in PyTorch" for what in DONE if "delete" in what or "insert" in what},
    ("parameters", "pop"): "not in PyTorch",
    ("parameters", "add"): "not in PyTorch",
    ("parameters", "an attribute"): "no entry there",
    ("parameters", "set from behind"): "makes no parameter there",
    **{("named", what): "KeyError in PyTorch" for what in DONE if "insert" in what},
    ("modules", "insert from behind"): "KeyError in PyTorch",
}
"""What cannot be compared, and why."""


@pytest.mark.parametrize(("kind", "what"), [(k, w) for k in ROWS for w in DONE if (k, w) not in LACKING])
def test_a_row_has_pytorch_s_names_whatever_is_done_to_it(kind: str, what: str) -> None:
    states = []
    for library in (nn, torch.nn):
        new = library.Parameter(Tensor(np.ones(9)) if library is nn else torch.ones(9))
        container = DONE[what](ROWS[kind](library), new if kind == "parameters" else linear(library, 9))
        shapes = [(name, tuple(x.shape)) for name, x in container.state_dict().items()]
        states.append((shapes, len(container), type(container).__name__))
    assert states[0] == states[1]


TABLED: dict[str, Callable[[Any, Any], Any]] = {
    "set": lambda c, new: c.__setitem__("e", new),
    "set again": lambda c, new: c.__setitem__("b", new),
    "update": lambda c, new: c.update({"b": new, "e": new}),
    "update by pairs": lambda c, new: c.update([("e", new)]),
    "delete and set": lambda c, new: (c.__delitem__("a"), c.__setitem__("a", new)),
    "pop": lambda c, new: c.pop("c"),
    "clear": lambda c, new: c.clear(),
}


@pytest.mark.parametrize("what", TABLED)
def test_a_table_has_pytorch_s_names_whatever_is_done_to_it(what: str) -> None:
    states = []
    for library in (nn, torch.nn):
        container = table(library)
        TABLED[what](container, linear(library, 9))
        shapes = [(name, tuple(x.shape)) for name, x in container.state_dict().items()]
        states.append((shapes, list(container), [name for name, _ in container.items()], len(container)))
    assert states[0] == states[1]


# ---------------------------------------------------------------------------------------------- hooks


class Two(nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return x * y, (x + y).tanh()


class TorchTwo(torch.nn.Module):
    def forward(self, x: Any, y: Any) -> Any:
        return x * y, (x + y).tanh()


def array(x: Any) -> Any:
    return None if x is None else x.data if isinstance(x, Tensor) else x.numpy(force=True)


HOOKS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "told": lambda m, told: m.register_full_backward_hook(lambda m, gi, go: told.append((*gi, *go))),
    "told before": lambda m, told: m.register_full_backward_pre_hook(lambda m, go: told.append(go)),
    "replaces": lambda m, told: m.register_full_backward_hook(
        lambda m, gi, go: tuple(g * 2 + go[0].sum() for g in gi)
    ),
    "replaces before": lambda m, told: m.register_full_backward_pre_hook(
        lambda m, go: tuple(g**2 for g in go)
    ),
    "both": lambda m, told: (
        m.register_full_backward_pre_hook(lambda m, go: tuple(g * 3 for g in go)),
        m.register_full_backward_hook(lambda m, gi, go: told.append((*gi, *go))),
        m.register_full_backward_hook(lambda m, gi, go: tuple(-g for g in gi)),
        m.register_full_backward_hook(lambda m, gi, go: told.append(gi), prepend=True),
    ),
    "forward": lambda m, told: m.register_forward_hook(
        lambda m, args, out: (out[0] * args[1], out[1]) if isinstance(out, tuple) else out * 2
    ),
    "before forward": lambda m, told: m.register_forward_pre_hook(
        lambda m, args: tuple(x + 0.5 for x in args)
    ),
}


@pytest.mark.parametrize("kind", HOOKS)
@pytest.mark.parametrize("several", [False, True])
def test_hooks_are_told_and_change_what_they_do_in_pytorch(several: bool, kind: str) -> None:
    found = []
    for library, leaf in (
        (nn, lambda x: Tensor(x, requires_grad=True)),
        (torch.nn, lambda x: torch.tensor(x, requires_grad=True)),
    ):
        module: Any = (Two() if library is nn else TorchTwo()) if several else library.Tanh()
        told: list[Any] = []
        HOOKS[kind](module, told)
        inputs: list[Any] = [leaf(X), leaf(X[:, :1] ** 2)][: 1 + several]
        outputs = module(*inputs)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        sum((y * y * (i + 1)).sum() for i, y in enumerate(outputs)).backward()
        gradients = [x.grad if library is nn else x.grad.numpy() for x in inputs]
        found.append([*gradients, *[array(g) for gs in told for g in gs]])
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(*found, strict=True):
        assert_same(ours, theirs)


def test_second_derivatives_pass_through_a_hook_as_in_pytorch() -> None:
    def hook(module: Any, grad_input: Any, grad_output: Any) -> Any:
        return (grad_input[0] ** 2 + grad_output[0],)

    ours, theirs = nn.Tanh(), torch.nn.Tanh()
    ours.register_full_backward_hook(hook)
    theirs.register_full_backward_hook(hook)
    x, y = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    (ours(x) ** 2).sum().backward(create_graph=True)
    (first,) = torch.autograd.grad((theirs(y) ** 2).sum(), y, create_graph=True)
    gradient, x.grad = x.grad, None
    assert_same(gradient.data, first.numpy(force=True))
    (gradient * gradient).sum().backward()
    (second,) = torch.autograd.grad((first * first).sum(), y)
    assert_same(x.grad, second.numpy())


# ------------------------------------------------------------------------------------ functional_call


def test_functional_call_has_pytorch_s_values_and_derivatives() -> None:
    ours = nn.MLP(3, [4, 2], activation="tanh", dtype=np.float64, rng=0)
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2)).double()
    state = {name: RNG.normal(size=x.shape) for name, x in ours.state_dict().items()}
    torch_state = {name: torch.tensor(x) for name, x in state.items()}

    def loss(params: Any) -> Any:
        return (functional_call(ours, params, (Tensor(X),)) ** 2).sum()

    def torch_loss(params: Any) -> Any:
        return (torch.func.functional_call(theirs, params, (torch.tensor(X),)) ** 2).sum()

    found, expected = mt.grad(loss)(state), torch.func.grad(torch_loss)(torch_state)
    for name in state:
        assert_same(found[name].data, expected[name].numpy())
    partial = {"2.bias": state["2.bias"], "0.bias": state["0.bias"]}
    theirs.load_state_dict({name: torch.tensor(x) for name, x in ours.state_dict().items()})
    second = mt.hessian(loss)(partial)
    torch_second = torch.func.hessian(torch_loss)({name: torch_state[name] for name in partial})
    for one in partial:
        for two in partial:
            assert_same(second[one][two].data, torch_second[one][two].numpy(force=True), within=1e-10)
