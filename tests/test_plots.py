"""Curves in the terminal and in pictures."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from minitensor import OptionError, cli
from minitensor.training import History
from minitensor.training.plots import check_format, curves, save_curves, save_images

HISTORY = History(
    loss=[2.0, 1.0, 0.5], validation_loss=[2.0, 1.5, 1.0], accuracy=[0.1, 0.6, 0.9], lr=[0.1] * 3
)


def test_curves_show_quantities_of_one_scale_each() -> None:
    assert curves(HISTORY).splitlines() == [
        "loss             2.0000 █▃▁ 0.5000",
        "validation_loss  2.0000 █▅▁ 1.0000",
        "accuracy         0.1000 ▁▅█ 0.9000",
    ]
    assert curves(History()) == ""


def test_curves_of_many_epochs_are_averaged_and_what_is_not_finite_is_marked() -> None:
    assert curves(History(loss=[1.0] * 200)).split()[2] == "▁" * 60
    assert curves(History(loss=[float(i) for i in range(120)]), width=8).split()[2] == "▁▂▃▄▅▆▇█"
    assert curves(History(loss=[1.0, math.nan, 0.0, math.inf])).split()[2] == "█?▁?"


def test_pictures_show_something(tmp_path: Path) -> None:
    save_curves(HISTORY, tmp_path / "c.png")
    save_curves(History(loss=[1.0]), tmp_path / "one.png")
    save_images(
        np.random.default_rng(0).random((7, 16)), [f"{i} for {i + 1}" for i in range(7)], tmp_path / "i.png"
    )
    save_images(np.zeros((0, 16)), [], tmp_path / "none.png")
    for name in ("c.png", "one.png", "i.png"):
        assert np.std(imread(tmp_path / name)[..., :3]) > 0.05
    save_curves(HISTORY, tmp_path / "c.svg")
    text = (tmp_path / "c.svg").read_text()
    assert "<svg" in text


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="rows of 15 numbers are no square images"):
        save_images(np.zeros((2, 15)), ["", ""], tmp_path / "i.png")
    with pytest.raises(OptionError, match=r"a picture's name must end in one of \."):
        check_format(tmp_path / "c.abc")
    for name in ("c.abc", "no/c.png"):
        with pytest.raises(OptionError, match="the picture cannot be written"):
            save_curves(HISTORY, tmp_path / name)


def test_the_commands_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, curve, wrong = (str(tmp_path / name) for name in ("run", "c.png", "wrong.png"))
    options = ["--quiet", "--epochs", "2", "--hidden", "8", "--checkpoint", run, "--plot", curve]
    assert cli.main(["train", *options]) == 0
    assert cli.main(["evaluate", run, "--mistakes", wrong, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy"] < 1
    assert np.std(imread(curve)[..., :3]) > 0.05
    assert np.std(imread(wrong)[..., :3]) > 0.05
