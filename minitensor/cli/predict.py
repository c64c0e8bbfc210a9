"""`minitensor predict`: rows of numbers to labels and probabilities."""

from __future__ import annotations

import argparse
import json
import sys

from minitensor.cli import task
from minitensor.cli.evaluate import predict
from minitensor.data.files import load_rows
from minitensor.errors import DataError


def run(options: argparse.Namespace) -> int:
    """Classify each row, and print a line for it."""
    trained = task.load_model(options.checkpoint)
    source, name = options.input, options.input
    if name == "-":
        if sys.stdin is None:
            raise DataError("standard input is closed. Give a file of rows, or pipe them in.")
        source, name = sys.stdin.buffer, "standard input"
    rows = task.as_trained(trained, load_rows(source, trained.in_features), name)
    probabilities = predict(trained.model, rows, name)
    labels = probabilities.argmax(axis=1).tolist()
    lines = []
    for label, row in zip(labels, probabilities.tolist(), strict=True):
        if options.json:
            lines.append(json.dumps({"label": label, "probabilities": [round(p, 6) for p in row]}))
        else:
            lines.append(f"{label} {row[label]:.4f}")
    print("\n".join(lines))
    return 0
