"""Logistic regression in HIPS autograd's style, and with an L2 penalty found by a gradient of its own."""

import numpy as np

from minitensor import grad


def sigmoid(x):
    return 0.5 * (np.tanh(x / 2.0) + 1)


def logistic_predictions(weights, inputs):
    return sigmoid(np.dot(inputs, weights))


def training_loss(weights):
    preds = logistic_predictions(weights, inputs)
    label_probabilities = preds * targets + (1 - preds) * (1 - targets)
    return -np.sum(np.log(label_probabilities)) + 0.1 * np.sum(weights**2)


inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
targets = np.array([True, True, False, True])


def main(steps=100):
    training_gradient_fun = grad(training_loss)
    weights = np.array([0.0, 0.0, 0.0])
    results = [float(training_loss(weights))]
    for _ in range(steps):
        weights -= training_gradient_fun(weights) * 0.01
    results.append(float(training_loss(weights)))
    second = grad(lambda w: np.sum(training_gradient_fun(w) ** 2))
    return [*results, *[float(w) for w in weights], *[float(x) for x in second(weights)]]


if __name__ == "__main__":
    print(main())
