"""Fits one after the other, or several at a time, each in a process of its own; what is done already is left out."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.runner import ROOT, environment
from benchmarks.tabular.peers import PEERS
from benchmarks.tabular.sets import HOUSING

Record = dict[str, Any]
Job = tuple[str, str, int]  # table, peer, split


def read(path: str | Path) -> list[Record]:
    """The records of a file of JSON lines, [] where there is none; of two of the same fit the later one.

    A line that a killed run left half written is passed over.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []
    found: dict[Any, Record] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            print(f"{path}, line {number} is no record: left out", file=sys.stderr)
            continue
        found[job_of(record) if "table" in record else number] = record
    return list(found.values())


def append(path: str | Path, record: Record) -> None:
    """Add a record as a line of its own, also after one that was left half written."""
    path = Path(path)
    torn = path.exists() and (text := path.read_bytes()) and not text.endswith(b"\n")
    with path.open("a", encoding="utf-8") as out:
        out.write("\n" * bool(torn) + json.dumps(record) + "\n")


def job_of(record: Mapping[str, Any]) -> Job:
    """Which fit a record is about."""
    return record["table"], record["peer"], record["split"]


def to_do(
    tables: Sequence[str], peers: Sequence[str], splits: int, records: Iterable[Record], retry: bool = False
) -> list[Job]:
    """The fits that have no record yet, all of the first split first; with `retry` those that failed as well."""
    done = {job_of(record) for record in records if "table" in record and not (retry and "failed" in record)}
    wanted = [(table, peer, split) for split in range(splits) for peer in peers for table in tables]
    return [job for job in wanted if job not in done]


class Workers:
    """Starts processes in the environment of the peers, with one thread each and nnlite on NumPy alone."""

    def __init__(self, python: str, housing: str | None) -> None:
        self.python = python
        path = housing or os.environ.get(HOUSING)
        self.environment = environment(1, "numpy") | ({HOUSING: os.path.abspath(path)} if path else {})

    def ask(self, *arguments: Any) -> Record:
        """The answer to a command; without one, `failed` says why."""
        command = [self.python, "-m", "benchmarks.tabular.worker", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)
        if done.returncode == 0:
            return json.loads(done.stdout)
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL) and arguments[0] == "fit":
            return {"failed": f"stopped: no end within {arguments[-1]} processor seconds, or not enough memory"}
        return {"failed": (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]}


def available(workers: Workers, tables: Sequence[str], peers: Sequence[str]) -> tuple[list[str], list[str]]:
    """The tables and peers that are there; the others are named with the reason."""
    answer = workers.ask("present", ",".join(tables), ",".join(peers))
    if "failed" in answer:
        raise SystemExit(f"{workers.python} cannot run the comparison: {answer['failed']}")
    for name, reason in (answer["tables"] | answer["peers"]).items():
        print(f"left out: {name}: {reason}", file=sys.stderr, flush=True)
    return [name for name in tables if name not in answer["tables"]], [n for n in peers if n not in answer["peers"]]


def run(workers: Workers, jobs: Sequence[Job], path: str | Path, limit: int, at_once: int) -> Iterator[Record]:
    """Carry out fits, `at_once` at a time; each record is written down before it is handed on."""
    lock = threading.Lock()

    def one(job: Job) -> Record:
        table, peer, split = job
        record = {"table": table, "peer": peer, "split": split, **workers.ask("fit", *job, limit)}
        with lock:
            append(path, record)
        return record

    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(one, jobs)


def line(record: Record) -> str:
    """A record for the terminal."""
    head = f"{record['table']} {PEERS[record['peer']].title} split {record['split']}: "
    if "failed" in record:
        return f"{head}FAILED {record['failed']}"
    scores = ", ".join(f"{name} {record[name]:.4f}" for name in ("logloss", "error", "auc", "rmse") if name in record)
    return f"{head}{scores}; {record['cpu']:.1f} processor seconds, {record['mib']:.0f} MiB"
