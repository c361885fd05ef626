"""The journal of a search in a single SQLite file: Optuna's log of trials, one line at a time."""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from nnlite.tuning.trials import optuna_library

__all__ = ["is_database", "journal"]


def journal(path: Path) -> Any:
    """Optuna's storage in this file, which processes of one machine share.

    A report after an epoch appends one line, where a database by SQLAlchemy runs several statements, and SQLAlchemy is
    not loaded. What a process wrote remains when it dies: SQLite writes a log ahead of the file and releases the locks;
    after a power failure the last trials may be missing, but the file is not damaged.
    """
    optuna = optuna_library()

    class Lines(optuna.storages.journal.BaseJournalBackend):  # type: ignore[name-defined, misc]
        """Lines in a table, numbered from 0."""

        def __init__(self) -> None:
            self.connection = sqlite3.connect(path, timeout=100, isolation_level=None, check_same_thread=False)
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            self.connection.execute("CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, line TEXT)")

        def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
            lines = "SELECT line FROM journal WHERE number >= ? ORDER BY number"
            return [json.loads(line) for (line,) in self.connection.execute(lines, (log_number_from,))]

        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            added = "INSERT INTO journal SELECT coalesce(max(number) + 1, 0), ? FROM journal"
            with self.connection:
                self.connection.execute("BEGIN IMMEDIATE")
                self.connection.executemany(added, [(json.dumps(log),) for log in logs])

    return optuna.storages.JournalStorage(Lines())


def is_database(path: Path) -> bool:
    """Whether the file holds Optuna's own tables, as for searches from before journals were introduced."""
    if not path.exists():
        return False
    with closing(sqlite3.connect(path, timeout=100)) as connection:
        return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'studies'").fetchall())
