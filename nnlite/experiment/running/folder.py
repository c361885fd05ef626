"""A run folder during training."""

import contextlib
import itertools
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM
from types import TracebackType
from typing import Any

from nnlite.errors import DivergenceError, NNLiteError, OutputError, TrainingWarning
from nnlite.experiment.running.locks import Lock
from nnlite.experiment.running.signals import Signals
from nnlite.experiment.running.states import write_state
from nnlite.models.base import BaseModel
from nnlite.saving import MANIFEST, remove_leftovers, write_atomically, write_manifest

__all__ = ["Interrupted", "RunFolder", "Unfinished", "json_text"]


FILES = ("config.yaml", "preprocessing.json", "environment.json", "history.csv", "folds.json", "model.safetensors",
         "metrics.json")  # fmt: skip


class Unfinished(NNLiteError):
    """A training run that ended early; the message says what was kept and where."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Interrupted(Unfinished):
    """A training run that Ctrl-C or SIGTERM ended."""

    def __init__(self, message: str, exit_code: int = 130) -> None:
        super().__init__(message, exit_code)


class RunFolder:
    """A run folder that this process owns, within a context; its outcome is in `state.json`.

    Args:
        path: of the folder, which exists.
        new: whether it was created for this run, and is removed if nothing was trained.
        signals: those of the run.

    Raises:
        ConfigError: another process trains in it.
    """

    def __init__(self, path: Path, new: bool, signals: Signals) -> None:
        self.path, self.new, self.signals = path, new, signals
        self._lock = Lock(path)
        self._started = ""
        self.begun = False
        self.clean()

    @classmethod
    def create(cls, out: str | Path | None, name: str, signals: Signals) -> "RunFolder":
        """The folder `out`, or `runs/<name>-<n>` with the lowest free n, reserved for this run."""
        if out is not None:
            path = Path(out)
            path.mkdir(parents=True, exist_ok=True)
            return cls(path, True, signals)
        parent = Path("runs")
        parent.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            try:
                (parent / f"{name}-{number}").mkdir()
            except FileExistsError:
                continue
            return cls(parent / f"{name}-{number}", True, signals)
        raise AssertionError("numbers do not end")

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints."""
        return self.path / "checkpoints"

    def clean(self) -> None:
        """Remove leftovers of killed writes, with a warning that names them."""
        left = [*remove_leftovers(self.path), *remove_leftovers(self.checkpoints)]
        if left:
            names = ", ".join(str(path.relative_to(self.path)) for path in left)
            warnings.warn(f"{self.path}: removed what a killed write left: {names}", TrainingWarning, stacklevel=2)

    def write(self, name: str, text: str) -> None:
        """Write a file atomically."""
        write_atomically(self.path / name, text.encode())

    def tell(self, state: str = "running", **more: Any) -> None:
        """Write `state.json`."""
        self._started = write_state(self.path, state, self._started or None, **more)

    def save(self, model: BaseModel) -> None:
        """Write the model; if the disk refuses, write it elsewhere, and name the place in the error."""
        try:
            model.save(self.path / "model.safetensors")
        except OutputError as error:
            elsewhere = Path(tempfile.mkdtemp(prefix="nnlite-")) / "model.safetensors"
            model.save(elsewhere)
            raise OutputError(
                error.errno, f"{error.strerror}; the trained model is in {elsewhere}", error.filename
            ) from None

    def seal(self) -> None:
        """Write the manifest: the files are final."""
        write_manifest(self.path, FILES)

    def begin(self, describe: Callable[[], None] | None) -> None:
        """Start the training after all checks; `describe` writes the files that describe it."""
        self.begun = True
        (self.path / MANIFEST).unlink(missing_ok=True)  # what it lists is about to change
        if describe is not None:
            describe()

    @property
    def kept(self) -> str:
        """Message for a training run that ended early."""
        return f"what was trained is kept in {self.path}; continue with: nnlite train --resume {self.path}"

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.signals.shielded = True
        try:
            if error is None:
                self.tell("finished")
            elif self.begun and (self._has_trained() or not isinstance(error, KeyboardInterrupt)):
                self._end(error)
            elif self.new:
                shutil.rmtree(self.path, ignore_errors=True)
            if isinstance(error, KeyboardInterrupt) and self.signals.received == SIGTERM:
                raise Interrupted("ended by SIGTERM; nothing was written", self.signals.exit_code) from None
        finally:
            self._lock.release()
            self.signals.shielded = False

    def _has_trained(self) -> bool:
        results = (self.path / name for name in ("model.safetensors", "folds.json"))
        return any(self.checkpoints.glob("*.safetensors")) or any(path.exists() for path in results)

    def _end(self, error: BaseException) -> None:
        """Keep how the training ended, and raise an error that says where it can be continued."""
        interrupted = isinstance(error, (KeyboardInterrupt, Interrupted))
        state = "interrupted" if interrupted else "diverged" if isinstance(error, DivergenceError) else "failed"
        with contextlib.suppress(OSError):  # the disk may be full; the error itself is reported
            self.tell(state, message=str(error) or type(error).__name__)
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(f"interrupted; {self.kept}", self.signals.exit_code) from None
        if state == "diverged":
            last = self.checkpoints / "last.safetensors"
            remedy = f"the last finite checkpoint is {last}" if last.exists() else "there is no finite checkpoint yet"
            raise DivergenceError(f"{error}; {remedy}") from error
        if state == "failed" and isinstance(error, (NNLiteError, OSError, MemoryError)):
            exit_code = error.exit_code if isinstance(error, NNLiteError) else OutputError.exit_code
            raise Unfinished(f"{error or type(error).__name__}; {self.kept}", exit_code) from error


def json_text(values: dict[str, Any]) -> str:
    """A JSON document."""
    return json.dumps(values, indent=2, allow_nan=False) + "\n"
