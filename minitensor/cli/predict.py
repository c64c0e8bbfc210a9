"""`minitensor predict`: rows of numbers to labels and probabilities."""

from __future__ import annotations

import argparse
import json
import sys

from minitensor.cli import task
from minitensor.cli.evaluate import predict
from minitensor.data.files import load_rows


def run(options: argparse.Namespace) -> int:
    """Classify each row, and print a line for it."""
    model, _, in_features = task.load_model(options.checkpoint)
    source = sys.stdin.buffer if options.input == "-" else options.input
    name = "standard input" if options.input == "-" else options.input
    rows = load_rows(source, in_features)
    task.check_features(in_features, rows, name)
    probabilities = predict(model, rows)
    labels = probabilities.argmax(axis=1).tolist()
    lines = []
    for label, row in zip(labels, probabilities.tolist(), strict=True):
        if options.json:
            lines.append(json.dumps({"label": label, "probabilities": [round(p, 6) for p in row]}))
        else:
            lines.append(f"{label} {row[label]:.4f}")
    print("\n".join(lines))
    return 0
