"""`state.json` of a run folder: the status of the training."""

import datetime
import json
import os
import socket
from pathlib import Path
from typing import Any

from nnlite.errors import DataError
from nnlite.experiment.running.locks import is_locked
from nnlite.saving import read_json, write_atomically

__all__ = ["NAME", "read_state", "write_state"]

NAME = "state.json"


def write_state(folder: Path, state: str, started: str | None = None, **more: Any) -> str:
    """Write `state`, who trains, when it began (now, if None) and the current time; returns the beginning.

    Args:
        folder: of the run.
        state: `"running"`, `"finished"`, `"interrupted"`, `"diverged"` or `"failed"`.
        started: what an earlier call returned.
        more: further entries, JSON values.
    """
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    values = {"state": state, "pid": os.getpid(), "host": socket.gethostname(), "started": started or now,
              "updated": now, **more}  # fmt: skip
    write_atomically(folder / NAME, (json.dumps(values, indent=2) + "\n").encode(), durable=False)
    return started or now


def read_state(folder: str | Path) -> dict[str, Any]:
    """Contents of `state.json`; `"killed"` in place of `"running"` if no process of this machine is training.

    A folder of an older version has none: `{"state": "finished"}` where it has metrics, else `{"state": "unknown"}`.
    """
    folder = Path(folder)
    try:
        values = read_json(folder / NAME)
    except DataError:
        return {"state": "finished" if (folder / "metrics.json").is_file() else "unknown"}
    if not isinstance(values.get("state"), str):
        return {"state": "unknown"}
    here = values.get("host") == socket.gethostname()
    if values["state"] == "running" and here and not is_locked(folder):
        return {**values, "state": "killed"}
    return values
