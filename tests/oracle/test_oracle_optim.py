"""Optimizers and schedules against PyTorch's: step for step, and at the end of a training run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from minitensor import Tensor, nn, optim

Array = NDArray[Any]

SHAPES: list[tuple[int, ...]] = [(3, 2), (4,), ()]
STEPS = 24
WITHOUT_GRADIENT = {(0, 1), (3, 1), (4, 0), (4, 1), (4, 2)}
"""(step, parameter) without a gradient: parameter 1 lacks its first one, step 4 has none at all."""

Settings = dict[str, Any]
SGD: list[Settings] = [
    {"momentum": m, "dampening": d, "nesterov": n, "weight_decay": w, "maximize": x}
    for m, d, n, w, x in product([0.0, 0.9], [0.0, 0.3], [False, True], [0.0, 0.1], [False, True])
    if not n or (m and not d)
]
ADAM: list[Settings] = [
    {"betas": b, "eps": e, "weight_decay": w, "amsgrad": a, "maximize": x}
    for b, e, w, a, x in product(
        [(0.9, 0.999), (0.5, 0.0)], [1e-8, 0.1], [0.0, 0.1], [False, True], [False, True]
    )
]
RMSPROP: list[Settings] = [
    {"alpha": b, "eps": e, "weight_decay": w, "momentum": m, "centered": c, "maximize": x}
    for b, e, w, m, c, x in product(
        [0.99, 0.3], [1e-8, 0.1], [0.0, 0.1], [0.0, 0.9], [False, True], [False, True]
    )
]
ADADELTA: list[Settings] = [
    {"rho": r, "eps": e, "weight_decay": w, "maximize": x}
    for r, e, w, x in product([0.9, 0.0, 1.0], [1e-6, 0.1], [0.0, 0.1], [False, True])
]
ADAMAX: list[Settings] = [
    {"betas": b, "eps": e, "weight_decay": w, "maximize": x}
    for b, e, w, x in product([(0.9, 0.999), (0.5, 0.0)], [1e-8, 0.1], [0.0, 0.1], [False, True])
]
DECOUPLED: list[Settings] = [
    {"betas": b, "eps": e, "maximize": x, **w}
    for b, e, x, w in product(
        [(0.9, 0.999), (0.9, 0.7), (0.5, 0.0)],
        [1e-8, 0.1],
        [False, True],
        [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True}],
    )
]
NADAM = [settings | {"momentum_decay": d} for settings, d in product(DECOUPLED, [4e-3, 0.5])]
ADAGRAD: list[Settings] = [
    {"lr_decay": d, "weight_decay": w, "initial_accumulator_value": v, "eps": e, "maximize": x}
    for d, w, v, e, x in product([0.0, 0.1], [0.0, 0.1], [0.0, 0.5], [1e-10, 0.1], [False, True])
]
CASES = [
    (name, settings)
    for name, many in [
        ("SGD", SGD),
        ("Adam", ADAM),
        ("AdamW", ADAM),
        ("RMSprop", RMSPROP),
        ("Adagrad", ADAGRAD),
        ("Adadelta", ADADELTA),
        ("Adamax", ADAMAX),
        ("Adam", DECOUPLED),
        ("NAdam", NADAM),
        ("RAdam", DECOUPLED),
    ]
    for settings in [{}, *many]
]


def settings_id(settings: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in settings.items() if value) or "plain"


@pytest.mark.filterwarnings("ignore:.*no parameter has a gradient")  # as is meant here
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "settings"), CASES, ids=[f"{name}:{settings_id(settings)}" for name, settings in CASES]
)
def test_every_step_is_that_of_pytorch(name: str, settings: Settings, dtype: Any) -> None:
    steps_are_alike(name, settings, dtype, SHAPES)


@pytest.mark.filterwarnings("ignore:.*no parameter has a gradient")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *[(name, {}) for name in dict(CASES)],
        *[("SGD", settings) for settings in SGD],
        ("RMSprop", {"momentum": 0.9}),
    ],
    ids=str,
)
def test_large_parameters_step_so_too(name: str, settings: Settings, dtype: Any) -> None:
    steps_are_alike(name, settings, dtype, [(131, 127), (4,), (3, 150, 50)])  # large: updated by BLAS


@contextmanager
def torch_counts_in(dtype: Any) -> Iterator[None]:
    """NAdam's product of momenta is of PyTorch's default dtype there, and a float here."""
    torch.set_default_dtype(torch.float64 if dtype == np.float64 else torch.float32)
    yield
    torch.set_default_dtype(torch.float32)


def steps_are_alike(name: str, settings: Settings, dtype: Any, shapes: list[tuple[int, ...]]) -> None:
    with torch_counts_in(dtype):
        _steps_are_alike(name, settings, dtype, shapes)


def _steps_are_alike(name: str, settings: Settings, dtype: Any, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    initial = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    ours = [Tensor(x, requires_grad=True) for x in initial]
    theirs = [torch.tensor(x, requires_grad=True) for x in initial]
    lr = {"lr": 0.1} if settings else {}  # without settings, every default must be the same
    our_optimizer = getattr(optim, name)(ours, **lr, **settings)
    their_optimizer = getattr(torch.optim, name)(theirs, **lr, **settings)
    for step in range(STEPS):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            gradient = rng.normal(size=p.shape).astype(dtype)
            if (step, i) in WITHOUT_GRADIENT:
                p.grad = q.grad = None
            else:
                p.grad, q.grad = gradient, torch.tensor(gradient)
        our_optimizer.step()
        their_optimizer.step()
        tolerance = 64 * float(np.finfo(dtype).eps)  # PyTorch contracts a · b + c to one rounding
        if settings.get("centered") or settings.get("betas", (0, 1))[1] == 0:
            tolerance *= 200  # a variance as the difference of two averages loses digits, and so does g / |g|
        for p, q in zip(ours, theirs, strict=True):
            assert p.dtype == dtype
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)


def two_groups() -> tuple[list[Tensor], list[torch.Tensor], list[Settings], list[Settings]]:
    """Three parameters, the last alone in a group of other options."""
    rng = np.random.default_rng(1)
    ours = [Tensor(rng.normal(size=shape), requires_grad=True) for shape in SHAPES]
    theirs = [torch.tensor(p.data, requires_grad=True) for p in ours]
    other = {"lr": 0.01, "weight_decay": 0.2}
    our_groups: list[Settings] = [{"params": ours[:2]}, {"params": ours[2:], **other}]
    their_groups: list[Settings] = [{"params": theirs[:2]}, {"params": theirs[2:], **other}]
    return ours, theirs, our_groups, their_groups


def take_steps(ours: Any, theirs: Any, our_optimizer: Any, their_optimizer: Any, steps: int = 3) -> None:
    rng = np.random.default_rng(2)
    for _ in range(steps):
        for p, q in zip(ours, theirs, strict=True):
            gradient = rng.normal(size=p.shape)
            p.grad, q.grad = gradient, torch.tensor(gradient)
        our_optimizer.step()
        their_optimizer.step()
        for p, q in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-12, atol=1e-13)


NAMES = list(dict(CASES))
MOMENTUM: dict[str, Settings] = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.5}}


@pytest.mark.parametrize("name", NAMES)
def test_groups_and_saved_states_go_on_as_in_pytorch(name: str) -> None:
    with torch_counts_in(np.float64):
        _groups_go_on(name)


def in_torch(state_dict: Settings) -> Settings:
    """The same with PyTorch's tensors for arrays."""
    return state_dict | {
        "state": {
            i: {name: torch.tensor(x) if isinstance(x, np.ndarray) else x for name, x in state.items()}
            for i, state in state_dict["state"].items()
        }
    }


def _groups_go_on(name: str) -> None:
    options = {"lr": 0.1, **MOMENTUM.get(name, {})}
    ours, theirs, our_groups, their_groups = two_groups()
    our_optimizer = getattr(optim, name)(our_groups, **options)
    their_optimizer = getattr(torch.optim, name)(their_groups, **options)
    take_steps(ours, theirs, our_optimizer, their_optimizer)

    saved, their_saved = our_optimizer.state_dict(), copy.deepcopy(their_optimizer.state_dict())
    for i, state in saved["state"].items():
        assert set(state) == {key for key, value in their_saved["state"][i].items() if value is not None}
    for state_dict in (saved, their_saved):  # into new optimizers of other options: ours, and PyTorch's
        copies = [Tensor(p.data.copy(), requires_grad=True) for p in ours]
        fresh = getattr(optim, name)([{"params": copies[:2]}, {"params": copies[2:]}], lr=7.0)
        fresh.load_state_dict(state_dict)
        reference = [torch.tensor(q.detach().numpy(), requires_grad=True) for q in theirs]
        their_fresh = getattr(torch.optim, name)(
            [{"params": reference[:2]}, {"params": reference[2:]}], lr=7.0
        )
        # theirs shares memory with what it loads
        their_fresh.load_state_dict(copy.deepcopy(their_saved) if state_dict is saved else in_torch(saved))
        take_steps(copies, reference, fresh, their_fresh)


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, np.inf])
@pytest.mark.parametrize("max_norm", [0.0, 0.5, 3.0, 100.0])
@pytest.mark.parametrize("spoiled", [None, np.nan, np.inf])
def test_clipping_is_that_of_pytorch(norm_type: float, max_norm: float, spoiled: float | None) -> None:
    rng = np.random.default_rng(0)
    ours = [Tensor(np.ones(shape), requires_grad=True) for shape in [*SHAPES, (2,)]]
    theirs = [torch.tensor(p.data, requires_grad=True) for p in ours]
    for p, q in zip(ours[:-1], theirs[:-1], strict=True):
        gradient = np.array(rng.normal(size=p.shape))
        if spoiled is not None and p.shape == (4,):
            gradient[1] = spoiled
        p.grad, q.grad = gradient, torch.tensor(gradient)
    with np.errstate(invalid="ignore"):  # inf · 0
        norm = optim.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    np.testing.assert_allclose(norm, expected.item(), rtol=1e-14)
    for p, q in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-14)  # type: ignore[union-attr]
    assert ours[-1].grad is None
    optim.clip_grad_value_(ours, 0.3)
    torch.nn.utils.clip_grad_value_(theirs, 0.3)
    for p, q in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-14)  # type: ignore[union-attr]


SCHEDULES: list[tuple[str, str, Settings, Settings]] = [
    *[("StepLR", "StepLR", s, s) for s in ({"step_size": 3}, {"step_size": 1, "gamma": 0.9})],
    *[
        ("CosineAnnealingLR", "CosineAnnealingLR", s, s)
        for s in ({"T_max": 7}, {"T_max": 30, "eta_min": 0.02}, {"T_max": 1})
    ],
    ("LinearWarmup", "LinearLR", {}, {}),
    (
        "LinearWarmup",
        "LinearLR",
        {"total_iters": 9, "start_factor": 0.1},
        {"total_iters": 9, "start_factor": 0.1},
    ),
    *[
        ("OneCycleLR", "OneCycleLR", s, s)
        for s in (
            {"max_lr": 1.0, "total_steps": 40},
            {"max_lr": [1.0, 3.0], "epochs": 8, "steps_per_epoch": 5, "anneal_strategy": "linear"},
            {"max_lr": 1.0, "total_steps": 31, "three_phase": True},
            {"max_lr": 1.0, "total_steps": 31, "pct_start": 0.4, "three_phase": True, "div_factor": 3.0},
            {
                "max_lr": 1.0,
                "total_steps": 31,
                "base_momentum": 0.5,
                "max_momentum": 0.8,
                "final_div_factor": 9.0,
            },
        )
    ],
]


@pytest.mark.parametrize("name", ["SGD", "Adam"])
@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_every_learning_rate_is_that_of_pytorch(
    schedule: tuple[str, str, Settings, Settings], name: str
) -> None:
    our_name, their_name, our_settings, their_settings = schedule
    _, _, our_groups, their_groups = two_groups()
    ours = getattr(optim, name)(our_groups, lr=0.5, **MOMENTUM.get(name, {}))
    theirs = getattr(torch.optim, name)(their_groups, lr=0.5, **MOMENTUM.get(name, {}))
    our_schedule = getattr(optim, our_name)(ours, **our_settings)
    their_schedule = getattr(torch.optim.lr_scheduler, their_name)(theirs, **their_settings)
    for step in range(31):
        for group, reference in zip(ours.param_groups, theirs.param_groups, strict=True):
            np.testing.assert_allclose(group["lr"], reference["lr"], rtol=1e-12, atol=1e-15)
            for option in {"momentum", "betas"} & group.keys():
                np.testing.assert_allclose(group[option], reference[option], rtol=1e-12)
        assert our_schedule.get_last_lr() == pytest.approx(their_schedule.get_last_lr(), rel=1e-12)
        theirs.step()
        if step < 30:
            our_schedule.step()
            their_schedule.step()


def test_warm_up_before_another_schedule_is_pytorchs_sequence() -> None:
    _, _, our_groups, their_groups = two_groups()
    ours, theirs = optim.SGD(our_groups, lr=0.5), torch.optim.SGD(their_groups, lr=0.5)
    our_schedule = optim.LinearWarmup(ours, 4, start_factor=0.1, after=optim.CosineAnnealingLR(ours, 10))
    schedules = torch.optim.lr_scheduler
    parts = [
        schedules.LinearLR(theirs, 0.1, total_iters=4),
        schedules.CosineAnnealingLR(theirs, 10),
    ]
    their_schedule = schedules.SequentialLR(theirs, parts, milestones=[4])
    for _ in range(14):
        assert our_schedule.get_last_lr() == pytest.approx(their_schedule.get_last_lr(), rel=1e-12)
        theirs.step()
        our_schedule.step()
        their_schedule.step()


PLATEAUS: list[Settings] = [
    {"patience": 2, "mode": mode, "threshold_mode": relative, "threshold": t, "cooldown": c, "min_lr": m}
    for mode, relative, t, c, m in product(["min", "max"], ["rel", "abs"], [1e-4, 0.3], [0, 3], [0.0, 0.02])
]


@pytest.mark.parametrize("settings", [{}, {"min_lr": [0.1, 0.001]}, *PLATEAUS], ids=settings_id)
def test_plateaus_are_those_of_pytorch(settings: Settings) -> None:
    _, _, our_groups, their_groups = two_groups()
    ours, theirs = optim.SGD(our_groups, lr=0.5), torch.optim.SGD(their_groups, lr=0.5)
    our_schedule = optim.ReduceLROnPlateau(ours, **settings)
    their_schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    rng = np.random.default_rng(3)
    metrics = [np.inf, np.nan, *np.exp(-np.arange(10.0)), *rng.normal(size=40), np.nan, -np.inf, 0.0]
    for metric in metrics:
        our_schedule.step(metric)
        their_schedule.step(metric)
        assert our_schedule.get_last_lr() == pytest.approx([group["lr"] for group in theirs.param_groups])


def test_the_learning_rate_can_change_between_steps() -> None:
    ours, theirs = Tensor(np.ones(3), requires_grad=True), torch.ones(3, dtype=torch.float64).requires_grad_()
    our_sgd, their_sgd = optim.SGD([ours], momentum=0.9), torch.optim.SGD([theirs], momentum=0.9)
    for lr in (None, 0.5, 0.0, 0.25):  # None: the default, which must be the same
        if lr is not None:
            our_sgd.param_groups[0]["lr"] = their_sgd.param_groups[0]["lr"] = lr
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


JOINED: dict[
    str, tuple[Any, Any, int]
] = {  # ours, PyTorch's, and the first step at which theirs lets one join
    "StepLR": (lambda o: optim.StepLR(o, 2, 0.5), lambda o: rates.StepLR(o, 2, 0.5), 0),
    "Cosine": (
        lambda o: optim.CosineAnnealingLR(o, 9, 0.01),
        lambda o: rates.CosineAnnealingLR(o, 9, 0.01),
        0,
    ),
    "LinearWarmup": (
        lambda o: optim.LinearWarmup(o, 5, 0.3),
        lambda o: rates.LinearLR(o, 0.3, total_iters=5),
        0,
    ),
    "LinearWarmup, StepLR": (
        lambda o: optim.LinearWarmup(o, 3, 0.1, after=optim.StepLR(o, 2, 0.5)),
        lambda o: rates.SequentialLR(
            o, [rates.LinearLR(o, 0.1, total_iters=3), rates.StepLR(o, 2, 0.5)], [3]
        ),
        3,
    ),
    "LinearWarmup, Cosine": (
        lambda o: optim.LinearWarmup(o, 3, 0.1, after=optim.CosineAnnealingLR(o, 7)),
        lambda o: rates.SequentialLR(
            o, [rates.LinearLR(o, 0.1, total_iters=3), rates.CosineAnnealingLR(o, 7)], [3]
        ),
        3,
    ),
    **{
        name: (partial(make, optim), partial(make, torch.optim.lr_scheduler), 0)
        for name, make in {
            "MultiStepLR": lambda known, o: known.MultiStepLR(o, [2, 4], 0.5),
            "ExponentialLR": lambda known, o: known.ExponentialLR(o, 0.7),
            "ConstantLR": lambda known, o: known.ConstantLR(o, 0.3, 4),
            "LinearLR": lambda known, o: known.LinearLR(o, 0.3, 0.8, 4),
            "PolynomialLR": lambda known, o: known.PolynomialLR(o, 20, 2.0),
        }.items()
    },
    "Plateau": (
        lambda o: optim.ReduceLROnPlateau(o, patience=1, factor=0.5, min_lr=0.02),
        lambda o: rates.ReduceLROnPlateau(o, patience=1, factor=0.5, min_lr=0.02),
        0,
    ),
}
rates = torch.optim.lr_scheduler


MADE: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda known, o: known.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda known, o: known.MultiStepLR(o, [7, 2, 2, 11], 0.5),
    "MultiStepLR, 0": lambda known, o: known.MultiStepLR(o, (0, 4)),
    "ExponentialLR": lambda known, o: known.ExponentialLR(o, 0.9),
    "ConstantLR": lambda known, o: known.ConstantLR(o, 0.3, 4),
    "ConstantLR, plain": lambda known, o: known.ConstantLR(o),
    "LinearLR": lambda known, o: known.LinearLR(o, 0.2, 0.8, 6),
    "LinearLR, plain": lambda known, o: known.LinearLR(o),
    "LinearLR, to 0": lambda known, o: known.LinearLR(o, 1.0, 0.0, 9),
    "PolynomialLR": lambda known, o: known.PolynomialLR(o, 8, 2.0),
    "PolynomialLR, long": lambda known, o: known.PolynomialLR(o, 40, 0.5),
    "CosineAnnealingLR": lambda known, o: known.CosineAnnealingLR(o, 7, 0.01),
    "CosineAnnealingLR, long": lambda known, o: known.CosineAnnealingLR(o, 40),
    "Restarts": lambda known, o: known.CosineAnnealingWarmRestarts(o, 4),
    "Restarts, longer": lambda known, o: known.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "LambdaLR": lambda known, o: known.LambdaLR(o, lambda step: 0.95**step),
    "LambdaLR, two": lambda known, o: known.LambdaLR(o, [lambda n: 1 / (1 + n), lambda n: 0.5 + 0.1 * n]),
    "MultiplicativeLR": lambda known, o: known.MultiplicativeLR(o, lambda step: 0.9 + 0.01 * step),
    "MultiplicativeLR, two": lambda known, o: known.MultiplicativeLR(o, [lambda n: 0.9, lambda n: 1.1]),
    "CyclicLR": lambda known, o: known.CyclicLR(o, 0.1, 0.5, 3, 5),
    "CyclicLR, halved": lambda known, o: known.CyclicLR(
        *(o, [0.1, 0.2], [0.5, 1.0], 4), mode="triangular2", base_momentum=[0.5, 0.6], max_momentum=[0.8, 0.9]
    ),
    "CyclicLR, range": lambda known, o: known.CyclicLR(o, 0.1, 0.5, 4, mode="exp_range", gamma=0.97),
    "CyclicLR, own": lambda known, o: known.CyclicLR(o, 0.1, 0.5, 4, scale_fn=lambda n: 0.5 + 0.5 / n),
    "CyclicLR, own of steps": lambda known, o: known.CyclicLR(
        *(o, 0.1, 0.5, 4), scale_fn=lambda n: 1 / (1 + n), scale_mode="iterations", cycle_momentum=False
    ),
    "OneCycleLR": lambda known, o: known.OneCycleLR(
        o, [1.0, 2.0], 45, base_momentum=[0.5, 0.6], max_momentum=[0.8, 0.9]
    ),
}
CHAINABLE = ["StepLR", "MultiStepLR", "ExponentialLR", "ConstantLR", "LinearLR", "PolynomialLR, long"]
CHAINABLE += ["CosineAnnealingLR", "MultiplicativeLR"]
WRITTEN: dict[str, dict[int, tuple[float, float]]] = {
    "untouched": {},
    "written at first": {0: (0.3, 0.02)},
    "written": {2: (0.3, 0.05), 9: (0.1, 0.1)},
    "written late": {13: (0.5, 0.02)},
}


def cycled(optimizer: Any) -> list[float]:
    """What schedules set."""
    groups = optimizer.param_groups
    return [group[name] for group in groups for name in ("lr", "momentum") if name in group] + [
        group["betas"][0] for group in groups if "betas" in group
    ]


def rates_are_alike(
    make: Callable[[Any, Any], Any],
    name: str = "SGD",
    writes: dict[int, tuple[float, float]] | None = None,
    begin: int = 0,
) -> None:
    """Rates and momenta of two groups over 42 steps, from one step on."""
    _, _, our_groups, their_groups = two_groups()
    ours = getattr(optim, name)(our_groups, lr=0.5, **MOMENTUM.get(name, {}))
    theirs = getattr(torch.optim, name)(their_groups, lr=0.5, **MOMENTUM.get(name, {}))
    our_schedules, their_schedules = make(optim.lr_scheduler, ours), make(rates, theirs)
    for step in range(42):
        if step >= begin:
            assert cycled(ours) == pytest.approx(cycled(theirs), rel=1e-11, abs=1e-14), step
        for optimizer in (ours, theirs):
            for group, rate in zip(optimizer.param_groups, (writes or {}).get(step, ()), strict=False):
                group["lr"] = rate
        theirs.step()
        for schedule in (our_schedules, their_schedules):
            for part in schedule if isinstance(schedule, list) else [schedule]:
                part.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "NAdam"])
@pytest.mark.parametrize("kind", MADE)
def test_a_schedule_gives_the_rates_and_momenta_that_it_gives_in_pytorch(kind: str, name: str) -> None:
    rates_are_alike(MADE[kind], name)


@pytest.mark.parametrize("when", WRITTEN)
@pytest.mark.parametrize("kind", MADE)
def test_a_rate_that_is_written_between_steps_has_the_effect_that_it_has_in_pytorch(
    kind: str, when: str
) -> None:
    rates_are_alike(MADE[kind], writes=WRITTEN[when])


@pytest.mark.parametrize("second", MADE)
@pytest.mark.parametrize("first", MADE)
def test_schedules_are_chained_and_follow_each_other_as_in_pytorch(first: str, second: str) -> None:
    def both(known: Any, o: Any) -> list[Any]:
        return [MADE[first](known, o), MADE[second](known, o)]

    # there, a CyclicLR that is not the first schedule made begins with the rate at first, not with base_lr
    begin = "CyclicLR" in second
    rates_are_alike(lambda known, o: known.ChainedScheduler(both(known, o)), begin=begin)
    if {first, second} <= {*CHAINABLE}:
        rates_are_alike(both, writes=WRITTEN["written"])
    if "Cycl" in first and "Cycl" in second:
        return  # there, the momenta of the first become those of the second
    rates_are_alike(lambda known, o: known.SequentialLR(o, both(known, o), [6]), writes=WRITTEN["written"])
    rates_are_alike(lambda known, o: known.SequentialLR(o, [*both(known, o), MADE[first](known, o)], [5, 12]))


ONCE_MORE = {
    *[
        ("StepLR", 3),
        ("MultiStepLR", 2),
        ("ConstantLR, plain", 5),
    ],  # there, what changes the rate does so again
    ("Restarts, longer", 8),  # there, only the first restart is found
}


@pytest.mark.parametrize(("kind", "at"), sorted({*product(MADE, [1, 2, 5, 8])} - ONCE_MORE))
def test_a_run_goes_on_with_last_epoch_as_in_pytorch(kind: str, at: int) -> None:
    optimizers = []
    for package, known in ((optim, optim.lr_scheduler), (torch.optim, rates)):
        fresh = [two_groups()[2 if package is optim else 3] for _ in range(2)]
        optimizer, other = [package.SGD(groups, lr=0.5, momentum=0.9) for groups in fresh]
        schedule = MADE[kind](known, optimizer)
        for _ in range(at):
            optimizer.step() if package is torch.optim else None
            schedule.step()
        other.load_state_dict(optimizer.state_dict())
        resumed = SimpleNamespace(
            **{
                name: partial(getattr(known, name), last_epoch=at - 1)
                for name in optim.lr_scheduler.__all__
                if hasattr(known, name)
            }
        )
        optimizers.append((other, MADE[kind](resumed, other)))
    for _ in range(20):
        (ours, our_schedule), (theirs, their_schedule) = optimizers
        assert our_schedule.last_epoch == their_schedule.last_epoch
        for group, reference in zip(ours.param_groups, theirs.param_groups, strict=True):
            for option in ("lr", "momentum"):
                np.testing.assert_allclose(group[option], reference[option], rtol=1e-11)
        theirs.step()
        our_schedule.step()
        their_schedule.step()


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step")
@pytest.mark.parametrize("second", MADE)
@pytest.mark.parametrize("first", ["StepLR", "CosineAnnealingLR, long", "LambdaLR"])
def test_another_schedule_made_later_begins_as_in_pytorch(first: str, second: str) -> None:
    _, _, our_groups, their_groups = two_groups()
    ours = optim.SGD(our_groups, lr=0.5, momentum=0.9)
    theirs = torch.optim.SGD(their_groups, lr=0.5, momentum=0.9)
    our_schedule, their_schedule = MADE[first](optim, ours), MADE[first](rates, theirs)
    for _ in range(4):
        our_schedule.step()
        their_schedule.step()
    our_schedule, their_schedule = MADE[second](optim, ours), MADE[second](rates, theirs)
    for step in range(12):
        if step or "CyclicLR" not in second:
            expected = [group["lr"] for group in theirs.param_groups]
            assert our_schedule.get_last_lr() == pytest.approx(expected, rel=1e-11)
        our_schedule.step()
        their_schedule.step()


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step")
@pytest.mark.parametrize("settings", [(4, 1), (3, 2, 0.01), (1, 3)], ids=str)
def test_warm_restarts_take_parts_of_epochs(settings: tuple[float, ...]) -> None:
    _, _, our_groups, their_groups = two_groups()
    ours, theirs = optim.SGD(our_groups, lr=0.5), torch.optim.SGD(their_groups, lr=0.5)
    our_schedule: Any = optim.CosineAnnealingWarmRestarts(ours, *settings)  # type: ignore[arg-type]
    their_schedule: Any = rates.CosineAnnealingWarmRestarts(theirs, *settings)  # type: ignore[arg-type]
    for epoch in [0.25, 0.5, 1, 2.75, 6.6, 3.1, None, None, 20.3, None]:
        our_schedule.step(epoch)
        their_schedule.step(epoch)
        assert our_schedule.get_last_lr() == pytest.approx(their_schedule.get_last_lr(), rel=1e-11)
        assert our_schedule.last_epoch == their_schedule.last_epoch


def custom(known: Any, o: Any) -> Any:
    """A schedule as PyTorch's users write them."""

    class Sawtooth(known.LRScheduler):  # type: ignore[misc]
        def __init__(self, optimizer: Any, length: int, last_epoch: int = -1) -> None:
            self.length = length
            super().__init__(optimizer, last_epoch)

        def get_lr(self) -> list[float]:
            return [base * (1 - self.last_epoch % self.length / self.length) for base in self.base_lrs]

    return Sawtooth(o, 5)


def recursive(known: Any, o: Any) -> Any:
    class Fading(known.LRScheduler):  # type: ignore[misc]
        def get_lr(self) -> list[float]:
            rates = [group["lr"] for group in self.optimizer.param_groups]
            return rates if self.last_epoch == 0 else [0.9 * rate for rate in rates]

    return Fading(o)


@pytest.mark.parametrize("make", [custom, recursive])
def test_a_schedule_may_define_get_lr(make: Callable[[Any, Any], Any]) -> None:
    for writes in WRITTEN.values():
        rates_are_alike(make, writes=writes)
    rates_are_alike(lambda known, o: known.ChainedScheduler([make(known, o), known.ExponentialLR(o, 0.9)]))
    rates_are_alike(lambda known, o: known.SequentialLR(o, [make(known, o), known.StepLR(o, 2)], [3]))


@pytest.mark.filterwarnings("ignore:.*lr_scheduler.step")
@pytest.mark.parametrize(("name", "when"), [(n, when) for n in JOINED for when in range(JOINED[n][2], 7)])
def test_a_group_that_joins_late_has_the_rates_that_pytorch_gives_it(name: str, when: int) -> None:
    ours = optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9)
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.9)
    our_schedule, their_schedule = JOINED[name][0](ours), JOINED[name][1](theirs)
    metric = [1.0] if name == "Plateau" else []
    for step in range(9):
        if step == when:
            ours.add_param_group({"params": nn.Parameter([1.0]), "lr": 0.4})
            theirs.add_param_group({"params": torch.nn.Parameter(torch.ones(1)), "lr": 0.4})
        if step == when + 1:
            ours.add_param_group({"params": nn.Parameter([1.0])})
            theirs.add_param_group({"params": torch.nn.Parameter(torch.ones(1))})
        expected = [group["lr"] for group in theirs.param_groups]
        assert our_schedule.get_last_lr() == pytest.approx(expected, rel=1e-9)
        our_schedule.step(*metric)
        their_schedule.step(*metric)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"momentum": 0.9, "nesterov": True}),
        ("SGD", {}),
        ("Adam", {"amsgrad": True}),
        ("AdamW", {}),
        ("RMSprop", {"momentum": 0.5, "centered": True}),
        ("Adagrad", {"lr_decay": 0.1}),
        ("Adadelta", {"rho": 0.5}),
        ("Adamax", {}),
        ("NAdam", {"momentum_decay": 0.1}),
        ("RAdam", {"betas": (0.9, 0.7), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ],
)
def test_pytorch_s_state_goes_on_here_while_pytorch_goes_on_with_it(name: str, options: Settings) -> None:
    shape = (3, 4)
    start, gradients = np.ones(shape), np.random.default_rng(0).normal(size=(8, *shape))
    theirs = torch.nn.Parameter(torch.tensor(start))
    ours = nn.Parameter(np.asfortranarray(start))
    tolerance = 1e-6 if name == "NAdam" else 1e-12  # its product of momenta is float32 there
    reference = getattr(torch.optim, name)([theirs], lr=0.1, **options)
    optimizer = getattr(optim, name)([ours], lr=0.5, **options)
    for step, gradient in enumerate(gradients):
        theirs.grad = torch.tensor(gradient)
        reference.step()
        if step == 3:
            ours.data[...] = theirs.detach().numpy()
            optimizer.load_state_dict(reference.state_dict())  # which shares memory with the reference
        elif step > 3:
            ours.grad = gradient
            optimizer.step()
            np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=tolerance)
    assert optimizer.param_groups[0]["lr"] == 0.1
    for x in optimizer.state[ours].values():
        assert type(x) in (int, float) or x.flags.f_contiguous
