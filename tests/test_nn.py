"""Modules: parameters and their names, state, modes, initialisation, and what layers refuse."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minitensor
import minitensor as mt
from minitensor import DTypeError, OptionError, ShapeError, Tensor, gradcheck, nn
from minitensor.func import functional_call
from minitensor.nn import functional


class Nested(nn.Module):
    """Parameters and modules in attributes, lists and dicts, one of them shared."""

    def __init__(self) -> None:
        self.scale = nn.Parameter([1.0])
        self.layers = [nn.Linear(2, 3), nn.Linear(3, 2)]
        self.heads = {"a": nn.Linear(2, 1), "again": self.layers[0]}
        self.name = "not a parameter"


def test_parameters_are_found_in_attributes_lists_and_dicts_and_shared_ones_once() -> None:
    names = [name for name, _ in Nested().named_parameters()]
    expected = [
        "scale",
        *[f"{p}.{q}" for p in ("layers.0", "layers.1", "heads.a") for q in ("weight", "bias")],
    ]
    assert names == expected
    assert "heads.again.weight" in Nested().state_dict()


def test_state_moves_from_one_model_to_another() -> None:
    a, b = nn.MLP(4, [3, 2], rng=0), nn.MLP(4, [3, 2], rng=1)
    x = np.ones((5, 4), np.float32)
    b.load_state_dict(a.state_dict())
    np.testing.assert_array_equal(a(x).data, b(x).data)
    b[0].weight.data *= 2  # type: ignore[attr-defined]
    assert not np.array_equal(a(x).data, b(x).data)


def test_a_state_that_does_not_fit_is_described_whole_and_loads_nothing() -> None:
    model = nn.MLP(4, [3, 2])
    before = model.state_dict()
    state = {**before, "0.weight": np.zeros((3, 5)), "extra": np.zeros(1)}
    del state["2.bias"]
    with pytest.raises(ShapeError) as error:
        model.load_state_dict(state)
    for part in (
        "missing 2.bias",
        "unexpected extra",
        "0.weight has shape (3, 5) and must have (3, 4)",
        "Nothing was",
    ):
        assert part in str(error.value)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_state_is_a_copy() -> None:
    model = nn.Linear(2, 2)
    state = model.state_dict()
    model.weight.data += 1
    assert not np.array_equal(state["weight"], model.weight.data)


def test_training_and_evaluation_mode_reach_every_submodule() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(0.5)))
    assert not any(module.training for module in model.eval().modules())
    assert all(module.training for module in model.train().modules())


def test_zero_grad_clears_every_parameter() -> None:
    model = nn.MLP(2, [3, 1])
    model(np.ones((1, 2), np.float32)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    model.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_modules_can_be_copied_and_pickled() -> None:
    model = nn.MLP(3, [4, 2], dropout=0.1)
    x = np.ones((2, 3), np.float32)
    model.eval()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(x).data, model(x).data)
        assert not any(p is q for p, q in zip(twin.parameters(), model.parameters(), strict=True))
    assert all(isinstance(p, nn.Parameter) for p in copy.deepcopy(model).parameters())


def test_one_seed_gives_identical_bits_and_numpy_s_global_state_is_untouched() -> None:
    state = np.random.get_state()[1].copy()  # type: ignore[index]
    models = []
    for _ in range(2):
        minitensor.manual_seed(3)
        models.append(nn.MLP(5, [4, 2]).state_dict())
    for name in models[0]:
        np.testing.assert_array_equal(models[0][name], models[1][name])
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # type: ignore[index]


def test_an_explicit_generator_leaves_the_project_wide_one_alone() -> None:
    drawn = []
    for rng in (None, 5):
        minitensor.manual_seed(3)
        if rng is not None:
            nn.MLP(5, [4, 2], dropout=0.5, rng=rng)(np.ones((2, 5), np.float32))
        drawn.append(nn.Linear(2, 2).weight.data)
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_linear_says_what_width_it_needs() -> None:
    with pytest.raises(ShapeError) as error:
        nn.Linear(784, 128)(np.zeros((32, 28, 28), np.float32))
    expected = (
        "Linear(784 → 128) got (32, 28, 28): the last axis is 28 and must be 784. Try x.reshape(32, -1)."
    )
    assert str(error.value) == expected


def test_linear_s_default_initialisation_is_uniform_within_one_over_root_in_features() -> None:
    layer = nn.Linear(100, 400, rng=0)
    for parameter in layer.parameters():
        values = np.asarray(parameter.data)
        assert abs(values).max() <= 0.1
        assert values.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.05)


@pytest.mark.parametrize(
    ("initialise", "bound"),
    [
        (lambda t: nn.init.kaiming_uniform_(t, nonlinearity="relu", rng=0), np.sqrt(6 / 300)),
        (lambda t: nn.init.kaiming_uniform_(t, a=1, mode="fan_out", rng=0), np.sqrt(3 / 200)),
        (lambda t: nn.init.xavier_uniform_(t, gain=2, rng=0), 2 * np.sqrt(6 / 500)),
    ],
)
def test_initialisers_reach_their_bounds(initialise: object, bound: float) -> None:
    weight = nn.Parameter(np.empty((200, 300)))
    values = initialise(weight).data  # type: ignore[operator]
    assert 0.99 * bound < abs(values).max() <= bound
    assert weight.is_leaf
    assert weight.requires_grad


def test_initialisers_draw_from_what_either_library_calls_it() -> None:
    for name in (
        "uniform_",
        "normal_",
        "trunc_normal_",
        "kaiming_uniform_",
        "kaiming_normal_",
        "orthogonal_",
    ):
        fill = getattr(nn.init, name)
        first, second, third = [
            fill(Tensor(np.zeros((3, 4))), **source).data
            for source in ({"rng": 7}, {"generator": 7}, {"generator": np.random.default_rng(8)})
        ]
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, third)
    with pytest.raises(OptionError, match="rng and generator are the same argument"):
        nn.init.uniform_(Tensor([1.0]), rng=1, generator=1)


def test_a_truncated_normal_far_from_its_mean_stays_within_its_bounds() -> None:
    for a, b in [(8.0, 9.0), (-9.0, -8.0), (-50.0, -40.0), (30.0, 31.0)]:
        values = nn.init.trunc_normal_(Tensor(np.zeros(1000)), 0.0, 1.0, a, b, rng=0).data
        assert values.min() >= a
        assert values.max() <= b
        assert abs(values).mean() == pytest.approx(min(abs(a), abs(b)), abs=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: nn.init.eye_(Tensor([1.0])), r"eye_: takes a matrix, not shape \(1,\)"),
        (lambda t: nn.init.dirac_(t), r"dirac_: takes filters .*not shape \(2, 3\)"),
        (lambda t: nn.init.dirac_(Tensor(np.zeros((2, 3, 4))), 3), "groups=3 must divide the 2 output"),
        (lambda t: nn.init.sparse_(Tensor([1.0]), 0.5), "sparse_: takes a matrix"),
        (lambda t: nn.init.sparse_(t, 2), "sparsity must be from 0 to 1, not 2"),
        (lambda t: nn.init.orthogonal_(Tensor([1.0])), "orthogonal_: takes two or more axes"),
        (lambda t: nn.init.trunc_normal_(t, a=2, b=1), "a must be below b, and they are 2 and 1"),
        (lambda t: nn.init.calculate_gain("swish"), "nonlinearity must be one of leaky_relu, .* is 'swish'"),
        (lambda t: nn.init.kaiming_normal_(t, mode="fan"), "kaiming_normal_: mode must be fan_in or fan_out"),
        (lambda t: nn.init.xavier_normal_(Tensor([1.0])), r"a weight has shape \(fan_out, fan_in, ...\)"),
        (lambda t: nn.utils.parameters_to_vector([]), "there are no parameters"),
        (
            lambda t: nn.utils.vector_to_parameters(t, [t]),
            r"have 6 elements, and the vector has shape \(2, 3\)",
        ),
    ],
)
def test_initialisers_and_vectors_say_what_they_take(call: Callable[[Tensor], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Tensor(np.zeros((2, 3))))


def test_vectors_are_made_of_tensors_alone() -> None:
    with pytest.raises(DTypeError, match="parameters_to_vector: takes tensors, not ndarray"):
        nn.utils.parameters_to_vector([np.zeros(2)])  # type: ignore[list-item]
    with pytest.raises(DTypeError, match="vector_to_parameters: takes a tensor, not ndarray"):
        nn.utils.vector_to_parameters(np.zeros(2), [Tensor([1.0, 2.0])])  # type: ignore[arg-type]


def test_a_compiled_step_may_write_a_vector_into_parameters() -> None:
    model = nn.Linear(2, 1, rng=0)

    def step(x: Any) -> Any:
        vector = nn.utils.parameters_to_vector(model.parameters()).detach()
        nn.utils.vector_to_parameters(vector * 0.5 + x, model.parameters())

    compiled, expected = mt.compile(step), nn.utils.parameters_to_vector(model.parameters()).data
    for i in range(6):
        x = np.full(3, i, np.float32)
        compiled(x)
        expected = expected * np.float32(0.5) + x
        np.testing.assert_array_equal(nn.utils.parameters_to_vector(model.parameters()).data, expected)


def test_normal_and_zeros() -> None:
    values = nn.init.normal_(Tensor(np.empty((100, 100))), 2.0, 3.0, rng=0).data
    assert (values.mean(), values.std()) == (pytest.approx(2, abs=0.1), pytest.approx(3, abs=0.1))
    assert not nn.init.zeros_(nn.Parameter([1.0])).data.any()


def test_dropout_keeps_the_expectation_in_training_and_is_the_identity_in_evaluation() -> None:
    layer = nn.Dropout(0.25, rng=0)
    x = Tensor(np.ones(100_000, np.float32))
    dropped = layer(x)
    assert set(np.unique(dropped.data)) == {np.float32(0), np.float32(1 / 0.75)}
    assert dropped.data.mean() == pytest.approx(1, abs=0.01)
    assert dropped.dtype == np.float32
    assert layer.eval()(x) is x
    assert not nn.Dropout(1.0)(x).data.any()
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.Dropout(1.5)


def test_flatten_keeps_the_first_axis_also_of_an_empty_batch() -> None:
    assert nn.Flatten()(Tensor(np.zeros((2, 3, 4)))).shape == (2, 12)
    assert nn.Flatten()(Tensor(np.zeros((0, 3, 4)))).shape == (0, 12)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "gelu"])
def test_an_mlp_s_gradients_are_those_of_central_differences(activation: str) -> None:
    model = nn.MLP(3, [4, 2], activation=activation, dtype=np.float64, rng=0)
    parameters = list(model.parameters())

    def loss(x: Tensor, *weights: Tensor) -> Tensor:
        first, second = weights[:2], weights[2:]
        hidden: Tensor = model[1](functional.linear(x, *first))
        logits: Tensor = functional.linear(hidden, *second)
        return functional.cross_entropy(logits, np.array([0, 1, 1]))

    assert gradcheck(loss, np.random.default_rng(0).normal(size=(3, 3)), *parameters)


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.BCEWithLogitsLoss(), nn.HingeLoss()])
def test_losses_refuse_shapes_that_would_broadcast(loss: nn.Module) -> None:
    with pytest.raises(ShapeError, match=r"input \(3, 1\) and target \(3,\) differ. Try target.reshape"):
        loss(Tensor(np.zeros((3, 1))), np.zeros(3))


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.MSELoss])
def test_an_unknown_reduction_is_refused(loss: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match='reduction must be "mean", "sum" or "none"'):
        loss("avg")  # type: ignore[call-arg]


def test_binary_cross_entropy_at_extreme_logits_is_exact_and_silent() -> None:
    x = Tensor([1000.0, -1000.0, 1000.0], requires_grad=True)
    loss = functional.binary_cross_entropy_with_logits(x, Tensor([1.0, 1.0, 0.0]), "none")
    loss.sum().backward()
    assert loss.data.tolist() == [0.0, 1000.0, 1000.0]
    assert x.grad.tolist() == [0.0, -1.0, 1.0]


def test_bad_architectures_are_refused() -> None:
    with pytest.raises(ValueError, match="activation 'swish' is not one of relu, "):
        nn.MLP(2, [2], activation="swish")
    with pytest.raises(ValueError, match="give a list that ends with the output's width"):
        nn.MLP(2, [])
    with pytest.raises(ValueError, match=r"Linear\(2 → 0\): both widths"):
        nn.MLP(2, [0])


def test_an_unknown_reduction_of_the_function_is_refused() -> None:
    with pytest.raises(ValueError, match='reduction must be "mean", "sum" or "none", not \'avg\''):
        functional.cross_entropy(Tensor(np.zeros((1, 2))), np.array([0]), "avg")


def test_a_layer_that_is_no_module_is_refused() -> None:
    with pytest.raises(TypeError, match="every layer must be a Module, not int"):
        nn.Sequential(nn.ReLU(), 3)  # type: ignore[call-overload]


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Module does not define forward"):
        nn.Module()(1)


def test_what_a_subclass_of_sequential_adds_is_found() -> None:
    model = nn.MLP(2, [2])
    model.head = nn.Linear(2, 1)  # type: ignore[attr-defined]
    assert [name for name, _ in model.named_parameters()] == [
        "0.weight",
        "0.bias",
        "head.weight",
        "head.bias",
    ]


def test_a_state_that_cannot_be_converted_loads_nothing() -> None:
    model = nn.Linear(1, 1)
    before = model.state_dict()
    with pytest.raises(ValueError, match="bias holds <U1, not real numbers"):
        model.load_state_dict({"weight": np.ones((1, 1)), "bias": np.array(["a"])})
    np.testing.assert_array_equal(model.weight.data, before["weight"])


def test_modules_take_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
            return x * scale

    assert Scaled()(Tensor([2.0]), scale=3.0).item() == 6.0


def test_a_parameter_is_not_lost_to_a_plain_tensor() -> None:
    layer = nn.Linear(2, 1)
    with pytest.raises(
        DTypeError, match=r"Linear.weight takes a Parameter or None, not minitensor.Tensor, which"
    ):
        layer.weight = layer.weight * 2  # type: ignore[assignment]
    layer.weight = nn.Parameter(np.ones((1, 2), np.float32))
    assert len(list(layer.parameters())) == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.MLP(4, 2), "MLP: give a list that ends with the output's width"),  # type: ignore[arg-type]
        (lambda: nn.MLP(4, [2], activation="rlu"), "MLP: activation 'rlu' is not one of relu, "),
        (
            lambda: nn.init.kaiming_uniform_(Tensor(np.ones((2, 2))), mode="fan"),
            "mode must be fan_in or fan_out",
        ),
        (lambda: nn.L1Loss("avg"), 'L1Loss: reduction must be "mean", "sum" or "none", not \'avg\''),
        (lambda: nn.HuberLoss(delta=0)(np.zeros(1), np.zeros(1)), "huber_loss: delta must be positive"),
        (lambda: nn.GELU("fast")(Tensor([1.0])), 'gelu: approximate must be "none" or "tanh"'),
        (lambda: minitensor.pad(Tensor(np.zeros(2)), 1, "mirror"), 'pad: mode must be "constant", '),
    ],
)
def test_unknown_options_are_refused_by_name(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError) as error:
        call()
    assert message in str(error.value)


def test_every_loss_is_the_function_of_its_name() -> None:
    x, t = Tensor([[0.3, -0.7], [1.5, 0.2]]), np.array([[0.4, 0.6], [0.9, 0.1]], np.float32)
    classes = np.array([0, 1])
    pairs = [
        (nn.MSELoss("sum")(x, t), functional.mse_loss(x, t, "sum")),
        (nn.L1Loss()(x, t), functional.l1_loss(x, t)),
        (nn.SmoothL1Loss(beta=0.5)(x, t), functional.smooth_l1_loss(x, t, beta=0.5)),
        (nn.HuberLoss(delta=0.5)(x, t), functional.huber_loss(x, t, delta=0.5)),
        (nn.KLDivLoss("batchmean")(x, t), functional.kl_div(x, t, "batchmean")),
        (nn.KLDivLoss(log_target=True)(x, t), functional.kl_div(x, t, log_target=True)),
        (nn.BCEWithLogitsLoss()(x, t), functional.binary_cross_entropy_with_logits(x, t)),
        (nn.HingeLoss()(x, t), functional.hinge_loss(x, t)),
        (
            nn.NLLLoss(weight=[1, 2], ignore_index=0)(x, classes),
            functional.nll_loss(x, classes, weight=[1, 2], ignore_index=0),
        ),
        (
            nn.CrossEntropyLoss(weight=[1, 2], label_smoothing=0.1, ignore_index=0)(x, classes),
            functional.cross_entropy(x, classes, weight=[1, 2], label_smoothing=0.1, ignore_index=0),
        ),
    ]
    for module, function in pairs:
        assert module.item() == function.item()
    assert len({module.item() for module, _ in pairs}) == len(pairs)


def test_every_activation_is_the_function_of_its_name() -> None:
    x = Tensor([-2.0, -0.3, 0.0, 0.7, 3.0])
    pairs = [
        (nn.SiLU()(x), mt.silu(x)),
        (nn.ELU(0.5)(x), mt.elu(x, 0.5)),
        (nn.SELU()(x), mt.selu(x)),
        (nn.Softplus(2.0)(x), mt.softplus(x, 2.0)),
        (nn.Hardtanh(-0.5, 1.0)(x), mt.hardtanh(x, -0.5, 1.0)),
        (nn.GELU("tanh")(x), mt.gelu(x, "tanh")),
    ]
    for module, function in pairs:
        np.testing.assert_array_equal(module.data, function.data)
    assert repr(nn.Hardtanh(-0.5, 1.0)) == "Hardtanh(min_val=-0.5, max_val=1.0)"


def test_binary_cross_entropy_keeps_its_precision_where_it_is_small() -> None:
    loss = functional.binary_cross_entropy_with_logits(Tensor([17.0, -17.0]), Tensor([1.0, 0.0]), "none")
    np.testing.assert_allclose(loss.data, np.log1p(np.exp(-17.0)), rtol=1e-6)


# ------------------------------------------------------------------------------- members by their names


def test_children_are_the_modules_held_directly_each_once() -> None:
    nested = Nested()
    assert [name for name, _ in nested.named_children()] == ["layers.0", "layers.1", "heads.a"]
    assert list(nested.children()) == [*nested.layers, nested.heads["a"]]
    assert next(iter(nn.Sequential(nn.Sequential(nn.ReLU())).children())) is not None
    assert [type(x).__name__ for x in nn.Sequential(nn.Sequential(nn.ReLU())).children()] == ["Sequential"]


def test_a_shared_module_comes_once_and_its_state_under_every_name() -> None:
    nested = Nested()
    assert len(list(nested.modules())) == 4
    assert "heads.again" not in dict(nested.named_modules())
    assert "heads.again" in dict(nested.named_modules(remove_duplicate=False))
    assert "heads.again.bias" in dict(nested.named_parameters(remove_duplicate=False))


def test_a_module_that_knows_its_owner_does_not_go_in_circles() -> None:
    class Part(nn.Module):
        def __init__(self, owner: nn.Module) -> None:
            self.owner = owner
            self.own = nn.Linear(1, 1)

    class Owner(nn.Module):
        def __init__(self) -> None:
            self.part = Part(self)

    assert list(Owner().state_dict()) == ["part.own.weight", "part.own.bias"]


def test_members_are_got_by_their_paths() -> None:
    nested = Nested()
    assert nested.get_submodule("") is nested
    assert nested.get_submodule("heads.again") is nested.layers[0]
    assert nested.get_parameter("layers.1.bias") is nested.layers[1].bias
    norm = nn.Sequential(nn.BatchNorm1d(2))
    assert norm.get_buffer("0.running_mean") is norm[0].running_mean  # type: ignore[attr-defined]
    for get, what in [
        (nested.get_submodule, "submodule"),
        (nested.get_parameter, "parameter"),
        (nested.get_buffer, "buffer"),
    ]:
        with pytest.raises(OptionError, match=f"get_{what}: Nested has no {what} 'layers.9'. There are "):
            get("layers.9")


def test_parameters_of_the_module_alone_or_under_a_prefix() -> None:
    nested = Nested()
    assert [name for name, _ in nested.named_parameters(recurse=False)] == ["scale"]
    assert list(nested.parameters(recurse=False)) == [nested.scale]
    assert next(nested.named_parameters("net"))[0] == "net.scale"
    norm = nn.Sequential(nn.BatchNorm1d(2))
    assert list(norm.buffers(recurse=False)) == []
    assert next(name for name, _ in norm.named_buffers("m")) == "m.0.running_mean"


def test_what_is_typed_by_tab_has_no_numbers() -> None:
    assert not [name for name in dir(nn.Sequential(nn.ReLU())) if name[0].isdigit()]
    assert "forward" in dir(nn.ReLU())


def test_apply_reaches_every_module_the_outermost_last() -> None:
    seen: list[nn.Module] = []
    nested = Nested()
    assert nested.apply(seen.append) is nested
    assert seen == [*nested.layers, nested.heads["a"], nested]


@pytest.mark.parametrize("name", ["", "a.b", "forward", "training", 3])
def test_names_that_cannot_be_those_of_members_are_refused(name: Any) -> None:
    module = nn.Module()
    for register, value in [
        (module.register_parameter, nn.Parameter([1.0])),
        (module.register_buffer, np.ones(1)),
        (module.register_module, nn.ReLU()),
        (module.add_module, nn.ReLU()),
    ]:
        with pytest.raises((OptionError, DTypeError), match="Module: "):
            register(name, value)  # type: ignore[operator]
    assert vars(module) == {}


def test_a_module_can_be_registered_absent_and_set_later() -> None:
    module: Any = nn.Module()
    module.register_module("head", None)
    with pytest.raises(DTypeError, match="takes a Module or None"):
        module.head = 3
    module.head = nn.ReLU()
    assert [name for name, _ in module.named_children()] == ["head"]
    with pytest.raises(DTypeError, match="takes a Module or None, not int"):
        module.add_module("other", 3)


def test_buffers_that_are_not_saved_are_buffers_all_the_same() -> None:
    module: Any = nn.Module()
    module.register_buffer("mask", np.ones(2, np.float32), persistent=False)
    module.register_buffer("mean", np.zeros(2, np.float32))
    outer = nn.Sequential(module)
    for model in (outer, copy.deepcopy(outer), pickle.loads(pickle.dumps(outer))):
        assert list(model.state_dict()) == ["0.mean"]
        assert [name for name, _ in model.named_buffers()] == ["0.mask", "0.mean"]
        assert model.load_state_dict({"0.mean": np.ones(2)}) == ([], [])
    module.mask = nn.Buffer(np.zeros(2))
    assert list(module.state_dict()) == ["mean"]
    assert outer.double()[0].mask.dtype == np.float64  # type: ignore[attr-defined]
    module.register_buffer("mask", np.ones(2))
    assert sorted(module.state_dict()) == ["mask", "mean"]
    module.register_buffer("mask", None, persistent=False)
    del module.mask
    module.mask = nn.Buffer([1.0])
    assert list(module.state_dict()) == ["mean", "mask"]


# ------------------------------------------------------------------------------- all members at once


def test_zero_grad_may_leave_zeros() -> None:
    model = nn.MLP(2, [3, 1])
    model[0](np.ones((1, 2), np.float32)).sum().backward()
    kept = model[0].weight.grad  # type: ignore[attr-defined]
    model.zero_grad(set_to_none=False)
    assert [None if p.grad is None else p.grad.any() for p in model.parameters()] == [
        False,
        False,
        None,
        None,
    ]
    assert kept.any()
    assert model[0].weight.grad.flags.f_contiguous  # type: ignore[attr-defined]


def test_freezing_a_module_freezes_every_parameter() -> None:
    model = nn.MLP(2, [3, 1])
    assert model[0].requires_grad_(False) is model[0]
    assert [parameter.requires_grad for parameter in model.parameters()] == [False, False, True, True]
    assert all(parameter.requires_grad for parameter in model.requires_grad_().parameters())
    for flag in (False, True):
        with pytest.raises(OptionError, match=rf"requires_grad = {flag} would .*requires_grad_\({flag}\)"):
            model.requires_grad = flag
    assert not hasattr(model, "requires_grad")


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda m: m.double(), "float64"),
        (lambda m: m.half(), "float16"),
        (lambda m: m.double().float(), "float32"),
        (lambda m: m.to("float64"), "float64"),
        (lambda m: m.to(dtype=np.float64, device="cpu"), "float64"),
        (lambda m: m.to(Tensor(np.zeros(1))), "float64"),
        (lambda m: m.type(np.float64), "float64"),
        (lambda m: m.to("cpu"), "float32"),
        (lambda m: m.to("cpu", non_blocking=True).cpu(), "float32"),
    ],
)
def test_a_module_is_converted_in_place_with_its_gradients(convert: Callable[[Any], Any], dtype: str) -> None:
    model = nn.Sequential(nn.Linear(2, 3, rng=0), nn.BatchNorm1d(3))
    x = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    model(x).sum().backward()
    before, parameters = model.state_dict(), list(model.parameters())
    assert convert(model) is model
    for old, new in zip(parameters, model.parameters(), strict=True):
        assert old is new
        assert new.requires_grad
        assert new.dtype == new.grad.dtype == np.dtype(dtype)
    for name, array in model.state_dict().items():
        assert array.dtype == (before[name].dtype if "num" in name else dtype)
        np.testing.assert_array_equal(array, before[name].astype(array.dtype))
    model.zero_grad()
    y = model(x.astype(dtype))
    (y * y).sum().backward()
    assert y.dtype == dtype
    assert all(parameter.grad.dtype == dtype for parameter in model.parameters())


def test_other_devices_and_dtypes_are_refused_in_one_line() -> None:
    model = nn.Linear(2, 1)
    moves: list[Callable[[], Any]] = [
        lambda: model.cuda(),
        lambda: model.cuda(0),
        lambda: model.to("cuda"),
        lambda: model.to("mps:0"),
    ]
    for move in moves:
        with pytest.raises(OptionError, match="computes on the CPU alone"):
            move()
    with pytest.raises(DTypeError, match=r"Linear.to: parameters must be floating-point, not int64"):
        model.to(np.int64)
    assert model.weight.dtype == np.float32


def test_a_state_that_fits_in_part_is_loaded_in_part_and_reported() -> None:
    model = nn.MLP(2, [3, 1], rng=0)
    before = model.state_dict()
    state = {"0.weight": np.ones((3, 2)), "9.weight": np.array(["text"])}
    report = model.load_state_dict(state, strict=False)
    assert report.missing_keys == ["0.bias", "2.weight", "2.bias"]
    assert report.unexpected_keys == ["9.weight"]
    assert (model.state_dict()["0.weight"] == 1).all()
    np.testing.assert_array_equal(model.state_dict()["2.weight"], before["2.weight"])
    assert model.load_state_dict(before) == ([], [])
    with pytest.raises(ShapeError, match=r"0.weight has shape \(2,\) and must have \(3, 2\). Nothing was"):
        model.load_state_dict({"0.weight": np.ones(2), "0.bias": np.zeros(3)}, strict=False)
    np.testing.assert_array_equal(model.state_dict()["0.bias"], before["0.bias"])


# ------------------------------------------------------------------------------------ functional_call


def squares(model: nn.Module, state: Any, x: Tensor) -> Tensor:
    y: Tensor = functional_call(model, state, (x,))
    return (y * y).sum()


def test_a_module_called_with_other_tensors_is_as_it_was_afterwards() -> None:
    nested = nn.Sequential(nn.Linear(2, 2, rng=0), nn.BatchNorm1d(2))
    before = {id(module): dict(vars(module)) for module in nested.modules()}
    other = nn.Sequential(nn.Linear(2, 2, rng=1), nn.BatchNorm1d(2))
    x = Tensor(np.array([[1.0, -2.0], [0.5, 3.0]], np.float32))
    state = {**dict(other.named_parameters()), **dict(other.named_buffers())}
    found = functional_call(nested, state, x)
    assert all(vars(module) == before[id(module)] for module in nested.modules())
    assert other.state_dict()["1.num_batches_tracked"] == 1
    assert nested.state_dict()["1.num_batches_tracked"] == 0
    np.testing.assert_array_equal(found.data, other(x).data)
    with pytest.raises(ShapeError):
        functional_call(nested, state, (Tensor(np.ones((2, 5))),))
    assert all(vars(module) == before[id(module)] for module in nested.modules())


def test_gradients_flow_to_the_tensors_given_and_not_to_the_module() -> None:
    model = nn.MLP(2, [3, 1], dtype=np.float64, rng=0)
    x = Tensor(np.array([[1.0, -2.0], [0.5, 3.0]]))
    given = {name: Tensor(array) for name, array in model.state_dict().items()}
    found = mt.grad(lambda state: squares(model, state, x))(given)
    squares(model, dict(model.named_parameters()), x).backward()
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(found[name].data, parameter.grad)
    rows = mt.jacobian(lambda bias: functional_call(model, {"2.bias": bias}, (x,)))(np.zeros(1))
    np.testing.assert_array_equal(rows.data, np.ones((2, 1, 1)))
    hessian = mt.hessian(lambda bias: squares(model, {"2.bias": bias}, x))(np.zeros(1))
    np.testing.assert_allclose(hessian.data, [[4.0]])


def test_parameters_in_lists_tuples_and_dicts_and_shared_ones_are_replaced_everywhere() -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            self.pair = (nn.Parameter([1.0]), nn.Parameter([2.0]))
            self.table = {"a": [self.pair[0]]}

        def forward(self, x: float = 1.0) -> Tensor:
            return (self.pair[0] + self.table["a"][0] * 10 + self.pair[1] * 100) * x

    holder = Holder()
    before = dict(vars(holder))
    assert functional_call(holder, {"pair.0": Tensor([5.0])}, (), {"x": 2.0}).item() == 510.0
    assert functional_call(holder, ({"pair.1": [0.0]}, {"pair.0": [1.0]})).item() == 11.0
    assert vars(holder) == before
    assert holder.pair is before["pair"]
    with pytest.raises(OptionError, match=r"table.a.0 is shared with one that is given another tensor"):
        functional_call(holder, {"pair.0": Tensor([5.0]), "table.a.0": Tensor([6.0])})
    with pytest.raises(OptionError, match="Holder has no parameter or buffer weight"):
        functional_call(holder, {"weight": Tensor([5.0])})
    with pytest.raises(OptionError, match=r"pair.0 given twice"):
        functional_call(holder, ({"pair.0": [0.0]}, {"pair.0": [1.0]}))
    for module, state in [(abs, {}), (holder, [3])]:
        with pytest.raises(DTypeError, match="functional_call: takes a"):
            functional_call(module, state)  # type: ignore[arg-type]


def test_a_compiled_step_may_call_a_module_with_other_tensors() -> None:
    model = nn.Linear(2, 1, rng=0)
    state = {"weight": Tensor([[1.0, 2.0]], requires_grad=True)}
    step = mt.compile(lambda x: functional_call(model, state, x).detach())
    for factor in (1.0, 1.0, 1.0, 2.0, 3.0):
        with mt.no_grad():
            state["weight"][...] = np.array([[1.0, 2.0]]) * factor
        x = np.ones((1, 2), np.float32)
        np.testing.assert_array_equal(step(x).data, functional_call(model, state, Tensor(x)).data)


# ---------------------------------------------------------------------------------------- assignment


class Places(nn.Module):
    """A member of each kind, held directly and in every container; and what is none."""

    def __init__(self) -> None:
        self.before: Any = 1
        self.weight: Any = nn.Parameter([1.0, 2.0])
        self.mean: Any = nn.Buffer([0.0])
        self.inner: Any = nn.Linear(2, 2)
        self.in_list: Any = [nn.Parameter([3.0]), nn.ReLU(), "a name"]
        self.in_tuple: Any = (nn.Linear(1, 1), nn.Linear(1, 1))
        self.in_dict: Any = {"a": nn.Parameter([4.0]), "b": [nn.Linear(1, 1), 3.0]}
        self.without: Any = nn.Linear(2, 2, bias=False)
        self.register_parameter("gone", None)
        self.register_buffer("absent", None)
        self.after: Any = [1.0, 2.0]


FOREIGN: dict[str, Callable[[], Any]] = {
    "an array": lambda: np.zeros(2),
    "a number": lambda: 0.5,
    "an integer": lambda: 0,
    "a NumPy number": lambda: np.float32(1),
    "a list of numbers": lambda: [1.0, 2.0],
    "an empty string": lambda: "",
    "a truth": lambda: False,
    "a plain tensor": lambda: Tensor([1.0, 2.0]),
    "a tensor that requires grad": lambda: Tensor([1.0], requires_grad=True),
    "a Value": lambda: mt.Value(1.0),
    "a function": lambda: abs,
    "a class": lambda: nn.Linear,
    "a generator": lambda: (nn.Linear(1, 1) for _ in range(2)),
    "a set of modules": lambda: {nn.Linear(1, 1)},
}


def everything(module: nn.Module) -> list[Any]:
    """What the module holds, by name and identity."""
    members = [*module.named_parameters(), *module.named_buffers(), *module.named_modules()]
    return [(name, id(member)) for name, member in members] + [list(module.state_dict())]


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize(
    "place", ["weight", "mean", "inner", "in_list", "in_tuple", "in_dict", "gone", "absent", "without.bias"]
)
def test_nothing_takes_the_place_of_a_member_unseen(place: str, what: str) -> None:
    model = Places()
    owner, name = (model.without, "bias") if "." in place else (model, place)
    before, held = everything(model), getattr(owner, name)
    with pytest.raises(DTypeError, match=rf"(Places|Linear)\.{name}.*Assign "):
        setattr(owner, name, FOREIGN[what]())
    assert everything(model) == before
    assert getattr(owner, name) is held


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("in_dict", lambda m: {"other": 3.5}, "in_dict.other"),
        ("in_dict", lambda m: [{"c": abs}], "in_dict.0.c"),
        ("in_list", lambda m: [x * 2 if isinstance(x, Tensor) else x for x in m.in_list], "in_list.0"),
        ("in_list", lambda m: [np.zeros(1), *m.in_list[1:]], "in_list.0"),
        ("in_tuple", lambda m: (m.in_tuple[0], "later"), "in_tuple.1"),
        ("in_dict", lambda m: {**m.in_dict, "a": 1.0}, "in_dict.a"),
        ("in_dict", lambda m: {**m.in_dict, "b": 1.0}, "in_dict.b"),
        ("in_dict", lambda m: {"a": m.in_dict["a"], "b": [abs, 3.0]}, "in_dict.b.0"),
    ],
)
def test_a_place_in_a_container_is_named(name: str, value: Callable[[Any], Any], path: str) -> None:
    model = Places()
    before = everything(model)
    with pytest.raises(DTypeError, match=rf"Places\.{path} = .* would be lost"):
        setattr(model, name, value(model))
    assert everything(model) == before


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("in_list", lambda m: m.in_list[::-1]),
        ("in_list", lambda m: m.in_list[:1]),
        ("in_list", lambda m: [m.in_list[0], m.in_list[2]]),
        ("in_list", lambda m: []),
        ("in_list", lambda m: [None, m.in_list[1]]),
        ("in_list", lambda m: nn.Sequential(nn.ReLU())),
        ("in_list", lambda m: [m.in_list, 1.0]),
        ("in_tuple", lambda m: list(m.in_tuple)),
        ("in_dict", lambda m: None),
        ("after", lambda m: "anything"),
        ("before", lambda m: np.zeros(2)),
        ("before", lambda m: nn.Parameter([1.0])),
        ("anew", lambda m: [1.0]),
    ],
)
def test_what_loses_nothing_may_be_assigned(name: str, value: Callable[[Any], Any]) -> None:
    model = Places()
    new = value(model)
    setattr(model, name, new)
    assert getattr(model, name) is new


def test_none_keeps_the_place_of_what_was_there() -> None:
    layer = nn.Linear(2, 1)
    layer.bias = None
    assert list(layer.state_dict()) == ["weight"]
    assert layer(np.ones((3, 2), np.float32)).shape == (3, 1)
    for twin in (layer, copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        with pytest.raises(DTypeError, match=r"Linear.bias takes a Parameter or None, not numpy.ndarray"):
            twin.bias = np.zeros(1)
        twin.bias = None
        twin.bias = nn.Parameter([0.5])
        assert list(twin.state_dict()) == ["weight", "bias"]
        twin.bias = None


def test_a_shallow_copy_has_places_of_its_own() -> None:
    layer = nn.Linear(2, 1)
    twin = copy.copy(layer)
    twin.bias = None
    assert layer.bias is not None
    del layer.bias
    layer.bias = np.zeros(1)  # type: ignore[assignment]
    with pytest.raises(DTypeError, match="takes a Parameter or None"):
        twin.bias = np.zeros(1)  # type: ignore[assignment]


def test_what_is_deleted_has_no_place() -> None:
    layer = nn.Linear(2, 1, bias=False)
    del layer.weight, layer.bias
    assert not layer.state_dict()
    layer.weight = layer.bias = 3.0  # type: ignore[assignment]
    layer.bias = None
    layer.bias = "anything"  # type: ignore[assignment]
    with pytest.raises(AttributeError):
        del layer.scale  # type: ignore[attr-defined]


def test_parameters_and_buffers_are_registered_by_name() -> None:
    module: Any = nn.Module()
    array = np.ones(2)
    module.register_buffer("mean", array)
    module.register_parameter("scale", nn.Parameter([1.0]))
    array += 1
    assert module.state_dict()["mean"].tolist() == [1, 1]
    assert [*module.state_dict()] == ["scale", "mean"]
    buffer = nn.Buffer([3.0])
    module.register_buffer("mean", buffer)
    assert module.mean is buffer
    with pytest.raises(DTypeError, match=r"Module.shift takes a Parameter or None, not list"):
        module.register_parameter("shift", [1.0])
    assert not hasattr(module, "shift")
    with pytest.raises(DTypeError, match=r"Module.scale takes a Parameter or None, not minitensor.Buffer"):
        module.register_buffer("scale", [1.0])


@pytest.mark.parametrize("make", [nn.BatchNorm1d, nn.LayerNorm])
def test_a_norm_without_parameters_has_places_for_them(make: Callable[..., Any]) -> None:
    layer = make(2, **{"affine" if make is nn.BatchNorm1d else "elementwise_affine": False})
    for name in ("weight", "bias"):
        with pytest.raises(DTypeError, match=f"{name} takes a Parameter or None"):
            setattr(layer, name, np.ones(2, np.float32))
        setattr(layer, name, nn.Parameter(np.ones(2, np.float32)))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_writing_in_place_through_the_attribute_goes_on() -> None:
    layer = nn.Linear(2, 1)
    weight = layer.weight
    with mt.no_grad():
        layer.weight *= 0
        layer.weight[...] += 1
    layer.weight.data -= 0.5
    assert layer.weight is weight
    assert weight.data.tolist() == [[0.5, 0.5]]
