"""A Bayesian network in HIPS autograd's style: black-box stochastic variational inference of its weights."""

import numpy as np
import numpy.random as npr

from minitensor import grad


def black_box_variational_inference(logprob, D, num_samples):
    rs = npr.RandomState(0)

    def unpack_params(params):
        return params[:D], params[D:]

    def gaussian_entropy(log_std):
        return 0.5 * D * (1.0 + np.log(2 * np.pi)) + np.sum(log_std)

    def variational_objective(params, t):
        mean, log_std = unpack_params(params)
        samples = rs.randn(num_samples, D) * np.exp(log_std) + mean
        lower_bound = gaussian_entropy(log_std) + np.mean(logprob(samples, t))
        return -lower_bound

    return variational_objective, grad(variational_objective), unpack_params


def make_nn_funs(layer_sizes, L2_reg, noise_variance, nonlinearity=np.tanh):
    shapes = list(zip(layer_sizes[:-1], layer_sizes[1:], strict=True))
    num_weights = sum((m + 1) * n for m, n in shapes)

    def unpack_layers(weights):
        num_weight_sets = len(weights)
        for m, n in shapes:
            yield (
                weights[:, : m * n].reshape((num_weight_sets, m, n)),
                weights[:, m * n : m * n + n].reshape((num_weight_sets, 1, n)),
            )
            weights = weights[:, (m + 1) * n :]

    def predictions(weights, inputs):
        inputs = np.expand_dims(inputs, 0)
        for W, b in unpack_layers(weights):
            outputs = np.einsum("mnd,mdo->mno", inputs, W) + b
            inputs = nonlinearity(outputs)
        return outputs

    def logprob(weights, inputs, targets):
        log_prior = -L2_reg * np.sum(weights**2, axis=1)
        preds = predictions(weights, inputs)
        log_lik = -np.sum((preds - targets) ** 2, axis=1)[:, 0] / noise_variance
        return log_prior + log_lik

    return num_weights, predictions, logprob


def build_toy_dataset(n_data=40, noise_std=0.1):
    rs = npr.RandomState(0)
    inputs = np.concatenate([np.linspace(0, 2, num=n_data // 2), np.linspace(6, 8, num=n_data // 2)])
    targets = np.cos(inputs) + rs.randn(n_data) * noise_std
    inputs = ((inputs - 4.0) / 4.0).reshape((len(inputs), 1))
    return inputs, targets.reshape((len(targets), 1))


def adam(gradient, x, num_iters, step_size, b1=0.9, b2=0.999, eps=1e-8):
    m = np.zeros(len(x))
    v = np.zeros(len(x))
    for i in range(num_iters):
        g = gradient(x, i)
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * (g**2) + b2 * v
        mhat = m / (1 - b1 ** (i + 1))
        vhat = v / (1 - b2 ** (i + 1))
        x = x - step_size * mhat / (np.sqrt(vhat) + eps)
    return x


def main(steps=20):
    num_weights, predictions, logprob = make_nn_funs([1, 8, 8, 1], L2_reg=0.1, noise_variance=0.01)
    inputs, targets = build_toy_dataset()
    log_posterior = lambda weights, t: logprob(weights, inputs, targets)
    objective, gradient, unpack_params = black_box_variational_inference(log_posterior, num_weights, 8)
    rs = npr.RandomState(1)
    init_params = np.concatenate([rs.randn(num_weights), -5 * np.ones(num_weights)])
    found = adam(gradient, init_params, steps, 0.1)
    mean, log_std = unpack_params(found)
    outputs = predictions(np.expand_dims(mean, 0), inputs)[0, ::10, 0]
    return [float(objective(found, 0)), *[float(x) for x in mean[:5]], *[float(x) for x in outputs]]


if __name__ == "__main__":
    print(main(100)[0])
