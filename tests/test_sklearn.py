"""The estimators: scikit-learn's own checks of an estimator, and its own networks, step for step."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import minitensor
from minitensor import NumericError, OptionError, ShapeError, nn
from minitensor.sklearn import MLPClassifier, MLPRegressor

Estimator = MLPClassifier | MLPRegressor
brief = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
THREE = (X[:, 0] > 0.4) + (X[:, 1] > 0).astype(int)
TWO = np.where(X[:, 0] * X[:, 1] > 0, "same", "other")
Y = np.sin(X[:, 0]) + X[:, 1]
PAIRS = np.column_stack([Y, X[:, 2] ** 2])


@brief  # they train for a few epochs
@parametrize_with_checks(  # type: ignore[untyped-decorator]
    [MLPClassifier(), MLPRegressor(), MLPClassifier((8,), "gelu", solver="sgd", dtype="float64")]
)
def test_scikit_learn_s_own_checks_pass(estimator: Estimator, check: Callable[[Estimator], None]) -> None:
    check(estimator)


# --------------------------------------------------------------- against scikit-learn's own networks

OPTIONS: dict[str, Any] = {"hidden_layer_sizes": (7, 4), "alpha": 0.5, "max_iter": 25, "random_state": 0}


def twin(ours: Estimator, y: NDArray[Any]) -> Any:
    """scikit-learn's estimator of the same name, with the same options and the same initial weights."""
    options = {name: value for name, value in ours.get_params().items() if name not in ("dropout", "dtype")}
    reference = getattr(theirs, type(ours).__name__)(**options)
    start = clone(ours).set_params(learning_rate_init=1e-300, max_iter=1, early_stopping=False)
    with warnings.catch_warnings(action="ignore"):
        start.fit(X, y)
        weights = iter(
            [array.copy() for pair in zip(start.coefs_, start.intercepts_, strict=True) for array in pair]
        )
        reference._init_coef = lambda fan_in, fan_out, dtype: (next(weights), next(weights))
    return reference


def agree(ours: Estimator, reference: Any) -> None:
    np.testing.assert_allclose(ours.loss_curve_, reference.loss_curve_, rtol=1e-9)
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, reference.coefs_ + reference.intercepts_, strict=True
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    for name in ("n_iter_", "n_outputs_", "n_layers_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(reference, name)
    assert ours.best_loss_ == pytest.approx(reference.best_loss_, rel=1e-9)


@brief
@pytest.mark.parametrize(  # theirs averages an epoch's batches by their number of samples, not their weights
    ("batch_size", "weights"), [("auto", None), (16, None), ("auto", RNG.uniform(0.5, 3, 60))]
)
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-3, "beta_1": 0.8, "beta_2": 0.99},
        {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.9},
        {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.5, "nesterovs_momentum": False},
        {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0},
    ],
    ids=["adam", "nesterov", "momentum", "sgd"],
)
@pytest.mark.parametrize(
    ("kind", "y"),
    [(MLPClassifier, THREE), (MLPClassifier, TWO), (MLPRegressor, Y)],
    ids=["3", "2", "regression"],
)
def test_steps_are_scikit_learn_s(
    kind: type[Estimator], y: NDArray[Any], solver: dict[str, Any], batch_size: Any, weights: Any
) -> None:
    ours = kind(**OPTIONS, **solver, batch_size=batch_size, shuffle=False)
    reference = twin(ours, y).fit(X, y, weights)
    agree(ours.fit(X, y, weights), reference)
    np.testing.assert_allclose(ours.predict(X) == y, reference.predict(X) == y)
    assert ours.score(X, y) == pytest.approx(reference.score(X, y))
    if isinstance(ours, MLPClassifier):
        np.testing.assert_allclose(ours.predict_proba(X), reference.predict_proba(X), rtol=1e-8)
        np.testing.assert_allclose(ours.predict_log_proba(X), reference.predict_log_proba(X), rtol=1e-7)


@brief
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_activations_are_scikit_learn_s(activation: str) -> None:
    ours = MLPClassifier(**OPTIONS, activation=activation, shuffle=False)
    agree(ours.fit(X, THREE), twin(ours, THREE).fit(X, THREE))


@brief
@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_new_weights_are_spread_as_scikit_learn_s(activation: str) -> None:
    options: dict[str, Any] = {"activation": activation, "learning_rate_init": 1e-300, "max_iter": 1}
    ours = MLPClassifier((200, 300), **options, random_state=0).fit(X, THREE)
    reference = theirs.MLPClassifier((200, 300), **options, random_state=0).fit(X, THREE)
    for mine, other in zip(
        ours.coefs_ + ours.intercepts_, reference.coefs_ + reference.intercepts_, strict=True
    ):
        if mine.size > 100:
            np.testing.assert_allclose(abs(mine).max(), abs(other).max(), rtol=0.05)
            np.testing.assert_allclose(mine.std(), other.std(), rtol=0.2)


@brief
def test_several_targets_take_scikit_learn_s_steps() -> None:
    ours = MLPRegressor(**OPTIONS, shuffle=False)
    reference = twin(ours, PAIRS).fit(X, PAIRS)
    for mine, other in zip(ours.fit(X, PAIRS).coefs_, reference.coefs_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    assert ours.predict(X).shape == PAIRS.shape
    losses = 0.5 * ((clone(ours).fit(X, PAIRS).predict(X) - PAIRS) ** 2).sum(1).mean()
    assert losses < ours.loss_ < losses + 1  # before the last step, and with the penalty


def test_training_stops_and_slows_down_where_scikit_learn_s_does() -> None:
    options = {"max_iter": 2000, "n_iter_no_change": 3, "tol": 1e-3, "shuffle": False, "solver": "sgd"}
    for rate in ("constant", "adaptive"):
        ours = MLPClassifier(**OPTIONS | options, learning_rate=rate, learning_rate_init=0.1)
        agree(ours.fit(X, THREE), twin(ours, THREE).fit(X, THREE))
        assert 3 < ours.n_iter_ < 2000


@brief
def test_partial_fits_are_scikit_learn_s() -> None:
    ours = MLPClassifier(**OPTIONS, shuffle=False)
    reference = twin(ours, THREE)
    for half in (slice(0, 30), slice(30, 60), slice(0, 30)):
        ours.partial_fit(X[half], THREE[half], classes=[2, 1, 0])
        reference.partial_fit(X[half], THREE[half], classes=[0, 1, 2])
    agree(ours, reference)
    assert len(ours.loss_curve_) == 3


# -------------------------------------------------------------------------------------- fitting again


@brief
def test_one_seed_one_result_and_the_global_state_untouched() -> None:
    state = np.random.get_state(legacy=False)
    options = {**OPTIONS, "batch_size": 16, "dropout": 0.2}

    def curve(seed: Any) -> list[float]:
        return MLPClassifier(**options | {"random_state": seed}).fit(X, THREE).loss_curve_

    assert curve(3) == curve(3) == curve(np.random.RandomState(3)) != curve(4)
    generator = np.random.RandomState(3)
    assert curve(generator) != curve(generator)
    assert curve(None) != curve(None)
    minitensor.manual_seed(5)
    first = curve(None)
    minitensor.manual_seed(5)
    assert curve(None) == first
    np.testing.assert_equal(np.random.get_state(legacy=False), state)


@brief
def test_a_warm_start_goes_on_and_a_fit_starts_anew() -> None:
    model = MLPRegressor(**OPTIONS, warm_start=True)
    first = model.fit(X, Y).loss_
    network = model.model_
    assert model.fit(X, Y).model_ is network
    assert model.loss_ < first
    assert len(model.loss_curve_) == 50
    assert model.set_params(warm_start=False).fit(X, Y).loss_ == first
    assert model.model_ is not network
    for early in (True, False):
        model.set_params(warm_start=True, early_stopping=early).fit(X, Y)
        assert (model.best_loss_ is None) == (model.validation_scores_ is not None) == early
    with pytest.raises(OptionError, match=r"has hidden_layer_sizes \(7, 4\), not \(7,\)"):
        model.set_params(hidden_layer_sizes=7).fit(X, Y)


@brief
def test_a_pickled_estimator_trains_on_as_the_original_would() -> None:
    model = MLPClassifier(**OPTIONS, batch_size=16, dropout=0.2).fit(X, THREE)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    copy = joblib.load(file)
    assert all(parameter.grad is None for parameter in copy.model_.parameters())
    for estimator in (model, copy):
        estimator.partial_fit(X, THREE)
    assert copy.loss_curve_ == model.loss_curve_
    np.testing.assert_array_equal(copy.predict_proba(X), model.predict_proba(X))


# --------------------------------------------------------------------------------------------- data


@brief
@pytest.mark.parametrize(("kind", "y"), [(MLPClassifier, TWO), (MLPRegressor, Y)])
def test_weight_zero_is_absence_for_any_batch_size(kind: type[Estimator], y: NDArray[Any]) -> None:
    weights = np.arange(60) % 3
    kept = weights > 0
    model = kind(**OPTIONS, batch_size=8)
    weighted = clone(model).fit(X, y, weights)
    absent = clone(model).fit(X[kept], y[kept], weights[kept])
    assert weighted.loss_curve_ == absent.loss_curve_
    np.testing.assert_array_equal(weighted.coefs_[0], absent.coefs_[0])
    for fitted in (weighted, absent):
        fitted.partial_fit(X, y, weights)
    assert weighted.loss_ == absent.loss_


@brief
def test_the_dtype_is_that_of_x_unless_one_is_asked_for() -> None:
    def used(dtype: Any, x: NDArray[Any]) -> set[np.dtype[Any]]:
        model = MLPClassifier(**OPTIONS, dtype=dtype).fit(x, THREE)
        assert model.partial_fit(X, THREE).model_(x[:1].astype(model.coefs_[0].dtype)).dtype
        return {array.dtype for array in [*model.coefs_, *model.intercepts_, model.predict_proba(X)]}

    assert (
        used(None, X)
        == used(None, X.astype(int))
        == used("float64", X.astype(np.float32))
        == {np.dtype("f8")}
    )
    assert used(None, X.astype(np.float32)) == used("float32", X) == {np.dtype("f4")}


@brief
def test_more_data_are_converted_to_the_network_s_dtype() -> None:
    models = [MLPRegressor(**OPTIONS).fit(X.astype(np.float32), Y) for _ in range(2)]
    assert models[0].partial_fit(X, Y).loss_ == models[1].partial_fit(X.astype(np.float32), Y).loss_


@brief
def test_sparse_and_dense_samples_train_alike() -> None:
    x = np.where(X > 0.5, X, 0)
    weights = np.arange(60) % 3
    for y in (THREE, TWO):
        dense, sparse = (
            MLPClassifier(**OPTIONS, batch_size=16).fit(a, y, weights) for a in (x, csr_array(x))
        )
        assert dense.loss_curve_ == sparse.loss_curve_
        np.testing.assert_array_equal(dense.predict_proba(x), sparse.predict_proba(csr_array(x)))


@brief
def test_many_samples_are_predicted_in_parts() -> None:
    model = MLPRegressor(**OPTIONS).fit(X, Y)
    np.testing.assert_allclose(model.predict(np.tile(X, (40, 1))), np.tile(model.predict(X), 40), rtol=1e-12)
    outputs = model.model_(np.ascontiguousarray(X)).data
    np.testing.assert_allclose(model.predict(X), outputs[:, 0], rtol=1e-12)


@brief
def test_probabilities_of_extreme_logits_keep_their_logarithms() -> None:
    for y in (TWO, THREE):
        model = MLPClassifier((), **{k: OPTIONS[k] for k in ("max_iter", "random_state")}).fit(X, y)
        model.coefs_[0][...] *= 1e4
        logs = model.predict_log_proba(X)
        assert np.isfinite(logs).all()
        assert logs.min() < -800
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_early_stopping_keeps_the_best_weights() -> None:
    digits, labels = load_digits(return_X_y=True)
    model = MLPClassifier(
        (32,), early_stopping=True, validation_fraction=0.2, n_iter_no_change=4, random_state=0, dropout=0.1
    ).fit(digits / 16, labels)
    scores = model.validation_scores_
    best = int(np.argmax(scores))
    assert best + 1 < len(scores) == model.n_iter_ < 200
    assert model.best_loss_ is None
    assert model.best_validation_score_ == scores[best]
    with pytest.warns(ConvergenceWarning):
        stopped = clone(model).set_params(max_iter=best + 1).fit(digits / 16, labels)
    np.testing.assert_array_equal(model.coefs_[0], stopped.coefs_[0])
    np.testing.assert_array_equal(model.intercepts_[1], stopped.intercepts_[1])
    assert (
        clone(model).set_params(tol=1.0).fit(digits / 16, labels).n_iter_ == 6
    )  # the first, and 5 no better
    with pytest.raises(ValueError, match="class"):  # the split is stratified, which takes two of each
        clone(model).fit(X, np.where(np.arange(60) == 0, "alone", "other"))
    regressor = MLPRegressor(early_stopping=True, random_state=0, learning_rate_init=0.01).fit(X, Y)
    assert regressor.best_validation_score_ == max(regressor.validation_scores_) < 1
    with pytest.raises(OptionError, match="partial_fit: needs early_stopping=False"):
        regressor.partial_fit(X, Y)
    with pytest.raises(ValueError, match=r"holds out 1 of 8 samples, and needs 2\. Try a larger"):
        regressor.fit(X[:8], Y[:8])


@brief
@pytest.mark.parametrize(("kind", "y"), [(MLPClassifier, TWO), (MLPRegressor, Y)])
def test_early_stopping_goes_by_the_score(
    kind: type[Estimator], y: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minitensor.sklearn.train_test_split", lambda rows, **_: (rows[20:], rows[:20]))
    weights = RNG.uniform(0.5, 3, 60)
    model = kind(**OPTIONS, early_stopping=True, learning_rate_init=0.01).fit(X, y, weights)
    assert model.best_validation_score_ == pytest.approx(model.score(X[:20], y[:20], weights[:20]))


@brief
def test_dropout_acts_in_training_alone() -> None:
    model = MLPClassifier(**OPTIONS, dropout=0.5).fit(X, THREE)
    assert sum(isinstance(layer, nn.Dropout) for layer in model.model_) == 2
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    model = clone(model).fit(X, THREE)
    assert model.loss_curve_ != MLPClassifier(**OPTIONS).fit(X, THREE).loss_curve_
    other = clone(model).fit(X, THREE)
    other.predict(X)
    assert other.partial_fit(X, THREE).loss_ == model.partial_fit(X, THREE).loss_  # predicting left no trace


@brief
def test_labels_of_any_kind_and_their_order() -> None:
    names = np.array(["b", "c", "a"], dtype=object)[THREE]
    model = MLPClassifier((16,), learning_rate_init=0.05, random_state=0).fit(X, names)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.score(X, names) > 0.95
    assert log_loss(names, model.predict_proba(X)) < 0.2
    assert MLPClassifier(**OPTIONS).fit(X, THREE > 0).predict(X).dtype == bool


# ------------------------------------------------------------------------------------ in scikit-learn


@brief
def test_pipelines_searches_and_scores() -> None:
    digits, labels = load_digits(return_X_y=True)
    pipeline = make_pipeline(MinMaxScaler(), MLPClassifier((32,), max_iter=30, random_state=0))
    assert cross_val_score(pipeline.set_output(transform="default"), digits, labels, cv=3).mean() > 0.85
    search = GridSearchCV(
        pipeline,
        {"mlpclassifier__activation": ["identity", "gelu"], "mlpclassifier__dtype": ["float32"]},
        cv=2,
    )
    assert search.fit(digits, labels).best_score_ > 0.85
    features, targets = make_regression(200, 5, n_targets=2, random_state=0)
    targets /= targets.std(axis=0)
    regressor = MLPRegressor(learning_rate_init=0.01, random_state=0)
    assert cross_val_score(regressor, features, targets, cv=3).min() > 0.9


def test_importing_minitensor_alone_leaves_scikit_learn_out() -> None:
    code = "import sys, minitensor.nn; assert 'sklearn' not in sys.modules; import minitensor.sklearn"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"activation": "reluu"}, "activation 'reluu' is not one of identity, logistic, relu, "),
        ({"solver": "lbfgs"}, "solver 'lbfgs' is not one of adam, sgd"),
        ({"learning_rate": "invscaling"}, "is not one of constant, adaptive"),
        ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be widths of at least 1, and is \(5, 0\)"),
        ({"hidden_layer_sizes": 2.5}, "hidden_layer_sizes must be"),
        ({"batch_size": 0}, 'batch_size must be "auto" or at least 1, and is 0'),
        ({"max_iter": 0}, "max_iter must be an integer of at least 1, and is 0"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be"),
        ({"alpha": -1}, "alpha must be at least 0, and is -1"),
        ({"tol": -1}, "tol must be"),
        ({"learning_rate_init": 0}, "learning_rate_init must be positive, and is 0"),
        ({"epsilon": 0}, "epsilon must be"),
        ({"momentum": 1.1}, "momentum must be from 0 to 1"),
        ({"beta_1": 1}, "beta_1 must be"),
        ({"beta_2": 1}, "beta_2 must be"),
        ({"dropout": 1}, "dropout must be at least 0 and below 1, and is 1"),
        ({"validation_fraction": 1.0}, "validation_fraction must be"),
    ],
)
def test_options_without_a_meaning_are_refused(options: dict[str, Any], words: str) -> None:
    for kind, y in ((MLPClassifier, THREE), (MLPRegressor, Y)):
        with pytest.raises(OptionError, match=f"{kind.__name__}: .*{words}"):
            kind(**options).fit(X, y)


@brief
def test_data_without_a_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match="needs samples of at least 2 classes, and there is 1 class"):
        MLPClassifier().fit(X, np.zeros(60, int))
    with pytest.raises(ValueError, match="the first call needs all the classes"):
        MLPClassifier().partial_fit(X, THREE)
    with pytest.raises(ValueError, match="labels that are not among the classes"):
        MLPClassifier().partial_fit(X, THREE, classes=[0, 1])
    model = MLPClassifier(**OPTIONS).fit(X, THREE)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, THREE, classes=[0, 1])
    with pytest.raises(ValueError, match="labels that are not among the classes"):
        model.partial_fit(X, THREE + 1)
    with pytest.raises(ShapeError, match=r"sample_weight has shape \(59,\) and must have \(60,\)"):
        model.fit(X, THREE, np.ones(59))
    with pytest.raises(ValueError, match="must not be negative"):
        model.fit(X, THREE, np.where(X[:, 0] > 0, 1, -1))
    with pytest.raises(ShapeError, match=r"y has shape \(60, 2\), and the fitted network 1 output"):
        MLPRegressor(**OPTIONS).fit(X, Y).partial_fit(X, PAIRS)
    with pytest.raises(NotFittedError):
        MLPClassifier().predict(X)
    assert not hasattr(MLPClassifier(), "coefs_")


def test_training_that_diverges_says_so() -> None:
    with np.errstate(all="ignore"), pytest.raises(NumericError, match="Try a smaller learning_rate_init"):
        MLPRegressor(solver="sgd", learning_rate_init=1e3).fit(100 * X, Y)


def test_too_few_epochs_warn() -> None:
    with pytest.warns(ConvergenceWarning, match="not converged after max_iter=2 epochs") as record:
        MLPRegressor(max_iter=2).fit(X, Y)
    assert record[0].filename == __file__


@brief
def test_verbose_prints_each_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    model = MLPClassifier(max_iter=2, verbose=True, early_stopping=True).fit(X, THREE)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"epoch 1  loss {model.loss_curve_[0]:.6f}"
    assert lines[3] == f"validation score {model.validation_scores_[1]:.6f}"
