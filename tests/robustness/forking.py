"""Commands as processes of their own that need no second to import what they use: forks of one that has it loaded.

A fork is killed, interrupted and waited for as any other process; `python -m nnlite` differs in its imports alone.
"""

import builtins
import json
import os
import signal
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

    def start(self, folder: Path, *arguments: str, failing: tuple[int, int] | None = None) -> "Fork":
        """A command, running in a folder.

        Args:
            folder: in which it runs.
            arguments: of the command.
            failing: the number of the write from which on all writes fail, and with which error; KILLED for a write
                that kills the process.
        """
        errors = folder / f"stderr{len(list(folder.glob('stderr*')))}"
        errors.touch()  # a fork may be killed before it does anything
        return Fork(self, self.ask("start", str(folder), str(errors), arguments, failing), errors)

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
        self.interrupt(signal.SIGKILL)

    def interrupt(self, number: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; what it wrote to the standard error."""
        if self.returncode is None:
            self.returncode = self.forks.ask("wait", self.pid)
        return "", self.errors.read_text()


RUNNING = 1000  # instead of an exit code
KILLED = 0  # instead of the number of an error


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


def run(main, folder: str, errors: str, arguments: list[str], failing: tuple[int, int] | None) -> None:
    """Run a command in the fork, and end it."""
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0), os.dup2(null, 1)
    os.chdir(folder)
    if failing is not None:
        fail_from(folder, *failing)
    code = 1
    try:
        code = main(arguments)
        for number in (signal.SIGINT, signal.SIGTERM):  # which come too late to change how it ended
            signal.signal(number, signal.SIG_IGN)
    finally:
        sys.stderr.flush()
        os._exit(code)


def fail_from(folder: str, first: int, error: int) -> None:
    """Let all writes below a folder fail, from the `first` on, as on a disk that is full or read-only from then on.

    With KILLED for the error, that write ends the process.
    """
    count = [0]

    def failing(function, is_write):
        def call(path, *given, **more):
            if is_write(given, more) and os.path.abspath(os.fspath(path)).startswith(folder):
                count[0] += 1
                if count[0] >= first and error == KILLED:
                    os.kill(os.getpid(), signal.SIGKILL)
                if count[0] >= first:
                    raise OSError(error, os.strerror(error), str(path))
            return function(path, *given, **more)

        return call

    def opens_to_write(given, more):
        return bool((given[0] if given else more["flags"]) & (os.O_WRONLY | os.O_RDWR))

    os.open = failing(os.open, opens_to_write)
    for name in ("replace", "link", "mkdir"):
        setattr(os, name, failing(getattr(os, name), lambda given, more: True))
    builtins.open = failing(open, lambda given, more: bool(set(str(given[0] if given else "r")) & set("wax+")))


if __name__ == "__main__":
    serve()
