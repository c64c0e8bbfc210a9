"""What can be typed, and what it means."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NoReturn

from minitensor.errors import OptionError

OPTIMIZERS = {
    "sgd": 0.02,
    "adam": 1e-3,
    "adamw": 1e-3,
    "rmsprop": 1e-3,
    "adagrad": 1e-2,
    "adadelta": 1.0,
    "adamax": 2e-3,
    "nadam": 2e-3,
    "radam": 1e-3,
}
"""Each optimizer and its default learning rate."""
SCHEDULES = ("constant", "step", "cosine", "onecycle", "warmup", "plateau")
DATA = "digits, moons, mnist, fashion-mnist, a file or folder: .npz, .csv, .tsv, IDX, or - for a piped table"
LABEL = "the column of labels in a table: its name; or without names its number, from 1, and -1 for the last"


class _Activations:
    """The names in nn.ACTIVATIONS, imported only when one is typed or help lists them: nn takes long."""

    def __iter__(self) -> Iterator[str]:  # `in` goes through these too
        from minitensor.nn import ACTIVATIONS

        return iter(ACTIVATIONS)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Sees the file in `predict run --json rows.csv`, which argparse looks for before the option."""
        found, rest = super().parse_known_args(args, namespace)
        if len(rest) == 1 and rest[0][:1] not in ("", "-") and getattr(found, "input", None) == "-":
            found.input = rest.pop()
        return found, rest

    def format_help(self) -> str:
        for action in self._actions:
            if isinstance(action.choices, _Activations):
                action.metavar = None  # then argparse lists them, which it would otherwise at every start
        return super().format_help()


def parser() -> Parser:
    """The parser of all commands. `options.run` is the command, `options.given` the names that were typed."""
    import minitensor

    top = Parser(prog="minitensor", description=(minitensor.__doc__ or "").partition("\n")[0])
    top.add_argument("--version", action="version", version=f"minitensor {minitensor.__version__}")
    commands = top.add_subparsers(metavar="command", required=True, parser_class=Parser)

    def command(name: str, help: str, description: str) -> Callable[..., Any]:
        made = commands.add_parser(name, help=help, description=description)
        made.set_defaults(run=lambda options: import_module(f"minitensor.cli.{name}").run(options), given=())
        return made.add_argument

    _train(command("train", "train an MLP on images or other rows of numbers", _TRAIN))
    _evaluate(command("evaluate", "judge a trained model", "Accuracy by class, and what is confused."))
    _predict(command("predict", "classify images", "Print the label and its probability, one line per row."))
    _export(command("export", "write a model as ONNX", "Write a trained model as an ONNX file."))
    _compare(command("compare", "run one network in scalar and in tensor mode", _COMPARE))
    add = command("info", "show what a checkpoint holds", "Show what a checkpoint holds.")
    add("checkpoint", type=path, help=CHECKPOINT)
    add("--json", action="store_true", help="print one JSON object on one line")
    return top


_TRAIN = "Train a multi-layer perceptron, by default on 1,797 real handwritten digits of 8×8 pixels."
CHECKPOINT = "a folder that train --checkpoint made, or a .safetensors file"


class _Note(argparse.Action):
    """Stores the value, and that it was typed."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, True if self.nargs == 0 else values)
        namespace.given = (*namespace.given, self.dest)


class _Reader(Parser):
    """Raises what is wrong."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(message)


def recalled(saved: object) -> dict[str, Any]:
    """The options of train in a checkpoint, if each could have been typed.

    Raises:
        OptionError: If one could not, or is not known.
    """
    reader = _Reader(prog="train")
    reader.set_defaults(given=())
    _train(reader.add_argument)
    known = vars(reader.parse_args([]))
    if not isinstance(saved, dict) or not saved.keys() <= known.keys() - {"given"} or "data" not in saved:
        raise OptionError("its options are not those of train")
    for name, value in saved.items():
        values = value if isinstance(value, list) else [value]
        flag = f"--{name.replace('_', '-')}"
        typed = [flag, *map(str, values)] if isinstance(value, list) else [f"{flag}={value}"]
        if value != known[name] and getattr(reader.parse_args(typed), name) != value:
            raise OptionError(f"{flag} cannot be {value!r}")
    return {**known, **saved}


def _train(add_argument: Callable[..., Any]) -> None:
    def add(name: str, help: str, **settings: Any) -> None:
        default = settings.get("default")
        if default is not None and default is not False:
            shown = " ".join(map(str, default)) if isinstance(default, list) else default
            help = f"{help} ({shown})"
        add_argument(name, action=_Note, help=help, **settings)

    add("--data", type=path, default="digits", metavar="DATA", help=DATA)
    by_default = "by default label, class, target or y; without names the first"
    add("--label", type=path, metavar="NAME", help=f"{LABEL} ({by_default})")
    widths = at_least(1, _WIDEST)
    add("--hidden", type=widths, nargs="*", default=[256, 128], metavar="N", help="hidden widths")
    activations = _Activations()
    add("--activation", choices=activations, default="relu", metavar="NAME", help="between layers")
    add(
        "--dropout",
        type=between(0, 1),
        default=0.3,
        metavar="P",
        help="part of activations dropped",
    )
    add("--epochs", type=at_least(1), default=40, metavar="N", help="passes through the training set")
    add("--batch-size", type=at_least(1), default=16, metavar="N", help="samples per step")
    add("--optimizer", choices=tuple(OPTIMIZERS), default="sgd", help="the rule of a step")
    rates = ", ".join(f"{rate:g} for {name}" for name, rate in OPTIMIZERS.items())
    add("--lr", type=between(0, math.inf), metavar="X", help=f"learning rate ({rates})")
    add("--momentum", type=between(0, 1), default=0.9, metavar="X", help="momentum of sgd and rmsprop")
    add(
        "--weight-decay",
        type=between(0, math.inf),
        default=1e-4,
        metavar="X",
        help="factor of the L2 penalty",
    )
    add("--schedule", choices=SCHEDULES, default="cosine", help="how the learning rate changes")
    add("--clip-norm", type=between(0, math.inf), metavar="X", help="largest norm of the gradient")
    add(
        "--validation",
        type=between(0, 1),
        default=0.0,
        metavar="PART",
        help="part of the training data to judge by",
    )
    add(
        "--early-stopping",
        type=at_least(1),
        metavar="N",
        help="epochs to wait for a better loss",
    )
    add(
        "--seed",
        type=at_least(0),
        default=0,
        metavar="N",
        help="of all random numbers",
    )
    add("--checkpoint", type=path, metavar="FOLDER", help="save the run here after every epoch")
    add("--resume", nargs=0, default=False, help="go on with the run in --checkpoint")
    add("--log", type=path, metavar="FILE", help="write one JSON object a line and epoch")
    plot = "draw curves, without FILE in the terminal"
    add("--plot", type=path, nargs="?", const="-", metavar="FILE", help=plot)
    add("--no-compile", nargs=0, default=False, help="run each step as it is written, and not as a program")
    add("--quiet", nargs=0, default=False, help="no progress, only the result")
    add("--json", nargs=0, default=False, help="print the result as one JSON object on one line")


def _evaluate(add: Callable[..., Any]) -> None:
    add("checkpoint", type=path, help=CHECKPOINT)
    own = f"{DATA}; by default what the model had not seen of its own data"
    add("--data", type=path, metavar="DATA", help=own)
    add("--label", type=path, metavar="NAME", help=f"{LABEL}; by default that of the model")
    add("--mistakes", type=path, metavar="FILE", help="draw the most confident mistakes into a picture")
    add("--json", action="store_true", help="print one JSON object on one line")


def _predict(add: Callable[..., Any]) -> None:
    add("checkpoint", type=path, help=CHECKPOINT)
    source = ".npz, .csv, .tsv, IDX, or - for a table on standard input"
    add("input", type=path, nargs="?", default="-", help=source)
    passed = f"{LABEL}, which is passed over; by default that of the model"
    add("--label", type=path, metavar="NAME", help=passed)
    add("--json", action="store_true", help="print a JSON object a line, with all probabilities")


def _export(add: Callable[..., Any]) -> None:
    add("checkpoint", type=path, help=CHECKPOINT)
    add("output", type=path, help="the .onnx file to write")


_COMPARE = "Run one network in scalar and in tensor mode: the numbers agree, and the times do not."


def _compare(add: Callable[..., Any]) -> None:
    widths = "widths from the input to the output (64 32 10)"
    add("--layers", type=at_least(1, _WIDEST), nargs="+", default=[64, 32, 10], metavar="N", help=widths)
    add("--batch-size", type=at_least(1), default=32, metavar="N", help="digits in a batch (32)")
    add("--steps", type=at_least(1), default=5, metavar="N", help="training steps to take (5)")
    activations = _Activations()
    add("--activation", choices=activations, default="relu", metavar="NAME", help="between layers (relu)")
    add("--seed", type=at_least(0), default=0, metavar="N", help="of the weights and the digits (0)")
    add("--plot", type=path, metavar="FILE", help="draw time against multiplications into a picture")
    add("--json", action="store_true", help="print one JSON object on one line")


def path(text: str) -> str:
    """Reads the name of a file or folder."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


_WIDEST = 10**11  # larger than memory; what is larger still, NumPy refuses for another reason


def at_least(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Reads an integer from `low` to `high`."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"must be at least {low}, and is {text}")
        if value > high:
            raise argparse.ArgumentTypeError(f"must be at most {high:,}, and is {text}")
        return value

    return integer


def between(low: float, high: float) -> Callable[[str], float]:
    """Reads a number from `low` to below `high`."""

    def number(text: str) -> float:
        value = float(text)
        if not low <= value < high:
            bound = "must be a finite number, not negative" if high == math.inf else ""
            bound = bound or f"must be at least {low:g} and below {high:g}"
            raise argparse.ArgumentTypeError(f"{bound}, and is {text}")
        return value

    return number
