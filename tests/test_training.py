"""The training loop: its modes, averages, steps, schedules and callbacks."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minitensor import DataError, DTypeError, OptionError, Tensor, is_grad_enabled, nn, optim
from minitensor.data import ConcatDataset, DataLoader, Subset, TensorDataset
from minitensor.nn.functional import cross_entropy, mse_loss
from minitensor.training import (
    Average,
    Callback,
    EarlyStopping,
    History,
    JSONLines,
    PlainProgress,
    ProgressBar,
    Run,
    StopWhenNotFinite,
    evaluate,
    fit,
)

X = np.eye(5, 3, dtype=np.float32)
Y = np.array([0, 1, 2, 0, 1])


class Watched(nn.Linear):
    """A linear classifier that notes the mode of each call."""

    def __init__(self) -> None:
        super().__init__(3, 3, rng=0)
        self.seen: list[tuple[bool, bool, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append((self.training, is_grad_enabled(), len(x)))
        return super().forward(x)


def trained(epochs: int = 1, lr: float = 0.1, model: nn.Module | None = None, **options: Any) -> History:
    model = Watched() if model is None else model
    batch_size = options.pop("batch_size", 2)
    validation = options.pop("validation", None)
    optimizer = options.pop("optimizer", None) or optim.SGD(model.parameters(), lr=lr)
    batches = DataLoader(X, Y, batch_size=batch_size)
    return fit(model, batches, validation, optimizer, cross_entropy, epochs, **options)


def test_epochs_train_in_training_mode_and_evaluation_is_without_a_graph() -> None:
    model = Watched()
    trained(2, model=model, batch_size=3, validation=DataLoader(X, Y, batch_size=5))
    assert model.seen == 2 * [(True, True, 3), (True, True, 2), (False, False, 5)]
    assert not model.training


def test_averages_weigh_each_batch_by_its_rows() -> None:
    model = Watched()
    before = cross_entropy(model(X), Y).item()
    history = trained(lr=0.0, model=model, validation=DataLoader(X, Y, batch_size=4))
    right = np.count_nonzero(model(X).data.argmax(axis=1) == Y) / 5
    np.testing.assert_allclose(history["loss"] + history["validation_loss"], [before] * 2, rtol=1e-6)
    assert history["accuracy"] == history["validation_accuracy"] == [right]
    assert history["lr"] == [0.0]
    assert history["seconds"][0] > 0


def test_weights_say_how_often_each_sample_counts() -> None:
    def loss(output: Tensor, target: Any, weights: Any) -> Any:
        mean: Tensor = (cross_entropy(output, target, "none") * weights).sum() / weights.sum()
        return mean

    model, counts = nn.Linear(3, 3, rng=0), np.array([2, 0, 1, 1, 3])
    repeated = evaluate(model, DataLoader(X.repeat(counts, 0), Y.repeat(counts)), cross_entropy)
    weighted = DataLoader(X, Y, counts.astype(np.float32), batch_size=2)
    assert 0 < (repeated.accuracy or 0) < 1
    for compiled in (False, True):
        optimizer = optim.SGD(model.parameters(), lr=0.0)
        history = fit(model, weighted, weighted, optimizer, loss, epochs=3, compile=compiled)
        for name in ("loss", "validation_loss"):
            np.testing.assert_allclose(history[name], repeated.loss, rtol=1e-6)
        assert history["accuracy"] == history["validation_accuracy"] == [repeated.accuracy] * 3


def test_every_step_starts_from_fresh_gradients() -> None:
    model = Watched()
    trained(lr=0.5, model=model, batch_size=1)
    by_hand = Watched()
    for x, y in zip(X, Y, strict=True):
        by_hand.zero_grad()
        cross_entropy(by_hand(x[None]), y[None]).backward()
        for p in by_hand.parameters():
            p.data -= np.float32(0.5) * p.grad
    np.testing.assert_allclose(model.weight.data, by_hand.weight.data, rtol=1e-6)


def test_regression_has_no_accuracy() -> None:
    model = nn.Linear(3, 1, rng=0)
    data = DataLoader(X, Y[:, None].astype(np.float32))
    history = fit(model, data, data, optim.SGD(model.parameters(), lr=0.1), mse_loss, 3)
    assert set(history) == {"loss", "validation_loss", "lr", "seconds"}
    assert history["loss"][2] < history["loss"][0]
    assert evaluate(model, data, mse_loss).accuracy is None


def test_schedules_step_at_their_interval() -> None:
    def rates(epochs: int, interval: str) -> list[float]:
        model = Watched()
        optimizer = optim.SGD(model.parameters(), lr=1.0)
        schedule = optim.StepLR(optimizer, step_size=1, gamma=0.5)
        schedule.interval = interval
        return trained(epochs, model=model, optimizer=optimizer, schedule=schedule)["lr"]

    assert rates(3, "epoch") == [0.5, 0.25, 0.125]
    assert rates(2, "batch") == [0.5**3, 0.5**6]  # three batches an epoch


def test_a_plateau_is_of_the_validation_loss_if_there_is_one() -> None:
    def last_lr(validation: Any) -> float:
        model = Watched()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        schedule = optim.ReduceLROnPlateau(optimizer, patience=0, factor=0.1)
        data = None if validation is None else DataLoader(*validation)
        return trained(5, model=model, optimizer=optimizer, schedule=schedule, validation=data)["lr"][-1]

    assert last_lr(None) == 0.1  # the training loss falls
    assert last_lr((X, (Y + 1) % 3)) < 0.1  # that of the opposite labels rises


def test_gradients_are_clipped_together() -> None:
    model = Watched()
    before = model.state_dict()
    trained(lr=1.0, model=model, batch_size=5, clip_norm=1e-3)
    moved = math.sqrt(sum(float(((p - before[name]) ** 2).sum()) for name, p in model.state_dict().items()))
    assert moved == pytest.approx(1e-3, rel=1e-2)


class Recorder(Callback):
    """Notes what is called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def on_start(self, run: Run) -> None:
        self.calls.append("start")

    def on_batch(self, run: Run) -> None:
        self.calls.append(f"batch {run.epoch} {run.seen.samples}")

    def on_epoch(self, run: Run) -> None:
        self.calls.append(f"epoch {run.history.epochs}")
        run.stop = run.history.epochs == 2

    def on_end(self, run: Run) -> None:
        self.calls.append("end")


def test_callbacks_see_everything_in_order_and_can_stop() -> None:
    recorder = Recorder()
    assert trained(9, callbacks=[recorder], batch_size=3).epochs == 2
    assert recorder.calls == [
        *("start", "batch 0 3", "batch 0 5", "epoch 1", "batch 1 3", "batch 1 5", "epoch 2", "end")
    ]


def test_a_history_that_is_given_goes_on() -> None:
    history = trained(2)
    assert trained(3, history=history) is history
    assert history.epochs == 3


class Scripted(Callback):
    """Writes losses into the history, and an epoch's number into the weights."""

    def __init__(self, losses: list[float], name: str = "validation_loss") -> None:
        self.losses, self.name = losses, name

    def on_epoch(self, run: Run) -> None:
        run.history[self.name] = self.losses[: run.epoch + 1]
        for parameter in run.model.parameters():
            parameter.data[...] = run.epoch


@pytest.mark.parametrize(
    ("losses", "options", "epochs", "best"),
    [
        ([3, 2, 1, 1, 1, 1], {"patience": 2}, 5, 2),
        ([3, 2, math.nan, 2.5, 1, 1], {"patience": 3}, 6, 4),
        ([3, 2, 1.95, 1.95, 1], {"patience": 2, "min_delta": 0.1}, 4, 1),
        ([0.1, 0.2, 0.2, 0.2], {"patience": 1, "monitor": "validation_accuracy"}, 3, 1),
        ([1, 2, 3], {"patience": 1, "restore_best": False}, 2, 1),
        ([math.nan] * 4, {"patience": 2}, 2, 1),
    ],
)
def test_early_stopping_ends_with_the_best_epoch(
    losses: list[float], options: dict[str, Any], epochs: int, best: int
) -> None:
    model = Watched()
    script = Scripted(losses, options.get("monitor", "validation_loss"))
    history = trained(len(losses), model=model, callbacks=[script, EarlyStopping(**options)])
    assert history.epochs == epochs
    assert set(model.weight.data.flat) == {best}


def test_early_stopping_needs_something_to_watch() -> None:
    with pytest.raises(OptionError, match="there is no validation_loss, only loss, accuracy"):
        trained(callbacks=[EarlyStopping()])


def test_a_loss_that_is_not_finite_ends_training() -> None:
    model = Watched()
    model.weight.data[...] = np.nan
    assert trained(5, model=model, callbacks=[StopWhenNotFinite()]).epochs == 1
    assert trained(5, callbacks=[StopWhenNotFinite()]).epochs == 5


def test_what_cannot_be_trained_is_refused() -> None:
    model = Watched()
    optimizer, other = optim.SGD(model.parameters(), lr=0.1), optim.SGD(Watched().parameters(), lr=0.1)
    for epochs in (-1, 2.5, "3"):
        with pytest.raises(OptionError, match="epochs must be an integer of at least 0"):
            trained(epochs)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="of another optimizer"):
        trained(model=model, optimizer=optimizer, schedule=optim.StepLR(other, 1))
    with pytest.raises(DTypeError, match=r"one of minitensor.optim, not float"):
        trained(schedule=0.1)
    with pytest.raises(OptionError, match="patience must be at least 1, and is 0"):
        EarlyStopping(patience=0)
    once = (batch for batch in DataLoader(X, Y))
    with pytest.raises(DataError, match="fit: the training data have no batches"):
        fit(model, once, None, optimizer, cross_entropy, 2)
    with pytest.raises(DataError, match="evaluate: the data have no batches"):
        trained(validation=DataLoader(X[:0], Y[:0]))
    assert trained(0).epochs == 0


def test_a_pipe_gets_each_line_of_the_log_once_and_a_link_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    trained(3, callbacks=[JSONLines(tmp_path / "pipe")])
    rows = [json.loads(line) for line in os.read(reader, 1 << 16).splitlines()]
    os.close(reader)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    (tmp_path / "link").symlink_to(tmp_path / "log")
    trained(2, callbacks=[JSONLines(tmp_path / "link")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "log").read_text().count("\n") == 2


def test_the_log_has_a_json_line_per_epoch_and_no_nan(tmp_path: Path) -> None:
    model = Watched()
    history = trained(2, model=model, callbacks=[JSONLines(tmp_path / "log")])
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["loss"] for row in rows] == history["loss"]
    model.weight.data[...] = np.nan
    trained(3, model=model, callbacks=[JSONLines(tmp_path / "log")], history=history)
    text = (tmp_path / "log").read_text()
    assert "NaN" not in text
    assert json.loads(text.splitlines()[-1])["loss"] is None


def test_plain_progress_is_about_ten_lines(capsys: pytest.CaptureFixture[str]) -> None:
    trained(25, callbacks=[PlainProgress()])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 9
    assert lines[0].startswith("epoch 3/25  loss ")
    assert lines[-1].startswith("epoch 25/25")


def test_the_live_bar_shows_numbers_and_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    bar = ProgressBar()
    trained(2, callbacks=[bar])
    assert bar._bar is not None
    assert bar._bar.finished
    assert "samples/s" in bar._bar.tasks[0].fields["numbers"]
    assert capsys.readouterr().out == ""


def test_importing_it_loads_nothing_that_only_some_need() -> None:
    code = "import sys, minitensor.training; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()).isdisjoint({"matplotlib", "rich", "sklearn", "safetensors"})
    assert "minitensor.training.plots" not in loaded.split()


# ---------------------------------------------------------------------------------- what batches may be


@pytest.mark.parametrize("compile", [False, True])
def test_batches_of_tensors_train_as_arrays_do(compile: bool) -> None:
    x = X.repeat(3, 0)
    y = Y.repeat(3)
    parts = [TensorDataset(x[:4], y[:4]), TensorDataset(x[4:], y[4:])]
    datasets: list[Any] = [TensorDataset(x, y), list(zip(x, y, strict=True)), ConcatDataset(parts)]

    def history(batches: DataLoader, validation: DataLoader) -> Any:
        model = nn.MLP(3, [4, 3], rng=0)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        found = fit(model, batches, validation, optimizer, cross_entropy, 3, compile=compile)
        return {name: numbers for name, numbers in found.items() if name != "seconds"}

    arrays = history(DataLoader(x, y, batch_size=4, shuffle=True, rng=0), DataLoader(x, y))
    assert arrays["accuracy"]
    for data in [*datasets, Subset(datasets[0], range(15))]:
        batches = DataLoader(data, 4, True, generator=0)
        assert history(batches, DataLoader(data, 32)) == arrays


def test_weights_may_be_tensors() -> None:
    def loss(output: Tensor, target: Any, weights: Any) -> Any:
        return (cross_entropy(output, target, reduction="none") * weights).sum() / weights.sum()

    weights = np.arange(1, 6, dtype=np.float32)
    model = nn.Linear(3, 3, rng=0)
    tensors = evaluate(model, DataLoader(TensorDataset(X, Y, weights), batch_size=2), loss)
    assert str(tensors) == str(evaluate(model, DataLoader(X, Y, weights, batch_size=2), loss))
    assert (type(tensors.samples), tensors.samples) == (float, 15.0)
    lists = Average()
    lists.add(Tensor(0.5), Tensor([[1.0, 0.0], [1.0, 0.0]]), [0, 1], [3.0, 1.0])
    assert (lists.samples, lists.accuracy) == (4.0, 0.75)


OPTIONS: list[Any] = [{}, {"epochs": 5}]
ARRAYS = r"Write DataLoader\(x, y, batch_size=32\)"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((X, Y), "takes batches, not a tuple of arrays. " + ARRAYS),
        ([X, Y], "takes batches, not a list of arrays. " + ARRAYS),
        ((Tensor(X), Tensor(Y)), "takes batches, not a tuple of arrays. " + ARRAYS),
        (X, "takes batches, not an array. " + ARRAYS),
        (Tensor(X), "takes batches, not an array. " + ARRAYS),
        (TensorDataset(X, Y), r"takes batches, not a dataset. Write DataLoader\(dataset, batch_size=32\)"),
        ({"x": X}, "takes batches, such as a DataLoader, not dict"),
        ("digits", "takes batches, such as a DataLoader, not str"),
        (5, "takes batches, such as a DataLoader, not int"),
        (DataLoader(X), r"a batch is \(inputs, targets\) or \(inputs, targets, weights\), not 1 of these"),
        (DataLoader(X, Y, Y, Y), r"a batch is .*, not 4 of these"),
        (DataLoader([1.0, 2.0]), r"a batch is \(inputs, targets\) .*, not Tensor"),
        (DataLoader([{"x": 1}]), r"a batch is .*, not dict"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_is_no_batches_is_refused_with_the_cure(data: Any, message: str) -> None:
    model = nn.Linear(3, 3, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(DTypeError, match=f"^fit: {message}"):
        fit(model, data, None, optimizer, cross_entropy, 1)
    with pytest.raises(DTypeError, match=f"^evaluate: {message}"):
        evaluate(model, data, cross_entropy)
    if not isinstance(data, DataLoader):
        before = model.weight.data.copy()
        with pytest.raises(DTypeError, match=f"^fit: {message}"):
            fit(model, DataLoader(X, Y), data, optimizer, cross_entropy, 1)
        np.testing.assert_array_equal(model.weight.data, before)  # seen before the first step


def test_keras_s_ways_to_call_fit_say_what_to_write() -> None:
    model = nn.Linear(3, 3, rng=0)
    calls: list[Any] = [((X, Y),), (X, Y)]
    for data in calls:
        for options in OPTIONS:
            with pytest.raises(DTypeError, match=ARRAYS):
                fit(model, *data, **options)
    whole = r"Write fit\(model, train, validation, optimizer, loss, epochs\)"
    with pytest.raises(DTypeError, match=f"^fit: lacks optimizer, loss, epochs. {whole}"):
        fit(model, DataLoader(X, Y))
    with pytest.raises(DTypeError, match=f"^fit: lacks epochs. {whole}"):
        fit(model, DataLoader(X, Y), None, optim.SGD(model.parameters()), cross_entropy)
    swapped: list[Any] = [cross_entropy, optim.SGD(model.parameters(), lr=0.1), 1]
    with pytest.raises(DTypeError, match=r"takes an optimizer of minitensor\.optim, not function"):
        fit(model, DataLoader(X, Y), None, *swapped)
