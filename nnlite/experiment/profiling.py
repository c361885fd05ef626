"""Where the time of a config's training step goes."""

from nnlite.experiment.experiment import Experiment
from nnlite.training.profile import Profile

__all__ = ["profile"]


def profile(experiment: Experiment) -> Profile:
    """The profile of one training step on the first batch of the training part; nothing is written."""
    model, data = experiment.prepare()
    arguments = experiment.fit_arguments(data)
    return model.profile(*data.parts["training"], batch_size=arguments.get("batch_size") or 32)
