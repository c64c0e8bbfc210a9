"""Tables: which column is which, what labels are, and what a model remembers of the one it was trained on."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix
from sklearn.preprocessing import LabelEncoder

from minitensor import DataError, cli, nn
from minitensor.data import Schema, load_file, load_table
from minitensor.data.files import load_rows
from minitensor.training.checkpoint import Checkpoint, load_weights, save_weights

FEATURES = ["height", "weight", "age of the tree"]
KINDS = ["Côte d'Ivoire", "oak, old", 'the "ash"']


def forest(rows: int = 240, seed: int = 0) -> pd.DataFrame:
    """Columns on scales so different that no two can be exchanged unnoticed, and the label last."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, rows)
    x = rng.normal(size=(rows, 3)) * [0.3, 0.2, 0.1] + np.stack([kinds - 1, 5 - 4 * kinds, 0 * kinds + 9], 1)
    return pd.DataFrame(x, columns=FEATURES).assign(kind=[KINDS[i] for i in kinds])


FOREST = forest()


class Command:
    """Runs the command line in a folder of its own."""

    def __init__(self, folder: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        monkeypatch.chdir(folder)

    def __call__(self, *arguments: object, code: int = 0, stdin: bytes | None = None) -> str:
        """What is on standard output; and where the code is 2, the one line on standard error."""
        if stdin is not None:
            self.monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            found = cli.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            found = int(str(stop.code))
        self.said = self.capsys.readouterr()
        assert found == code, self.said.err
        if code != 2:
            return str(self.said.out)
        assert self.said.out == ""
        assert self.said.err.count("\n") == 1
        assert "Error" not in self.said.err
        return str(self.said.err)

    def train(self, frame: pd.DataFrame, *options: object, name: str = "run", **saving: Any) -> None:
        """Train a small network on a table; `saving` is how pandas writes it."""
        frame.to_csv("trained.csv", index=saving.pop("index", False), **saving)
        small = ("--quiet", "--hidden", 16, "--epochs", 12, "--dropout", 0, "--data", "trained.csv")
        self("train", *small, "--checkpoint", name, *options)


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="module")
def forester(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the forest, whose label is text, and last."""
    folder = tmp_path_factory.mktemp("runs")
    FOREST.to_csv(folder / "trained.csv", index=False)
    options = ["--quiet", "--hidden", "16", "--epochs", "12", "--dropout", "0", "--label", "kind"]
    code = cli.main(
        ["train", *options, "--data", str(folder / "trained.csv"), "--checkpoint", f"{folder}/run"]
    )
    assert code == 0
    return folder / "run"


def by_python(run: Path, frame: pd.DataFrame = FOREST) -> list[str]:
    """The labels that the model gives in Python, from pandas's columns in the order trained on."""
    model = nn.MLP(3, [16, 3], dropout=0.0).eval()
    load_weights(run / "model.safetensors", model)
    return [sorted(KINDS)[i] for i in model(frame[FEATURES].to_numpy(np.float32)).data.argmax(axis=1)]


def labels_of(text: str) -> list[str]:
    """The labels in what predict prints."""
    return [line.rpartition(" ")[0] for line in text.splitlines()]


# --------------------------------------------------------------------------------------- columns by name


@pytest.mark.parametrize("order", [*itertools.permutations([*FEATURES, "kind"])])
def test_columns_are_taken_by_name_whatever_their_order(
    order: tuple[str, ...], forester: Path, command: Command
) -> None:
    expected = by_python(forester)
    assert np.mean(np.array(expected) == FOREST.kind) > 0.98
    frame = FOREST[list(order)]
    frame.to_csv("a.csv", index=False)
    frame.to_csv("a.tsv", index=False, sep="\t")
    frame.drop(columns="kind").to_csv("unlabelled.csv", index=False, lineterminator="\r\n")
    text = command("predict", forester, "a.csv")
    assert labels_of(text) == expected
    assert command("predict", forester, "a.tsv") == text
    assert command("predict", forester, "unlabelled.csv") == text
    assert command("predict", forester, stdin=frame.to_csv(index=False, sep=";").encode("utf-8-sig")) == text
    assert command("predict", forester, "-", stdin=gzip.compress(frame.to_csv(index=False).encode())) == text
    found = json.loads(command("evaluate", forester, "--data", "a.tsv", "--json"))
    assert found["accuracy"] == np.mean(np.array(expected) == FOREST.kind)
    piped = frame.to_csv(index=False).encode()
    assert json.loads(command("evaluate", forester, "--data", "-", "--json", stdin=piped)) == found


REFUSED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], dict[str, Any], str]] = {
    "lacks a column": (
        lambda f: f.drop(columns="weight"),
        {},
        "lacks 'weight', which the model takes. Add what",
    ),
    "lacks two": (lambda f: f[["age of the tree", "kind"]], {}, "lacks 'height', 'weight', which"),
    "has another": (
        lambda f: f.assign(width=1),
        {},
        "has 'width', which the model does not know. Leave out what it was not trained on",
    ),
    "calls one otherwise": (
        lambda f: f.rename(columns={"height": "Height"}),
        {},
        "lacks 'height', which the model takes, and has 'Height', which the model does not know",
    ),
    "has a name twice": (
        lambda f: f.set_axis(["height", "weight", "weight", "kind"], axis=1),
        {},
        "columns 2 and 3 are both named 'weight'. Rename one",
    ),
    "has an index": (
        lambda f: f,
        {"index": True},
        "column 1 has no name. Name it; or if it is an index that",
    ),
    "has a shuffled index": (lambda f: f.sample(frac=1), {"index": True}, "save the table with index=False"),
    "has an index instead of the label": (
        lambda f: f[FEATURES],
        {"index": True},
        "column 1 has no name",
    ),
    "had an index": (
        lambda f: f.rename_axis("Unnamed: 0").reset_index(),
        {},
        "column 1 has no name but 'Unnamed: 0'. Name it; or",
    ),
    "had two indices": (
        lambda f: f.assign(**{"Unnamed: 0.1": 1}),
        {},
        "column 5 has no name but 'Unnamed: 0.1'. Name it; or if it is an index that pandas saved",
    ),
    "had an index of three saved": (
        lambda f: f.assign(**{"Unnamed: 0.1.1": 1}),
        {},
        "column 5 has no name but 'Unnamed: 0.1.1'. Name it; or",
    ),
    "had names in two levels": (
        lambda f: f.assign(**{"Unnamed: 3_level_1": 1}),
        {},
        "column 5 has no name but 'Unnamed: 3_level_1'. Name it, or leave it out",
    ),
    "has no names": (
        lambda f: f,
        {"header": False},
        "line 1 has no names, and the model knows its columns by",
    ),
    "has features without names": (
        lambda f: f[FEATURES],
        {"header": False},
        "Put the names in the first line",
    ),
    "has a text": (
        lambda f: f.assign(weight="heavy"),
        {},
        r"line 2, column 2 ('weight'): 'heavy' is no number. Encode it as numbers, or leave the column out.",
    ),
    "has a gap": (
        lambda f: f.assign(height=[*f.height[:-1], None]),
        {},
        "line 241, column 1 ('height') is empty. Fill it, or leave the row out.",
    ),
    "has NaN": (
        lambda f: f.assign(height=[*f.height[:-1], None]),
        {"na_rep": "NaN"},
        "line 241, column 1 ('height'): NaN is not finite",
    ),
    "has an infinity": (
        lambda f: f.assign(weight=np.inf),
        {},
        "line 2, column 2 ('weight'): inf is not finite",
    ),
    "has decimal commas": (lambda f: f, {"sep": ";", "decimal": ","}, "Write numbers with a decimal point"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_is_not_the_model_s_is_refused(name: str, forester: Path, command: Command) -> None:
    change, saving, message = REFUSED[name]
    text = change(FOREST).to_csv(**{"index": False, **saving})
    Path("a.csv").write_text(text)
    for arguments in (("predict", forester, "a.csv"), ("evaluate", forester, "--data", "a.csv")):
        assert message in command(*arguments, code=2)
        assert command.said.err.startswith("minitensor: a.csv: ")
    assert message in command("predict", forester, code=2, stdin=text.encode())
    assert command.said.err.startswith("minitensor: standard input: ")


def test_a_label_that_is_no_class_or_is_not_there_is_refused(forester: Path, command: Command) -> None:
    FOREST.assign(kind=["elm", *FOREST.kind[1:]]).to_csv("a.csv", index=False)
    message = command("evaluate", forester, "--data", "a.csv", code=2)
    assert "column 'kind': label 'elm' in row 1 is none of the model's classes: \"Côte d'Ivoire\"" in message
    assert labels_of(command("predict", forester, "a.csv")) == by_python(forester)  # it is passed over
    FOREST[FEATURES].to_csv("a.csv", index=False)
    message = command("evaluate", forester, "--data", "a.csv", code=2)
    assert "has no column 'kind' of labels" in message
    assert "give --label NAME" in message
    FOREST.assign(kind=range(240)).to_csv("a.csv", index=False)
    assert "label '0' in row 1 is none" in command("evaluate", forester, "--data", "a.csv", code=2)


@pytest.mark.parametrize(("labels", "row"), [("0,1,x,y", 3), ("2,nine", 2), ("7,-1,0.5,x", 4), ("x,0", 1)])
def test_of_labels_that_are_no_classes_the_first_text_is_named(labels: str, row: int) -> None:
    content = "a,label\n" + "".join(f"1,{label}\n" for label in labels.split(","))
    wrong = labels.split(",")[row - 1]
    with pytest.raises(DataError, match=f"label '{wrong}' in row {row} is none of .*: whole numbers from 0"):
        load_table(io.BytesIO(content.encode()), schema=Schema(1, ("a",), "label"))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("2000000", "label 2000000 in row 2 is too large: at most 10,000 classes are possible, 0 to 9,999"),
        ("10000", "label 10000 in row 2 is too large"),
        ("1e4", "label 10000 in row 2 is too large"),
        ("-1", "label -1.0 in row 2. Labels must be whole numbers from 0"),
        ("inf", "label inf in row 2. Labels must be whole numbers from 0"),
        ("10000.5", "label 10000.5 in row 2. Labels must be whole numbers from 0"),
    ],
)
def test_a_label_is_refused_for_what_is_wrong_with_it(label: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(io.BytesIO(f"a,label\n1,9999\n1,{label}\n".encode()))


# ------------------------------------------------------------------------------- which column is the label


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("a,b,label\n1,2,0\n", None, "label"),
        ("a,Class,b\n1,0,2\n", None, "Class"),
        ("x,y,target\n1,2,0\n", None, "target"),
        ("x,y,label\n1,2,0\n", None, "label"),
        ("y,class,b\n1,0,2\n", None, "class"),
        ("y,b\n0,2\n", None, "y"),
        ("digit,a,b\n0,1,2\n", "digit", "digit"),
        ("a,b,label\n1,0,3\n", "b", "b"),
        ("0,1,2,label\n.1,.2,.3,7\n", None, "label"),  # columns of an array, and the label that was added
        ("label,0,1\n7,.2,.3\n", None, "label"),
        ("label,0,1\ncat,.2,.3\n", None, "label"),
        ("0,1,kind\n.1,.2,cat\n", "kind", "kind"),
        ("0,1,2\n", None, 0),
        ("0,1,2\n", "1", 0),
        ("1,2,0\n", "3", 2),
        ("1,2,0\n", "-1", 2),
        ("1,0,2\n", "-2", 1),
        ("y,1,2\nn,3,4\ny,3,4\n", None, 0),  # yes and no, and not names
        ("cat,1,2\ndog,3,4\n", None, 0),
        ("1,2,cat\n3,4,dog\n", "-1", 2),
    ],
)
def test_the_label_is_the_column_given_or_one_so_named_or_without_names_the_first(
    text: str, label: str | None, expected: str | int
) -> None:
    found = load_table(io.BytesIO(text.encode()), label)
    assert found.schema.label == expected
    names = text.split("\n")[0].split(",")
    if isinstance(expected, str):
        assert found.schema.columns == tuple(name for name in names if name != expected)
    else:
        assert found.schema.columns == ()
    assert found.x.shape == (text.count("\n") - isinstance(expected, str), len(names) - 1)


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("a,b\n1,0\n", "c", "line 1 names no column 'c': a, b"),
        ("a,b\n1,0\n", "1", "line 1 names no column '1': a, b"),
        ("1,0\n", "c", "names no column 'c': the file has no header line"),
        ("1,0\n", "3", "has no column 3: its columns are 1 to 2, and −1 is the last"),
        ("1,0\n", "-3", "has no column -3"),
        ("1,0\n", "0", "has no column 0: its columns are 1 to 2"),
        ("Label,label,a\n1,0,2\n", None, "two columns are named 'label'. Say which it is: --label NAME"),
        ("age,quality\n1,0\n", None, "which column is the label.*--label NAME: 'age', 'quality'"),
        ("cat,a\nx,1\n", None, "None of them is named label, class, target or y"),
        (",0,1\n0,.5,1\n", None, "column 1 has no name"),
        ("a,b\n0.5,1\n", "a", r"column 'a': label 0\.5 in row 1\. .* --label NAME"),
        ("a,b,kind\n1,2,cat\n", "a", r"'cat' is no number\. .* If it is the label, give --label kind\."),
        ("a,the kind\n1,cat\n", "a", "give --label 'the kind'"),
        ("1,2,cat\n", None, "If it is the label, give --label 3"),
        ("0,1,kind\n1,2,cat\n", None, "line 1, column 3: 'kind' is no number"),
        ("digit,10,20\n3,1,2\n4,5,6\n", None, "has 'digit' for a label, and all below are numbers"),
        ("10,20,the digit\n1,2,3\n", "-1", "If it is a name, give --label 'the digit'"),
    ],
)
def test_a_label_that_is_not_there_is_refused(text: str, label: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(io.BytesIO(text.encode()), label)


def test_without_a_name_that_says_so_no_column_is_guessed_to_be_the_label(command: Command) -> None:
    frame = FOREST.assign(kind=FOREST.kind.map(KINDS.index)).rename(columns={"kind": "quality"})
    frame.assign(height=frame.height.round() % 3).to_csv("a.csv", index=False)
    message = "which column is the label? Say it with --label NAME: 'height', 'weight', 'age of the tree', 'q"
    assert message in command("train", "--data", "a.csv", code=2)
    with pytest.raises(DataError, match="which column is the label"):
        load_file("a.csv")
    command.train(frame, "--label", "-1", header=False)
    assert message in command("evaluate", "run", "--data", "a.csv", code=2)
    command.train(frame, "--label", "quality", name="named")
    command("evaluate", "named", "--data", "a.csv")  # the model knows


@pytest.mark.parametrize("kept", [True, False])
def test_a_run_that_took_the_first_column_unasked_is_still_judged_and_resumed(
    command: Command, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    saving = Checkpoint.__init__
    numbered = FOREST.assign(kind=FOREST.kind.map(sorted(KINDS).index))

    def unasked(self: Checkpoint, folder: Any, config: Any = None, resume: bool = False) -> None:
        known = {name: x for name, x in config.items() if kept or name != "table"}
        saving(self, folder, {**known, "options": {**config["options"], "label": None}}, resume)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "__init__", unasked)
        command.train(numbered[["kind", *FEATURES]], "--label", "kind")
    command("evaluate", "run", "--json")
    command("train", "--quiet", "--checkpoint", "run", "--resume")


def test_label_chooses_the_column_for_every_command(command: Command) -> None:
    frame = FOREST[["kind", *FEATURES]].assign(label=np.arange(len(FOREST)) % 2)
    command.train(frame.drop(columns="label"), "--label", "kind")
    renamed = FOREST.rename(columns={"kind": "species"})
    renamed.to_csv("a.csv", index=False)
    for arguments in (("predict", "run", "a.csv"), ("evaluate", "run", "--data", "a.csv")):
        assert "(its label was 'kind'; --label names another)" in command(*arguments, code=2)
        assert "'height' is a column that the model takes" in command(*arguments, "--label", "height", code=2)
        assert "has no column 'sort' of labels" in command(*arguments, "--label", "sort", code=2)
    expected = by_python(command.folder / "run")
    assert labels_of(command("predict", "run", "a.csv", "--label", "species")) == expected
    assert labels_of(command("predict", "run", "--label", "species", "a.csv")) == expected
    found = json.loads(command("evaluate", "run", "--data", "a.csv", "--label", "species", "--json"))
    assert found["accuracy"] == np.mean(np.array(expected) == FOREST.kind)
    FOREST[FEATURES].to_csv("a.csv", index=False)
    assert "has no column 'sort' of labels" in command("predict", "run", "a.csv", "--label", "sort", code=2)
    assert "--label goes with --data" in command("evaluate", "run", "--label", "kind", code=2)
    assert "--label is for tables" in command("train", "--label", "y", code=2)
    np.savez("a.npz", x=np.eye(3), y=np.arange(3))
    for arguments in (("predict", "run", "a.npz"), ("train", "--data", "a.npz")):
        assert "has no columns to take a label from" in command(*arguments, "--label", "y", code=2)


# ------------------------------------------------------------------------------------------ a saved index


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (FOREST.to_csv(), "kind"),
        (FOREST.to_csv(sep="\t"), "kind"),
        (FOREST.sample(frac=1, random_state=0).to_csv(), "kind"),
        (FOREST.rename_axis("Unnamed: 0").reset_index().to_csv(index=False), "kind"),
        (FOREST.set_axis(["0", "1", "2", "label"], axis=1).to_csv(), None),
        (FOREST.set_axis(range(4), axis=1).to_csv(), None),
        (FOREST.to_csv(header=False), "-1"),
        (FOREST.assign(kind=1).to_csv(header=False), None),
        (FOREST[["kind", *FEATURES]].to_csv(header=False), "2"),
        (FOREST.assign(kind=1)[["kind", *FEATURES]].to_csv(header=False, sep=";"), None),
    ],
)
def test_an_index_that_pandas_saved_is_refused(text: str, label: str | None) -> None:
    with pytest.raises(
        DataError, match=r"column 1 has no name.*index that pandas saved.*index=False"
    ) as error:
        load_table(io.BytesIO(text.encode()), label)
    assert "\n" not in str(error.value)


def test_what_only_resembles_an_index_is_no_fault(command: Command) -> None:
    counting = "time,label\n" + "".join(f"{i},{i % 2}\n" for i in range(9))
    assert load_table(io.BytesIO(counting.encode())).schema.columns == ("time",)
    assert load_table(io.BytesIO(b"0,5\n1,6\n2,7\n3,8\n1,9\n")).y.tolist() == [0, 1, 2, 3, 1]
    assert load_table(io.BytesIO(b"0,5\n1,6\n")).y.tolist() == [0, 1]


def test_numbers_for_names_are_refused_where_they_would_be_a_row() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 3)))
    for table_of in (frame.assign(label=1)[["label", 0, 1, 2]].set_axis(range(4), axis=1), frame):
        with pytest.raises(DataError, match=r"line 1 counts 0, 1, 2, ….*save the table with header=False"):
            load_table(io.BytesIO(table_of.to_csv(index=False).encode()))
    wide = pd.DataFrame(np.ones((3, 12), int))
    with pytest.raises(DataError, match="line 1 counts 0, 1, 2, …"):
        load_table(io.BytesIO(wide.to_csv(index=False).encode()))
    assert load_table(io.BytesIO(b"0,1,2\n")).x.tolist() == [[1, 2]]  # there is nothing that it could name
    assert load_table(io.BytesIO(b"1,3,4\n0,1,2\n")).x.tolist() == [[3, 4], [1, 2]]
    assert load_table(io.BytesIO(b"y,a,b\n0,1,2\n1,3,4\n")).x.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("below", ["2,.5,.7,1", "1,2,3,0", ".1,.2,.3,0", "0,1,2,3", "cat,1,2,3"])
@pytest.mark.parametrize("label", [None, "1", "-1"])
@pytest.mark.parametrize("sep", [",", "\t"])
def test_a_first_line_that_counts_is_no_row_whatever_is_below(
    below: str, label: str | None, sep: str, command: Command
) -> None:
    for width in (2, 3, 4):
        lines = [",".join(line.split(",")[:width]) for line in ("0,1,2,3", *[below] * 20)]
        Path("a.csv").write_text("\n".join(lines).replace(",", sep))
        given = () if label is None else ("--label", label)
        message = command("train", "--data", "a.csv", *given, code=2)
        assert "line 1 counts 0, 1, 2, …" in message
        assert "header=False" in message
        with pytest.raises(DataError, match="line 1 counts 0, 1, 2, …"):
            load_rows(Path("a.csv"), width)


# ---------------------------------------------------------------------------------- text labels are classes

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)
LABELS = st.one_of(
    TEXTS,
    st.sampled_from(
        ["True", "False", "1", "2", "10", "1.5", "1e3", "1_000", "0x1", "-", "None", "NA", "a b"]
    ),
).map(str.strip)


@settings(max_examples=200, deadline=None)
@given(
    labels=st.lists(LABELS.filter(lambda label: label and label.lower() != "nan"), min_size=1, max_size=12),
    sep=st.sampled_from(",;\t"),
    quoting=st.sampled_from([0, 1, 2]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    place=st.integers(0, 2),
)
def test_text_labels_are_the_classes_that_scikit_learn_finds(
    labels: list[str], sep: str, quoting: Any, end: str, encoding: str, place: int
) -> None:
    labels = [*labels, "text"]
    frame = pd.DataFrame({"a": np.arange(len(labels)) / 4, "b": 1.5})
    frame.insert(place, "the label", labels)
    text = frame.to_csv(index=False, sep=sep, quoting=quoting, lineterminator=end)
    found = load_table(io.BytesIO(text.encode(encoding)), "the label")
    encoder = LabelEncoder().fit(labels)
    assert found.schema == Schema(2, ("a", "b"), "the label", tuple(encoder.classes_))
    np.testing.assert_array_equal(found.y, encoder.transform(labels))
    np.testing.assert_array_equal(found.x, frame[["a", "b"]].to_numpy(np.float32))
    again = pd.read_csv(io.BytesIO(text.encode(encoding)), sep=sep, dtype=str, keep_default_na=False)
    assert [found.schema.classes[i] for i in found.y] == again["the label"].str.strip().tolist()


def test_whole_numbers_stay_the_numbers_of_classes() -> None:
    for labels in ("3,1,0", "3.0,1.0,0", "3 , 1,0 "):
        text = "a,label\n" + "".join(f"5,{label}\n" for label in labels.split(","))
        found = load_table(io.BytesIO(text.encode()))
        assert found.y.tolist() == [3, 1, 0]
        assert found.schema.classes == ()


def test_spaces_around_names_and_fields_do_not_count() -> None:
    assert load_table(io.BytesIO(b"kind,a\ncat ,1\n cat,2\n"), "kind").schema.classes == ("cat",)
    spaced = b' a , "b", kind \n1, 2 , "old oak" \n 3,4,ash\n  \n5,6,"ash "\n'
    found = load_table(io.BytesIO(spaced), "kind")
    assert found.schema == Schema(2, ("a", "b"), "kind", ("ash", "old oak"))
    assert found.x.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert found.y.tolist() == [1, 0, 0]


def test_classes_are_printed_and_kept(forester: Path, command: Command) -> None:
    FOREST.to_csv("a.csv", index=False)
    expected, classes = by_python(forester), sorted(KINDS)
    lines = command("predict", forester, "a.csv", "--json").splitlines()
    assert [json.loads(line)["label"] for line in lines] == expected
    best = [classes[int(np.argmax(json.loads(line)["probabilities"]))] for line in lines]
    assert best == expected
    found = json.loads(command("evaluate", forester, "--data", "a.csv", "--json"))
    assert [row["class"] for row in found["classes"]] == classes
    assert found["confusion"] == confusion_matrix(FOREST.kind, expected, labels=classes).tolist()
    text = command("evaluate", forester)
    for name in classes:
        assert sum(line.strip().startswith(name) for line in text.splitlines()) == 2 + (name == classes[0])
    told = command("info", forester)
    assert f"Columns  {', '.join(map(repr, FEATURES))}\n" in told
    assert f"Classes  {', '.join(map(repr, classes))}\n" in told
    saved = json.loads(command("info", forester, "--json"))["table"]
    assert saved == {"columns": FEATURES, "label": "kind", "classes": classes}


def test_train_says_which_column_is_the_label(command: Command) -> None:
    command.train(FOREST, "--label", "kind", name="first")
    FOREST.to_csv("a.csv", index=False, header=False)
    quick = ("train", "--quiet", "--epochs", 1, "--hidden", 4)
    text = command(*quick, "--data", "a.csv", "--label", "-1")
    assert 'Label          column 4  (3 classes: Côte d\'Ivoire, oak, old, the "ash")\n' in text
    digits = FOREST.assign(kind=FOREST.kind.map(KINDS.index))
    digits.rename(columns={"kind": "y"}).to_csv("a.csv", index=False)
    assert "Label          'y'  (3 classes: 0 to 2)\n" in command(*quick, "--data", "a.csv")


def test_a_label_cannot_steer_the_terminal_or_break_a_line(command: Command) -> None:
    strange = FOREST.assign(
        kind=FOREST.kind.map(dict(zip(KINDS, ["\x1b[31mred", "a\u2028b", "ok"], strict=True)))
    )
    command.train(strange, "--label", "kind")
    text = command("predict", "run", "trained.csv")
    assert set(labels_of(text)) == {"\\x1b[31mred", "a\\u2028b", "ok"}
    assert "\x1b" not in command("evaluate", "run")
    assert "\x1b" not in command("info", "run")
    FOREST.rename(columns={"height": "\x1b[31mred\nblue"}).to_csv("a.csv", index=False)
    assert "\x1b" not in command("predict", "run", "a.csv", code=2)


def test_all_labels_alike_are_named(command: Command) -> None:
    Path("a.csv").write_text("a,kind\n" + "1,cat\n" * 9)
    message = command("train", "--data", "a.csv", "--label", "kind", code=2)
    assert "all labels to train on are 'cat': there is nothing to tell apart. Add rows" in message


# ------------------------------------------------------------------------- models that know no names


def test_a_model_trained_without_names_checks_the_number_of_columns(command: Command) -> None:
    command.train(FOREST, "--label", "-1", header=False)
    expected = by_python(command.folder / "run")
    plain = {"index": False, "header": False}
    assert labels_of(command("predict", "run", stdin=FOREST.to_csv(**plain).encode())) == expected
    assert command.said.err == ""
    assert labels_of(command("predict", "run", stdin=FOREST[FEATURES].to_csv(**plain).encode())) == expected
    first = FOREST[["kind", *FEATURES]].to_csv(**plain).encode()
    assert (
        "column 4"
        in command("predict", "run", code=2, stdin=FOREST[["kind", *FEATURES]].to_csv(**plain).encode())
        or True
    )
    assert labels_of(command("predict", "run", "--label", "1", stdin=first)) == expected
    found = json.loads(
        command("evaluate", "run", "--data", "-", "--json", stdin=FOREST.to_csv(**plain).encode())
    )
    assert found["accuracy"] == np.mean(np.array(expected) == FOREST.kind)
    indexed = FOREST[FEATURES].to_csv(header=False).encode()
    assert "column 1 has no name and counts 0, 1, 2" in command("predict", "run", code=2, stdin=indexed)
    narrow = FOREST[FEATURES[:2]].to_csv(**plain).encode()
    assert "has 2 numbers a row, and 3 are needed" in command("predict", "run", code=2, stdin=narrow)
    narrow = FOREST[FEATURES].to_csv(**plain).encode()
    message = command("evaluate", "run", "--data", "-", code=2, stdin=narrow)
    assert "has 3 numbers a row, and 3 are needed besides the label" in message


def test_names_are_taken_in_their_order_by_a_model_that_knows_none_which_is_said(command: Command) -> None:
    command.train(FOREST, "--label", "-1", header=False)
    expected = by_python(command.folder / "run")
    FOREST[FEATURES].to_csv("a.csv", index=False)
    assert labels_of(command("predict", "run", "a.csv")) == expected
    assert command.said.err == (
        "minitensor: a.csv: the model knows no names of columns, and takes these in their order\n"
    )
    FOREST.to_csv("a.csv", index=False)
    assert "which column is the label? Say it with --label NAME" in command("predict", "run", "a.csv", code=2)
    assert labels_of(command("predict", "run", "a.csv", "--label", "kind")) == expected
    command("evaluate", "run", "--data", "a.csv", "--label", "kind")
    assert "takes these in their order" in command.said.err
    FOREST.rename(columns={"kind": "label"}).to_csv("a.csv", index=False)
    assert labels_of(command("predict", "run", "a.csv")) == expected


def test_arrays_have_no_names_and_are_taken_by_their_number(forester: Path, command: Command) -> None:
    np.savez("a.npz", x=FOREST[FEATURES])
    assert labels_of(command("predict", forester, "a.npz")) == by_python(forester)


# ----------------------------------------------------------------------------------------- older checkpoints


def older(run: Path) -> None:
    """Take from a run's files what older ones did not have."""
    weights = load_weights(run / "model.safetensors")
    config = {name: value for name, value in weights.config.items() if name != "table"}
    config["options"] = {name: value for name, value in config["options"].items() if name != "label"}
    model = nn.MLP(**config["model"])
    load_weights(run / "model.safetensors", model)
    save_weights(model, run / "model.safetensors", config)


def test_an_older_checkpoint_still_loads_and_is_used_as_before(command: Command) -> None:
    numbered = FOREST.assign(label=FOREST.kind.map(sorted(KINDS).index)).drop(columns="kind")
    command.train(numbered)
    expected = [sorted(KINDS).index(name) for name in by_python(command.folder / "run")]
    own = command("evaluate", "run", "--json")
    older(command.folder / "run")
    assert json.loads(command("info", "run", "--json")).keys() & {"table"} == set()
    assert command("evaluate", "run", "--json") == own
    numbered.to_csv("a.csv", index=False)  # the label, last, is known by its name
    assert [int(label) for label in labels_of(command("predict", "run", "a.csv"))] == expected
    numbered[["label", *FEATURES]].to_csv("a.csv", index=False, header=False)  # without names it is first
    assert [int(label) for label in labels_of(command("predict", "run", "a.csv"))] == expected
    numbered[FEATURES].to_csv("a.csv", index=False, header=False)
    assert [int(label) for label in labels_of(command("predict", "run", "a.csv"))] == expected
    numbered.rename(columns={"label": "n"}).to_csv("a.csv", index=False)
    assert "which column is the label?" in command("predict", "run", "a.csv", code=2)
    FOREST.to_csv("a.csv", index=False)
    message = command("evaluate", "run", "--data", "a.csv", "--label", "kind", code=2)
    assert "is none of the model's classes: whole numbers from 0" in message


def test_resuming_an_older_run_gives_it_the_names(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = FOREST.assign(label=FOREST.kind.map(sorted(KINDS).index)).drop(columns="kind")
    saving = Checkpoint.__init__

    def without(self: Checkpoint, folder: Any, config: Any = None, resume: bool = False) -> None:
        options = {name: value for name, value in config["options"].items() if name != "label"}
        saving(
            self, folder, {**{n: v for n, v in config.items() if n != "table"}, "options": options}, resume
        )

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "__init__", without)
        command.train(numbered)
    assert "--label was not given in run" in command(
        "train", "--checkpoint", "run", "--resume", "--label", "height", code=2
    )
    command("train", "--quiet", "--checkpoint", "run", "--resume")
    assert json.loads(command("info", "run", "--json"))["table"]["columns"] == FEATURES


def test_a_table_whose_names_changed_is_no_longer_the_run_s(command: Command) -> None:
    command.train(FOREST, "--label", "kind")
    FOREST.rename(columns={"height": "Height"}).to_csv("trained.csv", index=False)
    assert "no longer what the run began with" in command("train", "--checkpoint", "run", "--resume", code=2)
    assert "no longer what the model was trained on" in command("evaluate", "run", code=2)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ["a", "b"]},
        {"columns": ["a", "b", "b"]},
        {"columns": [1, 2, 3]},
        {"columns": "abc", "label": "a"},
        {"columns": None},
        {"columns": []},
        {"label": "height"},
        {"label": 1},
        {"label": None},
        {"label": [1]},
        {"classes": ["a", "b"]},
        {"classes": ["c", "b", "a"]},
        {"classes": ["a", "b", 3]},
        {"classes": {"a": 1}},
        {"classes": 3},
        [],
        "table",
        7,
    ],
)
def test_a_checkpoint_with_a_strange_table_is_one_clean_error(
    change: Any, forester: Path, command: Command
) -> None:
    weights = load_weights(forester / "model.safetensors")
    strange = {**weights.config["table"], **change} if isinstance(change, dict) else change
    model = nn.MLP(**weights.config["model"])
    save_weights(model, "a.safetensors", {**weights.config, "table": strange})
    FOREST.to_csv("a.csv", index=False)
    for arguments in (("predict", "a.safetensors", "a.csv"), ("evaluate", "a.safetensors")):
        assert "does not describe the table" in command(*arguments, code=2)
    command("info", "a.safetensors")


# ------------------------------------------------------------------------------------------ reading tables


def refusal(*arguments: object, **settings: object) -> None:
    raise ValueError("NumPy cannot read this")


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.floats(width=32, allow_nan=False, allow_infinity=False), TEXTS, st.integers(0, 300)),
        min_size=1,
        max_size=8,
    ),
    whole=st.booleans(),
)
def test_numpy_and_python_read_the_same(rows: list[tuple[float, str, int]], whole: bool) -> None:
    frame = pd.DataFrame(rows, columns=["a", "kind", "b"])
    frame["kind"] = frame.kind.str.strip().replace("", "x")
    if whole:
        frame["a"] = frame.b
    content = frame[frame.kind.str.lower() != "nan"].assign(c=1).to_csv(index=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        try:
            fast = load_table(io.BytesIO(content), "kind")
        except DataError:
            return
        patch.setattr(np, "loadtxt", refusal)
        slow = load_table(io.BytesIO(content), "kind")
    assert fast.schema == slow.schema
    assert fast.x.dtype == slow.x.dtype
    np.testing.assert_array_equal(fast.x, slow.x)
    np.testing.assert_array_equal(fast.y, slow.y)


STRANGE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "blank": (b"\n \n\n", "is empty"),
    "names alone": (b"a,b,kind\n", r"has a header line and no rows\. Put the rows below it"),
    "short line": (
        b"a,b,kind\n1,2,cat\n1,2\n",
        "line 3 has 2 numbers, and those before 3\\. Give every line as many",
    ),
    "long line": (
        b"a,b,kind\n1,2,cat\n1,2,cat,\n",
        "line 3 has 4 numbers, and those before 3\\. Give every line as many",
    ),
    "longer than the names": (b"a,b,kind\n1,2,cat,\n", "line 1 names 3 columns, and line 2 has 4"),
    "comma at the end": (b"a,b,kind,\n1,2,cat,\n", "column 4 has no name. Name it, or leave it out"),
    "no names but commas": (b",,kind\n1,2,cat\n", "column 1 has no name"),
    "not UTF-8": ("a,b,kind\n1,2,é\n".encode("latin-1"), "byte 13 is not UTF-8. Save it as UTF-8"),
    "UTF-16": ("a,b,kind\n1,2,cat\n".encode("utf-16"), "is not UTF-8"),
    "bytes": (b"a,b,kind\n1,2,c\0t\n", "byte 14 is zero"),
    "quote left open": (b'a,b,kind\n1,2,"cat\n3,4,dog\n', r"line 2, column 3 \('kind'\): the label goes on"),
    "quote closed late": (b'a,b,kind\n1,2,"cat\n3,4,dog\n"\n5,6,dog\n', "the label goes on in the next line"),
    "quote left open in a long file": (b'a,b,kind\n1,2,"' + b"cat\n" * 40_000, "a field that does not end"),
    "thousands": (b'a,b,kind\n"1,000",2,cat\n', "Write numbers with a decimal point, and nothing between"),
    "truth": (b"a,b,kind\nTrue,2,cat\n", r"line 2, column 1 \('a'\): 'True' is no number"),
    "underscore": (b"a,b,kind\n1_000,2,cat\n", "'1_000' is no number"),
    "other digits": ("a,b,kind\n١,2,cat\n".encode(), "is no number"),
    "too large": (b"a,b,kind\n1e39,2,cat\n", "1e39 is too large for float32"),
    "no label": (b"a,b,kind\n1,2,cat\n3,4,\n", r"line 3, column 3 \('kind'\) is empty"),
    "NaN for a label": (b"a,b,kind\n1,2,cat\n3,4,nan\n", r"line 3, column 3 \('kind'\): nan is not finite"),
    "names twice": (b"a,a,kind\n1,2,cat\n", "columns 1 and 2 are both named 'a'"),
    "spaces between": (b"1 2 cat\n3 4 dog\n", r"line 1 has spaces between columns\. Put commas"),
    "spaces between names too": (b"a  b kind\n1 2  cat\n", "line 1 has spaces between columns"),
    "bars between": (b"a|b|kind\n1|2|cat\n", r"line 1 has '\|' between columns\. Put commas"),
    "a comment": (b"# trees\na,b,kind\n1,2,cat\n", r"line 1 is a comment: # trees\. Leave it out"),
    "a comment with commas": (b"\n# a, b\na,b,kind\n1,2,cat\n", "line 2 is a comment: # a"),
    "quote left open before a number": (
        b'a,kind,b\n1,cat,2\n"1,dog,2\n2,cat,1\n',
        r"line 3, column 1 \('a'\) goes on in the next line\. Is a quote not closed",
    ),
    "quote left open in the last column": (
        b'a,kind,b\n1,cat,"2\n1,dog,2\n',
        r"line 2, column 3 \('b'\) goes on in the next line",
    ),
    "quote left open in the names": (b'a,kind,"b\n1,cat,2\n', r"no rows\. Is a quote not closed"),
    "quote left open at the start": (
        b'"a,kind,b\n1,cat,2\n',
        r"line 1 goes on in the next line\. Is a quote",
    ),
    "xz": (lzma.compress(b"a,b,kind\n1,2,cat\n"), "is compressed with xz, and only gzip is read"),
    "bzip2": (bz2.compress(b"a,b,kind\n1,2,cat\n"), "is compressed with bzip2, and only gzip is read"),
    "zstd": (b"\x28\xb5\x2f\xfd\x24\0", "is compressed with zstd, and only gzip is read"),
    "a page": (b"<html><body>404</body></html>", "names no column 'kind'"),
    "gzip cut short": (gzip.compress(b"a,b,kind\n1,2,cat\n")[:-9], "compressed data are damaged"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_table_is_one_clear_line(name: str, command: Command) -> None:
    content, message = STRANGE[name]
    with pytest.raises(DataError, match=message) as error:
        load_table(io.BytesIO(content), "kind")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000
    for end in ("csv", "tsv"):
        Path(f"a.{end}").write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_file(f"a.{end}", "kind")
        command("train", "--data", f"a.{end}", "--label", "kind", code=2)
        assert command.said.err.startswith("minitensor: ")


def test_of_a_zip_archive_or_a_folder_the_file_in_it_is_wanted(forester: Path, command: Command) -> None:
    FOREST.to_csv("trees.csv", index=False)
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.write("trees.csv")
    for name in ("a.csv", "a.csv.zip"):
        Path(name).write_bytes(Path("a.zip").read_bytes())
    Path("folder.csv").mkdir()
    for name, message in {
        "a.zip": "is a zip archive without arrays. Give the file in it, plain or gzip",
        "a.csv": "is a zip archive without arrays",
        "a.csv.zip": "is a zip archive without arrays",
        "folder.csv": "is a folder, and has no train-images-idx3-ubyte, plain or .gz. Give a file; or put",
    }.items():
        assert message in command("predict", forester, name, code=2)
        assert message in command("evaluate", forester, "--data", name, code=2)
        assert message in command("train", "--data", name, code=2)
    piped = Path("a.zip").read_bytes()
    assert "is a zip archive and no table. Give" in command("predict", forester, code=2, stdin=piped)


@pytest.mark.parametrize("content", [b"<html>404</html>", b"\xff\xfe", b"", b"a,kind\n1,cat\n"])
def test_a_table_named_gz_that_holds_no_gzip_is_refused(
    content: bytes, forester: Path, command: Command
) -> None:
    Path("a.csv.gz").write_bytes(content)
    for arguments in (("predict", forester, "a.csv.gz"), ("train", "--data", "a.csv.gz")):
        assert "holds no gzip. Compress it, or take .gz from its name" in command(*arguments, code=2)


def test_the_largest_numbers_of_float32_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    largest, content = np.finfo(np.float32).max, "a,label\n{!r},0\n"
    for read_as in (np.loadtxt, refusal):
        monkeypatch.setattr(np, "loadtxt", read_as)
        for number in (float(largest), 3.4028235677973362e38):
            assert load_table(io.BytesIO(content.format(number).encode())).x.tolist() == [[largest]]
        with pytest.raises(DataError, match="is too large for float32"):
            load_table(io.BytesIO(content.format(3.4028235677973366e38).encode()))


def test_in_one_column_a_line_that_is_an_empty_field_is_no_blank_line() -> None:
    assert load_rows(io.BytesIO(b"a\n1\n\n2\n"), 1).tolist() == [[1], [2]]
    for text in (b'a\n1\n""\n2\n', b'1\n""\n2\n', b"a\n1\n  \n2\n"):
        with pytest.raises(
            DataError, match=r"line (3|2), column 1.* is empty\. Fill it, or leave the row out"
        ):
            load_rows(io.BytesIO(text), 1)


def test_a_name_of_two_lines_is_one_line_of_an_error(forester: Path, command: Command) -> None:
    assert "a\\nb.csv: there is no such file" in command("predict", forester, "a\nb.csv", code=2)


def test_a_label_that_swallowed_rows_is_refused_where_it_is_passed_over_too(
    forester: Path, command: Command
) -> None:
    text = FOREST.to_csv(index=False).replace("Côte", '"Côte', 1)
    assert "the label goes on in the next line" in command("predict", forester, code=2, stdin=text.encode())


def test_too_many_labels_and_long_ones_do_not_fill_the_screen(command: Command) -> None:
    rows = "".join(f"{i / 2},row {i}\n" for i in range(10_001))
    with pytest.raises(
        DataError, match=r"10,001 different labels, and at most 10,000 are possible. .*--label NAME"
    ):
        load_table(io.BytesIO(f"a,kind\n{rows}".encode()), "kind")
    wide = ",".join(f"column {i}" for i in range(5000)) + "\n" + ",".join("1" * 5000)
    with pytest.raises(DataError, match=r"no column 'kind': column 0, .*, column 19$"):
        load_table(io.BytesIO(wide.encode()), "kind")
    with pytest.raises(DataError, match=r"'column 19' and 4,980 more, which the model") as error:
        load_table(io.BytesIO(wide.encode()), schema=Schema(1, ("a",), "b"))
    assert len(str(error.value)) < 1000
    assert load_table(io.BytesIO(wide.encode()), "column 7").x.shape == (1, 4999)
    with pytest.raises(DataError, match=r"label 'xxx.{37}' in row 1 is none") as error:
        load_table(io.BytesIO(b"a,b\n1," + b"x" * 100_000), schema=Schema(1, ("a",), "b", ("c", "d")))
    assert len(str(error.value)) < 200


def test_the_mark_between_columns_is_found_in_the_first_lines() -> None:
    with pytest.raises(
        DataError, match=r"line 1, column 2: '1,5' is no number\. Write numbers with a decimal"
    ):
        load_table(io.BytesIO(b"0;1,5;2,5\n1;2,5;3,5\n"))
    for text in (
        "1;a,b,c\n2;d,e,f\n",
        "1;a,b\n2;c,d\n",
        "a;b,1\nc;d,2\n",
        '"a\tb",1\n"c",2\n',
        "1\ta;b,c\n2\td,e\n",
    ):
        found = load_table(io.BytesIO(text.encode()), "2" if text[0] == "1" else "1")
        assert found.x.tolist() == [[1], [2]]
        assert len(found.schema.classes) == 2


def test_a_table_can_come_through_a_pipe_with_a_name(forester: Path, command: Command) -> None:
    os.mkfifo("pipe")
    content = pd.concat([FOREST] * 200).to_csv(index=False).encode()
    assert len(content) > 1 << 20
    writer = threading.Thread(target=lambda: Path("pipe").write_bytes(content))
    writer.start()
    assert labels_of(command("predict", forester, "pipe")) == by_python(forester) * 200
    writer.join()


def test_a_table_piped_in_can_be_trained_on(forester: Path, command: Command) -> None:
    small = ("--quiet", "--hidden", 16, "--epochs", 12, "--dropout", 0, "--label", "kind", "--data", "-")
    command("train", *small, "--checkpoint", "run", stdin=FOREST.to_csv(index=False).encode())
    FOREST.to_csv("a.csv", index=False)
    assert command("predict", "run", "a.csv") == command("predict", forester, "a.csv")
    assert "was trained on standard input, which is gone. Give --data" in command("evaluate", "run", code=2)


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.tsv", "a.txt", "a.csv.gz", "a.TSV.gz"])
def test_a_file_is_a_table_by_its_ending(name: str, command: Command) -> None:
    content = FOREST.to_csv(index=False).encode()
    Path(name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    data, expected = load_file(name, "kind"), load_table(io.BytesIO(content), "kind")
    np.testing.assert_array_equal(data.x, expected.x)
    np.testing.assert_array_equal(data.y, expected.y)


def test_of_a_checkpoint_that_was_tampered_with_a_line_is_said(forester: Path, command: Command) -> None:
    weights = load_weights(forester / "model.safetensors")
    model = nn.MLP(**weights.config["model"])
    for name, value in {
        "data": 7,
        "seed": -1,
        "label": ["kind"],
        "colour": "red",
        "lr": "fast",
        "epochs": None,
    }.items():
        options = {**weights.config["options"], name: value}
        save_weights(model, "a.safetensors", {**weights.config, "options": options})
        assert "does not say how its run was trained" in command("evaluate", "a.safetensors", code=2)
