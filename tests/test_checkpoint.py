"""Checkpoints: what is saved comes back bit for bit, and what is damaged is refused."""

from __future__ import annotations

import json
import os
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import minitensor
from minitensor import CheckpointError, Tensor, cli, nn, optim, trees
from minitensor.data import DataLoader, make_moons
from minitensor.files import write_atomically
from minitensor.random import generator
from minitensor.saving import read, write
from minitensor.training import Callback, EarlyStopping, History, Run, fit
from minitensor.training.checkpoint import (
    CHECKPOINT,
    MODEL,
    Checkpoint,
    load_weights,
    read_config,
    read_history,
    save_weights,
)

X, Y = make_moons(60, rng=0)
OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "adam": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p),
    "nadam": lambda p: optim.NAdam(p),
}
SCHEDULES: dict[str, Callable[[optim.Optimizer], Any]] = {
    "none": lambda o: None,
    "cosine": lambda o: optim.CosineAnnealingLR(o, T_max=6),
    "warmup": lambda o: optim.LinearWarmup(o, 5, after=optim.StepLR(o, 7)),
    "plateau": lambda o: optim.ReduceLROnPlateau(o, patience=0),
    "restarts": lambda o: optim.CosineAnnealingWarmRestarts(o, 2),
    "sequence": lambda o: optim.SequentialLR(o, [optim.LinearLR(o), optim.ExponentialLR(o, 0.5)], [2]),
    "chain": lambda o: optim.ChainedScheduler([optim.CosineAnnealingLR(o, 9), optim.LambdaLR(o, _half)]),
}


def _half(step: int) -> float:
    return 0.5


class Interruption(Callback):
    """Raises in the middle of an epoch, as a kill would."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_batch(self, run: Run) -> None:
        if run.epoch == self.epoch and run.seen.samples > 16:
            raise KeyboardInterrupt


def train(
    folder: Path | None,
    epochs: int = 6,
    *,
    stop_in: int = -1,
    resume: bool = False,
    optimizer: str = "sgd",
    schedule: str = "none",
    seed: int = 3,
) -> tuple[nn.MLP, History]:
    minitensor.manual_seed(seed)
    model = nn.MLP(2, [8, 2], dropout=0.2)
    made = OPTIMIZERS[optimizer](model.parameters())
    callbacks: list[Callback] = [Interruption(stop_in), EarlyStopping(patience=3)]
    if folder is not None:
        callbacks.append(Checkpoint(folder, {"note": "moons"}, resume=resume))
    batches = DataLoader(X, Y, batch_size=8, shuffle=True)
    history = fit(
        *(model, batches, DataLoader(X, Y), made, nn.CrossEntropyLoss(), epochs),
        schedule=SCHEDULES[schedule](made),
        callbacks=callbacks,
    )
    return model, history


def assert_equal(model: nn.Module, other: nn.Module) -> None:
    for (name, ours), theirs in zip(model.state_dict().items(), other.state_dict().values(), strict=True):
        assert ours.tobytes() == theirs.tobytes(), name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_interrupted_run_ends_with_the_same_bits(optimizer: str, schedule: str, tmp_path: Path) -> None:
    kinds: Any = {"optimizer": optimizer, "schedule": schedule}
    whole, history = train(None, **kinds)
    for stop_in in (0, 2, 4):
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / str(stop_in), stop_in=stop_in, **kinds)
        resumed, longer = train(tmp_path / str(stop_in), resume=True, **kinds)
        assert_equal(resumed, whole)
        assert {k: v for k, v in longer.items() if k != "seconds"} == {
            k: v for k, v in history.items() if k != "seconds"
        }
        assert_equal(resumed, nn_from(tmp_path / str(stop_in) / MODEL))
    again, _ = train(tmp_path / "4", resume=True, **kinds)  # nothing is left to do
    assert_equal(again, whole)


def nn_from(path: Path) -> nn.MLP:
    model = nn.MLP(2, [8, 2], dropout=0.2)
    load_weights(path, model)
    return model


def test_a_finished_run_can_be_made_longer(tmp_path: Path) -> None:
    whole, _ = train(None, 5)
    train(tmp_path, 2)
    longer, history = train(tmp_path, 5, resume=True)
    assert history.epochs == 5
    assert_equal(longer, whole)


def test_generators_of_their_own_are_saved_too(tmp_path: Path) -> None:
    def run(folder: Path, epochs: int, resume: bool) -> nn.Module:
        model = nn.MLP(2, [8, 2], dropout=0.5, rng=0)
        batches = DataLoader(X, Y, batch_size=8, shuffle=True, rng=1)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        saver = Checkpoint(folder, resume=resume)
        fit(model, batches, None, optimizer, nn.CrossEntropyLoss(), epochs, callbacks=[saver])
        return model

    whole = run(tmp_path / "whole", 4, False)
    run(tmp_path / "parts", 2, False)
    assert_equal(run(tmp_path / "parts", 4, True), whole)


def test_a_folder_tells_its_config_and_history(tmp_path: Path) -> None:
    _, history = train(tmp_path / "new" / "folder", 2)
    assert read_config(tmp_path / "new" / "folder") == {"note": "moons"}
    assert dict(read_history(tmp_path / "new" / "folder")) == dict(history)
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == [CHECKPOINT, MODEL]


def test_a_run_is_not_overwritten_unasked(tmp_path: Path) -> None:
    train(tmp_path, 1)
    before = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(CheckpointError, match=r"holds a run already\. Resume it, or choose another folder"):
        train(tmp_path, 1)
    assert (tmp_path / CHECKPOINT).read_bytes() == before


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda b: b"",
    "one byte": lambda b: b[:1],
    "half": lambda b: b[: len(b) // 2],
    "last byte missing": lambda b: b[:-1],
    "a byte more": lambda b: b + b"\0",
    "an array's bit": lambda b: flipped(b, len(b) - 5),
    "the header's length": lambda b: flipped(b, 0),
    "the header's length, huge": lambda b: b"\xff" * 8 + b[8:],
    "the header": lambda b: flipped(b, 20),
    "text": lambda b: b"label,pixel\n1,2\n",
    "zip": lambda b: b"PK\x03\x04" + b[4:],
    "pickle": lambda b: b"\x80\x04\x95" + b[3:],
    "zeros": lambda b: bytes(len(b)),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("which", [CHECKPOINT, MODEL])
def test_damage_is_refused_and_changes_nothing(damage: str, which: str, tmp_path: Path) -> None:
    train(tmp_path, 1)
    path = tmp_path / which
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    damaged = path.read_bytes()
    model = nn.MLP(2, [8, 2], rng=7)
    before = model.state_dict()
    optimizer = optim.SGD(model.parameters(), momentum=0.9)
    if which == MODEL:
        with pytest.raises(CheckpointError, match=str(path)):
            load_weights(path, model)
    else:
        saver = Checkpoint(tmp_path, resume=True)
        with pytest.raises(CheckpointError, match=str(path)):
            fit(model, [], None, optimizer, nn.CrossEntropyLoss(), 3, callbacks=[saver])
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert optimizer.state == {}
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("damage", DAMAGES)
def test_on_the_command_line_damage_is_one_line(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "run")
    short = ["train", "--quiet", "--epochs", "1", "--hidden", "2", "--checkpoint", folder]
    assert cli.main(short) == 0
    for name in (CHECKPOINT, MODEL):
        path = tmp_path / "run" / name
        path.write_bytes(DAMAGES[damage](path.read_bytes()))
    capsys.readouterr()
    for command in (["train", "--checkpoint", folder, "--resume"], ["evaluate", folder], ["info", folder]):
        assert cli.main(command) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"minitensor: {folder}")
        assert captured.err.count("\n") == 1


@pytest.mark.parametrize("position", range(0, 3000, 83))
def test_any_flipped_bit_is_noticed(position: int, tmp_path: Path) -> None:
    save_weights(nn.MLP(2, [8, 2], rng=0), tmp_path / "w", {"note": "x" * 50})
    content = (tmp_path / "w").read_bytes()
    (tmp_path / "w").write_bytes(flipped(content, position % len(content)))
    try:
        weights = load_weights(tmp_path / "w", nn.MLP(2, [8, 2]))
    except CheckpointError:
        return
    # What is not covered: the names of the metadata's own entries. Then it counts as another program's file.
    assert weights.config == {}


OTHERS: dict[str, Callable[[], Any]] = {
    "another width": lambda: nn.MLP(2, [9, 2]),
    "a layer more": lambda: nn.MLP(2, [8, 8, 2]),
    "a layer less": lambda: nn.Linear(2, 2),
}


@pytest.mark.parametrize("other", OTHERS)
def test_what_does_not_fit_is_refused_and_changes_nothing(other: str, tmp_path: Path) -> None:
    train(tmp_path, 1)
    model = OTHERS[other]()
    before = model.state_dict()
    optimizer = optim.SGD(model.parameters(), momentum=0.9)
    with pytest.raises(CheckpointError, match="does not fit"):
        load_weights(tmp_path / MODEL, model)
    with pytest.raises(CheckpointError, match="does not fit"):
        fit(
            *(model, [], None, optimizer, nn.CrossEntropyLoss(), 3),
            callbacks=[Callback(), Callback(), Checkpoint(tmp_path, resume=True)],
        )
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_another_optimizer_schedule_or_callback_is_refused(tmp_path: Path) -> None:
    train(tmp_path, 1)

    def resume(optimizer: str = "sgd", schedule: str = "none", callbacks: int = 2) -> None:
        model = nn.MLP(2, [8, 2], dropout=0.2)
        made = OPTIMIZERS[optimizer](model.parameters())
        before = model.state_dict()
        others = [Callback() for _ in range(callbacks)]
        with pytest.raises(CheckpointError, match="does not fit this run"):
            fit(
                *(model, [], None, made, nn.CrossEntropyLoss(), 3),
                schedule=SCHEDULES[schedule](made),
                callbacks=[*others, Checkpoint(tmp_path, resume=True)],
            )
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, before[name])

    resume(schedule="cosine")
    resume(callbacks=1)
    resume(optimizer="adam")


def tampered(path: Path, place: tuple[str | int, ...], value: object) -> None:
    """Write something else into what a file says, with a checksum that fits."""
    arrays, content = read(path)
    *way, last = place
    inner: Any = content
    for key in way:
        inner = inner[key]
    inner[last] = value
    write(path, arrays, content)


JUNK: list[object] = [None, True, -1, 1.5, 10**30, "", "x", [], [1], ["a"], {}, {"a": 1}]


@pytest.mark.parametrize(
    "place",
    [
        *[("state",), ("state", "optimizer"), ("state", "optimizer", "state", "1"), ("state", "callbacks")],
        *[("state", "callbacks", 1), ("state", "schedule"), ("state", "random"), ("state", "random", 0)],
        *[("state", "history"), ("state", "history", "loss"), ("state", "history", "lr", 0)],
    ],
)
def test_a_run_that_was_tampered_with_is_one_clean_error_and_changes_nothing(
    place: tuple[str | int, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, 1, schedule="cosine")
    whole = (tmp_path / CHECKPOINT).read_bytes()
    for value in JUNK:
        (tmp_path / CHECKPOINT).write_bytes(whole)
        tampered(tmp_path / CHECKPOINT, place, value)
        minitensor.manual_seed(7)
        model = nn.MLP(2, [8, 2], dropout=0.2)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = SCHEDULES["cosine"](optimizer)
        resumed = Checkpoint(tmp_path, resume=True)
        callbacks = [Interruption(-1), EarlyStopping(patience=3), resumed]
        run = Run(model, [], optimizer, schedule, 3, callbacks, History())
        before = [part.state_dict() for part in (model, optimizer, schedule)]
        drawn = generator(None).bit_generator.state
        try:
            resumed.on_start(run)
        except CheckpointError as error:
            assert str(tmp_path) in str(error)  # noqa: PT017
            for part, old in zip((model, optimizer, schedule), before, strict=True):
                assert repr(part.state_dict()) == repr(old)
            assert run.history == {}
            assert generator(None).bit_generator.state == drawn
        assert cli.main(["info", str(tmp_path)]) in (0, 2)
        assert capsys.readouterr().err.count("\n") <= 1


@pytest.mark.parametrize("content", [None, 7, "text", [], ["model"]])
def test_a_description_that_is_no_object_is_refused(
    content: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "a.safetensors", {"weight": np.ones(3)}, content)
    for command in ("info", "predict", "evaluate"):
        assert cli.main([command, str(tmp_path / "a.safetensors")]) == 2
        assert "its description is no JSON object" in capsys.readouterr().err
    write(tmp_path / CHECKPOINT, {}, {"config": content or [1]})
    with pytest.raises(CheckpointError, match="config is no JSON object"):
        read_config(tmp_path)
    with pytest.raises(CheckpointError, match="its history is damaged"):
        read_history(tmp_path)


def test_files_of_other_programs_are_read(tmp_path: Path) -> None:
    save_file({"weight": np.ones((2, 3), np.float32), "bias": np.ones(2)}, tmp_path / "theirs")
    model = nn.Linear(3, 2)
    assert load_weights(tmp_path / "theirs", model).config == {}
    assert model.weight.data.tolist() == [[1.0] * 3] * 2
    save_weights(model, tmp_path / "ours")
    assert sorted(load_file(tmp_path / "ours")) == ["bias", "weight"]


def test_what_cannot_be_read_or_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no such file"):
        load_weights(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be written: No such file or directory"):
        save_weights(nn.Linear(1, 1), tmp_path / "no" / "such" / "folder")
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="Choose another folder"):
        train(tmp_path / "file" / "below", 1)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_the_metadata_is_json_for_anyone(tmp_path: Path) -> None:
    save_weights(nn.Linear(1, 1), tmp_path / "w", {"widths": [1, 1]})
    header = (tmp_path / "w").read_bytes()
    size = int.from_bytes(header[:8], "little")
    metadata = json.loads(header[8 : 8 + size])["__metadata__"]
    assert json.loads(metadata["minitensor"])["content"] == {"widths": [1, 1]}


def test_equal_runs_give_equal_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        train(tmp_path / folder, 2)
    assert (tmp_path / "a" / MODEL).read_bytes() == (tmp_path / "b" / MODEL).read_bytes()


# ------------------------------------------------------------------------- what an optimizer remembers


class Counting(optim.SGD):
    """SGD that also remembers what is no array of floats, and lets its steps depend on it."""

    def update(self, parameter: Tensor, gradient: Any, state: dict[str, Any], group: Any) -> None:
        seen = state.setdefault("seen", np.zeros(parameter.shape, np.int64))
        rows = state.setdefault("rows", [np.zeros(len(gradient)), {"steps": np.int32(0)}])
        slow = state.setdefault("slow", Tensor(parameter.data))
        seen += gradient > 0
        rows[0] += abs(gradient.reshape(len(gradient), -1)).sum(axis=1)
        rows[1]["steps"] += np.int32(1)
        super().update(parameter, gradient, state, group)
        slow.data[...] += 0.1 * (parameter.data - slow.data)
        parameter.data += 0.01 * (slow.data - parameter.data) + 1e-4 * seen / rows[1]["steps"]


OPTIMIZERS["counting"] = lambda p: Counting(p, lr=0.1, momentum=0.9)


def test_a_run_with_an_optimizer_of_one_s_own_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    whole, _ = train(None, optimizer="counting")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, stop_in=3, optimizer="counting")
    resumed, _ = train(tmp_path, resume=True, optimizer="counting")
    assert_equal(resumed, whole)


TREES: dict[str, Any] = {
    "plain": {"a": [1, 2.5, None, True, "x", -0.0, 1e400]},
    "keys": {1: 2, "1": 3, None: 4, (1, "b"): 5, 2.5: 6},
    "marks": {"array": "a", "tuple": [1], "dict": 3, "tensor": None, "scalar": {"complex": 2}},
    "tuples": ((), (1, (2, [3, ()]))),
    "one name twice": {"a.b": np.zeros(1), "a": {"b": np.ones(1), "b_": np.arange(2)}},
    "numbers of NumPy": [np.float32(0.1), np.int8(-3), np.bool_(True), np.float64(0.1), np.uint64(2**63)],
    "odd numbers": [np.complex64(1j), np.longdouble(1) / 3, np.str_("ä"), np.datetime64("2020-01-01T00:00")],
    "complex": 1 - 2j,
    "dtypes": [np.arange(6).reshape(2, 3).astype(d) for d in "?bBhHiIlLqQefdgFDG"],
    "text": [
        np.array(["a", "bcd"]),
        np.array([b"x"]),
        np.array(["2020", "NaT"], "M8[D]"),
        np.array([1], "m8[s]"),
    ],
    "byte orders": [np.arange(3, dtype=">i4"), np.arange(3, dtype="<f8"), np.arange(2, dtype=">c16")],
    "orders": [np.arange(24).reshape(2, 3, 4).transpose(axes) for axes in [(0, 1, 2), (2, 1, 0), (1, 2, 0)]],
    "views": [np.arange(12).reshape(3, 4)[::2, ::-1], np.broadcast_to(np.arange(3), (2, 3))],
    "shapes": [np.array(3.5), np.zeros((0, 3)), np.zeros((2, 0)), np.zeros((1, 1, 1)), np.array("text")],
    "tensors": [Tensor([1.0]), nn.Parameter(np.ones((2, 3)).T), nn.Buffer([1, 2])],
    "NaN": [np.nan, np.array([np.nan, np.inf]), np.float32(np.nan)],
}


def same(x: Any, y: Any) -> None:
    """To the bit, in type, in order, and in the order of memory."""
    assert type(x) is type(y)
    if isinstance(x, dict):
        same(list(x), list(y))
        same(list(x.values()), list(y.values()))
    elif isinstance(x, list | tuple):
        for a, b in zip(x, y, strict=True):
            same(a, b)
    elif isinstance(x, Tensor):
        same((x.data, x.grad, x.requires_grad), (y.data, y.grad, y.requires_grad))
    elif isinstance(x, np.ndarray | np.generic):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        x, y = np.asarray(x), np.asarray(y)
        assert x.tobytes() == y.tobytes()
        assert x.copy("K").strides == y.copy("K").strides or not x.size
    else:
        assert repr(x) == repr(y)


@pytest.mark.parametrize("name", TREES)
def test_a_tree_comes_back_from_a_file_as_it_was(name: str, tmp_path: Path) -> None:
    arrays: trees.Arrays = {}
    tree = trees.split(TREES[name], "t", arrays)
    save_file({key: np.asarray(x, order="C") for key, x in arrays.items()}, tmp_path / "file")
    same(trees.join(json.loads(json.dumps(tree)), load_file(tmp_path / "file")), TREES[name])


@pytest.mark.parametrize(
    ("thing", "what"),
    [
        ({1, 2}, "set"),
        (np.random.default_rng(0), "Generator"),
        (np.array([None]), "ndarray"),
        (np.zeros(1, [("a", int)]), "ndarray"),
        (abs, "builtin_function_or_method"),
        (Tensor([1.0], requires_grad=True) * 2, "Tensor"),
        (b"bytes", "bytes"),
        (np.ma.masked_array([1, 2], [False, True]), "MaskedArray"),
        (np.zeros(1).view(np.recarray), "recarray"),
        (np.char.array(["a"]), "chararray"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_no_file_can_keep_is_named(thing: Any, what: str) -> None:
    with pytest.raises(CheckpointError, match=rf"^run\.a\.0: a {what} cannot be saved. Keep arrays, leaf"):
        trees.split({"a": [thing]}, "run", {})


def test_of_kinds_derived_from_pythons_the_plain_ones_come_back() -> None:
    class Pair(NamedTuple):
        a: int
        b: int

    class Level(IntEnum):
        low = 1
        high = 2

    given = [Pair(1, 2), OrderedDict(a=1), Level.high, defaultdict(int, {3: 4})]
    back = trees.join(json.loads(json.dumps(trees.split(given, "t", {}))), {})
    assert [(type(x), x) for x in back] == [(tuple, (1, 2)), (dict, {"a": 1}), (int, 2), (dict, {3: 4})]


def test_a_checkpoint_of_before_is_still_read() -> None:
    old = {"state": {"0": {"step": 3, "exp_avg": {"array": "x"}}}, "param_groups": [{"betas": [0.9, 0.99]}]}
    new = trees.join(old, {"x": np.ones(2)})
    assert new["state"]["0"]["exp_avg"].tolist() == [1, 1]
    assert new["param_groups"] == [{"betas": [0.9, 0.99]}]


def test_a_schedule_that_does_not_fit_leaves_the_optimizer_as_it_was(tmp_path: Path) -> None:
    train(tmp_path, 2, schedule="cosine")
    model = nn.MLP(2, [8, 2], dropout=0.2)
    optimizer = OPTIMIZERS["sgd"](model.parameters())
    schedule = optim.StepLR(optimizer, 2)
    with pytest.raises(CheckpointError, match=r"StepLR.load_state_dict: needs"):
        fit(
            *(model, [], None, optimizer, nn.CrossEntropyLoss(), 3),
            schedule=schedule,
            callbacks=[Callback(), Callback(), Checkpoint(tmp_path, resume=True)],
        )
    assert optimizer.state == {}
    assert optimizer.param_groups[0]["lr"] == 0.1
    assert optimizer._steps == 0
