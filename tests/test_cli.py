"""The command line as a user meets it: results, pipes, bad arguments and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from minitensor import cli

COMMAND = [sys.executable, "-m", "minitensor", "train"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def trained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    assert cli.main(["train", "--json", *arguments]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    result: dict[str, float] = json.loads(line)
    return result


def test_training_with_no_arguments_reaches_97_percent(capsys: pytest.CaptureFixture[str]) -> None:
    result = trained(capsys)
    assert list(result) == [
        *("test_accuracy", "train_loss", "seconds", "samples_per_second", "parameters", "epochs", "seed")
    ]
    assert result["test_accuracy"] >= 0.97
    assert result["parameters"] == 64 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10


def test_the_options_reach_the_network_and_one_seed_gives_one_result(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = (
        "--hidden 16 --activation tanh --epochs 2 --batch-size 64 --lr 0.1 --momentum 0.5 --weight-decay 0"
    )
    results = [
        trained(capsys, *options.split(), "--dropout", "0", "--seed", seed) for seed in ("1", "1", "2")
    ]
    assert results[0]["parameters"] == 64 * 16 + 16 + 16 * 10 + 10
    assert results[0]["epochs"] == 2
    assert results[0]["train_loss"] == results[1]["train_loss"] != results[2]["train_loss"]
    assert trained(capsys, "--hidden", "--epochs", "1")["parameters"] == 650


def test_every_option_of_training_makes_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    short = ("--hidden", "8", "--epochs", "1", "--seed", "0")
    losses = [trained(capsys, *short)["train_loss"]]
    for option in (
        *("--activation tanh", "--batch-size 64", "--lr 0.05", "--momentum 0"),
        *("--weight-decay 0.1", "--dropout 0.5"),
    ):
        losses.append(trained(capsys, *short, *option.split())["train_loss"])
    assert len(set(losses)) == len(losses)


def test_a_pipe_gets_plain_lines_and_a_summary() -> None:
    result = run("--epochs", "2")
    assert result.returncode == 0
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        *("epoch", "epoch", "Test", "Training", "Time", "Parameters", "Next")
    ]


def test_quiet_prints_the_summary_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--quiet", "--epochs", "1"]) == 0
    assert capsys.readouterr().out.startswith("Test accuracy")


def test_a_diverged_run_says_so_and_still_prints_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert trained(capsys, "--lr", "1e9", "--epochs", "3")["train_loss"] is None
    assert cli.main(["train", "--quiet", "--lr", "1e9"]) == 0
    assert "Try --lr 1e+08" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("--epochs 0", "--epochs: must be at least 1, and is 0"),
        ("--hidden 8 -3", "--hidden"),
        ("--hidden 8.5", "--hidden"),
        ("--lr nan", "--lr: must not be negative, and is nan"),
        ("--lr -1", "--lr"),
        ("--momentum 1", "--momentum: must be at least 0 and below 1, and is 1"),
        ("--dropout 1", "--dropout"),
        ("--activation swish", "--activation: invalid choice: 'swish'"),
        ("--seed -1", "--seed"),
        ("--batch-size x", "--batch-size"),
        ("--unknown", "unrecognized arguments: --unknown"),
    ],
)
def test_bad_arguments_end_with_code_2_and_one_line(
    arguments: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", *arguments.split()])
    message = capsys.readouterr().err
    assert stop.value.code == 2
    assert message.count("\n") == 1
    assert fault in message


def test_a_reader_that_leaves_early_and_a_narrow_character_set_are_no_errors() -> None:
    shell = f"{sys.executable} -m minitensor train --epochs 4 | head -n 1"
    early = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (early.stdout.count("\n"), early.stderr) == (1, "")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    narrow = subprocess.run(
        [*COMMAND, "--epochs", "1"], capture_output=True, text=True, check=False, env=environment
    )
    assert narrow.returncode == 0
    assert "MLP 64 ? 256" in narrow.stdout


def test_ctrl_c_ends_with_what_there_is() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--epochs", "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == cli.INTERRUPTED
    assert errors == ""
    assert "This run was interrupted" in output
    assert "Test accuracy" in output
