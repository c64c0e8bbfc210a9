"""SGD against torch.optim.SGD: step for step, and at the end of a training run."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from minitensor import Tensor, nn, optim

Array = NDArray[Any]

SHAPES: list[tuple[int, ...]] = [(3, 2), (4,), ()]
STEPS = 6
WITHOUT_GRADIENT = {(0, 1), (3, 1), (4, 0), (4, 1), (4, 2)}
"""(step, parameter) without a gradient: parameter 1 lacks its first one, step 4 has none at all."""

SETTINGS: list[dict[str, Any]] = [
    {"momentum": m, "dampening": d, "nesterov": n, "weight_decay": w, "maximize": x}
    for m, d, n, w, x in product([0.0, 0.9], [0.0, 0.3], [False, True], [0.0, 0.1], [False, True])
    if not n or (m and not d)
]


def settings_id(settings: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in settings.items() if value) or "plain"


@pytest.mark.filterwarnings("ignore:SGD.step")  # that no parameter has a gradient, as is meant here
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("settings", SETTINGS, ids=settings_id)
def test_every_step_is_that_of_pytorch(settings: dict[str, Any], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    initial = [rng.normal(size=shape).astype(dtype) for shape in SHAPES]
    ours = [Tensor(x, requires_grad=True) for x in initial]
    theirs = [torch.tensor(x, requires_grad=True) for x in initial]
    our_sgd = optim.SGD(ours, lr=0.1, **settings)
    their_sgd = torch.optim.SGD(theirs, lr=0.1, **settings)
    for step in range(STEPS):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            gradient = rng.normal(size=p.shape).astype(dtype)
            if (step, i) in WITHOUT_GRADIENT:
                p.grad = q.grad = None
            else:
                p.grad, q.grad = gradient, torch.tensor(gradient)
        our_sgd.step()
        their_sgd.step()
        tolerance = 16 * float(np.finfo(dtype).eps)  # PyTorch contracts a · b + c to one rounding
        for p, q in zip(ours, theirs, strict=True):
            assert p.dtype == dtype
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)


def test_the_learning_rate_can_change_between_steps() -> None:
    ours, theirs = Tensor(np.ones(3), requires_grad=True), torch.ones(3, dtype=torch.float64).requires_grad_()
    our_sgd, their_sgd = optim.SGD([ours], momentum=0.9), torch.optim.SGD([theirs], momentum=0.9)
    for lr in (None, 0.5, 0.0, 0.25):  # None: the default, which must be the same
        if lr is not None:
            our_sgd.lr = their_sgd.param_groups[0]["lr"] = lr
        ours.grad, theirs.grad = np.arange(3.0), torch.arange(3, dtype=torch.float64)
        our_sgd.step()
        their_sgd.step()
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-15)


@pytest.mark.parametrize(
    "bad", [{"momentum": -0.1}, {"lr": -1.0}, {"weight_decay": -1.0}, {"nesterov": True}]
)
def test_what_pytorch_refuses_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # only that it refuses, not in which words
        torch.optim.SGD([torch.ones(1, requires_grad=True)], **bad)
    with pytest.raises(ValueError, match="SGD"):
        optim.SGD([Tensor([1.0], requires_grad=True)], **bad)


@pytest.mark.parametrize(
    "settings",
    [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"weight_decay": 1e-2}],
    ids=settings_id,
)
def test_200_steps_of_training_end_within_1e_10_of_pytorch(settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(256, 20))
    targets = np.argmax(np.tanh(inputs @ rng.normal(size=(20, 5))), axis=1)
    reference = torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.ReLU(), torch.nn.Linear(32, 5)).double()
    model = nn.MLP(20, [32, 5], dtype=np.float64, rng=0)
    reference.load_state_dict({name: torch.tensor(x) for name, x in model.state_dict().items()})
    our_sgd = optim.SGD(model.parameters(), lr=0.05, **settings)
    their_sgd = torch.optim.SGD(reference.parameters(), lr=0.05, **settings)
    our_loss, their_loss = nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss()
    losses = []
    for _ in range(200):
        batch = rng.choice(len(inputs), size=32, replace=False)
        our_sgd.zero_grad()
        loss = our_loss(model(Tensor(inputs[batch])), targets[batch])
        loss.backward()
        our_sgd.step()
        their_sgd.zero_grad()
        their_loss(reference(torch.tensor(inputs[batch])), torch.tensor(targets[batch])).backward()
        their_sgd.step()
        losses.append(loss.item())
    assert np.mean(losses[-20:]) < 0.7 * np.mean(losses[:20])  # it did train
    ours, theirs = model.state_dict(), reference.state_dict()
    assert list(ours) == list(theirs)
    differences = {name: float(np.abs(ours[name] - theirs[name].numpy()).max()) for name in ours}
    print(f"\n200 steps, {settings_id(settings)}: largest difference {max(differences.values()):.1e}")
    assert max(differences.values()) < 1e-10, differences
