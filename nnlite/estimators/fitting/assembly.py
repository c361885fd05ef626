"""The fitted model: scaling, the trained network, conversion of its outputs to predictions; and the network alone."""

from typing import NamedTuple

from nnlite.data import Classes, Quantities, TargetEncoder
from nnlite.errors import ConfigError, ShapeError
from nnlite.estimators.fitting.targets import ClassTargets, NumberTargets, Targets
from nnlite.layers import Activation, GlobalAveragePooling1D, Input, Layer, RepeatVector
from nnlite.models import Sequential
from nnlite.ops import ActivationFunction

__all__ = ["Core", "assembled", "check_outputs", "target_encoder", "trained_part", "up_to_average"]

AVERAGE = "average_of_members"


class Core(NamedTuple):
    """Position of the trained network in a model.

    Args:
        start, stop: its layers are `model.layers[start:stop]`.
        bare: whether its last activation was left out.
    """

    start: int
    stop: int
    bare: bool


def assembled(
    network: Sequential, n_members: int, scaling: Layer | None, before: list[Layer], after: list[Layer]
) -> tuple[Sequential, Core]:
    """A model from the encoded table to predictions, sharing the layers of `network`, and their positions.

    Args:
        network: what was trained; of several members, for inputs `(rows, members, columns)`.
        scaling: what the network's inputs went through.
        before: follows each member's outputs, in place of the network's last activation.
        after: follows the average over the members.
    """
    layers = list(network.layers)
    if before and isinstance(layers[-1], Activation):
        layers.pop()
    elif before:
        layers[-1] = layers[-1].without_activation()[0]
    shared = [] if n_members == 1 else [RepeatVector(n_members)]
    average = [] if n_members == 1 else [GlobalAveragePooling1D(name=AVERAGE)]
    first = [*([] if scaling is None else [scaling]), *shared]
    shape = network.input_shape[-1:] if shared else network.input_shape[1:]
    model = Sequential(
        [Input(shape), *first, *layers, *before, *average, *after], seed=network.seed, dtype=network.dtype
    )
    return model, Core(len(first), len(first) + len(layers), bool(before))


def trained_part(model: Sequential, core: Core, activation: str | None) -> Sequential:
    """The trained network alone; it shares the layers of the model."""
    layers = model.layers[core.start : core.stop]
    last = [Activation(activation)] if core.bare and activation else []
    return Sequential([Input(layers[0].input_shape[1:]), *layers, *last], seed=model.seed)


def up_to_average(model: Sequential) -> tuple[Sequential, list[Layer]]:
    """The model whose outputs are those of each member, `(rows, members, outputs)`, and the layers after these."""
    index = [layer.name for layer in model.layers].index(AVERAGE)
    return Sequential([Input(model.input_shape[1:]), *model.layers[:index]], seed=model.seed), model.layers[index + 1 :]


def check_outputs(network: Sequential, targets: Targets) -> None:
    """`ShapeError` or `ConfigError` unless the network's outputs fit the targets."""
    last, shape = network.layers[-1], network.output_shape
    if shape != (*network.input_shape[:-1], targets.n_outputs) and shape != (None, targets.n_outputs):
        raise ShapeError(f"layers must end in {targets.n_outputs} outputs, {last.label} gives {shape[1:]}")
    if targets.activation:
        wanted = ActivationFunction.get(targets.activation)
        if type(last.without_activation()[1]) is not type(wanted):
            raise ConfigError(f"layers must end in {wanted!r}, {last.label} does not")


def target_encoder(targets: Targets) -> TargetEncoder | None:
    """Target encoder for a model's file: the labels of classes, the names of amounts; scales are layers of it.

    None for other targets, and for labels that a file cannot hold, such as dates.
    """
    if type(targets) is ClassTargets:
        labels = targets.classes.tolist()
        name = str(targets.names[0]) if targets.names else "target"
        return (
            Classes(name, labels, "sparse") if all(type(label) in (str, int, float, bool) for label in labels) else None
        )
    if type(targets) is NumberTargets:
        count = targets.n_outputs
        names = targets.names or (["target"] if count == 1 else [f"target_{index}" for index in range(count)])
        return Quantities(list(map(str, names)), [0.0] * count, [1.0] * count)
    return None
