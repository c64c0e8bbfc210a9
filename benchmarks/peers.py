"""One training step, and one inference, of the same MLP in every library that is installed.

A step is forward, cross-entropy, backward, and SGD with momentum, in float32, as each library's users would
write it. Each function below returns something to call: a step returns its loss, an inference the scores.
Weights, batches and their order are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Step = Callable[[], Any]
LEARNING_RATE, MOMENTUM = 0.02, 0.9


@dataclass(frozen=True)
class Case:
    """A network and its batch, small enough to send to a process."""

    widths: tuple[int, ...]
    batch: int

    def weights(self) -> list[tuple[Array, Array]]:
        """For each layer its weights, of shape (out, in), and its biases."""
        draw = np.random.default_rng(0)
        layers = []
        for fan_in, fan_out in pairwise(self.widths):
            bound = fan_in**-0.5
            weight = draw.uniform(-bound, bound, (fan_out, fan_in)).astype(np.float32)
            layers.append((weight, draw.uniform(-bound, bound, fan_out).astype(np.float32)))
        return layers

    def state(self) -> dict[str, Array]:
        """The same, under the names that minitensor and PyTorch give them in a sequence with activations."""
        return {
            f"{2 * i}.{name}": array
            for i, layer in enumerate(self.weights())
            for name, array in zip(("weight", "bias"), layer, strict=True)
        }

    def batches(self) -> list[tuple[Array, Array]]:
        """Ten batches of inputs and labels."""
        draw = np.random.default_rng(1)
        shape = (self.batch, self.widths[0])
        return [
            (draw.standard_normal(shape, dtype=np.float32), draw.integers(self.widths[-1], size=self.batch))
            for _ in range(10)
        ]

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.widths))}, {self.batch}"


SMALL, MNIST, LARGE = Case((64, 32, 10), 32), Case((784, 256, 128, 10), 128), Case((784, 1024, 1024, 10), 512)


def in_turn(items: list[Any]) -> Iterator[Any]:
    """The batches, over and over."""
    return cycle(items)


# ------------------------------------------------------------------------------------------- minitensor


def eager(case: Case) -> Step:
    """minitensor, as it is."""
    return _minitensor(case, compiled=False)


def compiled(case: Case) -> Step:
    """minitensor, with a compiled step."""
    return _minitensor(case, compiled=True)


def _minitensor(case: Case, compiled: bool) -> Step:
    from minitensor import compile, nn, optim

    model = nn.MLP(case.widths[0], case.widths[1:])
    model.load_state_dict(case.state())
    loss_of = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    batches, run = in_turn(case.batches()), compile(step) if compiled else step
    return lambda: run(*next(batches)).item()


def eager_inference(case: Case) -> Step:
    """Scores of a batch, in minitensor."""
    from minitensor import nn, no_grad

    model = nn.MLP(case.widths[0], case.widths[1:])
    model.load_state_dict(case.state())
    batches = in_turn([x for x, _ in case.batches()])

    def infer() -> Any:
        with no_grad():
            return model(next(batches)).numpy()

    return infer


def compiled_inference(case: Case) -> Step:
    """The same, compiled."""
    from minitensor import compile, nn, no_grad

    model = nn.MLP(case.widths[0], case.widths[1:])
    model.load_state_dict(case.state())
    batches = in_turn([x for x, _ in case.batches()])
    run = compile(no_grad(model.forward))
    return lambda: run(next(batches)).numpy()


# -------------------------------------------------------------------------------------------- by hand


def products(case: Case) -> Step:
    """The matrix products of a step and nothing else: no library can take less time than these."""
    x = case.batches()[0][0]
    weights = [np.ascontiguousarray(weight.T).T for weight, _ in case.weights()]  # as minitensor keeps them
    inputs = [x, *[np.ones((case.batch, n), np.float32) for n in case.widths[1:]]]
    gradients = [np.empty_like(array) for array in inputs]
    of_weights = [np.empty_like(weight.T) for weight in weights]

    def step() -> float:
        for weight, array, out in zip(weights, inputs, inputs[1:], strict=False):
            np.dot(array, weight.T, out)
        for i in reversed(range(len(weights))):
            np.dot(inputs[i].T, gradients[i + 1], of_weights[i])
            if i:
                np.dot(gradients[i + 1], weights[i], gradients[i])
        return 0.0

    for array in gradients:
        array[...] = 1e-3
    return step


def by_hand(case: Case) -> Step:
    """NumPy, as one would write it out by hand."""
    layers = case.weights()
    velocities = [(np.zeros_like(weight), np.zeros_like(bias)) for weight, bias in layers]
    batches = in_turn(case.batches())

    def step() -> float:
        x, y = next(batches)
        activations = [x]
        for weight, bias in layers[:-1]:
            activations.append(np.maximum(activations[-1] @ weight.T + bias, 0))
        weight, bias = layers[-1]
        logits = activations[-1] @ weight.T + bias
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)
        rows = np.arange(len(y))
        loss = (np.log(total[:, 0]) - shifted[rows, y]).mean()
        gradient = exponentials / total
        gradient[rows, y] -= 1
        gradient /= np.float32(len(y))
        for i in reversed(range(len(layers))):
            (weight, bias), (of_weight, of_bias) = layers[i], velocities[i]
            weight_gradient, bias_gradient = gradient.T @ activations[i], gradient.sum(axis=0)
            if i:
                gradient = gradient @ weight * (activations[i] > 0)
            of_weight *= np.float32(MOMENTUM)
            of_weight += weight_gradient
            weight -= np.float32(LEARNING_RATE) * of_weight
            of_bias *= np.float32(MOMENTUM)
            of_bias += bias_gradient
            bias -= np.float32(LEARNING_RATE) * of_bias
        return float(loss)

    return step


def flat_by_hand(case: Case) -> Step:
    """NumPy at its best: every array made once, all parameters in one vector, each call writing in place."""
    layers, batches, rows = case.weights(), in_turn(case.batches()), np.arange(case.batch)
    parameters, velocity, gradients = np.zeros((3, sum([w.size + b.size for w, b in layers])), np.float32)
    both = zip(_layers_in(parameters, case), _layers_in(gradients, case), strict=True)
    weights, biases, of_weights, of_biases = zip(*[(*one, *other) for one, other in both], strict=True)
    for i, (weight, bias) in enumerate(layers):
        weights[i][...], biases[i][...] = weight.T, bias
    outputs = [np.empty((case.batch, n), np.float32) for n in case.widths[1:]]
    of_outputs, masks = [np.empty_like(x) for x in outputs], [np.empty(x.shape, bool) for x in outputs]
    ones, scratch = np.ones(case.batch, np.float32), np.empty(1 << 15, np.float32)
    cuts = [slice(i, i + scratch.size) for i in range(0, len(parameters), scratch.size)]
    pieces = [(parameters[cut], velocity[cut], gradients[cut]) for cut in cuts]
    momentum, rate = np.float32(MOMENTUM), np.float32(LEARNING_RATE)

    def step() -> float:
        x, y = next(batches)
        inputs = [x, *outputs]
        for i, output in enumerate(outputs):
            np.dot(inputs[i], weights[i], output)
            np.add(output, biases[i], output)
            if i < len(layers) - 1:
                np.maximum(output, 0, out=output)
        g = of_outputs[-1]
        np.subtract(output, output.max(axis=1, keepdims=True), g)
        picked = g[rows, y]
        np.exp(g, g)
        total = g.sum(axis=1, keepdims=True)
        loss = float((np.log(total[:, 0]) - picked).mean())
        np.divide(g, total * np.float32(case.batch), g)
        g[rows, y] -= np.float32(1 / case.batch)
        for i in reversed(range(len(layers))):
            np.dot(inputs[i].T, g, of_weights[i])
            np.dot(ones, g, of_biases[i])
            if i:
                np.dot(g, weights[i].T, of_outputs[i - 1])
                np.greater(inputs[i], 0, masks[i - 1])
                g = np.multiply(of_outputs[i - 1], masks[i - 1], of_outputs[i - 1])
        for p, v, of_p in pieces:
            np.multiply(v, momentum, v)
            np.add(v, of_p, v)
            np.subtract(p, np.multiply(v, rate, scratch[: len(p)]), p)
        return loss

    return step


def _layers_in(vector: Array, case: Case) -> Iterator[tuple[Array, Array]]:
    """For each layer, its weights of shape (in, out) and its biases as parts of a vector."""
    start = 0
    for n, m in pairwise(case.widths):
        yield vector[start : start + n * m].reshape(n, m), vector[start + n * m : start + n * m + m]
        start += n * m + m


# ---------------------------------------------------------------------------------------------- PyTorch


def pytorch(case: Case) -> Step:
    """PyTorch, eager."""
    return _pytorch(case, compiled=False)


def torch_compile(case: Case) -> Step:
    """PyTorch, the whole step under torch.compile."""
    return _pytorch(case, compiled=True)


def _torch_model(case: Case) -> Any:
    import torch

    layers: list[Any] = []
    for fan_in, fan_out in pairwise(case.widths):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    model.load_state_dict({name: torch.from_numpy(array) for name, array in case.state().items()})
    return model


def _pytorch(case: Case, compiled: bool) -> Step:
    import torch

    model, loss_of = _torch_model(case), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)

    def step(x: Any, y: Any) -> Any:
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    batches = in_turn([(torch.from_numpy(x), torch.from_numpy(y)) for x, y in case.batches()])
    run = torch.compile(step) if compiled else step
    return lambda: run(*next(batches)).item()


def pytorch_inference(case: Case) -> Step:
    """Scores of a batch, in PyTorch."""
    import torch

    model = _torch_model(case)
    batches = in_turn([torch.from_numpy(x) for x, _ in case.batches()])

    def infer() -> Any:
        with torch.inference_mode():
            return model(next(batches)).numpy()

    return infer


# --------------------------------------------------------------------------------------------- the others


def jax_jit(case: Case) -> Step:
    """JAX, the whole step under jit, its buffers given back for the next."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")

    def loss_of(layers: Any, x: Any, y: Any) -> Any:
        *hidden, (weight, bias) = layers
        for w, b in hidden:
            x = jax.nn.relu(x @ w.T + b)
        logits = x @ weight.T + bias
        return -jax.nn.log_softmax(logits)[jnp.arange(len(y)), y].mean()

    def update(layers: Any, velocities: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(layers, x, y)
        velocities = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocities, gradients)
        layers = jax.tree.map(lambda p, v: p - LEARNING_RATE * v, layers, velocities)
        return layers, velocities, loss

    run = jax.jit(update, donate_argnums=(0, 1))
    layers = jax.tree.map(jnp.asarray, case.weights())
    state = [layers, jax.tree.map(jnp.zeros_like, layers)]
    batches = in_turn(case.batches())

    def step() -> float:
        x, y = next(batches)
        state[0], state[1], loss = run(state[0], state[1], x, y)
        return float(loss)

    return step


def scikit_learn(case: Case) -> Step:
    """scikit-learn's MLPClassifier, one partial_fit a step."""
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=case.widths[1:-1],
        batch_size=case.batch,
        solver="sgd",
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        learning_rate_init=LEARNING_RATE,
        alpha=0.0,
        shuffle=False,
    )
    data = case.batches()
    batches = in_turn(data)
    model.partial_fit(*data[0], classes=np.arange(case.widths[-1]))  # makes the arrays, to be filled again
    for coefficients, intercepts, (weight, bias) in zip(
        model.coefs_, model.intercepts_, case.weights(), strict=True
    ):
        coefficients[...], intercepts[...] = weight.T, bias
    for velocity in model._optimizer.velocities:
        velocity[...] = 0

    def step() -> float:
        model.partial_fit(*next(batches))
        return float(model.loss_)

    return step


def hips_autograd(case: Case) -> Step:
    """HIPS autograd."""
    anp = import_module("autograd.numpy")
    logsumexp = import_module("autograd.scipy.special").logsumexp
    value_and_grad = import_module("autograd").value_and_grad

    def loss_of(layers: Any, x: Any, rows: Any, y: Any) -> Any:
        *hidden, (weight, bias) = layers
        for w, b in hidden:
            x = anp.maximum(anp.dot(x, w.T) + b, 0)
        logits = anp.dot(x, weight.T) + bias
        return anp.mean(logsumexp(logits, axis=1) - logits[rows, y])

    both = value_and_grad(loss_of)
    layers, batches = case.weights(), in_turn(case.batches())
    velocities = [(np.zeros_like(weight), np.zeros_like(bias)) for weight, bias in layers]
    rows = np.arange(case.batch)

    def step() -> float:
        x, y = next(batches)
        loss, gradients = both(layers, x, rows, y)
        _update_by_hand(layers, velocities, gradients)
        return float(loss)

    return step


def mygrad(case: Case) -> Step:
    """MyGrad."""
    mg = import_module("mygrad")
    softmax_crossentropy = import_module("mygrad.nnet.losses").softmax_crossentropy

    layers = [(mg.tensor(weight), mg.tensor(bias)) for weight, bias in case.weights()]
    velocities = [(np.zeros_like(weight), np.zeros_like(bias)) for weight, bias in case.weights()]
    batches = in_turn(case.batches())

    def step() -> float:
        x, y = next(batches)
        *hidden, (weight, bias) = layers
        for w, b in hidden:
            x = mg.maximum(x @ w.T + b, 0)
        loss = softmax_crossentropy(x @ weight.T + bias, y)
        loss.backward()
        _update_by_hand(
            [(w.data, b.data) for w, b in layers], velocities, [(w.grad, b.grad) for w, b in layers]
        )
        return float(loss.item())

    return step


def _update_by_hand(layers: Any, velocities: Any, gradients: Any) -> None:
    for pair, of_pair, gradient_pair in zip(layers, velocities, gradients, strict=True):
        for parameter, velocity, gradient in zip(pair, of_pair, gradient_pair, strict=True):
            velocity *= np.float32(MOMENTUM)
            velocity += gradient
            parameter -= np.float32(LEARNING_RATE) * velocity


# ------------------------------------------------------------------------------------------------- lists

STEPS: dict[str, tuple[str, Callable[[Case], Step]]] = {
    "the products alone": ("numpy", products),
    "compiled": ("minitensor", compiled),
    "eager": ("minitensor", eager),
    "NumPy by hand": ("numpy", by_hand),
    "NumPy by hand, flat": ("numpy", flat_by_hand),
    "PyTorch": ("torch", pytorch),
    "torch.compile": ("torch", torch_compile),
    "jax.jit": ("jax", jax_jit),
    "scikit-learn": ("sklearn", scikit_learn),
    "MyGrad": ("mygrad", mygrad),
    "autograd": ("autograd", hips_autograd),
}
"""By name: the module that it needs, and what builds it. The first does not compute a loss."""

INFERENCES: dict[str, tuple[str, Callable[[Case], Step]]] = {
    "compiled": ("minitensor", compiled_inference),
    "eager": ("minitensor", eager_inference),
    "PyTorch": ("torch", pytorch_inference),
}


def installed(peers: dict[str, tuple[str, Callable[[Case], Step]]]) -> dict[str, Callable[[Case], Step]]:
    """The peers whose libraries are here."""
    return {name: build for name, (module, build) in peers.items() if find_spec(module)}
