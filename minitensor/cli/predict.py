"""`minitensor predict`: rows of numbers to labels and probabilities."""

from __future__ import annotations

import argparse
import json

from minitensor.cli import task
from minitensor.cli.evaluate import predict
from minitensor.data.files import read_rows
from minitensor.tables import shown


def run(options: argparse.Namespace) -> int:
    """Classify each row, and print a line for it."""
    trained = task.load_model(options.checkpoint)
    piped = options.input == "-"
    source, name = (task.standard_input(), "standard input") if piped else [options.input] * 2
    rows, columns = read_rows(source, trained.schema, options.label)
    task.say_if_names_are_not_known(columns, trained.schema, name)
    rows = task.as_trained(trained, rows, name)
    probabilities = predict(trained.model, rows, name)
    lines = []
    for best, row in zip(probabilities.argmax(axis=1).tolist(), probabilities.tolist(), strict=True):
        label = trained.label(best)
        if options.json:
            lines.append(json.dumps({"label": label, "probabilities": [round(p, 6) for p in row]}))
        else:
            lines.append(f"{shown(label)} {row[best]:.4f}")
    print("\n".join(lines))
    return 0
