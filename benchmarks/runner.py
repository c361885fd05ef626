"""Runs the contestants of a case in processes of their own, round by round, one after the other."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
THROWN_AWAY = 3  # first rounds
OWN = ("nnlite", "floor", "by hand")  # contestants that are no peers
FAMILIES = {
    "torch": ("torch", "torch.compile"),
    "jax": ("jax",),
    "keras": ("keras",),
    "sklearn": ("sklearn",),
    "thinc": ("thinc",),
}


def environment(threads: int, kernels: str | None = None) -> dict:
    """The environment of a worker: numbers of threads fixed, nnlite's kernels chosen, those of a library by itself."""
    # OPENBLAS_CORETYPE and the like would slow one side alone.
    names = ("OPENBLAS", "OMP", "MKL", "NUMEXPR", "VECLIB_MAXIMUM", "BLIS", "NUMBA")
    fixed = {f"{name}_NUM_THREADS": str(threads) for name in names}
    flags = f"--xla_cpu_multi_thread_eigen={'false' if threads == 1 else 'true'} intra_op_parallelism_threads={threads}"
    chosen = {"NNLITE_KERNELS": kernels} if kernels else {}
    outer = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS_")}
    return {**outer, **fixed, **chosen, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)}


class Contestant:
    """A worker process; `reason` says why it takes no part, None while it does."""

    def __init__(self, engine, case, options):
        self.engine = engine
        self.reason = None
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop
        python = sys.executable if engine in OWN else options.python
        arguments = [engine, case.name, str(options.threads), options.batches]
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env=environment(options.threads, options.kernels),
        )

    def ask(self, command) -> dict:
        """The answer to a command; {} from one that takes no part."""
        if self.reason is not None:
            return {}
        with contextlib.suppress(BrokenPipeError):  # its last line says why
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"absent": self._last_words()}
        self.reason = answer.get("absent")
        return answer

    def _last_words(self):
        self.process.wait()
        self.errors.seek(0)
        return (self.errors.read().strip().splitlines() or ["it stopped without a word"])[-1]

    def stop(self):
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.errors.close()


def run_case(case, options) -> dict:
    """Everything measured about one case, as plain values."""
    engines = [*OWN, *(name for family in options.peers for name in FAMILIES[family])]
    contestants = [Contestant(engine, case, options) for engine in engines]
    try:
        for contestant in contestants:
            contestant.ask("prepare")
        rounds = {contestant.engine: [] for contestant in contestants}
        for number in range(THROWN_AWAY + options.rounds):
            turn = number % len(contestants)  # nobody always comes after the same one
            for contestant in contestants[turn:] + contestants[:turn]:
                rounds[contestant.engine].append(contestant.ask("round"))
        results = {
            contestant.engine: _result(contestant, rounds[contestant.engine][THROWN_AWAY:])
            for contestant in contestants
        }
    finally:
        for contestant in contestants:
            contestant.stop()
    return {"case": case.name, "threads": options.threads, "batches": options.batches} | compared(results, case)


def _result(contestant, rounds) -> dict:
    about = contestant.ask("memory")  # before a second net is built
    losses = None if contestant.engine == "floor" else contestant.ask("losses").get("losses")
    rounded = contestant.ask("sensitivity").get("losses") if contestant.engine == "nnlite" else None
    if contestant.reason is not None:
        return {"absent": contestant.reason}
    seconds = [own["seconds"] for own in rounds]
    busy = statistics.median(own["busy"] for own in rounds)
    return {"seconds": seconds, "quartiles": quartiles(seconds), "busy": busy, **about, "losses": losses} | (
        {"rounded": rounded} if rounded else {}
    )


def quartiles(seconds) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return statistics.quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3


def compared(results, case) -> dict:
    """The results with what follows from them: who is right, and the ratios.

    A ratio is the median over rounds of the two times of one round.
    """
    own = results["nnlite"]
    own["sensitivity"] = statistics.median(
        max(map(difference, own["losses"][-20:], rounded[-20:])) for rounded in own["rounded"]
    )
    peers = {name: result for name, result in results.items() if name not in ("nnlite", "floor")}
    for result in peers.values():
        if "absent" not in result:
            result["difference"] = difference(own["losses"][-1], result["losses"][-1])
            result["agrees"] = agree(own["losses"], result["losses"], own["sensitivity"])
            result["ratio"] = ratio(result["seconds"], own["seconds"])
    ratios = {name: peer["ratio"] for name, peer in peers.items() if peer.get("agrees") and name not in OWN}
    best = min(ratios, key=ratios.get, default=None)
    return {
        "contestants": results,
        "best": best,
        "ratio": ratios.get(best),
        "floor_ratio": ratio(own["seconds"], results["floor"]["seconds"]),
        "agree": all(peer.get("agrees", True) for peer in peers.values()),
    }


def agree(ours, theirs, sensitivity, tolerance=1e-4) -> bool:
    """Whether two nets do the same: the first ten losses and the last one differ by at most `tolerance`.

    The last one may differ by ten times the sensitivity if that is more: by what comes of rounding.
    """
    early = all(difference(*pair) <= tolerance for pair in zip(ours[:-1][:10], theirs[:-1][:10], strict=True))
    return early and difference(ours[-1], theirs[-1]) <= max(tolerance, 10 * sensitivity)


def difference(our, their) -> float:
    """The relative difference of two losses."""
    return abs(our - their) / max(abs(their), 1e-30)


def ratio(seconds, others) -> float:
    """The median over rounds of `seconds / others`."""
    return statistics.median(one / other for one, other in zip(seconds, others, strict=True))


def machine() -> dict:
    """What the numbers depend on besides the code."""
    model = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": model, "cores": os.cpu_count(), "python": platform.python_version(), "load": load}
