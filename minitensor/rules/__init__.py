"""Every operation, in rooms: its value and its local gradients, and nothing else.

    arithmetic       + − · / and powers, steps, and the choice between two numbers: read these first
    elementwise      exponentials, logarithms, roots, circular and hyperbolic functions
    activations      rectifiers, gates and softmax
    reductions       sums, means, norms, extremes, products; running sums and products
    logic            what is off the graph: comparisons, logic, counting, argmax
    shapes           reshaping, reordering, repeating, joining
    indexing         elements by their place: take, gather, sort, split
    linear_algebra   products of matrices and tensors, determinants, inverses
    windows          sliding windows, convolution and pooling
    axes             which axes, and how many of something, an argument means
    fast             bit tricks and BLAS, which the rules call by name

A rule returns its value and one local gradient per input: a closure that turns the gradient `g` of the
output into the gradient of that input. Rules speak operators and NumPy functions only, so the same lines
serve floats (scalar backprop), arrays (tensor backprop) and Tensors (gradients of gradients). A composite is
an operation made of others, whose gradient follows from theirs. What is special about an operation is said
in its decorator; core/rule.py has the marks, and what a rule promises.

Three things a rule need not do. It does not undo broadcasting: the engine sums each gradient down to its
input's shape. It does not check shapes that NumPy checks: errors.py words what NumPy found, or a function
beside the rule, named in its decorator. It never sees a graph, but where its own value would not
differentiate rightly when it is run again on nodes; then it calls itself on them.

At a singular point a rule follows PyTorch's convention, which its docstring states; where it does not, the
docstring says "Unlike PyTorch". A selected gradient is chosen with `zero_where`, never multiplied by 0 or 1,
for inf * 0 is NaN.
"""

from minitensor.core.rule import registry
from minitensor.rules.activations import *
from minitensor.rules.arithmetic import *
from minitensor.rules.elementwise import *
from minitensor.rules.indexing import *
from minitensor.rules.linear_algebra import *
from minitensor.rules.logic import *
from minitensor.rules.reductions import *
from minitensor.rules.shapes import *
from minitensor.rules.windows import *

__all__ = [name for name in registry if name in globals() and not name.startswith("_")]
