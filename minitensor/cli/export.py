"""`minitensor export`: a trained model as an ONNX file."""

from __future__ import annotations

import argparse

from minitensor.cli import task
from minitensor.errors import OptionError
from minitensor.onnx import export


def run(options: argparse.Namespace) -> int:
    """Write the file, and say what is in it."""
    model, _, schema = task.load_model(options.checkpoint)
    try:
        size = export(model, options.output, schema.features)
    except ModuleNotFoundError as error:
        raise OptionError('ONNX files need the package onnx: pip install "minitensor[onnx]"') from error
    print(f"{options.output}: {size:,} bytes; takes float32 (n, {schema.features}), gives logits")
    return 0
