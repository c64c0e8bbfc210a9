"""Lines in PyTorch's words, run by both libraries: values, dtypes, shapes and gradients are the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

import minitensor as mt
from minitensor.arrays import names
from minitensor.instead import INSTEAD

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
TIES = np.array([[2.0, 1.0, 2.0, 0.0], [1.0, 1.0, 1.0, 1.0], [-1.0, 0.0, -1.0, 3.0]])

LINES: dict[str, Callable[[Any, Any], Any]] = {
    "x.view(-1, 2)": lambda t, x: x.view(-1, 2),
    "x.view((2, 6))": lambda t, x: x.view((2, 6)),
    "x.view(x.size(0), -1)": lambda t, x: x.view(x.size(0), -1),
    "x.view_as(y)": lambda t, x: x.view_as(t.zeros(12)),
    "x.reshape_as(y)": lambda t, x: x.reshape_as(t.zeros(2, 6)),
    "x.t()": lambda t, x: x.t(),
    "x[0].t()": lambda t, x: x[0].t(),
    "x.mT": lambda t, x: x.mT,
    "x.transpose(0, 1)": lambda t, x: x.transpose(0, 1),
    "x.transpose(dim0=0, dim1=1)": lambda t, x: x.transpose(dim0=0, dim1=1),
    "x.view(3, 2, 2).transpose(-1, 0)": lambda t, x: x.view(3, 2, 2).transpose(-1, 0),
    "x.permute(1, 0)": lambda t, x: x.permute(1, 0),
    "x.permute(0, 1)": lambda t, x: x.permute(0, 1),
    "t.permute(x, (1, 0))": lambda t, x: t.permute(x, (1, 0)),
    "t.permute(x, dims=(1, 0))": lambda t, x: t.permute(x, dims=(1, 0)),
    "x.unsqueeze(1).expand(-1, 5, -1)": lambda t, x: x.unsqueeze(1).expand(-1, 5, -1),
    "x.expand((2, 3, 4))": lambda t, x: x.expand((2, 3, 4)),
    "x.expand_as(y)": lambda t, x: x.expand_as(t.zeros(2, 3, 4)),
    "x.contiguous().view(12)": lambda t, x: x.t().contiguous().view(12),
    "x.clone()": lambda t, x: x.clone(),
    "x.cpu()": lambda t, x: x.cpu(),
    "x.to('cpu')": lambda t, x: x.to("cpu"),
    "x.to(t.device('cpu'))": lambda t, x: x.to(t.device("cpu"), non_blocking=True),
    "x.to(x.device)": lambda t, x: x.to(x.device),
    "x.to(t.float32)": lambda t, x: x.to(t.float32) * 2,
    "x.to(dtype=t.float32)": lambda t, x: x.to(dtype=t.float32),
    "x.to('cpu', t.float32)": lambda t, x: x.to("cpu", t.float32),
    "x.to(y)": lambda t, x: x.to(t.zeros(1)),
    "x.type(t.float32)": lambda t, x: x.type(t.float32),
    "x.type_as(y)": lambda t, x: x.type_as(t.zeros(1)),
    "x.float()": lambda t, x: x.float(),
    "x.float().double()": lambda t, x: x.float().double(),
    "x.half()": lambda t, x: x.half(),
    "x.long()": lambda t, x: (x * 3).long(),
    "x.int()": lambda t, x: (x * 3).int(),
    "x.short()": lambda t, x: (x * 3).short(),
    "x.bool()": lambda t, x: (x > 0).bool(),
    "x.byte()": lambda t, x: (x > 0).byte(),
    "x.eq(y)": lambda t, x: x.eq(x.round()),
    "x.ne(y)": lambda t, x: x.ne(x.round()),
    "x.lt(0)": lambda t, x: x.lt(0),
    "x.le(0)": lambda t, x: x.le(0),
    "x.gt(0)": lambda t, x: x.gt(0),
    "x.ge(0)": lambda t, x: x.ge(0),
    "t.eq(x, 1)": lambda t, x: t.eq(x, 1),
    "accuracy": lambda t, x: (x.argmax(dim=1) == t.tensor([0, 1, 2])).float().mean(),
    "x.masked_fill(mask, value)": lambda t, x: x.masked_fill(x > 0, -1e9),
    "x.masked_fill(tril == 0, -inf)": lambda t, x: t.softmax(
        (x @ x.t()).masked_fill(t.tril(t.ones(3, 3)) == 0, float("-inf")), dim=-1
    ),
    "x.lerp(y, 0.3)": lambda t, x: x.lerp(x * x, 0.3),
    "t.lerp(x, y, w)": lambda t, x: t.lerp(x, x.exp(), x.sigmoid()),
    "t.addmm(x, y, z)": lambda t, x: t.addmm(x[0, :3], x, x.t()),
    "x.addmm(y, z, beta=0.5, alpha=2)": lambda t, x: x[:, :3].addmm(x, x.t(), beta=0.5, alpha=2),
    "x.addcmul(y, z, value=0.1)": lambda t, x: x.addcmul(x, x[0], value=0.1),
    "t.addcdiv(x, y, z)": lambda t, x: t.addcdiv(x, x, x.exp()),
    "t.triu(x, diagonal=1)": lambda t, x: t.triu(x, diagonal=1),
    "x.tril(diagonal=-1)": lambda t, x: x.tril(diagonal=-1),
    "x.masked_select(mask)": lambda t, x: x.masked_select(x > 0),
    "x.index_select(1, i)": lambda t, x: x.index_select(1, t.tensor([2, 0, 2])),
    "x.select(1, 2)": lambda t, x: x.select(1, 2),
    "x.narrow(1, 1, 2)": lambda t, x: x.narrow(1, 1, 2),
    "x.narrow(-1, -3, 2)": lambda t, x: x.narrow(-1, -3, 2),
    "x.gather(1, i)": lambda t, x: x.gather(1, t.tensor([[0, 3], [2, 2]])),
    "x.gather(dim=0, index=i)": lambda t, x: x.gather(dim=0, index=t.tensor([[2, 0]])),
    "x.repeat_interleave(2, dim=1)": lambda t, x: x.repeat_interleave(2, dim=1),
    "x.max()": lambda t, x: x.max(),
    "x.max(dim=1)": lambda t, x: x.max(dim=1),
    "x.max(dim=1, keepdim=True)": lambda t, x: x.max(dim=1, keepdim=True),
    "x.max(1, keepdim=True)": lambda t, x: x.max(1, keepdim=True),
    "t.tril(x, diagonal=-1)": lambda t, x: t.tril(x, diagonal=-1),
    "x.triu(diagonal=1)": lambda t, x: x.triu(diagonal=1),
    "t.diag(x[0], diagonal=1)": lambda t, x: t.diag(x[0], diagonal=1),
    "t.max(n, m)": lambda t, x: t.max((x * 9).long(), t.tensor([0, 1, 2, 3])),
    "t.min(n[0], m)": lambda t, x: t.min((x * 9).long()[0], t.tensor([0, 1, 2, 3])),
    "t.max(x, y)": lambda t, x: t.max(x, x * 0 + 0.1),
    "x.min(dim=0)": lambda t, x: x.min(dim=0),
    "t.min(x, y)": lambda t, x: t.min(x, x * 0 + 0.1),
    "x.amax(dim=1)": lambda t, x: x.amax(dim=1),
    "x.amin(dim=(0, 1))": lambda t, x: x.amin(dim=(0, 1)),
    "x.sort(dim=1)": lambda t, x: x.sort(dim=1, stable=True),
    "x.sort(dim=0, descending=True)": lambda t, x: x.sort(dim=0, descending=True, stable=True),
    "x.median(dim=1)": lambda t, x: x.median(dim=1).values,
    "x.median(dim=1, keepdim=True)": lambda t, x: x.median(dim=1, keepdim=True).values,
    "x.var(dim=1)": lambda t, x: x.var(dim=1),
    "x.var(dim=(0, 1))": lambda t, x: x.var(dim=(0, 1)),
    "x.std(dim=0)": lambda t, x: x.std(dim=0),
    "x.std(1, keepdim=True)": lambda t, x: x.std(1, keepdim=True),
    "x.std(dim=1, unbiased=False)": lambda t, x: x.std(dim=1, unbiased=False),
    "x.var(dim=1, correction=0)": lambda t, x: x.var(dim=1, correction=0),
    "x.var(unbiased=True)": lambda t, x: x.var(unbiased=True),
    "x.cumsum(dim=1)": lambda t, x: x.cumsum(dim=1),
    "x.cumprod(dim=0)": lambda t, x: x.cumprod(dim=0),
    "x.cummax(dim=1)": lambda t, x: x.cummax(dim=1),
    "x.cummin(dim=0)": lambda t, x: x.cummin(dim=0),
    "x.logcumsumexp(dim=1)": lambda t, x: x.logcumsumexp(dim=1),
    "x.norm(p=1, dim=1)": lambda t, x: x.norm(p=1, dim=1),
    "x.norm()": lambda t, x: x.norm(),
    "x.sum(dim=(0, 1), keepdim=True)": lambda t, x: x.sum(dim=(0, 1), keepdim=True),
    "x.sum(dtype=t.float32)": lambda t, x: x.sum(dtype=t.float32),
    "x.sum(0, dtype=t.float32)": lambda t, x: x.sum(0, dtype=t.float32),
    "(x > 0).sum()": lambda t, x: (x > 0).sum(),
    "t.sum(i, dtype=t.float64)": lambda t, x: t.sum(t.arange(3), dtype=t.float64),
    "x.mean(dim=1, dtype=t.float32)": lambda t, x: x.mean(dim=1, dtype=t.float32),
    "x.split(2, dim=1)": lambda t, x: x.split(2, dim=1),
    "x.split(3, dim=1)": lambda t, x: x.split(3, dim=1),
    "t.split(x, [1, 3], dim=1)": lambda t, x: t.split(x, [1, 3], dim=1),
    "x.chunk(2, dim=1)": lambda t, x: x.chunk(2, dim=1),
    "x.clamp(min=0)": lambda t, x: x.clamp(min=0),
    "x.clamp(-0.5, 0.5)": lambda t, x: x.clamp(-0.5, 0.5),
    "x.clamp(y, z)": lambda t, x: t.clamp(x, x.detach() - 0.1, x[0] * 0.5),
    "t.mm(x, x.t())": lambda t, x: t.mm(x, x.t()),
    "x.mv(y)": lambda t, x: x.mv(x[0]),
    "t.bmm(y, z)": lambda t, x: t.bmm(x.view(3, 2, 2), x.view(3, 2, 2)),
    "t.matmul(x, y)": lambda t, x: t.matmul(x, x.transpose(0, 1)),
    "t.diagonal(x, dim1=1, dim2=0)": lambda t, x: t.diagonal(x, dim1=1, dim2=0),
    "t.cat([x, y], dim=1)": lambda t, x: t.cat([x, x * 2], dim=1),
    "t.cat((x, y), 0)": lambda t, x: t.cat((x, x * 2), 0),
    "t.stack([x, y], dim=2)": lambda t, x: t.stack([x, x * 2], dim=2),
    "t.asin(x)": lambda t, x: t.asin(x / 4),
    "t.acos(x)": lambda t, x: t.acos(x / 4),
    "t.atan(x)": lambda t, x: t.atan(x),
    "t.atan2(x, y)": lambda t, x: t.atan2(x, x * 0 + 1),
    "t.asinh(x)": lambda t, x: t.asinh(x),
    "t.acosh(x)": lambda t, x: t.acosh(x * x + 1.5),
    "t.atanh(x)": lambda t, x: t.atanh(x / 4),
    "t.true_divide(x, 3)": lambda t, x: t.true_divide(x, 3),
    "t.inverse(x)": lambda t, x: t.inverse(x[:, :3]),
    "t.swapdims(x, 0, 1)": lambda t, x: t.swapdims(x, 0, 1),
    "t.movedim(x, 0, 1)": lambda t, x: t.movedim(x, 0, 1),
    "t.take_along_dim(x, i, 1)": lambda t, x: t.take_along_dim(x, t.tensor([[0, 1]] * 3), 1),
    "x.nelement(), x.ndimension()": lambda t, x: t.tensor([x.nelement(), x.ndimension()]),
    "x.is_floating_point()": lambda t, x: t.tensor([t.is_floating_point(x), x.long().is_floating_point()]),
    "t.finfo(x.dtype).eps": lambda t, x: t.tensor([t.finfo(x.dtype).eps, t.finfo(t.float32).min]),
    "t.iinfo(t.int16).max": lambda t, x: t.tensor(t.iinfo(t.int16).max),
    "t.zeros(2, 3)": lambda t, x: t.zeros(2, 3),
    "t.zeros((2, 3), dtype=t.long)": lambda t, x: t.zeros((2, 3), dtype=t.long),
    "t.ones(2, 3, device='cpu')": lambda t, x: t.ones(2, 3, device="cpu", dtype=None),
    "t.zeros(size=(2,))": lambda t, x: t.zeros(size=(2,)),
    "t.full((2,), 3.0)": lambda t, x: t.full((2,), 3.0),
    "t.eye(3)": lambda t, x: t.eye(3),
    "t.arange(5)": lambda t, x: t.arange(5),
    "t.arange(0, 1, 0.25)": lambda t, x: t.arange(0, 1, 0.25),
    "t.arange(start=1, end=4)": lambda t, x: t.arange(start=1, end=4),
    "t.linspace(0, 1, steps=5)": lambda t, x: t.linspace(0, 1, steps=5),
    "t.tensor([1, 2])": lambda t, x: t.tensor([1, 2]),
    "t.tensor(3.5)": lambda t, x: t.tensor(3.5),
    "t.tensor([True])": lambda t, x: t.tensor([True, False]),
    "t.tensor([1., 2.], dtype=t.double)": lambda t, x: t.tensor([1.0, 2.0], dtype=t.double),
    "t.as_tensor(array)": lambda t, x: t.as_tensor(X),
    "t.as_tensor(x)": lambda t, x: t.as_tensor(x),
    "t.zeros_like(x)": lambda t, x: t.zeros_like(x),
    "x.new_zeros(2, 3)": lambda t, x: x.new_zeros(2, 3),
    "x.new_ones(2)": lambda t, x: x.new_ones(2),
    "x.new_full((2,), 3)": lambda t, x: x.new_full((2,), 3),
    "x.new_tensor([1, 2])": lambda t, x: x.new_tensor([1, 2]),
}
"""What is written, and the same as a function of either library and a tensor of shape (3, 4)."""


def outcome(library: Any, line: Callable[[Any, Any], Any], array: Any) -> list[Any]:
    """For each result its value, dtype and shape, and the gradient of all together."""
    x = library.tensor(array, requires_grad=True)
    results = line(library, x)
    found = [results] if not isinstance(results, tuple) else list(results)
    smooth = [y for y in found if y.requires_grad]
    if smooth:
        sum([(y * (y.detach() * 0.3 + 1)).sum().double() for y in smooth]).backward()
    arrays = [np.asarray(y.detach().numpy()) for y in found]
    gradient = None if x.grad is None else np.asarray(x.grad)
    return [[str(y.dtype), y.shape, y] for y in arrays] + [gradient]


@pytest.mark.parametrize("array", [X, TIES], ids=["drawn", "ties"])
@pytest.mark.parametrize("name", LINES)
def test_a_line_gives_what_it_gives_in_pytorch(name: str, array: Any) -> None:
    if array is TIES and ("inverse" in name or "norm()" in name):
        array = array + np.eye(3, 4) * 5
    *ours, our_gradient = outcome(mt, LINES[name], array)
    *theirs, their_gradient = outcome(torch, LINES[name], array)
    assert len(ours) == len(theirs)
    for (dtype, shape, x), (their_dtype, their_shape, y) in zip(ours, theirs, strict=True):
        assert (dtype, shape) == (their_dtype, their_shape)
        np.testing.assert_allclose(x, y, rtol=5e-6 if dtype == "float32" else 1e-12)
    assert (our_gradient is None) == (their_gradient is None)
    if our_gradient is not None:
        np.testing.assert_allclose(
            our_gradient, their_gradient, rtol=2e-3 if "half" in name else 1e-6, atol=1e-9
        )


def by_name(name: str) -> Callable[[Any, Any], Any]:
    return lambda t, x: getattr(x, name)()


CHANGING = "abs ceil cos exp floor neg relu round sigmoid sign sin square tanh tril triu trunc zero"
IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    **{f"x.{name}_()": by_name(f"{name}_") for name in CHANGING.split()},
    "x.abs_().log_()": lambda t, x: x.abs_().log_(),
    "x.abs_().sqrt_()": lambda t, x: x.abs_().sqrt_(),
    "x.add_(y)": lambda t, x: x.add_(x[0].clone()),
    "x.add_(y, alpha=2)": lambda t, x: x.add_(x[0].clone(), alpha=2),
    "x.sub_(1)": lambda t, x: x.sub_(1),
    "x.sub_(y, alpha=0.1)": lambda t, x: x.sub_(x, alpha=0.1),
    "x.mul_(2)": lambda t, x: x.mul_(2),
    "x.div_(3)": lambda t, x: x.div_(3),
    "x.pow_(2)": lambda t, x: x.pow_(2),
    "x.clamp_(-0.1, 0.1)": lambda t, x: x.clamp_(-0.1, 0.1),
    "x.clip_(-0.1, 0.1)": lambda t, x: x.clip_(-0.1, 0.1),
    "x.addcmul_(y, z, value=2)": lambda t, x: x.addcmul_(t.ones(4) * 3, t.ones(3, 1) * 2, value=2),
    "x.addcdiv_(y, z)": lambda t, x: x.addcdiv_(t.ones(4) * 3, t.ones(3, 1) * 2),
    "x.fill_(2)": lambda t, x: x.fill_(2),
    "x.copy_(y)": lambda t, x: x.copy_(t.ones(4)),
    "x.lerp_(y, 0.1)": lambda t, x: x.lerp_(t.ones(4).double(), 0.1),
    "x.addmm_(y, z)": lambda t, x: x.addmm_(x @ x.t(), x.clone()),
    "Adam's moments": lambda t, x: x.mul_(0.9).addcmul_(x, x, value=0.1),
    "Adam's step": lambda t, x: x.addcdiv_(x.clone(), x.square().sqrt().add_(1e-8), value=-0.1),
    "x.triu_(diagonal=1)": lambda t, x: x.triu_(diagonal=1),
    "x.masked_fill_(mask, 0)": lambda t, x: x.masked_fill_(x > 0, 0),
}
INTO_VIEWS: dict[str, Callable[[Any, Any], Any]] = {
    "x[0].fill_(1)": lambda t, x: x[0].fill_(1),
    "x.select(1, -1).fill_(1)": lambda t, x: x.select(1, -1).fill_(1),
    "x.narrow(1, 1, 2).fill_(1)": lambda t, x: x.narrow(1, 1, 2).fill_(1),
    "x.view(-1)[2:5].zero_()": lambda t, x: x.view(-1)[2:5].zero_(),
    "x.t().add_(y)": lambda t, x: x.t().add_(t.arange(3)),
    "x.to('cpu').mul_(2)": lambda t, x: x.to("cpu").mul_(2),
    "x.to(x.dtype, copy=True).mul_(2)": lambda t, x: x.to(x.dtype, copy=True).mul_(2),
    "x.double().mul_(2)": lambda t, x: x.double().mul_(2),
    "x.float().mul_(2)": lambda t, x: x.float().mul_(2),
    "x.diagonal().fill_(1)": lambda t, x: x.diagonal().fill_(1),
    "x.diagonal(-1, 1, 0).fill_(1)": lambda t, x: x.diagonal(-1, 1, 0).fill_(1),
    "x.t().diagonal(offset=2).fill_(1)": lambda t, x: x.t().diagonal(offset=2).fill_(1),
    "x.contiguous().mul_(2)": lambda t, x: x.contiguous().mul_(2),
    "x.t().contiguous().mul_(2)": lambda t, x: x.t().contiguous().mul_(2),
    "x.clone().mul_(2)": lambda t, x: x.clone().mul_(2),
    "x.detach().mul_(2)": lambda t, x: x.detach().mul_(2),
    "x.chunk(2, dim=1)[1].fill_(3)": lambda t, x: x.chunk(2, dim=1)[1].fill_(3),
    "x.split(2, dim=0)[1].fill_(3)": lambda t, x: x.split(2, dim=0)[1].fill_(3),
    "x.unbind(0)[1].fill_(3)": lambda t, x: x.unbind(0)[1].fill_(3),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_is_written_in_place_is_what_pytorch_writes(name: str) -> None:
    found = []
    for library in (mt, torch):
        x: Any = library.tensor(X, requires_grad=True)
        with library.no_grad():
            result = IN_PLACE[name](library, x)
        assert result is x
        assert x.requires_grad
        found.append(np.asarray(x.detach().numpy()))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize("name", INTO_VIEWS)
def test_what_is_written_into_a_view_is_seen_where_pytorch_sees_it(name: str) -> None:
    found: list[Any] = [mt.tensor(X), torch.tensor(X)]
    for library, x in zip((mt, torch), found, strict=True):
        INTO_VIEWS[name](library, x)
    np.testing.assert_allclose(found[0].numpy(), found[1].numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", IN_PLACE)
def test_writing_into_what_requires_grad_is_refused_in_both(name: str) -> None:
    for library, error in ((mt, mt.GraphError), (torch, RuntimeError)):
        x: Any = library.tensor(X, requires_grad=True)
        with pytest.raises(error):
            IN_PLACE[name](library, x)
        np.testing.assert_array_equal(x.detach().numpy(), X)


def test_modes_of_recording_are_pytorchs() -> None:
    libraries: list[Any] = [mt, torch]
    for t in libraries:
        x = t.tensor([1.0], requires_grad=True)
        with t.inference_mode():
            assert not (x * 2).requires_grad
        with t.no_grad(), t.enable_grad():
            assert (x * 2).requires_grad
        for mode in (False, True):
            with t.set_grad_enabled(mode):
                assert (x * 2).requires_grad is mode
            assert t.is_grad_enabled()
        t.inference_mode(), t.no_grad()  # made, and not entered
        assert t.is_grad_enabled()
        t.set_grad_enabled(False)
        assert not (x * 2).requires_grad
        t.set_grad_enabled(True)

        decorated = [
            decorate(lambda x=x: (x * 2).requires_grad) for decorate in (t.inference_mode(), t.no_grad())
        ]
        assert [function() for function in decorated] == [False, False]
        assert t.set_grad_enabled(False)(lambda x=x: (x * 2).requires_grad)() is False
        assert (x * 2).requires_grad


def graph(t: Any) -> list[Any]:
    """What torch.autograd.grad is asked for in scripts."""
    x, y = t.tensor(X, requires_grad=True), t.tensor(TIES, requires_grad=True)
    u = (x * x * y).tanh()
    first = t.autograd.grad(u, x, grad_outputs=t.ones_like(u), create_graph=True, only_inputs=True)[0]
    second = t.autograd.grad(first.sum(), [x, y], retain_graph=True)
    both = t.autograd.grad([u.sum(), (x * 3).sum()], [x, u], allow_unused=True)
    unused = t.autograd.grad((x * 2).sum(), [x, y], allow_unused=True)
    zeros = t.autograd.grad((x * 2).sum(), [x, y], materialize_grads=True)
    assert x.grad is None
    assert unused[1] is None
    return [np.asarray(g.detach().numpy()) for g in (first, *second, *both, unused[0], *zeros)]


def test_autograd_grad_is_pytorchs() -> None:
    with pytest.raises(mt.OptionError, match="only_inputs is True"):
        mt.autograd.grad(mt.ones(1, requires_grad=True) * 2, mt.ones(1), only_inputs=False)
    for ours, theirs in zip(graph(mt), graph(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_as_often_as_the_weights_say(replacement: bool) -> None:
    weights = [[1.0, 2.0, 0.0, 5.0], [3.0, 1.0, 1.0, 0.0]]
    counts: list[Any] = []
    libraries: list[Any] = [mt, torch]
    for t in libraries:
        t.manual_seed(0)
        drawn = np.asarray(
            [t.multinomial(t.tensor(weights), 2, replacement=replacement).numpy() for _ in range(3000)]
        )
        assert drawn.shape == (3000, 2, 2)
        counts.append([[np.bincount(drawn[:, i, j], minlength=4) / 3000 for j in (0, 1)] for i in (0, 1)])
    np.testing.assert_allclose(counts[0], counts[1], atol=0.05)
    assert counts[0][0][0][2] == counts[0][1][1][3] == 0


NUMBERS: dict[str, Callable[[Any, Any], Any]] = {
    "x.numel()": lambda t, x: x.numel(),
    "t.numel(x)": lambda t, x: t.numel(x),
    "x.dim()": lambda t, x: x.dim(),
    "x.size()": lambda t, x: tuple(x.size()),
    "x.size(-1)": lambda t, x: x.size(-1),
    "x.size(dim=0)": lambda t, x: x.size(dim=0),
    "x.is_contiguous()": lambda t, x: (x.is_contiguous(), x.t().is_contiguous()),
    "x.device.type": lambda t, x: (x.device.type, str(x.device), x.device == t.device("cpu")),
    "x.dtype == t.float64": lambda t, x: (
        x.dtype == t.float64,
        x.dtype is t.float64,
        x.long().dtype == t.long,
    ),
    "t.is_tensor(x)": lambda t, x: (t.is_tensor(x), t.is_tensor(3.0)),
    "t.cuda.is_available()": lambda t, x: (t.cuda.is_available(), t.cuda.device_count()),
    "t.linalg.inv(x)": lambda t, x: t.linalg.inv(x[:, :3].detach() + t.eye(3)).shape == (3, 3),
    "t.pi, t.e, t.inf, t.nan": lambda t, x: (t.pi, t.e, t.inf, str(t.nan)),
    "sorted(t.randperm(5))": lambda t, x: sorted(t.randperm(5).tolist()),
    "t.empty(2, 3).shape": lambda t, x: (tuple(t.empty(2, 3).shape), tuple(t.empty_like(x).shape)),
    "x.new_empty(3).shape": lambda t, x: tuple(x.new_empty(3).shape),
    "t.bernoulli": lambda t, x: t.bernoulli(t.tensor([0.0, 1.0])).tolist(),
    "t.normal": lambda t, x: tuple(t.normal(0.0, 1.0, size=(2, 3)).shape),
    "x.uniform_()": lambda t, x: bool((x.detach().uniform_(2, 3) >= 2).all()),
    "x.normal_()": lambda t, x: bool(abs(x.detach().normal_(50, 1).mean() - 50) < 5),
    "t.Generator().manual_seed(3)": lambda t, x: tuple(
        t.randint(0, 9, (2, 3), generator=t.Generator().manual_seed(3)).shape
    ),
    "t.randint(9, (2,))": lambda t, x: tuple(t.randint(9, (2,)).shape),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_tensor_is_pytorchs_too(name: str) -> None:
    libraries: list[Any] = [mt, torch]
    ours, theirs = [NUMBERS[name](t, t.tensor(X, requires_grad=True)) for t in libraries]
    assert ours == theirs
    assert type(ours) is type(theirs)


def test_every_name_in_the_table_is_in_a_line() -> None:
    tried = " ".join([*LINES, *IN_PLACE, *NUMBERS])
    answered = {"cuda", "repeat"}  # refused: tests/test_tensor.py
    every = names.OPERATIONS.keys() | names.METHODS.keys() | names.OTHERS.keys()
    missing = {name for name in every if not re.search(rf"\b{name}\b", tried)}
    # Those that do the same by their other name are compared there: as operations, by rows of the table.
    assert missing - answered - names.OPERATIONS.keys() == set()
    for name, operation in names.OPERATIONS.items():
        assert getattr(mt, name) is getattr(mt, operation)
    for name, dtype in names.DTYPES.items():
        assert str(getattr(torch, name)) == f"torch.{dtype}"


@pytest.mark.parametrize(
    ("room", "name"), [(room, name) for room, names in INSTEAD.items() for name in names]
)
def test_what_only_pytorch_has_is_answered_with_a_cure(room: str, name: str) -> None:
    ours: Any = import_module(room)
    theirs: Any = import_module(room.replace("minitensor", "torch").replace("torch.data", "torch.utils.data"))
    assert hasattr(theirs, name)
    with pytest.raises(AttributeError) as error:
        getattr(ours, name)
    assert str(error.value) == f"module '{room}' has no attribute '{name}'. {INSTEAD[room][name]}"
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        ours.nothing  # noqa: B018


def in_pytorch(name: str, y: Any) -> Any:
    """Of torch.name, for what INSTEAD says to write in its place."""
    f, x = torch.nn.functional, torch.tensor(X)
    return {
        "cdist": lambda: torch.cdist(x, y),
        "dist": lambda: torch.dist(x, y),
        "std_mean": lambda: torch.stack(torch.std_mean(x, dim=0)),
        "cosine_similarity": lambda: f.cosine_similarity(x, y),
        "pairwise_distance": lambda: f.pairwise_distance(x, y, eps=0),
        "scaled_dot_product_attention": lambda: f.scaled_dot_product_attention(x, y, y),
        "gaussian_nll_loss": lambda: f.gaussian_nll_loss(x, y, y.exp()),
        "interpolate": lambda: f.interpolate(x[None, None], scale_factor=2, mode="nearest")[0, 0],
        "EmbeddingBag": lambda: f.embedding_bag(torch.tensor([[0, 2], [1, 1]]), x, mode="mean"),
    }[name]()


normalize: Any = mt.nn.functional.normalize
CURES: dict[str, Callable[[Any, Any], Any]] = {
    "cdist": lambda x, y: (x[:, None] - y).norm(dim=-1),
    "dist": lambda x, y: (x - y).norm(),
    "std_mean": lambda x, y: mt.stack([x.std(dim=0), x.mean(dim=0)]),
    "cosine_similarity": lambda x, y: (normalize(x, dim=1) * normalize(y, dim=1)).sum(dim=1),
    "pairwise_distance": lambda x, y: (x - y).norm(dim=-1),
    "scaled_dot_product_attention": lambda x, y: (x @ y.mT / np.sqrt(4)).softmax(dim=-1) @ y,
    "gaussian_nll_loss": lambda x, y: 0.5 * (y.exp().log() + (x - y) ** 2 / y.exp()).mean(),
    "interpolate": lambda x, y: x.repeat(2, axis=-2).repeat(2, axis=-1),
    "EmbeddingBag": lambda x, y: x[mt.tensor([[0, 2], [1, 1]])].mean(dim=1),
}


@pytest.mark.parametrize("name", CURES)
def test_the_cure_computes_what_pytorchs_does(name: str) -> None:
    found, expected = CURES[name](mt.tensor(X), mt.tensor(TIES)), in_pytorch(name, torch.tensor(TIES))
    np.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-10)
