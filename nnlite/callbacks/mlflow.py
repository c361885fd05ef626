"""MLflowLogger: the logs of a training as a run of MLflow."""

from typing import Any

from nnlite.callbacks.base import Callback, scalars
from nnlite.errors import needed_for

__all__ = ["MLflowLogger"]


class MLflowLogger(Callback):
    """Logs every epoch to MLflow, and at the beginning what is trained: optimizer, loss, epochs, seed, parameters.

    A run that is active when training begins is used and left open; otherwise one is begun, and ended afterwards.

    Args:
        experiment: name of the experiment; MLflow's default when None.
        run: name of the run; MLflow makes one up when None.
        tracking_uri: the server or folder; as MLflow is set when None.
        tags: further tags of the run.

    Raises:
        MissingLibraryError: MLflow is not installed: pip install nnlite[mlflow].

    >>> MLflowLogger(experiment="houses", run="first", tags={"by": "me"})
    MLflowLogger(experiment='houses', run='first', tags={'by': 'me'})
    """

    experiment: str | None = None
    run: str | None = None
    tracking_uri: str | None = None
    tags: dict[str, str] | None = None

    watches = True

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        with needed_for("MLflowLogger logs to MLflow", "nnlite[mlflow]"):
            import mlflow

        library: Any = mlflow
        self._mlflow = library
        if self.tracking_uri is not None:
            library.set_tracking_uri(self.tracking_uri)
        if self.experiment is not None:
            library.set_experiment(self.experiment)
        self._begun = library.active_run() is None
        if self._begun:
            library.start_run(run_name=self.run)
        if self.tags:
            library.set_tags(self.tags)
        library.log_params(self._settings())

    def _settings(self) -> dict[str, Any]:
        """The settings that decide the training, as far as the model knows."""
        optimizer = self.model.optimizer
        arguments = {f"optimizer.{name}": value for name, value in optimizer.get_config().items() if value is not None}
        return {
            "optimizer": type(optimizer).__name__,
            **arguments,
            "loss": str(self.model.loss.to_spec()),
            "epochs": self.params["epochs"],
            "seed": self.params["seed"],
            "parameters": sum(weight.size for weight in self.model.weights),
        }

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._mlflow.log_metrics(scalars(logs), step=epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        if self._begun:
            self._mlflow.end_run()
