"""The command line as a user meets it: results, pipes, bad arguments and Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from minitensor import cli, nn
from minitensor.data import load_digits
from minitensor.training.checkpoint import load_weights

COMMAND = [sys.executable, "-m", "minitensor", "train"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)


def trained(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, float]:
    code = cli.main(["train", "--json", *arguments])
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    result: dict[str, float] = json.loads(line)
    assert code == (1 if result["train_loss"] is None else 0)
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
        *("--weight-decay 0.1", "--dropout 0.5", "--optimizer adam", "--optimizer adamw", "--clip-norm 0.1"),
        *("--optimizer rmsprop", "--optimizer adagrad", "--optimizer rmsprop --momentum 0.5"),
        *("--schedule onecycle", "--schedule warmup", "--validation 0.2", "--data moons"),
    ):
        losses.append(trained(capsys, *short, *option.split())["train_loss"])
    assert len(set(losses)) == len(losses)


def test_schedules_by_epoch_make_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    short = ("--hidden", "8", "--epochs", "3", "--schedule")
    losses = [trained(capsys, *short, name)["train_loss"] for name in ("constant", "step", "cosine")]
    assert len(set(losses)) == 3
    assert trained(capsys, *short, "plateau")["train_loss"] == losses[0]  # no plateau yet


def test_a_pipe_gets_plain_lines_and_a_summary() -> None:
    result = run("--epochs", "2")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout + result.stderr
    assert "\r" not in result.stdout + result.stderr
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["epoch", "epoch"]
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        *("Test", "Training", "Time", "Parameters", "Next")
    ]


def test_quiet_prints_the_summary_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--quiet", "--epochs", "1"]) == 0
    assert capsys.readouterr().out.startswith("Test accuracy")


def test_a_diverged_run_says_so_and_still_prints_valid_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert trained(capsys, "--lr", "1e9", "--epochs", "3")["train_loss"] is None
    assert cli.main(["train", "--quiet", "--lr", "1e9"]) == 1
    assert "Try --lr 1e+08" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("--epochs 0", "--epochs: must be at least 1, and is 0"),
        ("--hidden 9999999999999999999", "--hidden: must be at most 100,000,000,000, and is 99999"),
        ("--hidden 8 -3", "--hidden"),
        ("--hidden 8.5", "--hidden"),
        ("--lr nan", "--lr: must be a finite number, not negative, and is nan"),
        ("--lr inf", "--lr: must be a finite number, not negative, and is inf"),
        ("--lr -1", "--lr"),
        ("--momentum 1", "--momentum: must be at least 0 and below 1, and is 1"),
        ("--dropout 1", "--dropout"),
        ("--activation swish", "--activation: invalid choice: 'swish'"),
        ("--seed -1", "--seed"),
        ("--batch-size x", "--batch-size"),
        ("--unknown", "unrecognized arguments: --unknown"),
        *[
            (f"{name}=", f"{name}: must not be empty")
            for name in ("--data", "--checkpoint", "--log", "--plot")
        ],
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
    shell = f"{sys.executable} -m minitensor train --quiet --epochs 4 | head -n 1"
    early = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (early.stdout.count("\n"), early.stderr) == (1, "")
    shell = f"{sys.executable} -m minitensor train --epochs 1 2>&-"  # no standard error at all
    closed = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stdout[:4]) == (0, "Test")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    narrow = subprocess.run(
        [*COMMAND, "--epochs", "1"], capture_output=True, text=True, check=False, env=environment
    )
    assert narrow.returncode == 0
    assert "MLP 64 ? 256" in narrow.stdout


def test_ctrl_c_ends_with_what_there_is() -> None:
    process = subprocess.Popen(
        [*COMMAND, "--quiet", "--epochs", "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == cli.INTERRUPTED
    assert errors == ""
    assert "This run was interrupted" in output
    assert "Test accuracy" in output


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on the digits."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    options = ["--quiet", "--epochs", "4", "--hidden", "32", "--validation", "0.1", "--early-stopping", "9"]
    assert cli.main(["train", "--checkpoint", str(folder), *options]) == 0
    return folder


def output(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> str:
    assert cli.main([str(argument) for argument in arguments]) == code
    return capsys.readouterr().out


def fails(capsys: pytest.CaptureFixture[str], message: str, *arguments: object) -> None:
    """Ends with code 2 and one line on standard error."""
    assert cli.main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("minitensor: ")
    assert message in captured.err


def test_evaluate_agrees_with_training_and_with_scikit_learn(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = json.loads(output(capsys, "evaluate", run_folder, "--json"))
    again = json.loads(output(capsys, "train", "--checkpoint", run_folder, "--resume", "--json"))
    assert found["accuracy"] == again["test_accuracy"]
    assert found["samples"] == 360
    confusion = np.array(found["confusion"])
    assert confusion.sum() == 360
    assert np.trace(confusion) / 360 == pytest.approx(found["accuracy"])
    for i, row in enumerate(found["classes"]):
        assert row["recall"] == pytest.approx(confusion[i, i] / confusion[i].sum())
        assert row["precision"] == pytest.approx(confusion[i, i] / confusion[:, i].sum())
    text = output(capsys, "evaluate", run_folder)
    assert f"Accuracy  {found['accuracy']:.2%}" in text
    assert "Confusion" in text


def test_evaluate_prints_what_scikit_learn_finds(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(output(capsys, "evaluate", run_folder, "--json"))
    lines = [line.split() for line in output(capsys, "evaluate", run_folder).splitlines()]
    start = lines.index(["class", "precision", "recall", "f1", "samples"])
    for line, row in zip(lines[start + 1 : start + 11], found["classes"], strict=True):
        shares = [f"{row[name]:.1%}" for name in ("precision", "recall", "f1")]
        assert line == [str(row["class"]), *shares, str(row["samples"])]
    square = [[0 if n == "." else int(n) for n in line[1:]] for line in lines[-10:]]
    assert square == found["confusion"]


def test_of_many_classes_the_most_frequent_mistakes_are_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    y = np.arange(120) % 60
    np.savez(tmp_path / "a.npz", x=np.ones((120, 3)), y=y)  # all are taken for the same
    short = ("train", "--quiet", "--hidden", "--epochs", 1, "--data", tmp_path / "a.npz")
    output(capsys, *short, "--checkpoint", tmp_path / "run")
    found = json.loads(output(capsys, "evaluate", tmp_path / "run", "--json"))
    lines = [line.split() for line in output(capsys, "evaluate", tmp_path / "run").splitlines()]
    start = lines.index(["class", "taken", "for", "samples"])
    counts = [found["confusion"][int(label)][int(guess)] for label, guess, _ in lines[start + 1 :]]
    assert len(counts) > 5
    assert counts == [int(n) for _, _, n in lines[start + 1 :]] == sorted(counts, reverse=True)


def test_help_loads_nothing_that_takes_long() -> None:
    code = (
        "import sys; from minitensor.cli.options import parser; parser().format_help(); print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in loaded.split()}.isdisjoint({"rich", "sklearn", "scipy"})
    assert "minitensor.nn" not in loaded.split()
    code = "import sys; from minitensor.cli import compare, evaluate, info, train; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {name.split(".")[0] for name in loaded.split()}.isdisjoint({"rich", "sklearn"})


def test_predict_gives_the_same_from_every_source(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = load_digits()
    np.savez(tmp_path / "a.npz", x=x[:5])
    rows = "\n".join(",".join(map(str, row)) for row in x[:5].tolist())
    (tmp_path / "a.csv").write_text(rows)
    text = output(capsys, "predict", run_folder, tmp_path / "a.npz")
    assert [int(line.split()[0]) for line in text.splitlines()] == y[:5].tolist()
    assert output(capsys, "predict", run_folder, tmp_path / "a.csv") == text
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(rows.encode())))
    assert output(capsys, "predict", run_folder) == text
    lines = output(capsys, "predict", run_folder, tmp_path / "a.csv", "--json").splitlines()
    model = nn.MLP(64, [32, 10], dropout=0.3).eval()
    load_weights(run_folder / "model.safetensors", model)
    for line, row in zip(lines, model(x[:5]).softmax(axis=1).data, strict=True):
        np.testing.assert_allclose(json.loads(line)["probabilities"], row, atol=1e-6)


def test_predict_says_what_it_cannot_do(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    fails(capsys, "standard input is closed", "predict", run_folder)
    np.savez(tmp_path / "large.npz", x=np.full((2, 64), 3e38))
    fails(capsys, "row 1 gives no finite probabilities", "predict", run_folder, tmp_path / "large.npz")


def test_rows_are_pixels_where_those_trained_on_were(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    x, y = load_digits()
    pixels = np.rint(x * 255).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=pixels, y=y)
    short = ("train", "--quiet", "--epochs", 4, "--hidden", 8, "--checkpoint", tmp_path / "run")
    output(capsys, *short, "--data", tmp_path / "a.npz")
    dark = pixels[:9] // 3
    np.savez(tmp_path / "dark.npz", x=dark)  # bytes
    (tmp_path / "dark.csv").write_text("\n".join(",".join(map(str, row)) for row in dark.tolist()))
    texts = [
        output(capsys, "predict", tmp_path / "run", tmp_path / name) for name in ("dark.npz", "dark.csv")
    ]
    assert texts[0] == texts[1]
    model = nn.MLP(64, [8, 10], dropout=0.3).eval()
    load_weights(tmp_path / "run" / "model.safetensors", model)
    best = model(dark / np.float32(255)).softmax(axis=1).data.max(axis=1)
    assert [line.split()[1] for line in texts[1].splitlines()] == [f"{p:.4f}" for p in best]


def test_json_is_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--json", "--plot", "--epochs", "2", "--hidden", "8"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["epochs"] == 2
    assert "loss" in captured.err


def test_info_shows_what_a_checkpoint_holds(run_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "info", run_folder)
    assert "MLP 64 → 32 → 10, relu, dropout 0.3" in text
    assert "4 epochs: loss" in text
    found = json.loads(output(capsys, "info", run_folder / "model.safetensors", "--json"))
    assert found["arrays"]["0.weight"] == {"shape": [32, 64], "dtype": "float32"}
    assert found["options"]["early_stopping"] == 9


def test_the_log_and_the_curves(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    short = ("train", "--quiet", "--epochs", 3, "--hidden", 8, "--validation", 0.2)
    text = output(capsys, *short, "--log", tmp_path / "log", "--plot")
    rows = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert set(rows[0]) == {
        *("epoch", "loss", "accuracy", "validation_loss", "validation_accuracy", "lr", "seconds")
    }
    curve = next(line for line in text.splitlines() if line.startswith("validation_loss"))
    assert curve.split()[1::2] == [f"{rows[0]['validation_loss']:.4f}", f"{rows[2]['validation_loss']:.4f}"]
    assert len(curve.split()[2]) == 3


def test_without_matplotlib_curves_are_drawn_in_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main(["train", "--quiet", "--epochs", "1", "--plot", str(tmp_path / "c.png")]) == 0
    captured = capsys.readouterr()
    assert "loss" in captured.out.splitlines()[-2]
    assert 'needs matplotlib: pip install "minitensor[plot]"' in captured.err
    assert not (tmp_path / "c.png").exists()


def test_a_run_resumes_under_its_own_options(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = ("--hidden", "8", "--schedule", "constant", "--dropout", "0.1")
    whole = trained(capsys, *options, "--epochs", "4")
    trained(capsys, *options, "--epochs", "2", "--checkpoint", str(tmp_path / "run"))
    longer = trained(capsys, "--checkpoint", str(tmp_path / "run"), "--resume", "--epochs", "4")
    assert longer["train_loss"] == whole["train_loss"]
    assert longer["test_accuracy"] == whole["test_accuracy"]
    fails(capsys, "--lr is 0.02 in", "train", "--checkpoint", tmp_path / "run", "--resume", "--lr", "0.1")
    fails(capsys, "holds a run already", "train", "--quiet", "--checkpoint", tmp_path / "run")
    fails(capsys, "--resume needs the folder", "train", "--resume")


def test_resuming_what_has_not_begun_begins_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    assert cli.main(["train", "--quiet", "--epochs", "1", "--checkpoint", folder, "--resume"]) == 0
    assert "holds no run yet: this one starts it" in capsys.readouterr().err


def test_what_a_run_began_with_must_still_be_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    x, y = load_digits()
    np.savez(tmp_path / "a.npz", x=x, y=y)
    folder = tmp_path / "run"
    short = ("train", "--quiet", "--epochs", "1", "--checkpoint", folder)
    assert cli.main([str(argument) for argument in (*short, "--data", tmp_path / "a.npz")]) == 0
    capsys.readouterr()
    np.savez(tmp_path / "a.npz", x=x[::-1], y=y[::-1])
    fails(capsys, "no longer what the run began with", "train", "--checkpoint", folder, "--resume")
    fails(capsys, "no longer what the model was trained on. Give --data", "evaluate", folder)


def test_bad_files_end_with_code_2_and_one_line(
    run_folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04")
    (tmp_path / "bad.safetensors").write_bytes(b"\xff" * 20)
    np.savez(tmp_path / "wide.npz", x=np.ones((3, 65)), y=np.arange(3))
    np.savez(tmp_path / "classes.npz", x=np.ones((3, 64)), y=np.array([0, 10, 1]))
    np.savez(tmp_path / "single.npz", x=np.ones((1, 64)), y=np.array([0]))
    save_file({"scale": np.ones(3)}, tmp_path / "other.safetensors")
    fails(capsys, "no data of that name", "train", "--data", "mnits")
    fails(capsys, "bad.npz: archive cannot be read", "train", "--data", tmp_path / "bad.npz")
    fails(capsys, "one row cannot be divided", "train", "--data", tmp_path / "single.npz")
    fails(capsys, "--early-stopping needs", "train", "--early-stopping", "3")
    fails(capsys, "--validation 0.9999 of 1,437 rows leaves none", "train", "--validation", "0.9999")
    fails(capsys, "--log needs a file. For standard output give /dev/stdout", "train", "--log", "-")
    fails(capsys, "there is no folder", "evaluate", run_folder, "--mistakes", tmp_path / "no" / "a.png")
    for option in ("--log", "--plot"):
        fails(capsys, "there is no folder", "train", option, tmp_path / "no" / "file")
        fails(capsys, "cannot be written", "train", option, tmp_path)
    if find_spec("matplotlib"):
        fails(capsys, "must end in one of .", "train", "--plot", tmp_path / "curves.abc")
    np.savez(tmp_path / "same.npz", x=np.ones((9, 4)), y=np.ones(9))
    fails(capsys, "there is nothing to tell apart", "train", "--data", tmp_path / "same.npz")
    fails(capsys, "is there to resume a run", "evaluate", run_folder / "checkpoint.safetensors")
    fails(
        capsys,
        "has 65 numbers a row, and the model takes 64",
        "evaluate",
        run_folder,
        "--data",
        tmp_path / "wide.npz",
    )
    fails(capsys, "has the label 10", "evaluate", run_folder, "--data", tmp_path / "classes.npz")
    for command in ("evaluate", "predict", "info"):
        fails(capsys, "there is no such file", command, tmp_path / "nothing")
        fails(capsys, "cannot be read as a safetensors file", command, tmp_path / "bad.safetensors")
    fails(capsys, "is no MLP by its arrays", "evaluate", tmp_path / "other.safetensors")
    fails(capsys, "has 65 numbers a row", "predict", run_folder, tmp_path / "wide.npz")
    fails(
        capsys, "Choose another folder", "train", "--quiet", "--epochs", "1", "--checkpoint", "/dev/null/run"
    )


def test_a_network_too_large_for_memory_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "--hidden", "100000000000"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("minitensor: not enough memory: ")
    assert captured.err.count("\n") == 1


def test_export_without_onnx_says_what_to_install(
    run_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    fails(capsys, 'pip install "minitensor[onnx]"', "export", run_folder, tmp_path / "m.onnx")


def test_a_disk_that_is_full_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "log"))

    monkeypatch.setattr("minitensor.training.callbacks.write_atomically", full)
    assert cli.main(["train", "--quiet", "--epochs", "1", "--log", str(tmp_path / "log")]) == 1
    assert capsys.readouterr().err == f"minitensor: {tmp_path / 'log'}: No space left on device\n"
