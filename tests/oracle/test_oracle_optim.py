"""Optimizers and schedules against PyTorch's: step for step, and at the end of a training run."""

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
        *[(name, {}) for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")],
        *[("SGD", settings) for settings in SGD],
        ("RMSprop", {"momentum": 0.9}),
    ],
    ids=str,
)
def test_large_parameters_step_so_too(name: str, settings: Settings, dtype: Any) -> None:
    steps_are_alike(name, settings, dtype, [(131, 127), (4,), (3, 150, 50)])  # large: updated by BLAS


def steps_are_alike(name: str, settings: Settings, dtype: Any, shapes: list[tuple[int, ...]]) -> None:
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
        if settings.get("centered"):
            tolerance *= 200  # a variance as the difference of two averages loses digits
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


NAMES = ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"]
MOMENTUM: dict[str, Settings] = {"SGD": {"momentum": 0.9}, "RMSprop": {"momentum": 0.5}}


@pytest.mark.parametrize("name", NAMES)
def test_groups_and_saved_states_go_on_as_in_pytorch(name: str) -> None:
    options = {"lr": 0.1, **MOMENTUM.get(name, {})}
    ours, theirs, our_groups, their_groups = two_groups()
    our_optimizer = getattr(optim, name)(our_groups, **options)
    their_optimizer = getattr(torch.optim, name)(their_groups, **options)
    take_steps(ours, theirs, our_optimizer, their_optimizer)

    saved, their_saved = our_optimizer.state_dict(), their_optimizer.state_dict()
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
        their_fresh.load_state_dict(their_saved)
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


@pytest.mark.parametrize("settings", [{}, *PLATEAUS], ids=settings_id)
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
    "Plateau": (
        lambda o: optim.ReduceLROnPlateau(o, patience=1, factor=0.5, min_lr=0.02),
        lambda o: rates.ReduceLROnPlateau(o, patience=1, factor=0.5, min_lr=0.02),
        0,
    ),
}
rates = torch.optim.lr_scheduler


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
    ],
)
def test_pytorch_s_state_goes_on_here_while_pytorch_goes_on_with_it(name: str, options: Settings) -> None:
    shape = (3, 4)
    start, gradients = np.ones(shape), np.random.default_rng(0).normal(size=(8, *shape))
    theirs = torch.nn.Parameter(torch.tensor(start))
    ours = nn.Parameter(np.asfortranarray(start))
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
            np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-12)
    assert optimizer.param_groups[0]["lr"] == 0.1
    for x in optimizer.state[ours].values():
        assert type(x) is int or x.flags.f_contiguous
