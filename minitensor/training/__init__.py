"""Training: the loop as a function, with callbacks that watch, stop and save. In rooms:

    loop         fit and evaluate, the history of a run, and what a callback sees of it: read this first
    callbacks    stopping early, writing the history down, showing progress
    checkpoint   saving a model's weights, and whole runs to go on with
    plots        curves and pictures, in the terminal or by matplotlib; not loaded until it is imported

>>> from minitensor import nn, optim
>>> from minitensor.data import DataLoader, make_moons
>>> model = nn.MLP(2, [16, 2], rng=0)
>>> batches = DataLoader(*make_moons(200, rng=0), shuffle=True, rng=0)
>>> optimizer = optim.SGD(model.parameters(), lr=0.5)
>>> history = fit(model, batches, None, optimizer, nn.CrossEntropyLoss(), epochs=20)
>>> history.epochs, history["accuracy"][-1] > 0.8
(20, True)
"""

from minitensor.training.callbacks import (
    EarlyStopping,
    JSONLines,
    PlainProgress,
    ProgressBar,
    StopWhenNotFinite,
)
from minitensor.training.checkpoint import Checkpoint, load_weights, read_config, read_history, save_weights
from minitensor.training.loop import (
    Average,
    Batches,
    Callback,
    History,
    LossFunction,
    Run,
    Step,
    evaluate,
    fit,
    training_step,
)

__all__ = [
    "Average",
    "Batches",
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "History",
    "JSONLines",
    "LossFunction",
    "PlainProgress",
    "ProgressBar",
    "Run",
    "Step",
    "StopWhenNotFinite",
    "evaluate",
    "fit",
    "load_weights",
    "read_config",
    "read_history",
    "save_weights",
    "training_step",
]
