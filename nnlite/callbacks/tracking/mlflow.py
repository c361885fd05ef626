"""MLflowLogger: the logs of a training as a run of MLflow."""

from typing import Any

from nnlite.callbacks.tracking.base import Tracker
from nnlite.errors import needed_for

__all__ = ["MLflowLogger"]


class MLflowLogger(Tracker):
    """Logs every epoch to MLflow, and at the start the settings: optimizer, loss, epochs, seed, number of parameters.

    A run that is active when training begins is used and left open; otherwise one is begun, and ended afterwards. A
    training that is resumed continues in the run that it began.

    Args:
        experiment: name of the experiment; MLflow's default when None.
        run: name of the run; MLflow makes one up when None.
        tracking_uri: the server or folder; as MLflow is set when None.
        tags: further tags of the run.

    Raises:
        MissingLibraryError: MLflow is not installed: pip install "nnlite[mlflow]".

    >>> MLflowLogger(experiment="houses", run="first", tags={"by": "me"})
    MLflowLogger(experiment='houses', run='first', tags={'by': 'me'})
    """

    experiment: str | None = None
    run: str | None = None
    tracking_uri: str | None = None
    tags: dict[str, str] | None = None

    def load(self) -> Any:
        with needed_for("MLflowLogger logs to MLflow", "nnlite[mlflow]"):
            import mlflow
        return mlflow

    def open_run(self, identifier: str | None) -> str | None:
        library = self._library
        if self.tracking_uri is not None:
            library.set_tracking_uri(self.tracking_uri)
        if self.experiment is not None:
            library.set_experiment(self.experiment)
        self._begun = library.active_run() is None
        if self._begun:
            chosen = {"run_name": self.run} if identifier is None else {"run_id": identifier}
            identifier = library.start_run(**chosen).info.run_id
        if self.tags:
            library.set_tags(self.tags)
        return identifier

    def log_settings(self, settings: dict[str, Any]) -> None:
        self._library.log_params(settings)

    def log_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        self._library.log_metrics(logs, step=epoch)

    def close_run(self) -> None:
        if self._begun:
            self._library.end_run()
