"""Training that is killed at any moment, and resumed, ends with the same bits as training that was not."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

KILLS = 24
COMMAND = [sys.executable, "-m", "minitensor", "train", "--quiet", "--json"]
OPTIONS = [
    "--hidden",
    "32",
    "--epochs",
    "30",
    "--validation",
    "0.1",
    "--early-stopping",
    "20",
    "--schedule",
    "warmup",
]


def test_a_run_killed_again_and_again_ends_with_the_same_bits(tmp_path: Path) -> None:
    start = time.perf_counter()
    subprocess.run(
        [*COMMAND, *OPTIONS, "--checkpoint", str(tmp_path / "whole")], check=True, capture_output=True
    )
    whole_time = time.perf_counter() - start
    expected = load_file(tmp_path / "whole" / "model.safetensors")

    draw = random.Random(0)
    kills = finished = 0
    for _ in range(200):
        folder = tmp_path / f"killed{finished}"
        command = [*COMMAND, "--checkpoint", str(folder), "--resume"]
        if not (folder / "checkpoint.safetensors").exists():
            command += OPTIONS  # the run has not begun; once it has, it knows them
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, errors = process.communicate(timeout=draw.uniform(0, 1.1 * whole_time))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            continue
        assert process.returncode == 0, errors.decode()
        found = load_file(folder / "model.safetensors")
        assert found.keys() == expected.keys()
        for name, array in found.items():
            assert array.tobytes() == expected[name].tobytes(), f"{name} differs after {kills} kills"
        finished += 1
        if kills >= KILLS:
            break
    assert kills >= KILLS
    assert finished >= 2
    print(f"{kills} kills, {finished} runs finished, {whole_time:.1f} s each")
    np.testing.assert_equal(
        sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")),
        [
            "checkpoint.safetensors",
            "model.safetensors",
        ],
    )
