"""TensorBoard: writes the logs of a training for TensorBoard."""

import os
import time
from pathlib import Path
from typing import Any, Literal, cast

from nnlite.callbacks.base import Callback, scalars
from nnlite.callbacks.event_files import EventFile
from nnlite.errors import ConfigError
from nnlite.registry.bounds import Count, Index

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Writes event files for `tensorboard --logdir logs`; neither TensorFlow nor TensorBoard needs to be installed.

    As Keras does, it writes training logs into the folder `train` and validation logs into `validation`, both under the
    tag `epoch_<name>` at the number of the epoch, logs of batches as `batch_<name>` at the number of the training step.

    Args:
        log_dir: the folder; give each run one of its own, below a common one, to see them side by side.
        histogram_freq: after every so many epochs the distribution of each weight is written; 0 for never.
        write_graph: ignored: no graph is written; `model.summary()` and `utils.plot_model` show it.
        write_steps_per_second: whether `epoch_steps_per_second` is written.
        write_images, profile_batch, embeddings_freq, embeddings_metadata: Keras's, at their defaults: neither images of
            weights nor profiles nor projections are written; another value is a `ConfigError`.
        update_freq: when logs are written: after each "epoch", or also within it after each "batch", or after every so
            many training steps.

    Raises:
        ConfigError: an argument that is not supported, see above.

    >>> import glob, tempfile
    >>> from nnlite import Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Dense(1)], seed=0)
    >>> model.compile("sgd", "mse")
    >>> folder = tempfile.mkdtemp()
    >>> _ = model.fit([[0.0], [1.0]], [0.0, 1.0], callbacks=[TensorBoard(folder)], verbose=0)
    >>> len(glob.glob(folder + "/train/events.out.tfevents.*"))
    1
    """

    log_dir: str | os.PathLike = "logs"
    histogram_freq: Index = 0
    write_graph: bool = True
    write_images: bool = False
    write_steps_per_second: bool = False
    update_freq: Literal["epoch", "batch"] | Count = "epoch"
    profile_batch: Any = 0
    embeddings_freq: Index = 0
    embeddings_metadata: Any = None

    watches = True
    writes = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log_dir = os.fspath(self.log_dir)
        self.update_freq = 1 if self.update_freq == "batch" else self.update_freq  # as in Keras
        self._files: dict[str, EventFile] = {}

    def validate(self) -> None:
        for name in ("write_images", "profile_batch", "embeddings_freq", "embeddings_metadata"):
            if vars(self)[name]:
                raise ConfigError("is not written here: leave it out", ("TensorBoard", name))

    def listens(self, hook: str) -> bool:
        return super().listens(hook) and (hook != "on_train_batch_end" or self.update_freq != "epoch")

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._start, self._first_step = time.perf_counter(), self.model.optimizer.iterations

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        step = self.model.optimizer.iterations
        if step % cast(int, self.update_freq) == 0:
            self._file("train").scalars(step, {f"batch_{name}": value for name, value in scalars(logs).items()})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = scalars(logs)
        validation = {name.removeprefix("val_"): value for name, value in values.items() if name.startswith("val_")}
        training = {name: value for name, value in values.items() if not name.startswith("val_")}
        step = self.model.optimizer.iterations
        training["learning_rate"] = self.model.optimizer.current_learning_rate
        if self.write_steps_per_second:
            training["steps_per_second"] = (step - self._first_step) / (time.perf_counter() - self._start)
        for part, figures in (("train", training), ("validation", validation)):
            if figures:
                self._file(part).scalars(epoch, {f"epoch_{name}": value for name, value in figures.items()})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer in self.model.layers:
                for name, weight in zip(_names(layer), layer.weights, strict=True):
                    self._file("train").histogram(epoch, f"{layer.name}/{name}", weight.value)
        for file in self._files.values():
            file.flush()

    def log(self, name: str, value: float, step: int) -> None:
        """Write a scalar into the folder `train`, for use by other callbacks. Trackers have the same method.

        Args:
            name: the tag; a slash makes groups.
            value: a number.
            step: where it stands along the axis; epochs count from 0.
        """
        self._file("train").scalars(step, {name: float(value)})

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        for file in self._files.values():
            file.close()
        self._files = {}

    def _file(self, part: str) -> EventFile:
        """The event file of a part, begun when there is something to write."""
        if part not in self._files:
            self._files[part] = EventFile(Path(self.log_dir, part))
        return self._files[part]


def _names(layer: object) -> list[str]:
    """The names of a layer's weights, each once."""
    names = [weight.name for weight in layer.weights]  # type: ignore[attr-defined]
    return [name if names.count(name) == 1 else f"{name}_{index}" for index, name in enumerate(names)]
