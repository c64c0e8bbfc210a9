"""PyTorch's names that a room does not have, and what to write in their place: its AttributeError says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

_CELL = "Write one step of it as a Module, and call that for each time."
_ATTENTION = "Write it with Linear: softmax(q @ k.mT / sqrt(d), dim=-1) @ v."
_LARGER = "Use x.repeat(2, axis=-2).repeat(2, axis=-1), the nearest pixel, and a convolution."
_COSINE = "Use (F.normalize(x, dim=1) * F.normalize(y, dim=1)).sum(dim=1)."
_SAMPLER = "Give DataLoader a sequence of indices as sampler=, such as rng.choice(n, n, p=weights)."

INSTEAD = {
    "minitensor": {
        "utils": "Use minitensor.data for torch.utils.data, and minitensor.nn.utils.",
        **dict.fromkeys(["backends", "set_num_threads"], "Leave the line out: there is the CPU alone."),
        **dict.fromkeys(["amp", "autocast"], "Leave it out: everything is computed in float32."),
        **dict.fromkeys(["set_default_dtype", "get_default_dtype"], "It is float32, or what dtype= says."),
        **dict.fromkeys(["distributed", "multiprocessing"], "There is one process."),
        "bfloat16": "Use float32: NumPy has no bfloat16.",
        "FloatTensor": "Use minitensor.tensor(x, dtype=minitensor.float32).",
        "LongTensor": "Use minitensor.tensor(x, dtype=minitensor.int64).",
        "Size": "A shape is a tuple.",
        "jit": "Use minitensor.compile(step).",
        "vmap": "Write it for a batch: operations work along axes.",
        "distributions": "Use minitensor.normal, bernoulli and multinomial.",
        "nonzero": "Use np.argwhere(x).",
        **{name: f"Use np.{name}(x)." for name in ("unique", "bincount", "histogram", "cov", "corrcoef")},
        **{name: f"Use np.{name}(...)." for name in ("set_printoptions", "argwhere", "searchsorted")},
        "cdist": "Use (x[:, None] - y).norm(dim=-1).",
        "dist": "Use (x - y).norm().",
        "std_mean": "Use x.std(dim=0), x.mean(dim=0).",
        "var_mean": "Use x.var(dim=0), x.mean(dim=0).",
        "special": "Its functions are minitensor's own.",
    },
    "minitensor.autograd": {
        "Function": "Use minitensor.rule: its function returns a value and a local gradient per input.",
        "Variable": "Use minitensor.Tensor(x, requires_grad=True).",
        "functional": "Use minitensor.jacobian(f)(x), and hessian, jvp, vjp and hvp.",
        "gradcheck": "Use minitensor.gradcheck(f, x, y).",
        "backward": "Call loss.backward().",
        **dict.fromkeys(["detect_anomaly", "set_detect_anomaly"], "Use minitensor.debug(), as a context."),
    },
    "minitensor.func": {
        "vmap": "Write it for a batch: operations work along axes.",
        **dict.fromkeys(["jacrev", "jacfwd"], "Use jacobian(f)."),
    },
    "minitensor.nn": {
        **dict.fromkeys(["LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell"], _CELL),
        **dict.fromkeys(["MultiheadAttention", "TransformerEncoderLayer", "TransformerEncoder"], _ATTENTION),
        **dict.fromkeys(["ConvTranspose1d", "ConvTranspose2d", "Upsample"], _LARGER),
        **dict.fromkeys(["GroupNorm", "InstanceNorm2d"], "There are LayerNorm and BatchNorm2d."),
        "CosineSimilarity": _COSINE,
        "EmbeddingBag": "Use Embedding(n, d)(x).mean(dim=1).",
        "DataParallel": "Use the module itself: there is one device.",
    },
    "minitensor.nn.functional": {
        **dict.fromkeys(["interpolate", "conv_transpose2d"], _LARGER),
        "cosine_similarity": _COSINE,
        "pairwise_distance": "Use (x - y).norm(dim=-1).",
        "scaled_dot_product_attention": _ATTENTION,
        "gaussian_nll_loss": "Use 0.5 * (var.log() + (x - target) ** 2 / var).mean().",
    },
    "minitensor.nn.utils": {
        "rnn": "Pad with nn.functional.pad, and stack.",
        "clip_grad_norm": "Use clip_grad_norm_.",
    },
    "minitensor.optim": {
        "LBFGS": "Use scipy.optimize.minimize(minitensor.value_and_grad(f), x0, jac=True).",
        "swa_utils": "Average state_dict(): its values are arrays.",
    },
    "minitensor.data": dict.fromkeys(
        ["Sampler", "RandomSampler", "SequentialSampler", "WeightedRandomSampler", "BatchSampler"], _SAMPLER
    ),
}
"""By room and name, the cure."""


def missing(room: str, name: str) -> AttributeError:
    """The error of a room that has no such name, with the cure where one is known.

    >>> missing("minitensor.func", "jacrev")
    AttributeError("module 'minitensor.func' has no attribute 'jacrev'. Use jacobian(f).")
    """
    cure = INSTEAD[room].get(name)
    return AttributeError(f"module {room!r} has no attribute {name!r}{'' if cure is None else f'. {cure}'}")


def answers(room: str) -> Callable[[str], NoReturn]:
    """A `__getattr__` for the room. Type checkers must not see it: to them it would make every name valid."""

    def __getattr__(name: str) -> NoReturn:  # noqa: N807
        raise missing(room, name)

    return __getattr__
