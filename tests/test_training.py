"""The training loop: its modes, its averages, its steps."""

from __future__ import annotations

import numpy as np

from minitensor import Tensor, is_grad_enabled, nn, optim
from minitensor.data import DataLoader
from minitensor.nn.functional import cross_entropy
from minitensor.training import count_correct, train_epoch

X = np.eye(5, 3, dtype=np.float32)
Y = np.array([0, 1, 2, 0, 1])


class Watched(nn.Linear):
    """A linear classifier that notes the mode of each call."""

    def __init__(self) -> None:
        super().__init__(3, 3, rng=0)
        self.seen: list[tuple[bool, bool, int]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append((self.training, is_grad_enabled(), len(x)))
        return super().forward(x)


def test_an_epoch_trains_in_training_mode_and_counting_evaluates_without_a_graph() -> None:
    model = Watched()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    list(train_epoch(model, DataLoader(X, Y, batch_size=2), optimizer, cross_entropy))
    count_correct(model, X, Y)
    list(train_epoch(model, DataLoader(X, Y, batch_size=5), optimizer, cross_entropy))
    assert model.seen == [
        (True, True, 2),
        (True, True, 2),
        (True, True, 1),
        (False, False, 5),
        (True, True, 5),
    ]


def test_averages_weigh_each_batch_by_its_rows() -> None:
    model = Watched()
    before = cross_entropy(model(X), Y).item()
    frozen = optim.SGD(model.parameters(), lr=0.0)
    *_, last = train_epoch(model, DataLoader(X, Y, batch_size=2), frozen, cross_entropy)
    assert last.samples == 5
    np.testing.assert_allclose(last.loss, before, rtol=1e-6)
    assert last.accuracy == count_correct(model, X, Y) / 5


def test_every_step_starts_from_fresh_gradients() -> None:
    model = Watched()
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    list(train_epoch(model, DataLoader(X, Y, batch_size=1), optimizer, cross_entropy))
    by_hand = Watched()
    for x, y in zip(X, Y, strict=True):
        by_hand.zero_grad()
        cross_entropy(by_hand(x[None]), y[None]).backward()
        for p in by_hand.parameters():
            p.data -= np.float32(0.5) * p.grad
    np.testing.assert_allclose(model.weight.data, by_hand.weight.data, rtol=1e-6)
