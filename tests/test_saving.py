"""save and load: what was saved comes back, other programs read it, and what is no such file is named."""

from __future__ import annotations

import io
import math
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import minitensor
from minitensor import CheckpointError, DTypeError, OptionError, Tensor, Value, nn, optim
from minitensor.saving import write
from minitensor.training import load_weights, save_weights
from tests.test_checkpoint import same


def trained() -> tuple[nn.MLP, optim.Optimizer]:
    """A model, and an optimizer that remembers something."""
    model = nn.MLP(3, [4, 2], rng=0)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    model(Tensor(np.eye(3, dtype=np.float32))).square().sum().backward()
    optimizer.step()
    return model, optimizer


def with_gradient() -> Tensor:
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    return x


THINGS: dict[str, Callable[[], Any]] = {
    "a state_dict": lambda: trained()[0].state_dict(),
    "an optimizer's": lambda: trained()[1].state_dict(),
    "both, and an epoch": lambda: {
        "model": trained()[0].state_dict(),
        "optimizer": trained()[1].state_dict(),
        "epoch": 3,
        "loss": 0.25,
    },
    "a tensor": lambda: Tensor([[1.0, 2.0]]),
    "one with its gradient": with_gradient,
    "a parameter and a buffer": lambda: [nn.Parameter([1.0]), nn.Buffer([2.0])],
    "a list of tensors": lambda: [Tensor([1]), Tensor(2.0), Tensor(np.zeros((0, 2)))],
    "an array": lambda: np.arange(6).reshape(2, 3),
    "one in another order": lambda: np.arange(6).reshape(2, 3).T,
    "a reversed view": lambda: np.arange(6)[::-2],
    "a number": lambda: 3,
    "numbers": lambda: [1, 2.5, True, None, math.inf, -0.0, 2**70, np.float32(0.1), 1 - 2j],
    "text": lambda: "ä\ud800\0",
    "keys of many kinds": lambda: {1: "a", "1": "b", (1, "x"): [2], None: (), 0.5: {}},
    "arrays under keys of one name": lambda: {
        1: np.ones(1),
        "1": np.zeros(1),
        "a.b": np.ones(2),
        "a": {"b": 1},
    },
    "odd names": lambda: {
        "__metadata__": np.ones(1),
        "": np.ones(2),
        "\ud800": np.ones(3),
        "a\0": np.ones(4),
    },
    "marks": lambda: {"array": "a", "tensor": [np.ones(1)], "minitensor.save": {"tuple": 1}},
    "nothing": dict,
    "None": lambda: None,
    "nothing in a list": lambda: [[], (), {}],
}


@pytest.mark.parametrize("name", THINGS)
def test_what_was_saved_comes_back(name: str, tmp_path: Path) -> None:
    thing = THINGS[name]()
    for path in (tmp_path / "file", str(tmp_path / "file"), os.path.join(tmp_path, "other.pt")):
        minitensor.save(thing, path)
        same(minitensor.load(path), thing)
    stream = io.BytesIO()
    minitensor.save(thing, stream)
    assert stream.getvalue() == (tmp_path / "file").read_bytes()
    stream.seek(0)
    same(minitensor.load(stream), thing)
    with open(tmp_path / "opened", "wb") as file:
        minitensor.save(thing, file)
    with open(tmp_path / "opened", "rb") as file:
        same(minitensor.load(file), thing)
    assert sorted(os.listdir(tmp_path)) == ["file", "opened", "other.pt"]


def test_a_run_goes_on_from_what_was_saved(tmp_path: Path) -> None:
    model, optimizer = trained()
    saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    minitensor.save(saved, tmp_path / "run.safetensors")
    other = nn.MLP(3, [4, 2], rng=1)
    again = optim.Adam(other.parameters(), lr=0.5)
    found = minitensor.load(tmp_path / "run.safetensors")
    other.load_state_dict(found["model"])
    again.load_state_dict(found["optimizer"])
    for parts in ((model, optimizer), (other, again)):
        parts[1].zero_grad()
        parts[0](Tensor(np.eye(3, dtype=np.float32))).square().sum().backward()
        parts[1].step()
    same(other.state_dict(), model.state_dict())
    found["model"]["0.bias"][...] = 0  # what was loaded may be written to


def test_a_state_dict_s_file_is_a_weights_file_and_both_load_either(tmp_path: Path) -> None:
    model, _ = trained()
    minitensor.save(model.state_dict(), tmp_path / "saved")
    save_weights(model, tmp_path / "weights", {"note": 1})
    for name in ("saved", "weights"):
        assert sorted(load_file(tmp_path / name)) == sorted(model.state_dict())  # another program's eyes
        loaded = (minitensor.load(tmp_path / name), load_weights(tmp_path / name))
        for state in loaded:
            other = nn.MLP(3, [4, 2], rng=1)
            other.load_state_dict(state)
            same(other.state_dict(), model.state_dict())
    weights = load_weights(tmp_path / "weights")
    assert weights.config == {"note": 1}
    assert type(weights.arrays) is dict
    same(weights.arrays, dict(weights))


def test_arrays_of_another_program_are_a_dict(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"b": np.ones((2, 3), np.float16), "a.x": np.arange(3)}
    save_file(arrays, tmp_path / "theirs", {"format": "pt"})
    same(dict(sorted(minitensor.load(tmp_path / "theirs").items())), dict(sorted(arrays.items())))
    with open(tmp_path / "theirs", "rb") as file:
        assert sorted(minitensor.load(file)) == ["a.x", "b"]


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (nn.Linear(1, 1), r"^save: a Linear cannot be saved.* save its state_dict\(\)"),
        ({"model": [nn.Linear(1, 1)]}, r"^model\.0: a Linear cannot be saved.* save its state_dict\(\)"),
        ({"o": optim.SGD(nn.Linear(1, 1).parameters())}, r"^o: a SGD cannot be saved.* state_dict\(\)"),
        (
            {"loss": with_gradient().sum()},
            r"^loss: a Tensor cannot be saved.* has a graph, save x\.detach\(\)",
        ),
        ({"m": np.ma.masked_array([1])}, r"^m: a MaskedArray cannot be saved.* save np\.asarray\(x\)"),
        ([{1, 2}], "^0: a set cannot be saved"),
        (b"bytes", "^save: a bytes cannot be saved"),
        (Value(1.0), "^save: a Value cannot be saved"),
        (abs, "^save: a builtin_function_or_method cannot be saved"),
        (np.array([None]), "^save: a ndarray cannot be saved"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_cannot_be_saved_is_named_and_no_file_is_made(thing: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        minitensor.save(thing, tmp_path / "file")
    assert os.listdir(tmp_path) == []


def test_what_holds_itself_is_refused(tmp_path: Path) -> None:
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(CheckpointError, match="holds itself, or is nested too deeply"):
        minitensor.save(itself, tmp_path / "file")
    assert os.listdir(tmp_path) == []


def zipped(name: str) -> bytes:
    """The beginning of a zip archive whose first file has that name."""
    return b"PK\3\4" + bytes(26) + name.encode() + bytes(300)


FOREIGN: dict[str, tuple[bytes, str]] = {
    "torch's zip": (
        zipped("model/data.pkl"),
        r"was written by torch\.save: a pickle, which can run any code.*",
    ),
    "torch's old": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M", r"was written by torch\.save"),
    "a pickle": (pickle.dumps({"a": 1}), "is a pickle, which can run any code when it is read"),
    "an old pickle": (pickle.dumps([1], protocol=2), "is a pickle"),
    "npz": (zipped("x.npy"), "holds arrays as NumPy saves them: np.load reads it"),
    "npy": (b"\x93NUMPY\1\0", "holds arrays as NumPy saves them"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes them: h5py reads it"),
    "another zip": (zipped("notes.txt"), "cannot be read as a safetensors file"),
    "text": (b"label,pixel\n1,2\n", "cannot be read as a safetensors file"),
    "nothing": (b"", "cannot be read as a safetensors file"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_files_are_named_by_their_content_whatever_they_are_called(name: str, tmp_path: Path) -> None:
    content, message = FOREIGN[name]
    for path in (tmp_path / "model.safetensors", tmp_path / "model.pt"):
        path.write_bytes(content)
        for read in (minitensor.load, load_weights):
            with pytest.raises(CheckpointError, match=f"^{path}: {message}") as caught:
                read(path)
            assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match=f"^BytesIO: {message}"):
        minitensor.load(io.BytesIO(content))


def test_the_lines_that_convert_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    path.write_bytes(FOREIGN["torch's zip"][0])
    with pytest.raises(CheckpointError) as caught:
        minitensor.load(path)
    assert f"state = torch.load('{path}', map_location='cpu', weights_only=True)" in str(caught.value)
    assert f"safetensors.torch.save_file(state, '{tmp_path}/model.safetensors')" in str(caught.value)


def test_a_header_as_long_as_a_pickle_begins_is_no_pickle(tmp_path: Path) -> None:
    for size in range(150, 1100, 8):  # 640 bytes are b"\x80\x02", as pickles of protocol 2 begin
        save_file({"x": np.ones(1)}, tmp_path / "file", {"pad": "x" * size})
        minitensor.load(tmp_path / "file")
        if (tmp_path / "file").read_bytes()[:2] == b"\x80\x02":
            return
    raise AssertionError("no header had 640 bytes")


def test_every_damage_is_noticed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    minitensor.save({"model": trained()[0].state_dict(), "epoch": 3}, stream)
    whole = stream.getvalue()
    path = tmp_path / "file"
    damaged = [whole[:n] for n in (0, 1, 8, 50, len(whole) // 2, len(whole) - 1)] + [
        whole + b"\0",
        bytes(len(whole)),
    ]
    damaged += [
        whole[:i] + bytes([whole[i] ^ 0x41]) + whole[i + 1 :] for i in range(len(whole) - 40, len(whole))
    ]
    for content in damaged:
        path.write_bytes(content)
        for source in (path, io.BytesIO(content)):
            with pytest.raises(CheckpointError, match=r"is damaged|cannot be read as a safetensors file"):
                minitensor.load(source)


@pytest.mark.parametrize(
    "tree",
    [
        *({"array": "x"}, {"array": 1}, {"dict": 5}, {"dict": [[[], 1]]}, {"tensor": ["T", 1, 2, 3]}),
        *({"scalar": ["q?", 1]}, {"complex": ["a", 1]}, {"tuple": 3}, {"scalar": ["O8", 1, 2]}),
    ],
    ids=str,
)
def test_what_was_tampered_with_is_damaged(tree: Any, tmp_path: Path) -> None:
    write(tmp_path / "file", {"y": np.ones(1)}, {"minitensor.save": tree})
    with pytest.raises(CheckpointError, match="is damaged: its arrays are not those it speaks of"):
        minitensor.load(tmp_path / "file")


class Device:
    """As torch.device shows itself."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return self.name


def test_the_cpu_is_the_only_device(tmp_path: Path) -> None:
    minitensor.save([1], tmp_path / "file")
    cpu: list[Any] = [None, "cpu", Device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage]
    for device in cpu:
        for weights_only in (True, False):
            assert minitensor.load(tmp_path / "file", device, weights_only=weights_only) == [1]
    others: list[Any] = ["cuda", "cuda:0", 0, Device("mps"), {"cuda:0": "cuda:1"}]
    for device in others:
        with pytest.raises(OptionError, match=r"load: map_location=.*: arrays are on the CPU\. Leave it out"):
            minitensor.load(tmp_path / "file", map_location=device)
    with pytest.raises(DTypeError, match=r"takes no model. Write model.load_state_dict\(load\(path\)\)"):
        minitensor.load(tmp_path / "file", nn.Linear(1, 1))


def test_a_path_that_is_none_is_refused(tmp_path: Path) -> None:
    none: list[Any] = [5, None, b"path", [tmp_path]]
    for path in none:
        with pytest.raises(DTypeError, match="a file is a str, a Path, or one open for bytes, not "):
            minitensor.save([1], path)
        with pytest.raises(DTypeError, match="a file is a str, a Path, or one open for bytes, not "):
            minitensor.load(path)
    swapped: Any = (tmp_path / "file", np.ones(3))  # np.save's order
    with pytest.raises(DTypeError, match=r"save: the path comes last: save\(obj, path\)"):
        minitensor.save(*swapped)


def test_files_that_are_open_for_something_else_are_refused(tmp_path: Path) -> None:
    path: Any = tmp_path / "file"
    texts: list[Any] = [io.StringIO(), io.StringIO("text")]
    with pytest.raises(DTypeError, match=r"StringIO: takes text. Open it for bytes: open\(path, 'wb'\)"):
        minitensor.save([1], texts[0])
    with pytest.raises(CheckpointError, match=r"it gives text. Open it for bytes: open\(path, 'rb'\)"):
        minitensor.load(texts[1])
    with open(path, "wb") as file, pytest.raises(CheckpointError, match="it is not open for reading"):
        minitensor.load(file)
    with open(path, "rb") as file, pytest.raises(CheckpointError, match="it is not open for writing"):
        minitensor.save([1], file)
    stream = io.BytesIO()
    minitensor.save([1], stream)
    with pytest.raises(CheckpointError, match=r"If it was just written, seek\(0\) first"):
        minitensor.load(stream)
    with pytest.raises(CheckpointError, match="there is no such file"):
        minitensor.load(tmp_path / "nothing")
    with pytest.raises(CheckpointError, match="cannot be read as a safetensors file: Is a directory"):
        minitensor.load(tmp_path)
    with pytest.raises(CheckpointError, match="cannot be written: No such file or directory"):
        minitensor.save([1], tmp_path / "no" / "file")


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minitensor.save([1], tmp_path / "file")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        minitensor.save([2], tmp_path / "file")
    assert minitensor.load(tmp_path / "file") == [1]
    assert os.listdir(tmp_path) == ["file"]


def test_arrays_in_any_order_are_written_as_they_are(tmp_path: Path) -> None:
    x = np.arange(12.0).reshape(3, 4)
    arrays: dict[str, Any] = {"turned": x.T, "reversed": x[::-1], "every other": x[:, ::2]}
    write(tmp_path / "file", arrays, {})
    for name, array in load_file(tmp_path / "file").items():
        np.testing.assert_array_equal(array, arrays[name])


def test_a_dtype_that_numpy_lacks_is_named(tmp_path: Path) -> None:
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    (tmp_path / "file").write_bytes(content)
    cure = r"which NumPy does not have\. Save it as float32: in PyTorch, x\.float\(\)"
    with pytest.raises(CheckpointError, match=f"x holds BF16, {cure}"):
        minitensor.load(tmp_path / "file")
    with pytest.raises(CheckpointError, match=f"it holds BF16, {cure}"):
        minitensor.load(io.BytesIO(content))
