"""`minitensor evaluate`: how good a model is, class by class, and where it is wrong."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor import no_grad
from minitensor.cli import task
from minitensor.data import DataLoader, scale_pixels
from minitensor.errors import DataError, OptionError
from minitensor.nn import Module
from minitensor.tables import shown, table

Array = NDArray[Any]
SHOWN = 24  # mistakes in a picture
WIDEST = 50  # classes whose confusions are shown as a square, which grows with their number's square


def run(options: argparse.Namespace) -> int:
    """Judge the model, and report."""
    from sklearn.metrics import classification_report, confusion_matrix

    task.check_picture(options.mistakes)
    trained = task.load_model(options.checkpoint)
    name, x, y = _data(options, trained)
    x = task.as_trained(trained, x, name)
    probabilities = predict(trained.model, x, name)
    classes = probabilities.shape[1]
    if int(y.max()) >= classes:
        raise DataError(
            f"{name}: has the label {y.max()}, and the model knows labels from 0 to {classes - 1}"
        )
    guesses = probabilities.argmax(axis=1)
    labels = range(classes)
    report = classification_report(y, guesses, labels=labels, output_dict=True, zero_division=0)
    scores = [_scores(trained.label(code), report[str(code)]) for code in labels]
    names = [shown(score["class"]) for score in scores]
    confusion = confusion_matrix(y, guesses, labels=labels)
    correct = int(confusion.trace())
    if options.json:
        numbers = {"accuracy": correct / len(y), "samples": len(y), "classes": scores}
        print(json.dumps(numbers | {"confusion": confusion.tolist()}))
    else:
        print(f"Accuracy  {correct / len(y):.2%}  ({correct:,} of {len(y):,} samples of {name})\n")
        rows = [
            (
                name,
                *[f"{of[name]:.1%}" for name in ("precision", "recall", "f1")],
                f"{of['samples']:,}",
            )
            for name, of in zip(names, scores, strict=True)
        ]
        print(table("rrrrr", rows, list(scores[0])))
        print("\n" + (_square(confusion, names) if classes <= WIDEST else _pairs(y, guesses, names)))
    if options.mistakes:
        _draw_mistakes(options.mistakes, x, y, probabilities, names)
    return 0


def _scores(label: str | int, found: dict[str, float]) -> dict[str, Any]:
    """What scikit-learn's report says of a class, under the names of ours."""
    kept = {"precision": found["precision"], "recall": found["recall"], "f1": found["f1-score"]}
    return {"class": label, **kept, "samples": int(found["support"])}


def _square(confusion: Array, names: list[str]) -> str:
    rows = [
        (name, *[n or "." for n in counts]) for name, counts in zip(names, confusion.tolist(), strict=True)
    ]
    title = "Confusion: a row is what a sample is, a column what it was taken for\n"
    return title + table("r" * (len(rows) + 1), rows, ["", *names])


def _pairs(y: Array, guesses: Array, names: list[str]) -> str:
    wrong = guesses != y
    most = Counter(zip(y[wrong].tolist(), guesses[wrong].tolist(), strict=True)).most_common(SHOWN)
    rows = [(names[label], names[guess], f"{n:,}") for (label, guess), n in most]
    return "Confusion: the most frequent\n" + table("rrr", rows, ["class", "taken for", "samples"])


def predict(model: Module, x: Array, name: str) -> Array:
    """The probability of each class, of shape (n, classes)."""
    parts = []
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):
        for (rows,) in DataLoader(x, batch_size=1024, transform=scale_pixels):
            parts.append(model(rows).softmax(axis=1).data)
    probabilities = np.concatenate(parts)
    strange = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if strange.size:
        raise DataError(
            f"{name}: row {strange[0] + 1:,} gives no finite probabilities. "
            "Its numbers are too large, or the model has diverged."
        )
    return probabilities


def _data(options: argparse.Namespace, trained: task.Trained) -> tuple[str, Array, Array]:
    """What to judge by: all of the data that are named, or what the model had not seen of its own."""
    if options.data:
        data, found = task.load(options.data, options.label, trained.schema)
        if found is not None:
            task.say_if_names_are_not_known(found.columns, trained.schema, options.data)
        if data.x_test is not None and data.y_test is not None:
            return f"{options.data} (its test part)", data.x_test, data.y_test
        return options.data, data.x, data.y
    if options.label:
        raise OptionError("--label goes with --data. The model knows the label of its own data.")
    if "options" not in trained.config:
        raise OptionError(f"{options.checkpoint} does not say what it was trained on. Give --data.")
    own = task.own_options(trained.config, options.checkpoint)
    if own["data"] == "-":
        raise OptionError(f"{options.checkpoint} was trained on standard input, which is gone. Give --data.")
    data, schema = task.load(own["data"], own["label"])
    if not task.is_same(data, schema, trained.config):
        raise DataError(f"{own['data']}: is no longer what the model was trained on. Give --data.")
    held_out = task.split(data, own["seed"], schema)
    return f"{own['data']}, held out", held_out.x_test, held_out.y_test


def _draw_mistakes(path: str, x: Array, y: Array, probabilities: Array, names: list[str]) -> None:
    from minitensor.training import plots

    guesses = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(guesses != y)
    worst = wrong[np.argsort(-probabilities[wrong, guesses[wrong]], kind="stable")][:SHOWN]
    titles = [
        f"{names[y[i]]} taken for {names[guesses[i]]}\n{probabilities[i, guesses[i]]:.1%}" for i in worst
    ]
    with task.drawing(path):
        plots.save_images(x[worst], titles, path)
