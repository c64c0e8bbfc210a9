"""Exported models in onnxruntime, and weights in PyTorch: both give what the model itself gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

from minitensor import CheckpointError, OptionError, Tensor, cli, nn, no_grad
from minitensor.onnx import export
from minitensor.training.checkpoint import load_weights, save_weights

X = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)


def run(path: Path, x: Any = X) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def own(model: nn.Module, x: Any = X) -> Any:
    model.eval()
    with no_grad():
        return model(x).data


@pytest.mark.parametrize("activation", nn.ACTIVATIONS)
@pytest.mark.parametrize("widths", [[3], [8, 3], [8, 6, 4, 3]])
def test_an_exported_mlp_gives_the_same(activation: str, widths: list[int], tmp_path: Path) -> None:
    model = nn.MLP(5, widths, activation=activation, dropout=0.4, rng=0)
    size = export(model, tmp_path / "m.onnx", in_features=5)
    assert (tmp_path / "m.onnx").stat().st_size == size
    for rows in (1, 7):
        np.testing.assert_allclose(
            run(tmp_path / "m.onnx", X[:rows]), own(model, X[:rows]), rtol=1e-5, atol=1e-6
        )


def test_every_layer_that_is_exported_gives_the_same(tmp_path: Path) -> None:
    layers: list[nn.Module] = [
        *(nn.Flatten(), nn.Linear(5, 6, bias=False, rng=0), nn.LeakyReLU(0.3), nn.ELU(0.7), nn.GELU("tanh")),
        *(nn.Sequential(nn.Linear(6, 4, rng=1), nn.SELU()), nn.Softplus(), nn.Softmax()),
    ]
    model = nn.Sequential(*layers)
    export(model, tmp_path / "m.onnx", in_features=5)
    np.testing.assert_allclose(run(tmp_path / "m.onnx"), own(model), rtol=1e-5, atol=1e-6)


ALONE: list[nn.Activation] = [
    *[nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.3), nn.PReLU(), nn.PReLU(3, 0.7), nn.ELU(0.5), nn.CELU(0.5)],
    *[nn.SELU(), nn.Hardtanh(-0.5, 0.2), nn.Threshold(0.1, -2.0), nn.Hardshrink(0.3), nn.Softshrink(0.3)],
    *[nn.Tanh(), nn.Sigmoid(), nn.LogSigmoid(), nn.Hardsigmoid(), nn.Softsign(), nn.Tanhshrink(), nn.GELU()],
    *[nn.SiLU(), nn.Hardswish(), nn.Mish(), nn.Softplus(), nn.Softmax(), nn.Softmin(0), nn.LogSoftmax(1)],
]


@pytest.mark.parametrize("activation", ALONE, ids=repr)
def test_every_activation_that_has_a_counterpart_gives_the_same(
    activation: nn.Activation, tmp_path: Path
) -> None:
    model = nn.Sequential(nn.Linear(5, 3, rng=0), nn.Identity(), activation)
    export(model, tmp_path / "m.onnx", in_features=5)
    np.testing.assert_allclose(run(tmp_path / "m.onnx", 3 * X), own(model, 3 * X), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"Softplus\(beta=2.0\) has no counterpart"):
        export(nn.Sequential(nn.Linear(5, 2), nn.Softplus(2.0)), tmp_path / "m.onnx", in_features=5)
    for layer in (nn.GLU(), nn.Flatten(0), nn.Softplus(threshold=20.0)):
        with pytest.raises(OptionError, match=rf"{type(layer).__name__}\(.*\) has no counterpart"):
            export(nn.Sequential(nn.Linear(5, 2), layer), tmp_path / "m.onnx", in_features=5)
    with pytest.raises(OptionError, match="takes a Sequential, such as an MLP, not Linear"):
        export(nn.Linear(5, 2), tmp_path / "m.onnx", in_features=5)
    with pytest.raises(CheckpointError, match="cannot be written"):
        export(nn.MLP(5, [2]), tmp_path / "no" / "m.onnx", in_features=5)
    assert not (tmp_path / "m.onnx").exists()


class Cosine(nn.Activation):
    """cos x, which ONNX has."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cos()

    def onnx(self, add: nn.AddNode, x: str) -> str:
        return add("Cos", x)


class Twice(Cosine):
    """Computes something else than the class above it."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def test_an_activation_brings_its_operator_along_and_does_not_inherit_it(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(5, 4, rng=0), Cosine(), nn.SiLU())
    export(model, tmp_path / "m.onnx", in_features=5)
    np.testing.assert_allclose(run(tmp_path / "m.onnx"), own(model), rtol=1e-5, atol=1e-6)
    with pytest.raises(OptionError, match=r"Twice\(\) has no counterpart"):
        export(nn.Sequential(nn.Linear(5, 2), Twice()), tmp_path / "n.onnx", in_features=5)


def test_the_command_exports_what_it_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = str(tmp_path / "run"), str(tmp_path / "m.onnx")
    assert cli.main(["train", "--quiet", "--epochs", "1", "--hidden", "8", "--checkpoint", folder]) == 0
    assert cli.main(["export", folder, file]) == 0
    assert f"{file}: " in capsys.readouterr().out.splitlines()[-1]
    model = nn.MLP(64, [8, 10], dropout=0.3)
    load_weights(tmp_path / "run" / "model.safetensors", model)
    x = np.random.default_rng(0).random((3, 64), np.float32)
    np.testing.assert_allclose(run(tmp_path / "m.onnx", x), own(model, x), rtol=1e-5, atol=1e-6)


def test_weights_go_to_pytorch_and_back(tmp_path: Path) -> None:
    model = nn.MLP(5, [8, 3], rng=0)
    save_weights(model, tmp_path / "ours.safetensors", {"note": 1})
    reference = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    reference.load_state_dict(load_file(tmp_path / "ours.safetensors"))
    expected = reference(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(own(model), expected, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter.mul_(2)
    save_file(reference.state_dict(), tmp_path / "theirs.safetensors")
    load_weights(tmp_path / "theirs.safetensors", model)
    np.testing.assert_allclose(own(model), reference(torch.tensor(X)).detach().numpy(), rtol=1e-5, atol=1e-6)


def test_pytorchs_kinds_of_numbers_that_numpy_lacks_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(2, dtype=torch.bfloat16)}, tmp_path / "b.safetensors")
    with pytest.raises(CheckpointError, match=r"cannot be read|not real numbers"):
        load_weights(tmp_path / "b.safetensors", nn.LayerNorm(2, bias=False))


def test_evaluate_takes_an_mlp_of_pytorch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reference = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
    save_file(reference.state_dict(), tmp_path / "theirs.safetensors")
    assert cli.main(["evaluate", str(tmp_path / "theirs.safetensors"), "--data", "digits", "--json"]) == 0
    assert '"samples": 1797' in capsys.readouterr().out
