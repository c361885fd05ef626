"""Choices that a config leaves to the data: the loss for the target."""

from nnlite.data.encoders.targets import TargetKind
from nnlite.losses import BinaryCrossentropy, Loss, MeanSquaredError, SparseCategoricalCrossentropy
from nnlite.models.base import BaseModel

__all__ = ["suited_loss"]


def suited_loss(kind: TargetKind, model: BaseModel) -> Loss:
    """Binary crossentropy for two classes or several labels per row, sparse categorical crossentropy for more classes,
    mean squared error for numbers; of logits unless the model's last layer makes probabilities of them.
    """
    if kind == "regression":
        return MeanSquaredError()
    of_probabilities = BinaryCrossentropy() if kind == "binary" else SparseCategoricalCrossentropy()
    (last,) = model.chain.last_layers
    _, activation = last.without_activation()
    if activation is not None and of_probabilities.from_outputs_of(activation):
        return of_probabilities
    return type(of_probabilities)(from_logits=True)
