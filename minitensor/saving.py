"""Files: what `save` writes and `load` reads, and the one format under these and under checkpoints.

A safetensors file holds arrays by name, for other programs too. Its metadata says in JSON what is no array
(trees.py), and has a checksum of it all. Nothing here is a pickle, which could run any code when it is read.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np

from minitensor.errors import CheckpointError, DTypeError, OptionError
from minitensor.files import write_atomically
from minitensor.trees import Arrays, join, split

Place: TypeAlias = str | os.PathLike[str] | IO[bytes]
_TREE = "minitensor.save"  # what save writes is under this key, which no config has


def save(obj: Any, path: Place) -> None:
    """Save a state_dict, or anything of arrays, tensors and numbers, for load to give back.

    The arrays of a state_dict keep their names in the file, so that other programs can read it, as they read
    what minitensor.training.save_weights writes. The file is replaced only once the new one is whole.

    Args:
        obj: Arrays, tensors, numbers, strings and None, and dicts, lists and tuples of them.
        path: Where to; or a file open for writing bytes.

    Raises:
        CheckpointError: If there is something else in it, such as a Module, or it cannot be written.

    >>> import tempfile
    >>> from minitensor import nn
    >>> model = nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save({"model": model.state_dict(), "epoch": 3}, f"{folder}/run.safetensors")
    ...     saved = load(f"{folder}/run.safetensors")
    >>> _ = model.load_state_dict(saved["model"])
    >>> saved["epoch"]
    3
    """
    if isinstance(obj, str | os.PathLike) and not isinstance(path, str | os.PathLike | io.IOBase):
        raise DTypeError("save: the path comes last: save(obj, path)")
    arrays: Arrays = {}
    try:
        tree = split(obj, "", arrays)
    except RecursionError as error:
        raise CheckpointError("save: what is to be saved holds itself, or is nested too deeply") from error
    write(path, arrays, {_TREE: tree})


def load(path: Place, map_location: object = None, *, weights_only: bool = True) -> Any:
    """Read what save wrote: arrays as arrays, tensors as tensors, all else as it was.

    Of a safetensors file of another program, and of save_weights, comes a dict of the arrays by name. A file
    of torch.save is refused, with the lines that convert it.

    Args:
        path: The file; or one open for reading bytes.
        map_location: As in PyTorch; there is no device but "cpu".
        weights_only: As in PyTorch; no file holds more than save takes, whatever it says.

    Raises:
        CheckpointError: If it cannot be read, or is damaged.
        OptionError: If map_location is another device.

    >>> import io
    >>> file = io.BytesIO()
    >>> save([np.arange(3), (1, "a")], file)
    >>> _ = file.seek(0)
    >>> load(file)
    [array([0, 1, 2]), (1, 'a')]
    """
    if hasattr(map_location, "load_state_dict"):
        raise DTypeError("load: takes no model. Write model.load_state_dict(load(path)).")
    devices = map_location.values() if isinstance(map_location, Mapping) else [map_location]
    for device in devices:
        if device is not None and not callable(device) and str(device) != "cpu":
            raise OptionError(f"load: map_location={map_location!r}: arrays are on the CPU. Leave it out.")
    arrays, content = read(path)
    if _TREE not in content:
        return arrays
    try:
        return join(content[_TREE], arrays)
    except Exception as error:  # what was tampered with raises whatever that leads to
        raise CheckpointError(f"{_name(path)}: is damaged: its arrays are not those it speaks of") from error


# ----------------------------------------------------------------------------------------- the format


class Content(NamedTuple):
    """What a file holds: arrays by name, and what JSON says beside them."""

    arrays: Arrays
    content: dict[str, Any]


def write(path: Place, arrays: Arrays, content: Mapping[str, Any]) -> None:
    """Write arrays, and what JSON can hold.

    Raises:
        CheckpointError: If the file cannot be written.
    """
    from safetensors.numpy import save as packed

    name = _name(path)
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    # One entry: safetensors writes several in a random order, and equal runs would not give equal files.
    text = json.dumps({"sha256": _checksum(whole, content), "content": content})
    data = packed(whole, {"minitensor": text})
    try:
        if isinstance(path, str | os.PathLike):
            write_atomically(path, data)
        else:
            path.write(data)
    except io.UnsupportedOperation as error:
        raise CheckpointError(f"{name}: cannot be written: it is not open for writing") from error
    except OSError as error:
        raise CheckpointError(f"{name}: cannot be written: {error.strerror or error}") from error
    except TypeError as error:
        raise DTypeError(f"{name}: takes text. Open it for bytes: open(path, 'wb').") from error


def read(path: Place) -> Content:
    """Read what write wrote, or a safetensors file of another program, which says nothing beside its arrays.

    Raises:
        CheckpointError: If it cannot be read, or is damaged.
    """
    from safetensors import SafetensorError

    name = _name(path)
    try:
        arrays, metadata = _file(Path(path)) if isinstance(path, str | os.PathLike) else _stream(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{name}: there is no such file") from error
    except (OSError, SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, io.UnsupportedOperation):
            reason = "it is not open for reading"
        raise CheckpointError(
            f"{name}: {_foreign(path) or f'cannot be read as a safetensors file: {reason}'}"
        ) from error
    if "minitensor" not in metadata:  # of another program
        return Content(arrays, {})
    try:
        note = json.loads(metadata["minitensor"])
        whole = note["sha256"] == _checksum(arrays, note["content"])
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise CheckpointError(f"{name}: is damaged: its content does not match its checksum")
    if not isinstance(note["content"], dict):
        raise CheckpointError(f"{name}: was not made by minitensor: its description is no JSON object")
    return Content(arrays, note["content"])


_NO_DTYPE = "{} holds {}, which NumPy does not have. Save it as float32: in PyTorch, x.float()."


def _file(path: Path) -> tuple[Arrays, dict[str, str]]:
    from safetensors import safe_open

    open(path, "rb").close()  # safetensors calls a file that it may not open a missing one
    with safe_open(path, framework="np") as file:
        arrays = {}
        for name in file.keys():  # noqa: SIM118
            try:
                arrays[name] = file.get_tensor(name)
            except (TypeError, AttributeError) as error:
                raise TypeError(_NO_DTYPE.format(name, file.get_slice(name).get_dtype())) from error
        return arrays, file.metadata() or {}


def _stream(file: IO[bytes]) -> tuple[Arrays, dict[str, str]]:
    from safetensors.numpy import load as unpacked

    data = file.read()
    if not isinstance(data, bytes):
        raise TypeError("it gives text. Open it for bytes: open(path, 'rb').")
    if not data:
        raise ValueError("there is nothing more in it. If it was just written, seek(0) first.")
    try:
        arrays = unpacked(data)
    except KeyError as error:
        raise TypeError(_NO_DTYPE.format("it", error.args[0])) from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return arrays, header.get("__metadata__", {})


def _name(path: Place) -> str:
    """What errors call a file."""
    if isinstance(path, str | os.PathLike):
        return str(Path(path))
    if not hasattr(path, "write") and not hasattr(path, "read"):
        raise DTypeError(f"a file is a str, a Path, or one open for bytes, not {type(path).__name__}")
    return str(getattr(path, "name", type(path).__name__))


_PICKLE = "a pickle, which can run any code when it is read, and so is not read here"


def _foreign(path: Place) -> str:
    """Whose file it is that is none of safetensors', and how to convert it; "" if that is not known."""
    try:
        if isinstance(path, str | os.PathLike):
            with open(path, "rb") as file:
                start = file.read(512)
        else:
            path.seek(0)
            start = path.read(512)
    except (OSError, AttributeError):
        return ""
    if not isinstance(start, bytes):
        return ""
    pickle = start[:1] == b"\x80" and start[1:2] in (b"\2", b"\3", b"\4", b"\5")
    pickle = pickle and any(start[3:8])  # else it is a length, of a header of safetensors
    if (start[:4] == b"PK\3\4" and b"/data.pkl" in start) or (pickle and _MAGIC in start):
        name = os.fspath(path) if isinstance(path, str | os.PathLike) else "model.pt"
        better = str(Path(name).with_suffix(".safetensors"))
        return (
            f"was written by torch.save: {_PICKLE}. Convert it in PyTorch: "
            f"state = torch.load({name!r}, map_location='cpu', weights_only=True); "
            f"safetensors.torch.save_file(state, {better!r})"
        )
    if pickle:
        return f"is {_PICKLE}. Load it with what wrote it, and save its arrays"
    if start[:6] == b"\x93NUMPY" or (start[:4] == b"PK\3\4" and b".npy" in start):
        return "holds arrays as NumPy saves them: np.load reads it"
    if start[:4] == b"\x89HDF":
        return "is an HDF5 file, as Keras writes them: h5py reads it"
    return ""


_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which torch.save began its files before it wrote zip archives, as a pickle of it."""


def _checksum(arrays: Arrays, content: Mapping[str, Any]) -> str:
    total = hashlib.sha256(json.dumps(content).encode())
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name} {array.dtype} {array.shape}".encode())
        total.update(np.ascontiguousarray(array).data)
    return total.hexdigest()
