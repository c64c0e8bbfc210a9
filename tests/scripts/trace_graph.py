"""micrograd's way to walk a graph for a drawing: labels, operations and who was made of whom."""

from minitensor import Value


def trace(root):
    nodes, edges = set(), set()

    def build(v):
        if v not in nodes:
            nodes.add(v)
            for child in v._prev:
                edges.add((child, v))
                build(child)

    build(root)
    return nodes, edges


def main():
    a, b, c = Value(2.0), Value(-3.0), Value(10.0)
    e = a * b
    d = e + c
    loss = (d * a).relu() + d**2 + e**3
    loss.backward()
    nodes, edges = trace(loss)
    drawn = sorted(f"data {n.data:.4f} | grad {n.grad:.4f} | {n._op}" for n in nodes)
    return [*drawn, f"{len(nodes)} nodes, {len(edges)} edges"]


if __name__ == "__main__":
    print("\n".join(main()))
