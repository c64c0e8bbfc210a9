"""Tables as plain text, whatever is in them and wherever they are printed."""

from __future__ import annotations

import pytest

from minitensor.tables import table


def test_columns_are_aligned_and_no_line_ends_in_spaces() -> None:
    text = table("lrl", [("a", 1, "x"), ("bcd", 1000, "")], ["name", "n", ""])
    assert text.split("\n") == ["name     n", "a        1  x", "bcd   1000"]


def test_nothing_to_show_is_no_text() -> None:
    assert table("ll", []) == ""
    assert table("ll", [], ["a", "b"]) == "a  b"


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    assert table("ll", [("[bold]runs[/bold]", ":smile: [1]")]) == "[bold]runs[/bold]  :smile: [1]"


def test_a_wide_table_is_neither_cut_nor_folded() -> None:
    row = ["word " * 40 + "end"] * 30
    assert table("l" * 30, [row]) == "  ".join(row)
    assert table("ll", [("a\tb", "long\tname")]) == "a       b  long    name"


def test_no_terminal_changes_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("a" * 60, "b" * 60)]
    before = table("lr", rows, ["one", "two"])
    for name, value in {"FORCE_COLOR": "1", "TERM": "dumb", "COLUMNS": "20"}.items():
        monkeypatch.setenv(name, value)
        assert table("lr", rows, ["one", "two"]) == before
    assert "\x1b" not in before
