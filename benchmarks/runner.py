"""Runs the contestants of a case in processes of their own, round by round, one after the other."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
THROWN_AWAY = 3  # first rounds
PAUSE = 0.1  # seconds before a round with several threads: those of the one before spin for a while, as if at work
KERNELS = {"nnlite": "numpy", "nnlite fast": "numba"}  # nnlite takes part twice
OWN = (*KERNELS, "floor", "by hand")  # contestants that are no peers
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
    # Peers were compiled to bytecode when they were installed; so is nnlite, by the rounds that are thrown away.
    left_out = ("OPENBLAS_", "PYTHONDONTWRITEBYTECODE")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**outer, **fixed, **chosen, "XLA_FLAGS": flags, "PYTHONPATH": str(ROOT)}


class Contestant:
    """A worker process; `reason` says why it takes no part, None while it does."""

    def __init__(self, engine, case, options):
        self.engine = engine
        self.case = case
        self.pause = PAUSE if options.threads > 1 else 0
        self.reason = None
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop
        arguments = [engine, case.name, str(options.threads), options.batches]
        self.process = subprocess.Popen(
            [options.python, "-m", "benchmarks.peers.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            cwd=ROOT,
            env=environment(options.threads, KERNELS.get(engine)),
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


@contextlib.contextmanager
def prepared(entries, options):
    """A contestant for each `(engine, case)`, ready for rounds; they are stopped at the end."""
    contestants = [Contestant(engine, case, options) for engine, case in entries]
    try:
        for contestant in contestants:
            contestant.ask("prepare")
        reasons = [contestant.reason for contestant in contestants if contestant.engine in KERNELS]
        if None not in reasons:
            raise SystemExit(f"nnlite itself cannot take part: {reasons[0]}")
        yield contestants
    finally:
        for contestant in contestants:
            contestant.stop()


def take_turns(contestants, rounds) -> list[list[dict]]:
    """What each contestant answers to `rounds` rounds, after those thrown away."""
    answers = [[] for _ in contestants]
    for number in range(THROWN_AWAY + rounds):
        turn = number % len(contestants)  # nobody always comes after the same one
        for index in (*range(turn, len(contestants)), *range(turn)):
            time.sleep(contestants[index].pause)
            answers[index].append(contestants[index].ask("round"))
    return [own[THROWN_AWAY:] for own in answers]


def entrants(options) -> list[str]:
    """nnlite with each of the wanted kernels."""
    return [name for name, kernels in KERNELS.items() if kernels in options.kernels]


def run_case(case, options) -> dict:
    """Everything measured about one case, as plain values."""
    peers = [name for family in options.peers for name in FAMILIES[family]]
    engines = [*entrants(options), "floor", "by hand", *peers]
    with prepared([(engine, case) for engine in engines], options) as contestants:
        rounds = take_turns(contestants, options.rounds)
        results = {
            contestant.engine: _result(contestant, own) for contestant, own in zip(contestants, rounds, strict=True)
        }
    return {"case": case.name, "threads": options.threads, "batches": options.batches} | compared(results, case)


def _result(contestant, rounds) -> dict:
    about = contestant.ask("memory")  # before a second net is built
    losses = None if contestant.engine == "floor" else contestant.ask("losses").get("losses")
    rounded = contestant.ask("sensitivity").get("losses") if contestant.engine in KERNELS else None
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
    """The results with what follows from them: who is right, who is the best peer, and the ratios.

    Losses are compared with those of nnlite's first entrant, its second one's too. A ratio is the median over rounds
    of the two times of one round.
    """
    present = {name: result for name, result in results.items() if "absent" not in result}
    own = [present[name] for name in KERNELS if name in present]
    for result in own:
        moved = [max(map(difference, result["losses"][-20:], rounded[-20:])) for rounded in result["rounded"]]
        result["sensitivity"] = statistics.median(moved)
    others = {name: result for name, result in present.items() if name != "floor" and result is not own[0]}
    for result in others.values():
        result["difference"] = difference(own[0]["losses"][-1], result["losses"][-1])
        result["agrees"] = agree(own[0]["losses"], result["losses"], own[0]["sensitivity"])
    peers = {name: result["seconds"] for name, result in others.items() if name not in OWN and result["agrees"]}
    for result in own:
        result["ratios"] = {name: ratio(seconds, result["seconds"]) for name, seconds in peers.items()}
        result["floor_ratio"] = ratio(result["seconds"], present["floor"]["seconds"])
    return {
        "contestants": results,
        "best": min(peers, key=lambda name: statistics.median(peers[name]), default=None),
        "agree": all(result["agrees"] for result in others.values()),
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
