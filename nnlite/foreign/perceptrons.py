"""Multi-layer perceptrons trained by scikit-learn, as models."""

from typing import Any

import numpy as np

from nnlite.errors import ConfigError, NotReadyError
from nnlite.layers import Layer

__all__ = ["from_sklearn"]

ACTIVATIONS = {"identity": None, "logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax"}


def from_sklearn(mlp: Any) -> Any:
    """The network of a fitted `MLPClassifier` or `MLPRegressor` of scikit-learn, with its weights.

    It predicts what `predict_proba` or `predict` of the estimator do: probabilities of the classes in the order of
    `classes_`, for two classes that of the second one, `(rows, 1)`; numbers of a regressor, `(rows, targets)`.

    Args:
        mlp: fitted; nothing of scikit-learn is imported.

    Raises:
        NotReadyError: it is not fitted.
        ConfigError: it is not a multi-layer perceptron, or has an unknown activation.

    >>> from sklearn.neural_network import MLPRegressor
    >>> mlp = MLPRegressor(hidden_layer_sizes=(4,)).fit([[0.0, 1.0]] * 9, [0.0] * 9)
    >>> import nnlite
    >>> nnlite.from_sklearn(mlp).predict([[0.0, 1.0]], verbose=0).shape
    (1, 1)
    """
    try:
        hidden, width = mlp.activation, mlp.n_features_in_
        weights, biases, last = mlp.coefs_, mlp.intercepts_, mlp.out_activation_
    except AttributeError as error:
        if type(mlp).__name__ in ("MLPClassifier", "MLPRegressor"):
            raise NotReadyError(f"{type(mlp).__name__} is not fitted: call fit first") from None
        raise ConfigError(f"from_sklearn takes an MLPClassifier or MLPRegressor, got {mlp!r}: {error}") from None
    if hidden not in ACTIVATIONS or last not in ACTIVATIONS:
        raise ConfigError(f"the activations are {hidden!r} and {last!r}, known are {', '.join(ACTIVATIONS)}")
    dtype = "float32" if weights[0].dtype == np.float32 else "float64"
    activations = [hidden] * (len(weights) - 1) + [last]
    layers: list[Any] = [{"Input": {"shape": (width,)}}]
    layers += [
        {"Dense": {"units": weight.shape[1], "activation": ACTIVATIONS[activation], "dtype": dtype}}
        for weight, activation in zip(weights, activations, strict=True)
    ]
    model: Any = Layer.get({"Sequential": {"layers": layers, "dtype": dtype}})
    model.set_weights([array for pair in zip(weights, biases, strict=True) for array in pair])
    return model
