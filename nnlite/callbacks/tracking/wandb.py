"""WandbLogger: the logs of a training as a run of Weights & Biases."""

from typing import Any, Literal

from nnlite.callbacks.tracking.base import Tracker
from nnlite.errors import needed_for

__all__ = ["WandbLogger"]


class WandbLogger(Tracker):
    """Logs every epoch to Weights & Biases, with the settings as the run's config: optimizer, loss, epochs, seed.

    A run that is active when training begins is used and left open; otherwise one is begun, and finished afterwards. A
    training that is resumed continues in the run that it began.

    Args:
        project: name of the project; that of the environment, or "uncategorized", when None.
        run: name of the run; one is made up when None.
        mode: "online", "offline" (kept in a folder, to be sent later by `wandb sync`) or "disabled"; that of the
            environment when None.
        tags: tags of the run.
        folder: where the run's files are kept; the working directory when None.

    Raises:
        MissingLibraryError: wandb is not installed: pip install "nnlite[wandb]".

    >>> WandbLogger("prices", mode="offline")
    WandbLogger(project='prices', mode='offline')
    """

    project: str | None = None
    run: str | None = None
    mode: Literal["online", "offline", "disabled"] | None = None
    tags: list[str] | None = None
    folder: str | None = None

    def load(self) -> Any:
        with needed_for("WandbLogger logs to Weights & Biases", "nnlite[wandb]"):
            import wandb
        return wandb

    def open_run(self, identifier: str | None) -> str | None:
        self._begun = self._library.run is None
        self._run = self._library.run
        if self._begun:
            again = {} if identifier is None else {"id": identifier, "resume": "allow"}
            options = {"project": self.project, "name": self.run, "mode": self.mode, "tags": self.tags}
            self._run = self._library.init(**options, dir=self.folder, **again)
        return self._run.id

    def log_settings(self, settings: dict[str, Any]) -> None:
        self._run.config.update(settings)

    def log_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        self._run.log(logs, step=epoch)

    def close_run(self) -> None:
        if self._begun:
            self._run.finish()
