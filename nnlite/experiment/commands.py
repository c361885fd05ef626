"""Uses of a config other than training: an explanation of one example, a profile of a step, a learning rate."""

from pathlib import Path

from nnlite.derivatives import Explanation
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.runs import Run
from nnlite.training.inputs import rows_of_batch
from nnlite.training.profile import Profile
from nnlite.training.rates import LearningRateCurve


def explain(
    path: str | Path,
    row: int = 0,
    part: str = "training",
    output: int | None = None,
    weight: str | None = None,
    overrides: tuple[str, ...] = (),
) -> Explanation:
    """One example's path through the model: untrained for a config, trained for a run folder.

    Args:
        path: a YAML file or a run folder.
        row: which example of the part, from 0.
        part: `"training"`, `"validation"` or `"test"`.
        output: explain this output in place of the loss.
        weight: the weight to follow, such as `"dense.kernel[3, 7]"`; the one with the largest derivative when None.
        overrides: changes to a YAML file, such as `"model.0.Dense.units=64"`.

    Raises:
        ConfigError, DataError: no such file, part, row, output or weight.
    """
    if Path(path).is_dir():
        if overrides:
            raise ConfigError(f"{path}: a run folder is explained as it was trained; --set changes a YAML file")
        run = Run(path)
        model, data = run.model, run.experiment.prepare(run.preprocessing)[1]
    else:
        model, data = Experiment.from_file(path, overrides).prepare()
    if part not in data.parts:
        raise ConfigError(f"{path}: the data has no {part} part; {did_you_mean(part, data.parts)}")
    x, y = data.parts[part]
    if not 0 <= row < len(x):
        raise DataError(f"{path}: row {row} does not exist: the {part} part has the rows 0 to {len(x) - 1}")
    return model.explain(x, None if output is not None else y, row, output, weight)


def profile(experiment: Experiment) -> Profile:
    """The profile of one training step on the first batch of the training part; nothing is written."""
    model, data = experiment.prepare()
    x, y = data.parts["training"]
    batch_size = rows_of_batch(experiment.fit_arguments(data).get("batch_size"), len(x))
    return model.profile(x, y, batch_size=batch_size)


def find_learning_rate(experiment: Experiment, steps: int = 100) -> LearningRateCurve:
    """The loss of a trial run with growing learning rates on the training part; nothing is written."""
    model, data = experiment.prepare()
    x, y = data.parts["training"]
    return model.find_learning_rate(x, y, batch_size=experiment.fit_arguments(data).get("batch_size"), steps=steps)
