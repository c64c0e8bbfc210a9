"""micrograd's demo: a network of Values learns two moons with a hinge loss and regularization."""

import random

import numpy as np
from sklearn.datasets import make_moons

from minitensor import Value
from minitensor.nn.scalar import MLP


def main(load=None, steps=4, samples=30):
    np.random.seed(1337)
    random.seed(1337)
    X, y = make_moons(n_samples=samples, noise=0.1, random_state=0)
    y = y * 2 - 1
    model = MLP(2, [8, 8, 1])
    if load is not None:
        load(model)

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum((p * p for p in model.parameters()))
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        return total_loss, sum(accuracy) / len(accuracy)

    results = []
    for k in range(steps):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
        results += [total_loss.data, float(acc)]
    return results + [p.data for p in model.parameters()][:5]


if __name__ == "__main__":
    print(main(steps=20)[-7])
