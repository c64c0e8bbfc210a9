"""Checkpoints: a model's weights, and everything else that a training run needs to go on exactly.

A run's folder holds two files, each replaced as a whole, so that a run which is killed at any moment leaves
both readable:

- `model.safetensors`: the weights, under the names and shapes that PyTorch gives them, for evaluation and
  for other programs.
- `checkpoint.safetensors`: the weights once more, the optimizer, the schedule, the callbacks, the history and
  the state of every random generator after the last whole epoch, for going on.

Both are safetensors files, as saving.py writes them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minitensor.errors import CheckpointError, OptionError, ShapeError
from minitensor.nn import Module
from minitensor.random import generator
from minitensor.saving import read, write
from minitensor.training.loop import Callback, History, Run
from minitensor.trees import Arrays, join, split

MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"


class Weights(dict[str, NDArray[Any]]):
    """The content of a weights file: arrays by name, for load_state_dict.

    Attributes:
        config: What save_weights was given beside them.
    """

    def __init__(self, arrays: Arrays, config: dict[str, Any]) -> None:
        super().__init__(arrays)
        self.config = config

    @property
    def arrays(self) -> Arrays:
        """The arrays by name, in a plain dict."""
        return dict(self)


def save_weights(
    model: Module, path: str | os.PathLike[str], config: Mapping[str, Any] | None = None
) -> None:
    """Save a model's parameters and buffers, which PyTorch can load too.

    Args:
        model: The model.
        path: Where to; the file is replaced only once the new one is whole.
        config: What else to keep, such as the model's widths: anything that JSON can hold.

    >>> import tempfile
    >>> from minitensor import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(nn.Linear(3, 2), f"{folder}/linear.safetensors", {"note": "small"})
    ...     weights = load_weights(f"{folder}/linear.safetensors")
    >>> sorted(weights.arrays), weights.config
    (['bias', 'weight'], {'note': 'small'})
    """
    write(path, model.state_dict(), config or {})


def load_weights(path: str | os.PathLike[str], model: Module | None = None) -> Weights:
    """Read a weights file, PyTorch's too, and load it into a model if there is one.

    Raises:
        CheckpointError: If it cannot be read, is damaged, or does not fit the model, which is then unchanged.
    """
    weights = Weights(*read(path))
    if model is not None:
        _load(Path(path), model, weights)
    return weights


class Checkpoint(Callback):
    """Saves a run after every epoch, and goes on from where the last one was saved. Put it last.

    Args:
        folder: Where to; it is made if it is not there.
        config: What else to keep, such as the model's widths: anything that JSON can hold.
        resume: Whether to go on from what the folder holds. An empty one starts from the beginning.

    Raises:
        CheckpointError: At the start, if the folder holds a run and resume was not asked for; or if what it
            holds is damaged, or does not fit the model or the optimizer. Then nothing is changed.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        config: Mapping[str, Any] | None = None,
        resume: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.config = dict(config or {})
        self.resume = resume

    def on_start(self, run: Run) -> None:
        if (self.folder / CHECKPOINT).exists():
            if not self.resume:
                raise CheckpointError(
                    f"{self.folder}: holds a run already. Resume it, or choose another folder."
                )
            self._restore(run)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"{self.folder}: {error.strerror}. Choose another folder.") from error
        self._save(run)

    def on_epoch(self, run: Run) -> None:
        self._save(run)

    def on_end(self, run: Run) -> None:
        save_weights(run.model, self.folder / MODEL, self.config)  # perhaps those of the best epoch

    def _save(self, run: Run) -> None:
        state = {
            "optimizer": run.optimizer.state_dict(),
            "schedule": None if run.schedule is None else run.schedule.state_dict(),
            "callbacks": [callback.state_dict() for callback in run.callbacks],
            "history": dict(run.history),
            "stop": run.stop,
            "random": [draw.bit_generator.state for draw in _generators(run)],
        }
        arrays = {f"model.{name}": array for name, array in run.model.state_dict().items()}
        write(
            self.folder / CHECKPOINT, arrays, {"config": self.config, "state": split(state, "state", arrays)}
        )
        save_weights(run.model, self.folder / MODEL, self.config)

    def _restore(self, run: Run) -> None:
        path = self.folder / CHECKPOINT
        arrays, content = read(path)
        generators = list(_generators(run))
        loaded = [part for part in (run.model, run.optimizer, run.schedule) if part is not None]
        before = [part.state_dict() for part in loaded]
        drawn = [draw.bit_generator.state for draw in generators]
        try:
            state = join(content["state"], arrays)
            weights = {
                name.removeprefix("model."): array
                for name, array in arrays.items()
                if name.startswith("model.")
            }
            if len(state["callbacks"]) != len(run.callbacks) or len(state["random"]) != len(generators):
                raise OptionError("it was saved with other callbacks or random generators")
            if (state["schedule"] is None) != (run.schedule is None):
                raise OptionError("it was saved with a schedule, or this run has one and that had none")
            history, stop = _history(path, content, arrays), bool(state["stop"])
            run.model.load_state_dict(weights)
            run.optimizer.load_state_dict(state["optimizer"])
            if run.schedule is not None:
                run.schedule.load_state_dict(state["schedule"])
            for callback, saved in zip(run.callbacks, state["callbacks"], strict=True):
                callback.load_state_dict(saved)
            for draw, saved in zip(generators, state["random"], strict=True):
                draw.bit_generator.state = saved
        except Exception as error:  # what was tampered with raises whatever that leads to
            for part, old in zip(loaded, before, strict=True):
                part.load_state_dict(old)
            for draw, saved in zip(generators, drawn, strict=True):
                draw.bit_generator.state = saved
            said = isinstance(error, OptionError | ShapeError | CheckpointError)
            reason = error if said else "its state is not as it was saved"
            raise CheckpointError(f"{path}: does not fit this run: {reason}") from error
        run.history.clear()
        run.history.update(history)
        run.stop = stop


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The config that a run's folder was saved with.

    Raises:
        CheckpointError: If the folder holds no run, or a damaged one.
    """
    path = Path(folder) / CHECKPOINT
    config = read(path).content.get("config", {})
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: does not say what run it is: its config is no JSON object")
    return config


def read_history(folder: str | os.PathLike[str]) -> History:
    """The history of a run's folder."""
    path = Path(folder) / CHECKPOINT
    arrays, content = read(path)
    return _history(path, content, arrays)


def _history(path: Path, content: Mapping[str, Any], arrays: Arrays) -> History:
    try:
        saved = join(content["state"]["history"], arrays).items()
        history = {name: [float(number) for number in numbers] for name, numbers in saved}
        if len({len(numbers) for numbers in history.values()}) > 1:
            raise ValueError("quantities of different numbers of epochs")
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise CheckpointError(f"{path}: does not say how its run went: its history is damaged") from error
    return History(history)


def _generators(run: Run) -> Iterator[np.random.Generator]:
    """Every random generator that a run draws from, once: the global one, the loader's, the layers'."""
    seen = set()
    for source in (generator(None), getattr(run.train, "rng", None), *_layer_generators(run.model)):
        if isinstance(source, np.random.Generator) and id(source) not in seen:
            seen.add(id(source))
            yield source


def _layer_generators(model: Module) -> Iterator[object]:
    return (getattr(module, "rng", None) for module in model.modules())


def _load(path: Path, model: Module, arrays: Arrays) -> None:
    try:
        model.load_state_dict(arrays)
    except ShapeError as error:
        raise CheckpointError(f"{path}: does not fit the model. {error}") from error
