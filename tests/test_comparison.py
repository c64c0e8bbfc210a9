"""The comparison of the modes, and the command that shows it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minitensor import Tensor, Value, cli, modes
from minitensor.cli.compare import report
from minitensor.core.rule import registry
from minitensor.modes import BOUNDS, Comparison, Cost, Point, compare, count_nodes, multiplications

SMALL = ["compare", "--layers", "64", "4", "10", "--batch-size", "2", "--steps", "2"]


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is timed that takes long."""
    monkeypatch.setattr(modes, "_PATIENCE", 0.01)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("layers", [(64, 10), (64, 3, 10), (20, 4, 3, 1), (100, 2, 2)])
def test_the_modes_agree_whatever_the_network(layers: tuple[int, ...], activation: str) -> None:
    found = compare(layers, batch=3, steps=3, activation=activation, seed=1)
    assert found.agrees
    assert found.differences.keys() == BOUNDS.keys()
    assert found.scalar.nodes > found.parameters > found.tensor.nodes


def test_fifty_steps_stay_within_the_bounds() -> None:
    assert compare((64, 5, 10), batch=2, steps=50).agrees


def test_a_difference_beyond_its_bound_or_that_is_no_number_is_a_disagreement() -> None:
    cost = Cost(1, 1.0, 1.0, 1.0, 1)
    for name in BOUNDS:
        for far in (1e-9, float("nan"), float("inf")):
            differences = dict.fromkeys(BOUNDS, 0.0) | {name: far}
            assert not Comparison([2, 1], 1, 1, "relu", 3, cost, cost, differences).agrees
    assert Comparison([2, 1], 1, 1, "relu", 3, cost, cost, dict(BOUNDS)).agrees


@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    ("operation", "wrong"),
    [
        ("multiply", lambda x, y: (x * y, lambda g: g * y, lambda g: g * x * (1 + 1e-6))),
        ("add_n", lambda x, *xs: (x + sum(xs), lambda g: g, *[lambda g: 1.001 * g] * len(xs))),
        ("relu", lambda x: (max(x, 0) if type(x) is float else np.maximum(x, 0), lambda g: g)),
    ],
)
def test_a_wrong_rule_is_found_and_ends_with_code_1(
    operation: str,
    wrong: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if operation == "relu":  # wrong on floats alone: a rule that is wrong in both modes agrees with itself
        right = registry["relu"].function
        monkeypatch.setattr(registry["relu"], "function", lambda x: (wrong if type(x) is float else right)(x))
    else:
        monkeypatch.setattr(registry[operation], "function", wrong)
    assert cli.main(SMALL) == 1
    captured = capsys.readouterr()
    assert "disagree in gradients and weights" in captured.err
    assert "do not agree" in captured.out


@pytest.mark.usefixtures("_short")
def test_the_command_prints_its_tables_and_ends_with_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(SMALL) == 0
    out = capsys.readouterr().out
    for words in (
        "nodes in the graph",
        "backward",
        "memory",
        "gradients",
        "width, batch 2",
        "~ extrapolated",
    ):
        assert words in out
    assert "The same rules gave the same numbers" in out.splitlines()[-3]


@pytest.mark.usefixtures("_short")
def test_json_holds_what_the_tables_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["agrees"] is True
    assert found["layers"] == [64, 4, 10]
    assert found["scaling"]["width"][0].keys() == set(Point._fields)
    assert found["product_rate"] > 0
    assert found["scalar"]["forward"] > found["tensor"]["forward"]


@pytest.mark.usefixtures("_short")
def test_the_plot_is_written(tmp_path: Any) -> None:
    pytest.importorskip("matplotlib")
    assert cli.main([*SMALL, "--plot", str(tmp_path / "compare.png")]) == 0
    assert (tmp_path / "compare.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--layers", "64"], "at least two widths"),
        (["--layers", "64", "0"], "must be at least 1"),
        (["--plot", "no/such/folder/x.png"], "there is no folder"),
        (["--plot", "x.xyz"], "must end in one of"),
        (["--steps", "0"], "must be at least 1"),
    ],
)
def test_bad_arguments_end_with_one_line_and_code_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code: Any = cli.main(["compare", *arguments])
    except SystemExit as exit:
        code = exit.code
    error = capsys.readouterr().err
    assert code == 2
    assert words in error
    assert error.count("\n") == 1


def test_scaling_measures_while_it_is_short_and_extrapolates_in_proportion(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(modes.Mode, "seconds", lambda self, rounds: 0.6)
    points = modes.scale((64, 4, 10), 2, "relu")["width"]
    assert [point.measured for point in points[:3]] == [True, False, False]
    first, second, third = points[:3]
    assert first.scalar == first.tensor == second.tensor == 0.6
    assert second.scalar == pytest.approx(0.6 * second.multiplications / first.multiplications)
    assert third.scalar > 1.9 * second.scalar


def test_multiplications_and_nodes_are_counted_as_by_hand() -> None:
    assert multiplications((64, 32, 10), 32) == 32 * (64 * 32 + 32 * 10) * 2 + 32 * 32 * 10
    x, w = Value(2.0), Value(3.0)
    assert count_nodes(x * w + x) == 4
    t = Tensor([1.0, 2.0], requires_grad=True)
    assert count_nodes((t * t).sum()) == 3


def test_the_report_rounds_times_to_units() -> None:
    one, many = Cost(10_000, 0.25, 0.5, 0.001, 3 * 2**20), Cost(8, 1e-5, 2e-5, 5e-7, 500)
    text = report(Comparison([64, 10], 1, 1, "relu", 650, one, many, dict.fromkeys(BOUNDS, 0.0)))
    for words in ("250 ms", "10 µs", "0.5 µs", "25,000", "3 MB", "500 B", "1 digit;", "1 step"):
        assert words in text


def test_the_last_sentence_tells_only_what_was_seen() -> None:
    cost = Cost(10, 0.1, 0.1, 0.1, 100)
    found = Comparison([64, 8, 10], 1, 9, "relu", 650, cost, cost, dict.fromkeys(BOUNDS, 0.0))
    points = [Point(4, 100, 1.0, 1.0, True), Point(8, 1000, 15.0, 2.0, True)]
    found.scaling = {"width": points}
    assert "10 times the multiplications takes scalar mode 15 times as long" in report(found)
    found.scaling = {"width": [points[0], points[1]._replace(measured=False)]}
    assert "takes scalar mode, by extrapolation, 15 times as long" in report(found)
    found.differences["weights"] = 1.0
    assert "The first step agrees; after 9 steps the weights differ" in report(found)
