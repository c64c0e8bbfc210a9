"""The command line. `minitensor train` trains an MLP on real handwritten digits.

Results go to standard output, a live progress bar to standard error if that is a terminal.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

INTERRUPTED = 130  # what a shell reports for a command ended by Ctrl-C


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for bad arguments, 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may not know every character
    options = _parser().parse_args(argv)
    try:
        return train(options)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("minitensor: interrupted before there was a result", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def _parser() -> argparse.ArgumentParser:
    import minitensor

    parser = _Parser(prog="minitensor", description=(minitensor.__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"minitensor {minitensor.__version__}")
    commands = parser.add_subparsers(metavar="command", required=True, parser_class=_Parser)
    command = commands.add_parser(
        "train",
        help="train an MLP on handwritten digits",
        description="Train a multi-layer perceptron on 1,797 real handwritten digits of 8×8 pixels.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = command.add_argument
    add(
        "--hidden",
        type=_at_least(1),
        nargs="*",
        default=[256, 128],
        metavar="N",
        help="hidden layers' widths",
    )
    add(
        "--activation",
        choices=["relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "elu", "selu", "softplus"],
        default="relu",
        help="between layers",
    )
    add("--epochs", type=_at_least(1), default=40, metavar="N", help="passes through the training set")
    add("--batch-size", type=_at_least(1), default=16, metavar="N", help="samples per step")
    add("--lr", type=_between(0, math.inf), default=0.02, metavar="X", help="learning rate of SGD")
    add("--momentum", type=_between(0, 1), default=0.9, metavar="X", help="momentum of SGD")
    add(
        "--weight-decay",
        type=_between(0, math.inf),
        default=1e-4,
        metavar="X",
        help="factor of the L2 penalty",
    )
    add(
        "--dropout",
        type=_between(0, 1),
        default=0.3,
        metavar="P",
        help="probability of dropping an activation",
    )
    add(
        "--seed",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="of split, initial weights, order and dropout",
    )
    add("--quiet", action="store_true", help="no progress, only the result")
    add("--json", action="store_true", help="print the result as one JSON object on one line")
    return parser


def _at_least(low: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"must be at least {low}, and is {text}")
        return value

    return integer


def _between(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value < high:
            bound = (
                "must not be negative" if high == math.inf else f"must be at least {low:g} and below {high:g}"
            )
            raise argparse.ArgumentTypeError(f"{bound}, and is {text}")
        return value

    return number


class Result(NamedTuple):
    """What a training run came to; the fields of `--json`."""

    test_accuracy: float
    train_loss: float | None  # None if it was not finite
    seconds: float
    samples_per_second: float
    parameters: int
    epochs: int
    seed: int


def train(options: argparse.Namespace) -> int:
    """Train as the options say, and report."""
    import numpy as np

    from minitensor import manual_seed
    from minitensor.data import DataLoader, load_digits, train_test_split
    from minitensor.nn import MLP, CrossEntropyLoss
    from minitensor.optim import SGD
    from minitensor.training import count_correct, train_epoch

    manual_seed(options.seed)
    x_train, x_test, y_train, y_test = train_test_split(*load_digits(), test_size=0.2)
    model = MLP(
        x_train.shape[1], [*options.hidden, 10], activation=options.activation, dropout=options.dropout
    )
    optimizer = SGD(
        model.parameters(), lr=options.lr, momentum=options.momentum, weight_decay=options.weight_decay
    )
    batches = DataLoader(x_train, y_train, batch_size=options.batch_size, shuffle=True)

    loss, samples, epochs, interrupted = math.nan, 0, 0, False
    start = time.perf_counter()
    with _progress(options, len(x_train)) as show, np.errstate(over="ignore", invalid="ignore"):
        try:
            for epoch in range(options.epochs):
                for done in train_epoch(model, batches, optimizer, CrossEntropyLoss()):
                    show(epoch, done.samples, done.loss, done.accuracy)
                samples += done.samples
                loss, epochs = done.loss, epoch + 1
                if not math.isfinite(loss):
                    break
        except KeyboardInterrupt:
            interrupted = True
    seconds = time.perf_counter() - start

    correct = count_correct(model, x_test, y_test)
    result = Result(
        test_accuracy=correct / len(y_test),
        train_loss=loss if math.isfinite(loss) else None,
        seconds=round(seconds, 3),
        samples_per_second=round(samples / seconds, 1),
        parameters=sum(parameter.size for parameter in model.parameters()),
        epochs=epochs,
        seed=options.seed,
    )
    if options.json:
        print(json.dumps(result._asdict()))
    else:
        print(_summary(result, options, correct, len(y_test), interrupted))
    return INTERRUPTED if interrupted else 0


def _summary(
    result: Result, options: argparse.Namespace, correct: int, tested: int, interrupted: bool
) -> str:
    widths = " → ".join(str(width) for width in [64, *options.hidden, 10])
    loss = "not finite" if result.train_loss is None else f"{result.train_loss:.4f}"
    trained = f"{result.epochs} epoch{'' if result.epochs == 1 else 's'}"
    if interrupted:
        advice = "This run was interrupted. Run it again to the end, or with fewer --epochs."
    elif result.train_loss is None:
        advice = f"The loss is no longer finite: the steps are too large. Try --lr {options.lr / 10:g}."
    elif result.test_accuracy < 0.95:
        advice = "Low accuracy. Try more --epochs, or another --lr, between 0.01 and 0.1."
    else:
        advice = "Try a wider network (--hidden 512 256), another --activation, or another --seed."
    return "\n".join(
        [
            f"Test accuracy  {result.test_accuracy:.2%}  ({correct} of {tested} digits it had not seen)",
            f"Training loss  {loss}  after {trained}"
            if result.epochs
            else "Training loss  no epoch was finished",
            f"Time           {result.seconds:.2f} s  ({result.samples_per_second:,.0f} samples per second)",
            f"Parameters     {result.parameters:,}  (MLP {widths})",
            f"Next           {advice}",
        ]
    )


Show = Callable[[int, int, float, float], None]


@contextmanager
def _progress(options: argparse.Namespace, samples: int) -> Iterator[Show]:
    """Where progress is shown: (epoch, samples seen in it, their loss, their accuracy)."""
    if options.quiet or (options.json and not sys.stderr.isatty()):
        yield lambda epoch, seen, loss, accuracy: None
    elif sys.stderr.isatty():
        with _live_bar(options.epochs, samples) as show:
            yield show
    else:
        yield _plain_lines(options.epochs, samples)


@contextmanager
def _live_bar(epochs: int, samples: int) -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [
        TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
        BarColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.1%}"),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=epochs * samples, epoch=1, loss=math.nan, accuracy=0.0)

        def show(epoch: int, seen: int, loss: float, accuracy: float) -> None:
            bar.update(task, completed=epoch * samples + seen, epoch=epoch + 1, loss=loss, accuracy=accuracy)

        yield show


def _plain_lines(epochs: int, samples: int) -> Show:
    """About ten lines in all, for a pipe or a file."""
    every = -(-epochs // 10)

    def show(epoch: int, seen: int, loss: float, accuracy: float) -> None:
        if seen == samples and ((epoch + 1) % every == 0 or epoch + 1 == epochs):
            print(f"epoch {epoch + 1}/{epochs}  loss {loss:.4f}  accuracy {accuracy:.1%}", flush=True)

    return show
