"""Configs of `nnlite train` as parameters of an estimator, and vice versa."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from nnlite.callbacks import Callback, EarlyStopping
from nnlite.callbacks.monitor import MonitorCallback
from nnlite.errors import ConfigError, did_you_mean
from nnlite.estimators.fitting.policies import is_full_batch, patience_of
from nnlite.estimators.fitting.recipe import Recipe
from nnlite.estimators.fitting.targets import Task
from nnlite.estimators.specs.losses import FunctionLoss
from nnlite.estimators.specs.stacks import whole_stack
from nnlite.layers import CategoryEmbedding, Layer, Normalization, Rescaling, RobustScaling
from nnlite.losses import BinaryCrossentropy, CategoricalCrossentropy, Loss
from nnlite.optimizers import Optimizer
from nnlite.registry.field_types import jsonable

__all__ = ["config_of", "parameters_of"]

SECTIONS = ("data", "model", "compile", "fit", "seed")
OF_COMPILE = ("optimizer", "loss", "metrics", "weighted_metrics")
OF_FIT = ("epochs", "batch_size", "shuffle", "class_weight", "callbacks")
SCALING = (Normalization, Rescaling, RobustScaling)


def parameters_of(config: str | Path | Mapping[str, Any], task: Task) -> dict[str, Any]:
    """The parameters of an estimator that trains like a config.

    Args:
        config: path of a YAML file, or what it holds.
        task: whether the estimator learns classes or numbers.

    Raises:
        ConfigError: an unknown section or argument, or one that no parameter stands for; it names file and line.
    """
    values, explaining = _read(config)
    with explaining:
        _check_keys(values, SECTIONS, ())
        sections = {name: values.get(name) or {} for name in ("compile", "fit")}
        _check_keys(sections["compile"], OF_COMPILE, ("compile",))
        _check_keys(sections["fit"], OF_FIT, ("fit",))
        parameters = _of_fit(sections["fit"], task) | _of_compile(sections["compile"], task)
        if is_full_batch(parameters["optimizer"]):
            parameters["batch_size"] = sections["fit"].get("batch_size") or "auto"
        parameters |= _of_model(values.get("model"), sections["compile"], task)
    if values.get("seed") is not None:
        parameters["random_state"] = values["seed"]
    return parameters


def _read(config: Any) -> tuple[Any, AbstractContextManager[None]]:
    """The values of a config, and the context in which errors say where they stand."""
    if isinstance(config, Mapping):
        return config, nullcontext()
    from nnlite.documents import Document  # needs PyYAML

    document = Document(config)
    return document.values, document.explaining()


def _check_keys(section: Any, known: tuple[str, ...], path: tuple[str, ...]) -> None:
    if not isinstance(section, Mapping):
        raise ConfigError(f"expected 'key: value' pairs, got {section!r}", path)
    for key in section:
        if key not in known:
            hint = did_you_mean(key, known)
            raise ConfigError(f"{key!r} cannot become a parameter of an estimator; {hint}", (*path, key))


def _of_model(specs: Any, compiled: Mapping[str, Any], task: Task) -> dict[str, Any]:
    if not isinstance(specs, list) or not specs:
        raise ConfigError(f"expected a list of one layer or more, got {specs!r}", ("model",))
    activation = None
    if task == "class":
        loss_spec = _given_loss(compiled)
        loss = None if loss_spec is None else Loss.get(loss_spec)
        labels = loss is not None and loss.target_kind == "binary" and _units_at_the_end(specs) > 1
        activation = "sigmoid" if labels else "softmax"
    try:
        stack = whole_stack(specs, activation)
    except ConfigError as error:
        raise error.within("model") from None
    scales = any(isinstance(Layer.get(spec), SCALING) for spec in stack.hidden)
    return {"layers": stack, "standardize": not scales}


def _given_loss(section: Mapping[str, Any]) -> Any:
    """The loss of a `compile` section; None if the target chooses it."""
    return None if section.get("loss") == "auto" else section.get("loss")


def _units_at_the_end(specs: list[Any]) -> int:
    return whole_stack(specs, None).output["units"]


def _of_compile(section: Mapping[str, Any], task: Task) -> dict[str, Any]:
    optimizer = section.get("optimizer", "rmsprop")  # as `compile` has it by default
    try:
        Optimizer.get(optimizer)
    except ConfigError as error:
        raise error.within("compile", "optimizer") from None
    loss_spec = _given_loss(section)
    if loss_spec is None:
        return {"optimizer": optimizer}
    try:
        return {"optimizer": optimizer, "loss": _loss(Loss.get(loss_spec), task)}
    except ConfigError as error:
        raise error.within("compile", "loss") from None


def _loss(loss: Loss, task: Task) -> Any:
    """The parameter `loss` for a loss of a config, whose targets may be coded in another way."""
    config = loss.get_config()
    if task == "number":
        if loss.target_kind != "regression":
            raise ConfigError(f"{type(loss).__name__} is a loss of classes: use NNClassifier")
        return loss.to_spec()
    if loss.target_kind == "regression":
        raise ConfigError(f"{type(loss).__name__} is a loss of numbers: use NNRegressor")
    if loss.target_kind == "sparse":
        return {type(loss).__name__: {**config, "from_logits": False}}  # the estimator's layers end in a softmax
    if isinstance(loss, (BinaryCrossentropy, CategoricalCrossentropy)) and config["label_smoothing"] == 0:
        return "auto"  # the same cross-entropy, of one output for each class or label
    raise ConfigError(
        f"{loss!r} is not for the class numbers that NNClassifier learns: use a cross-entropy without label smoothing"
    )


def _of_fit(section: Mapping[str, Any], task: Task) -> dict[str, Any]:
    parameters: dict[str, Any] = {"epochs": section.get("epochs", 1), "batch_size": section.get("batch_size") or 32}
    parameters["shuffle"] = section.get("shuffle", True)
    if section.get("class_weight"):
        if task == "number":
            raise ConfigError("a regression has no classes", ("fit", "class_weight"))
        parameters["class_weight"] = section["class_weight"]
    callbacks: list[Callback] = []
    for index, spec in enumerate(section.get("callbacks") or []):
        try:
            callbacks.append(Callback.get(spec))
        except ConfigError as error:
            raise error.within("fit", "callbacks", index) from None
    stopping = [
        callback for callback in callbacks if isinstance(callback, EarlyStopping) and callback.monitor == "val_loss"
    ]
    others = [callback for callback in callbacks if callback not in stopping[:1]]
    for callback in stopping[:1]:
        parameters |= {"n_iter_no_change": max(callback.patience, 1), "tol": callback.min_delta}
    judged = any(
        isinstance(callback, MonitorCallback) and callback.monitor.startswith("val_") for callback in callbacks
    )
    return parameters | {"early_stopping": judged, "callbacks": others or None}


def config_of(estimator: Any, recipe: Recipe, data: Mapping[str, Any] | None) -> dict[str, Any]:
    """A config that trains a single network with the layers of a fitted estimator.

    Args:
        recipe: what it was trained by.
        data: the section of that name; the config is without where None.

    Raises:
        ConfigError: layers, a loss or callbacks that a file cannot hold.
    """
    loss = estimator._loss()
    if isinstance(loss, FunctionLoss):
        raise ConfigError(f"a config cannot hold {loss!r}; name a registered loss", ("loss",))
    config: dict[str, Any] = {"seed": estimator.model_.seed}
    if data is not None:
        validation = recipe.validation_fraction if recipe.sets_apart else 0.0
        config["data"] = {"split": {"validation": validation}, **jsonable(data)}
    config["model"] = [_alone(layer) for layer in estimator._network().layers]
    config["compile"] = {
        "optimizer": recipe.optimizer().to_spec(),
        "loss": loss.to_spec(),
        "metrics": list(estimator._targets.metrics),
    }
    config["fit"] = {
        "epochs": recipe.epochs,
        "batch_size": None if recipe.takes_all_rows else recipe.batch_size,
        "shuffle": bool(recipe.parameters["shuffle"]),
        "callbacks": _callbacks(recipe),
    }
    return config


def _callbacks(recipe: Recipe) -> list[dict[str, Any]]:
    """The callbacks of the user, and before them the one that goes back to the best epoch."""
    specs = [Callback.get(callback).to_spec() for callback in recipe.callbacks()]
    if not recipe.sets_apart:
        return specs
    best = {"monitor": "val_loss", "restore_best_weights": True, "patience": recipe.epochs, "min_delta": 0.0}
    return [{"EarlyStopping": best | patience_of(recipe.parameters)}, *specs]


def _alone(layer: Layer) -> dict[str, Any]:
    """The layer as one network has it, in place of members side by side, in the precision of whoever trains it."""
    if isinstance(layer, CategoryEmbedding):
        raise ConfigError(
            "a config cannot hold the CategoryEmbedding of this table: its codes are those of the estimator's encoder; "
            "fit the estimator to columns of numbers, and name the others as `categorical` in the data section"
        )
    ((name, config),) = layer.to_spec().items()
    return {name: {key: value for key, value in config.items() if key not in ("members", "dtype")}}
