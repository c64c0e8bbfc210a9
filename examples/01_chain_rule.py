"""The chain rule, one number at a time.

A car is 4 times as fast as a bicycle, and the bicycle 8 times as fast as a walker. How much faster does the
car get, when the walker gets faster by 1? Rates multiply along the chain: 4 · 8 = 32. Backpropagation is this
multiplication, done from the end of a computation to its beginning.

    python examples/01_chain_rule.py
"""

from minitensor import Value

# 1. A chain of two rates.
walker = Value(5.0)
bicycle = 8 * walker
car = 4 * bicycle
car.backward()  # fills in .grad: d car / d (each Value)
print(f"d car / d bicycle = {bicycle.grad:g}")
print(f"d car / d walker  = {walker.grad:g}")

# 2. Two paths from the same number: rates add up. Here f = a·b + a², so df/da = b + 2a and df/db = a.
a, b = Value(3.0), Value(-2.0)
f = a * b + a**2
f.backward()
print(f"\nf = {f.data:g}, df/da = {a.grad:g}, df/db = {b.grad:g}")

# 3. A neuron: inputs times weights, plus a bias, through a squashing function.
weights, bias = [Value(0.5), Value(-1.0)], Value(0.1)
inputs = [2.0, 0.6]
activation = sum((w * x for w, x in zip(weights, inputs, strict=True)), bias)
output = activation.tanh()
output.backward()
print(f"\nneuron = {output.data:.4f}")
for i, weight in enumerate(weights):
    print(f"d neuron / d weight {i} = {weight.grad:.4f}")
print(f"d neuron / d bias     = {bias.grad:.4f}")

# A small step along each gradient makes the output larger: this is learning, with the sign left to choose.
for parameter in [*weights, bias]:
    parameter.data += 0.1 * parameter.grad
activation = sum((w * x for w, x in zip(weights, inputs, strict=True)), bias)
print(f"after one step, neuron = {activation.tanh().data:.4f}")
