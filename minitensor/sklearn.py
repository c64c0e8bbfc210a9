"""MLPClassifier and MLPRegressor: networks as scikit-learn estimators, for pipelines, searches and scores.

Their parameters and attributes are those of scikit-learn's estimators of the same names, and mean the same:
from the same weights and batches they take the same steps. Added are `dropout`, `dtype`, more activations,
and the network itself, `model_`. What trains it is minitensor.training.fit, with callbacks. Only an explicit
`import minitensor.sklearn` loads this and scikit-learn.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state, gen_batches
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from minitensor import no_grad, optim, training
from minitensor.core.tensor import Tensor
from minitensor.data import DataLoader
from minitensor.errors import NumericError, OptionError, ShapeError
from minitensor.nn import ACTIVATIONS, MLP, Linear, ReLU, Sequential, init
from minitensor.nn import functional as F  # noqa: N812
from minitensor.random import generator

__all__ = ["MLPClassifier", "MLPRegressor"]

Array = NDArray[Any]

_ALIASES = {"logistic": "sigmoid", "identity": "relu"}  # identity: the rectifiers are then taken out
_SMALLEST_RATE = 1e-6  # below which learning_rate="adaptive" stops
_ROWS = 1024  # how many rows are predicted at a time
_MANY = 50  # steps, from which on a compiled one is worth its making


class _MLP(BaseEstimator):
    """What both estimators share: options, the training loop, and the network."""

    model_: Sequential
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    best_validation_score_: Any
    _optimizer: optim.Optimizer

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        dropout: float = 0.0,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.dropout = dropout
        self.dtype = dtype

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for at most max_iter epochs, from new weights unless warm_start is set.

        Args:
            X: Samples of shape (n, features), dense or sparse.
            y: Their targets, of shape (n,); for regression also (n, outputs).
            sample_weight: How often each sample counts, of shape (n,). One of weight 0 is left out.

        Raises:
            ValueError: If the data or an option has no meaning.
            NumericError: If training diverged.

        Warns with a ConvergenceWarning if the loss was still falling after max_iter epochs.
        """
        going_on = self.warm_start and self.__sklearn_is_fitted__()
        data: Sequence[Any] = self._prepared(X, y, sample_weight, going_on)
        self._start_optimizer()
        watch = _Watch(self)
        if self.early_stopping:
            rows, held = self._split(data[1])
            watch = _EarlyStopping(self, [array[held] for array in data])
            data = [array[rows] for array in data]
        self._train(watch, self.max_iter, *data)
        if not watch.stopped:
            warnings.warn(
                f"{type(self).__name__}: not converged after max_iter={self.max_iter} epochs. "
                "More of them may give a better fit.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: Array | None = None
    ) -> Self:
        if self.early_stopping:
            raise OptionError(f"{type(self).__name__}.partial_fit: needs early_stopping=False")
        going_on = self.__sklearn_is_fitted__()
        data = self._prepared(X, y, sample_weight, going_on, classes)
        if not going_on:
            self._start_optimizer()
        self._train(_Watch(self), 1, *data)
        return self

    def _prepared(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None,
        going_on: bool,
        classes: Array | None = None,
    ) -> tuple[Any, Array, Array]:
        """X, targets and weights ready for training, and a network for them: the present one if going on."""
        self._check_options(going_on)
        X, y, weights = self._validated(X, y, sample_weight, going_on)
        targets = self._targets(y, going_on, classes)
        if not going_on:
            self._build(X)
        if not going_on or self.early_stopping != (self.best_loss_ is None):
            self.best_loss_ = None if self.early_stopping else math.inf
            self.validation_scores_ = [] if self.early_stopping else None
            self.best_validation_score_ = -math.inf if self.early_stopping else None
        return X, targets, weights

    # ------------------------------------------------------------------------- what subclasses say

    def _targets(self, y: Array, going_on: bool, classes: Array | None = None) -> Array:
        """What the losses compare with: (n,) integers, or (n, outputs). Sets n_outputs_ unless going on."""
        raise NotImplementedError

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        """One loss for each row."""
        raise NotImplementedError

    def _score(self, outputs: Array, targets: Array, weights: Array) -> float:
        """What early stopping maximizes."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------- before training

    def _check_options(self, going_on: bool) -> None:
        """Refuse options without a meaning, and widths that the fitted network does not have."""
        name = type(self).__name__
        widths = np.ravel(self.hidden_layer_sizes)
        for option, known in [
            ("activation", ["identity", "logistic", *ACTIVATIONS]),
            ("solver", ["adam", "sgd"]),
            ("learning_rate", ["constant", "adaptive"]),
        ]:
            if getattr(self, option) not in known:
                raise OptionError(
                    f"{name}: {option} {getattr(self, option)!r} is not one of {', '.join(known)}"
                )
        for option, holds, needs in [
            ("hidden_layer_sizes", all(map(_count, widths)), "widths of at least 1"),
            ("batch_size", self.batch_size == "auto" or _count(self.batch_size), '"auto" or at least 1'),
            ("max_iter", _count(self.max_iter), "an integer of at least 1"),
            ("n_iter_no_change", self.n_iter_no_change >= 1, "at least 1"),
            ("alpha", self.alpha >= 0, "at least 0"),
            ("tol", self.tol >= 0, "at least 0"),
            ("learning_rate_init", self.learning_rate_init > 0, "positive"),
            ("epsilon", self.epsilon > 0, "positive"),
            ("momentum", 0 <= self.momentum <= 1, "from 0 to 1"),
            ("beta_1", 0 <= self.beta_1 < 1, "at least 0 and below 1"),
            ("beta_2", 0 <= self.beta_2 < 1, "at least 0 and below 1"),
            ("dropout", 0 <= self.dropout < 1, "at least 0 and below 1"),
            ("validation_fraction", 0 <= self.validation_fraction < 1, "at least 0 and below 1"),
        ]:
            if not holds:
                raise OptionError(f"{name}: {option} must be {needs}, and is {getattr(self, option)!r}")
        fitted = [layer.out_features for layer in self._layers[:-1]] if going_on else self._hidden
        if fitted != self._hidden:
            raise OptionError(
                f"{name}: the fitted network has hidden_layer_sizes {tuple(fitted)}, not "
                f"{tuple(self._hidden)}. For another network call fit with warm_start=False."
            )

    @property
    def _hidden(self) -> list[int]:
        return [int(width) for width in np.ravel(self.hidden_layer_sizes)]

    def _validated(
        self, X: Any, y: Any, sample_weight: ArrayLike | None, going_on: bool
    ) -> tuple[Any, Array, Array]:
        """X, y and the weights as arrays of the same rows, without those of weight 0."""
        dtype: Any = self._dtype if going_on else self.dtype or (np.float64, np.float32)
        regression = isinstance(self, RegressorMixin)
        X, y = validate_data(
            self,
            X,
            y,
            reset=not going_on,
            accept_sparse="csr",
            dtype=dtype,
            multi_output=regression,
            y_numeric=regression,
        )
        if sample_weight is None:
            return X, y, np.ones(len(y), X.dtype)
        weights = check_array(
            sample_weight, ensure_2d=False, dtype=X.dtype, ensure_min_samples=0, input_name="sample_weight"
        )
        if weights.shape != (len(y),):
            raise ShapeError(
                f"{type(self).__name__}: sample_weight has shape {weights.shape} and must have ({len(y)},)"
            )
        counted = weights > 0
        if (weights < 0).any() or not counted.any():
            raise ValueError(
                f"{type(self).__name__}: sample_weight must not be negative, nor zero for every sample"
            )
        return (X, y, weights) if counted.all() else (X[counted], y[counted], weights[counted])

    def _build(self, X: Any) -> None:
        """A new network, without a history."""
        if self.random_state is None:
            seed = int(generator().integers(2**31))
        else:
            seed = check_random_state(self.random_state).randint(2**31)
        self._rng = np.random.default_rng(seed)
        self.model_ = MLP(
            X.shape[1],
            [*self._hidden, self.n_outputs_],
            _ALIASES.get(self.activation, self.activation),
            self.dropout,
            X.dtype,
            self._rng,
        )
        if self.activation == "identity":
            self.model_ = Sequential(*[layer for layer in self.model_ if not isinstance(layer, ReLU)])
        for layer in self._layers:  # scikit-learn's initial weights and biases (Glorot & Bengio 2010)
            factor = 2 if self.activation == "logistic" else 6
            bound = math.sqrt(factor / (layer.in_features + layer.out_features))
            for parameter in layer.parameters():
                init.uniform_(parameter, -bound, bound, self._rng)
        self.loss_curve_ = []

    def _start_optimizer(self) -> None:
        parameters, rate = self.model_.parameters(), self.learning_rate_init
        if self.solver == "adam":
            self._optimizer = _Adam(parameters, rate, (self.beta_1, self.beta_2), self.epsilon)
        else:
            nesterov = self.nesterovs_momentum and self.momentum > 0
            self._optimizer = optim.SGD(parameters, rate, self.momentum, nesterov=nesterov)

    # -------------------------------------------------------------------------------------- training

    def _train(self, watch: _Watch, epochs: int, X: Any, targets: Array, weights: Array) -> None:
        """The training loop, which goes on with the present network and optimizer."""
        batches = DataLoader(
            np.arange(len(weights)),
            targets,
            weights,
            batch_size=200 if self.batch_size == "auto" else int(self.batch_size),
            shuffle=self.shuffle,
            rng=self._rng,
            transform=lambda rows: _dense(X[rows]),  # a sparse X is never dense as a whole
        )
        many = epochs * len(batches) >= _MANY
        training.fit(
            self.model_, batches, None, self._optimizer, self._loss, epochs, compile=many, callbacks=[watch]
        )

    def _loss(self, outputs: Tensor, targets: Array, weights: Array) -> Tensor:
        """The mean loss of a sample, with its share of the penalty."""
        total = (self._losses(outputs, targets) * weights).sum()
        if self.alpha:
            for layer in self._layers:
                total = total + 0.5 * self.alpha * layer.weight.square().sum()
        return total / weights.sum()

    def _split(self, targets: Array) -> tuple[Array, Array]:
        """The rows to train on, and those held out for early stopping."""
        rows, held = train_test_split(
            np.arange(len(targets)),
            test_size=self.validation_fraction,
            stratify=targets if isinstance(self, ClassifierMixin) else None,
            random_state=int(self._rng.integers(2**31)),
        )
        if len(held) < 2:
            raise ValueError(
                f"{type(self).__name__}: early_stopping holds out {len(held)} of {len(targets)} samples, and "
                "needs 2. Try a larger validation_fraction."
            )
        return rows, held

    # ---------------------------------------------------------------------------------- the network

    def _outputs(self, X: Any) -> Array:
        """The network's last layer, (n, outputs)."""
        self.model_.eval()
        with no_grad():
            return np.concatenate(
                [self.model_(_dense(X[rows])).data for rows in gen_batches(X.shape[0], _ROWS)]
            )

    def _predicted(self, X: ArrayLike) -> Array:
        """The outputs for new samples, checked."""
        check_is_fitted(self)
        return self._outputs(validate_data(self, X, reset=False, accept_sparse="csr", dtype=self._dtype))

    @property
    def _layers(self) -> list[Linear]:
        return [layer for layer in self.model_ if isinstance(layer, Linear)]

    @property
    def _dtype(self) -> np.dtype[Any]:
        return self._layers[0].weight.dtype

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, of shape (in, out): views, so writing into them changes the network."""
        return [layer.weight.data.T for layer in self._layers]

    @property
    def intercepts_(self) -> list[Array]:
        """The bias of each layer, of shape (out,): views too."""
        return [layer.bias.data for layer in self._layers if layer.bias is not None]

    @property
    def n_layers_(self) -> int:
        """How many layers there are, the input and the output among them."""
        return len(self._layers) + 1


class MLPClassifier(ClassifierMixin, _MLP):
    """A multi-layer perceptron that minimizes cross-entropy, for two classes or more.

    The loss of a batch is its mean, weighted by sample_weight, plus alpha / 2 · Σ W² / n, with W all weights
    but no biases, and n the batch's size or sum of sample weights.

    Args:
        hidden_layer_sizes: The widths of the hidden layers; () makes the model linear.
        activation: "relu", "tanh", "logistic", "identity", or another that minitensor.nn.MLP knows.
        solver: "adam" or "sgd".
        alpha: The factor of the L2 penalty.
        batch_size: How many samples a step sees; "auto" is 200. A smaller data set is one batch.
        learning_rate: "constant"; or "adaptive": when the loss no longer falls, "sgd" goes on with a fifth.
        learning_rate_init: The learning rate.
        max_iter: The largest number of epochs.
        shuffle: Whether to see the samples in a new order in each epoch.
        random_state: A seed, a RandomState to draw one from, or None to draw it from minitensor's generator.
            It rules the initial weights, the order, dropout, and the split for early stopping.
        tol: By how much the loss, or under early stopping the score, must improve to count as better.
        verbose: Whether to print the loss of each epoch.
        warm_start: Whether `fit` goes on from the fitted network, which then stays as it was built.
        momentum: How much of its velocity "sgd" keeps.
        nesterovs_momentum: Whether "sgd" looks ahead along its velocity.
        early_stopping: Whether to hold samples out, stop by the score on them, and keep the best weights.
        validation_fraction: How much to hold out.
        beta_1: How slowly "adam" forgets the mean of gradients.
        beta_2: How slowly "adam" forgets the mean of their squares.
        epsilon: What keeps "adam" from dividing by zero.
        n_iter_no_change: After how many epochs without improvement to stop.
        dropout: The probability of dropping a hidden activation in training.
        dtype: What to compute in; by default float32 if X is, else float64.

    Attributes:
        model_: The network, a minitensor.nn.Sequential that ends in logits.
        classes_: The labels, sorted.
        coefs_, intercepts_: Its weights (in, out) and biases (out,), layer by layer.
        n_iter_: How many epochs the last fit took.
        loss_, loss_curve_: The loss of the last epoch, and of each.
        best_loss_: The lowest loss; None under early stopping.
        validation_scores_, best_validation_score_: Accuracies under early stopping; else None.
        n_features_in_, n_outputs_, n_layers_, out_activation_: The network's form. Two classes have one
            output and a "logistic", more have a "softmax".

    Unlike scikit-learn: no solver "lbfgs", no multi-label targets, weighted means over an epoch's batches.

    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> model = MLPClassifier((8,), learning_rate_init=0.1, max_iter=500, random_state=0)
    >>> model.fit(X, ["low", "low", "high", "high"]).predict([[0.5], [2.5]]).tolist()
    ['low', 'high']
    """

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on more data, going on with the fitted network and its optimizer.

        Args:
            X: Samples of shape (n, features), dense or sparse.
            y: Their labels, of shape (n,), each one of the classes.
            sample_weight: How often each sample counts, of shape (n,).
            classes: All labels that will ever come; needed at the first call.
        """
        known = None if classes is None else np.unique(np.asarray(classes))
        if known is None and not self.__sklearn_is_fitted__():
            raise ValueError("MLPClassifier.partial_fit: the first call needs all the classes")
        if known is not None and self.__sklearn_is_fitted__() and not np.array_equal(known, self.classes_):
            raise ValueError("MLPClassifier.partial_fit: classes must be those of the first call")
        return self._partial_fit(X, y, sample_weight, known)

    def _targets(self, y: Array, going_on: bool, classes: Array | None = None) -> Array:
        check_classification_targets(y)
        if not going_on:
            classes = np.unique(y) if classes is None else classes
            if len(classes) < 2:
                raise ValueError(
                    f"MLPClassifier: needs samples of at least 2 classes, and there is {len(classes)} class"
                )
            self.classes_ = classes
            self.n_outputs_ = 1 if len(classes) == 2 else len(classes)
            self.out_activation_ = "logistic" if len(classes) == 2 else "softmax"
        if not np.isin(y, self.classes_).all():
            raise ValueError("MLPClassifier: y has labels that are not among the classes")
        return np.searchsorted(self.classes_, y)

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        if self.n_outputs_ > 1:
            return F.cross_entropy(outputs, targets, "none")
        return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.astype(outputs.dtype), "none")

    def _score(self, outputs: Array, targets: Array, weights: Array) -> float:
        predicted = _logits(outputs).argmax(axis=1)
        return float(accuracy_score(targets, predicted, sample_weight=weights))

    def predict(self, X: ArrayLike) -> Array:
        """The likeliest label of each sample, of shape (n,)."""
        logits = _logits(self._predicted(X))
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each class, of shape (n, classes) and in the order of classes_."""
        return F.softmax(_logits(self._predicted(X)))

    def predict_log_proba(self, X: ArrayLike) -> Array:
        """The logarithms of predict_proba, which stay finite where that rounds to 0."""
        return F.log_softmax(_logits(self._predicted(X)))


class MLPRegressor(RegressorMixin, _MLP):
    """A multi-layer perceptron that minimizes half the squared error, for one target or several.

    The loss of a sample is the sum over its targets of (output − target)² / 2. Scale targets far from 1.

    Arguments, attributes and the penalty are those of MLPClassifier, less what concerns classes. Early
    stopping goes by R². Unlike scikit-learn: no solver "lbfgs", no loss "poisson"; with several targets the
    steps are the same, but loss_ is the loss that is minimized, not its mean over targets.

    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor((32,), learning_rate_init=0.05, max_iter=1000, random_state=0)
    >>> model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.9
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on more data, going on with the fitted network and its optimizer."""
        return self._partial_fit(X, y, sample_weight)

    def _targets(self, y: Array, going_on: bool, classes: Array | None = None) -> Array:
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = y.reshape(len(y), -1)
        if not going_on:
            self.n_outputs_ = targets.shape[1]
            self.out_activation_ = "identity"
        elif targets.shape[1] != self.n_outputs_:
            raise ShapeError(
                f"MLPRegressor: y has shape {y.shape}, and the fitted network {self.n_outputs_} output(s)"
            )
        return targets

    def _losses(self, outputs: Tensor, targets: Array) -> Tensor:
        return 0.5 * F.mse_loss(outputs, targets.astype(outputs.dtype), "none").sum(1)

    def _score(self, outputs: Array, targets: Array, weights: Array) -> float:
        return float(r2_score(targets, outputs, sample_weight=weights))

    def predict(self, X: ArrayLike) -> Array:
        """The targets of each sample: of shape (n,), or (n, outputs) if there are several."""
        outputs = self._predicted(X)
        return outputs[:, 0] if self.n_outputs_ == 1 else outputs


@dataclass
class _Watch(training.Callback):
    """Keeps what each epoch came to, and ends training when more than n_iter_no_change improve nothing."""

    estimator: _MLP
    held: Sequence[Any] = ()  # samples, targets and weights not trained on
    without: int = 0  # epochs
    stopped: bool = False

    def on_epoch(self, run: training.Run) -> None:
        run.optimizer.zero_grad()  # a fitted estimator is not to carry its last gradients
        estimator = self.estimator
        if not all(np.isfinite(p.data).all() for p in run.model.parameters()):
            raise NumericError(
                f"{type(estimator).__name__}: training diverged, and the weights are no longer finite. "
                "Try a smaller learning_rate_init, or scale X (sklearn.preprocessing.StandardScaler)."
            )
        estimator.n_iter_ = run.history.epochs
        estimator.loss_ = run.seen.loss
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            print(f"epoch {len(estimator.loss_curve_)}  loss {estimator.loss_:.6f}")
        self.without = 0 if self.improves() else self.without + 1
        if self.without > estimator.n_iter_no_change:
            self.without = 0
            run.stop = self.stopped = not self.slow_down(run.optimizer)

    def improves(self) -> bool:
        """Whether this epoch's loss is better than the best before."""
        estimator, best = self.estimator, self.estimator.best_loss_
        estimator.best_loss_ = min(best, estimator.loss_)
        return estimator.loss_ <= best - estimator.tol

    def slow_down(self, optimizer: optim.Optimizer) -> bool:
        """Under learning_rate="adaptive", divide the rate by 5; False once that is no use."""
        (group,) = optimizer.param_groups
        constant = self.estimator.learning_rate == "constant" or self.estimator.solver == "adam"
        if constant or group["lr"] <= _SMALLEST_RATE:
            return False
        group["lr"] /= 5
        for state in optimizer.state.values():
            if "momentum_buffer" in state:
                state["momentum_buffer"] *= 5  # what is under way keeps its speed, lr · v
        return True


class _EarlyStopping(_Watch):
    """Goes by the score on samples that were held out, and ends with the best weights."""

    def on_start(self, run: training.Run) -> None:
        self.best = run.model.state_dict()

    def improves(self) -> bool:
        estimator, best = self.estimator, self.estimator.best_validation_score_
        X, *truth = self.held
        score = estimator._score(estimator._outputs(X), *truth)
        estimator.validation_scores_.append(score)
        if score > best:
            estimator.best_validation_score_ = score
            self.best = estimator.model_.state_dict()
        if estimator.verbose:
            print(f"validation score {score:.6f}")
        return score >= best + estimator.tol

    def on_end(self, run: training.Run) -> None:
        run.model.load_state_dict(self.best)


class _Adam(optim.Adam):
    """Adam with epsilon beside √v instead of √v̂, as the end of section 2 of Kingma & Ba (2015) has it."""

    def update(
        self, parameter: Tensor, gradient: Array, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        correction = math.sqrt(1 - group["betas"][1] ** (state.get("step", 0) + 1))
        super().update(parameter, gradient, state, group | {"eps": group["eps"] / correction})


def _logits(outputs: Array) -> Array:
    """One column for each class: σ(x) is the second entry of softmax(0, x)."""
    return outputs if outputs.shape[1] > 1 else np.hstack([np.zeros_like(outputs), outputs])


def _dense(X: Any) -> Array:
    return X if isinstance(X, np.ndarray) else X.toarray()


def _count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and bool(value >= 1)
