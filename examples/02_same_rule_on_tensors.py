"""The same rule on tensors: parallel arithmetic, the same gradient logic.

One loss, y = mean of tanh(w·x + b)² over six samples, is computed twice: from Values, one number at a time,
and from Tensors, all samples at once. Both run the same gradient rules, which are written once in rules/.

    python examples/02_same_rule_on_tensors.py
"""

import numpy as np

from minitensor import Tensor, Value

rng = np.random.default_rng(0)
x = rng.normal(size=(6, 3))  # six samples of three features
w0, b0 = rng.normal(size=3), 0.5

# One number at a time.
w = [Value(weight) for weight in w0]
b = Value(b0)
total = Value(0.0)
for sample in x:
    activation = b
    for weight, feature in zip(w, sample, strict=True):
        activation = activation + weight * feature
    total = total + activation.tanh() ** 2
scalar_loss = total / len(x)
scalar_loss.backward()

# All at once.
W = Tensor(w0, requires_grad=True)
B = Tensor(np.array(b0), requires_grad=True)
tensor_loss = ((Tensor(x) @ W + B).tanh() ** 2).mean()
tensor_loss.backward()

print(f"loss    scalar {scalar_loss.data:.12f}    tensor {tensor_loss.item():.12f}")
for i, weight in enumerate(w):
    print(f"dL/dw{i}  scalar {weight.grad:+.12f}   tensor {W.grad[i]:+.12f}")
print(f"dL/db   scalar {b.grad:+.12f}   tensor {B.grad:+.12f}")

difference = max(*[abs(weight.grad - W.grad[i]) for i, weight in enumerate(w)], abs(b.grad - B.grad))
print(f"largest difference: {difference:.1e}")
assert difference < 1e-12
