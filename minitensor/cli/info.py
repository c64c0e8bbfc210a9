"""`minitensor info`: what a checkpoint holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minitensor.data.delimited import listed
from minitensor.tables import shown, table
from minitensor.training.checkpoint import CHECKPOINT, MODEL, load_weights, read_history


def run(options: argparse.Namespace) -> int:
    """Describe the model, the run, and the arrays."""
    path = Path(options.checkpoint)
    weights = load_weights(path / MODEL if path.is_dir() else path)
    history = read_history(path) if (path / CHECKPOINT).exists() else None
    arrays = {name: {"shape": x.shape, "dtype": str(x.dtype)} for name, x in weights.arrays.items()}
    count = sum(x.size for x in weights.arrays.values())
    found: dict[str, Any] = {**weights.config, "arrays": arrays, "numbers": count}
    if history is not None:
        found |= {"epochs": history.epochs, "last": history.last if history.epochs else {}}
    if options.json:
        print(json.dumps(found))
        return 0
    try:
        lines = _of_run(weights.config)
    except (TypeError, ValueError, KeyError, AttributeError):  # it was saved with a config of its own
        lines = [("Config", json.dumps(weights.config))]
    if history is not None:
        numbers = ", ".join(f"{name} {number:.4g}" for name, number in found["last"].items())
        lines.append(("Run", f"{history.epochs} epochs" + (f": {numbers}" if numbers else "")))
    lines += [("Array", f"{name} {x.shape} {x.dtype}") for name, x in weights.arrays.items()]
    print(table("ll", [*lines, ("Numbers", f"{count:,}")]))
    return 0


def _of_run(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What train says of its model, its table and its options."""
    lines = []
    if model := config.get("model"):
        widths = " → ".join(map(str, [model["in_features"], *model["widths"]]))
        lines.append(("Model", f"MLP {widths}, {model['activation']}, dropout {model['dropout']:g}"))
    if of := config.get("table"):
        columns, classes = of["columns"], of["classes"]
        lines.append(("Columns", listed(columns) if columns else "without names"))
        lines.append(("Label", shown(of["label"]) if columns else f"column {of['label'] + 1}"))
        if classes:
            lines.append(("Classes", listed(classes)))
    for name, value in config.get("options", {}).items():
        if value is not None:
            text = " ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(("Option", f"--{name.replace('_', '-')} {text}"))
    return lines
