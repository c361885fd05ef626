"""One example's path through a model, and the size of the derivatives on the way back."""

from typing import Any

import numpy as np

from nnlite.data.batches import count_rows, take_rows
from nnlite.derivatives.explanation import Explanation
from nnlite.derivatives.integrated_gradients import one_output_each
from nnlite.derivatives.observed import Stage, watch
from nnlite.derivatives.parameters import parameter_names
from nnlite.derivatives.weight_path import follow
from nnlite.errors import ConfigError, DataError
from nnlite.jacobians import ChainJacobians, Jacobians
from nnlite.training import Trainable, Trainer
from nnlite.training.inputs import built_inputs

BLOCK = 64  # outputs whose derivatives go back together


def explain(
    model: Trainable,
    trainer: Trainer,
    x: Any,
    y: Any = None,
    row: int = 0,
    output: int | None = None,
    weight: str | None = None,
) -> Explanation:
    """See `Derivatives.explain`."""
    if y is not None and output is not None:
        raise ConfigError("explain takes targets, to explain the loss, or an output, to explain that one; not both")
    x, y = _one_row(model, trainer, x, y, row)
    source: Any = model if y is None else trainer.bare_steps()
    outputs: Any
    outputs, jacobians = source.chain.linearize(x, *model.values)

    def root() -> Stage:
        return watch(jacobians, model if y is None else source.chain, "", [None] * jacobians.data + model.parameters)

    followed = root()
    seed, picked = one_output_each(model, outputs, output)
    number, subject = int(picked[0]), f"output {picked[0]}"
    value = outputs.ravel()[number]
    if y is not None:
        value, by_outputs = source.loss.linearize(y, outputs, mask=jacobians.mask)
        last = Stage("loss", source.loss, Jacobians(by_outputs), (None,))
        followed = Stage("", None, ChainJacobians([followed, last]), followed.sources, (followed, last))
        subject, seed, outputs = "the loss", np.ones((), outputs.dtype), source.predictions(outputs)
    gradients = followed.vjp(seed)[jacobians.data :]
    measured, normed = followed, subject
    if y is None and output is None and outputs.size > 1:
        measured, normed = root(), f"all {outputs[0].size} outputs"
        _send_all_back(measured, outputs)
    evidence = {"normed": normed, "gradients": _norms(model, measured, jacobians.data)}
    evidence["stages"] = measured.inner if y is None else (*measured.inner[0].inner, measured.inner[1])
    evidence["trail"] = follow(model, followed, gradients, weight)
    return Explanation(model.label, row, subject, float(value), outputs[0], None if y is None else y[0], **evidence)


def _norms(model: Trainable, stage: Stage, data: int) -> dict[str, float | None]:
    trained = {id(parameter) for parameter in model.trainable_weights}
    places = enumerate(zip(parameter_names(model), model.parameters, strict=True), start=data)
    return {name: stage.norm_at(key) for key, (name, weight) in places if id(weight) in trained}


def _one_row(model: Trainable, trainer: Trainer, x: Any, y: Any, row: int) -> tuple:
    """One row of x and y, as batches of one example that the model takes."""
    if y is None:
        x = built_inputs(model, x)
    else:
        trainer.need_loss("asking for derivatives of the loss")
        x, y, _ = trainer.read_batch(x, y)
    count = count_rows(x)
    if isinstance(row, bool) or not isinstance(row, (int, np.integer)) or not 0 <= row < count:
        raise DataError(
            f"row {row!r} does not exist: " + (f"x has the rows 0 to {count - 1}" if count else "x has none")
        )
    rows = slice(row, row + 1)
    return take_rows(x, rows), take_rows(y, rows)


def _send_all_back(stage: Stage, outputs: np.ndarray) -> None:
    """The derivatives of all outputs, a block of them at a time."""
    for start in range(0, outputs.size, BLOCK):
        rows = np.arange(min(BLOCK, outputs.size - start))
        seeds = np.zeros((len(rows), outputs.size), outputs.dtype)
        seeds[rows, start + rows] = 1
        stage.vjp(seeds.reshape(-1, *outputs.shape))
