"""Commands as processes of their own that need no second to import what they use: forks of one that has it loaded.

A fork is killed, interrupted and waited for as any other process; `python -m nnlite` differs in its imports alone.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


class Forks:
    """A process that forks a command of nnlite for each line it reads.

    Args:
        environment: its environment variables, and those of all commands.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, *request: object) -> int:
        """The answer to one line."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def start(self, folder: Path, *arguments: str) -> "Fork":
        """A command, running in a folder."""
        errors = folder / f"stderr{len(list(folder.glob('stderr*')))}"
        errors.touch()  # a fork may be killed before it does anything
        return Fork(self, self.ask("start", str(folder), str(errors), arguments), errors)

    def close(self) -> None:
        """End the process; commands that still run are not waited for."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Fork:
    """A command that runs, used as a `subprocess.Popen`."""

    def __init__(self, forks: Forks, pid: int, errors: Path) -> None:
        self.forks, self.pid, self.errors = forks, pid, errors
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or minus the signal; None while it runs."""
        if self.returncode is None:
            code = self.forks.ask("poll", self.pid)
            self.returncode = None if code == RUNNING else code
        return self.returncode

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, 9)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it wrote to the standard error."""
        if self.returncode is None:
            self.returncode = self.forks.ask("wait", self.pid)
        return "", self.errors.read_text()


RUNNING = 1000


def serve() -> None:
    """Fork a command for each line of the standard input that says so; wait for one where it says that."""
    from nnlite.cli import main
    from nnlite.experiment import Experiment, resume, train  # noqa: F401 - loaded once for all

    for line in sys.stdin:
        kind, *given = json.loads(line)
        if kind == "start":
            pid = os.fork()
            if pid == 0:
                run(main, *given)
            print(pid, flush=True)
        else:
            pid, status = os.waitpid(given[0], os.WNOHANG if kind == "poll" else 0)
            print(os.waitstatus_to_exitcode(status) if pid else RUNNING, flush=True)


def run(main, folder: str, errors: str, arguments: list[str]) -> None:
    """Run a command in the fork, and end it."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0), os.dup2(null, 1)
    os.chdir(folder)
    code = 1
    try:
        code = main(arguments)
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
