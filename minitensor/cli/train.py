"""`minitensor train`: train an MLP, report, and save what was asked for."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from minitensor import optim
from minitensor.cli import INTERRUPTED, task
from minitensor.cli.options import OPTIMIZERS
from minitensor.data import DataLoader, Schema, train_test_split
from minitensor.errors import CheckpointError, OptionError
from minitensor.nn import MLP, CrossEntropyLoss
from minitensor.optim.lr_scheduler import Schedule
from minitensor.tables import shown, table
from minitensor.training import (
    Callback,
    EarlyStopping,
    History,
    JSONLines,
    PlainProgress,
    ProgressBar,
    StopWhenNotFinite,
    evaluate,
    fit,
)
from minitensor.training.checkpoint import CHECKPOINT, Checkpoint, read_config

SAVED = (
    *("data", "label", "hidden", "activation", "dropout", "epochs", "batch_size", "optimizer", "lr"),
    *("momentum", "weight_decay", "schedule", "clip_norm", "validation", "early_stopping", "seed"),
)
"""The options that make a run what it is."""


class Result(NamedTuple):
    """What a training run came to; the fields of `--json`."""

    test_accuracy: float
    train_loss: float | None  # None if it was not finite
    seconds: float
    samples_per_second: float
    parameters: int
    epochs: int
    seed: int


def run(options: argparse.Namespace) -> int:
    """Train as the options say, and report."""
    if options.log == "-":
        raise OptionError("--log needs a file. For standard output give /dev/stdout.")
    task.check_writable(options.log)  # now, and not after an hour of training
    task.check_picture(options.plot)
    saved = _resumed(options)
    if options.lr is None:
        options.lr = OPTIMIZERS[options.optimizer]
    if options.early_stopping and not options.validation:
        raise OptionError("--early-stopping needs a part of the data to judge by. Try --validation 0.1.")
    if os.path.exists(options.data):
        options.data = os.path.abspath(options.data)
    data, schema = task.load(options.data, options.label)
    if saved is not None and not task.is_same(data, schema, saved):
        raise CheckpointError(f"{options.checkpoint}: {options.data} is no longer what the run began with")

    x_train, x_test, y_train, y_test, classes = task.split(data, options.seed, schema)
    validation = None
    if options.validation:
        try:
            parts = train_test_split(x_train, y_train, test_size=options.validation)
        except OptionError as error:
            raise OptionError(
                f"--validation {options.validation} of {len(x_train):,} rows leaves none to train on"
            ) from error
        x_train, x_held, y_train, y_held = parts
        validation = task.batches(x_held, y_held)
    description = {
        "in_features": x_train.shape[1],
        "widths": [*options.hidden, classes],
        "activation": options.activation,
        "dropout": options.dropout,
    }
    model = task.build(description)
    batches = task.batches(x_train, y_train, min(options.batch_size, len(x_train)), shuffle=True)
    optimizer = _optimizer(options, model)
    schedule = _schedule(options, optimizer, len(batches))
    callbacks: list[Callback] = [StopWhenNotFinite()]
    if options.early_stopping:
        callbacks.append(EarlyStopping(patience=options.early_stopping))
    if options.log:
        callbacks.append(JSONLines(options.log))
    if options.checkpoint:
        config = {
            "model": description,
            "options": {name: getattr(options, name) for name in SAVED},
            "pixels": bool(x_train.dtype == np.uint8),
            "table": task.described(schema),
            "fingerprint": task.fingerprint(data),
        }
        callbacks.append(Checkpoint(options.checkpoint, config, options.resume))

    history, interrupted = History(), False
    start = time.perf_counter()
    with (
        _progress(options) as progress,
        _threads(model, batches),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        try:
            fit(
                *(model, batches, validation, optimizer, CrossEntropyLoss(), options.epochs),
                schedule=schedule,
                clip_norm=options.clip_norm,
                compile=not options.no_compile,
                callbacks=[*progress, *callbacks],
                history=history,
            )
        except KeyboardInterrupt:
            interrupted = True
        seconds = time.perf_counter() - start
        judged = evaluate(model, task.batches(x_test, y_test), CrossEntropyLoss())

    loss = history.last.get("loss", math.nan)
    trained = sum(history.get("seconds", []))
    result = Result(
        test_accuracy=judged.accuracy or 0.0,
        train_loss=loss if math.isfinite(loss) else None,
        seconds=round(seconds, 3),
        samples_per_second=round(history.epochs * len(x_train) / trained, 1) if trained else 0.0,
        parameters=sum(parameter.size for parameter in model.parameters()),
        epochs=history.epochs,
        seed=options.seed,
    )
    if options.json:
        print(json.dumps(result._asdict()))
    else:
        widths = [description["in_features"], *description["widths"]]
        rows = _summary(result, options, judged.correct or 0, widths, len(y_test), interrupted)
        if schema is not None:
            rows.insert(-1, ("Label", _label(schema, classes)))
        print(table("ll", rows))
    if options.plot:
        _plot(history, options.plot, sys.stderr if options.json else sys.stdout)
    if interrupted:
        return INTERRUPTED
    return 0 if result.train_loss is not None else 1


def _resumed(options: argparse.Namespace) -> dict[str, Any] | None:
    """Take the options of the run that is to go on; None if there is none."""
    if not options.resume:
        return None
    if not options.checkpoint:
        raise OptionError("--resume needs the folder of the run: --checkpoint FOLDER")
    if not (Path(options.checkpoint) / CHECKPOINT).exists():
        task.say(f"{options.checkpoint} holds no run yet: this one starts it")
        return None
    config = read_config(options.checkpoint)
    if "options" not in config:
        raise CheckpointError(
            f"{options.checkpoint}: was not made by minitensor train, which cannot resume it"
        )
    saved = task.own_options(config, options.checkpoint)
    for name in SAVED:
        value = saved[name]
        longer = name == "epochs" and saved["schedule"] in ("constant", "plateau", "step")
        typed = getattr(options, name)
        if name in options.given and name == "data" and os.path.exists(typed):
            typed = os.path.abspath(typed)
        if name in options.given and typed != value and not longer:
            flag = "--" + name.replace("_", "-")
            found = f"{flag} is {value}" if value is not None else f"{flag} was not given"
            raise OptionError(f"{found} in {options.checkpoint}. Leave it out, or start a new run.")
        if not (name in options.given and longer):
            setattr(options, name, value)
    return config


def _label(schema: Schema, classes: int) -> str:
    """Which column is the label, and what its classes are."""
    column = repr(schema.label) if schema.columns else f"column {int(schema.label) + 1}"
    names = [shown(name) for name in schema.classes[:10]] or [f"0 to {classes - 1:,}"]
    more = ", …" if len(schema.classes) > 10 else ""
    return f"{column}  ({classes:,} classes: {', '.join(names)}{more})"


def _optimizer(options: argparse.Namespace, model: MLP) -> optim.Optimizer:
    settings = {"lr": options.lr, "weight_decay": options.weight_decay}
    if options.optimizer == "sgd":
        return optim.SGD(model.parameters(), momentum=options.momentum, **settings)
    if options.optimizer == "rmsprop":
        return optim.RMSprop(model.parameters(), momentum=options.momentum, **settings)
    adaptive = (
        optim.Adadelta,
        optim.Adagrad,
        optim.Adam,
        optim.Adamax,
        optim.AdamW,
        optim.NAdam,
        optim.RAdam,
    )
    kinds = {kind.__name__.lower(): kind for kind in adaptive}
    return kinds[options.optimizer](model.parameters(), **settings)


def _schedule(options: argparse.Namespace, optimizer: optim.Optimizer, batches: int) -> Schedule | None:
    epochs = options.epochs
    if options.schedule == "step":
        return optim.StepLR(optimizer, step_size=max(1, epochs // 3))
    if options.schedule == "cosine":
        return optim.CosineAnnealingLR(optimizer, T_max=epochs)
    if options.schedule == "onecycle":
        cycled = not optimizer.defaults.keys().isdisjoint(("momentum", "betas"))
        return optim.OneCycleLR(optimizer, options.lr, epochs * batches, cycle_momentum=cycled)
    if options.schedule == "warmup":
        after = optim.CosineAnnealingLR(optimizer, T_max=max(1, (epochs - 1) * batches))
        return optim.LinearWarmup(optimizer, batches, start_factor=0.1, after=after)
    return optim.ReduceLROnPlateau(optimizer, patience=3) if options.schedule == "plateau" else None


@contextlib.contextmanager
def _progress(options: argparse.Namespace) -> Iterator[list[Callback]]:
    live = sys.stderr is not None and sys.stderr.isatty()
    if options.quiet or sys.stderr is None or (options.json and not live):
        yield []
    elif not live:
        yield [PlainProgress()]
    else:
        bar = ProgressBar()
        try:
            yield [bar]
        finally:
            bar.close()


@contextlib.contextmanager
def _threads(model: MLP, batches: DataLoader) -> Iterator[None]:
    """One thread where the products are small: two would wait for each other longer than they work."""
    largest = max(parameter.size for parameter in model.parameters())
    if largest * batches.batch_size > 4_000_000:
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def _plot(history: History, path: str, terminal: TextIO) -> None:
    from minitensor.training import plots

    if path == "-":
        print(plots.curves(history), file=terminal)
        return
    with task.drawing(path):
        try:
            plots.save_curves(history, path)
        except ModuleNotFoundError:
            print(plots.curves(history), file=terminal)
            raise


def _summary(
    result: Result,
    options: argparse.Namespace,
    correct: float,
    widths: list[int],
    tested: int,
    interrupted: bool,
) -> list[tuple[str, str]]:
    loss = "not finite" if result.train_loss is None else f"{result.train_loss:.4f}"
    trained = f"{result.epochs} epoch{'' if result.epochs == 1 else 's'}"
    if interrupted:
        again = f"minitensor train --checkpoint {options.checkpoint} --resume goes on."
        advice = again if options.checkpoint else "Run it again to the end, or with fewer --epochs."
        advice = f"This run was interrupted. {advice}"
    elif result.train_loss is None:
        advice = f"The loss is no longer finite: the steps are too large. Try --lr {options.lr / 10:g}."
    elif result.test_accuracy < 0.95 and options.data == "digits":
        advice = "Low accuracy. Try more --epochs, or another --lr, between 0.01 and 0.1."
    elif options.checkpoint:
        advice = f"minitensor evaluate {options.checkpoint} shows where it is wrong."
    else:
        advice = "Try a wider network (--hidden 512 256), another --activation, or another --seed."
    what = "digits" if options.data == "digits" else "samples"
    judged = f"{correct:,} of {tested:,} {what} it had not seen"
    return [
        ("Test accuracy", f"{result.test_accuracy:.2%}  ({judged})"),
        ("Training loss", f"{loss}  after {trained}" if result.epochs else "no epoch was finished"),
        ("Time", f"{result.seconds:.2f} s  ({result.samples_per_second:,.0f} samples per second)"),
        ("Parameters", f"{result.parameters:,}  (MLP {' → '.join(map(str, widths))})"),
        ("Next", advice),
    ]
