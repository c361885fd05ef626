"""One engine in a process of its own: reads a command per line of standard input, answers with a line of JSON.

    python -m benchmarks.peers.worker ENGINE CASE THREADS BATCHES

Commands: `prepare`, `round`, `memory`, `step_memory`, `losses`, `sensitivity`. BATCHES is `numpy`, when
batches are handed over as NumPy arrays within the time that is measured, or `converted`, when the engine has had them
in its own form before.
"""

import importlib
import json
import os
import platform
import resource
import sys
import time
import tracemalloc
from dataclasses import replace

import numpy as np

from benchmarks.cases import BATCHES, named
from benchmarks.peers.base import Unsupported

# Name of a contestant, its module, its class.
ENGINES = {
    "nnlite": ("benchmarks.peers.with_nnlite", "NNLite"),
    "nnlite fast": ("benchmarks.peers.with_fast", "NNLite"),
    "floor": ("benchmarks.floor", "Floor"),
    "by hand": ("benchmarks.peers.by_hand", "Handwritten"),
    "torch": ("benchmarks.peers.with_torch", "Torch"),
    "torch.compile": ("benchmarks.peers.with_torch", "CompiledTorch"),
    "jax": ("benchmarks.peers.with_jax", "Jax"),
    "keras": ("benchmarks.peers.with_keras", "Keras"),
    "sklearn": ("benchmarks.peers.with_sklearn", "SklearnMLP"),
    "thinc": ("benchmarks.peers.with_thinc", "Thinc"),
}


def keep_to(processors: int) -> None:
    """Let this process have so many processors: XLA takes more threads than its flags allow."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-processors:])


class Worker:
    """Carries out the commands for one engine and one case."""

    def __init__(self, engine, case, threads, batches):
        self.case = case
        self.threads = threads
        self.converted = batches == "converted"
        module, name = ENGINES[engine]
        self.engine = getattr(importlib.import_module(module), name)

    def prepare(self):
        """Build the net, and run each batch once."""
        self.peer = self.engine(self.case, self.threads)
        change = self.peer.convert if self.converted else np.asarray
        self.batches = [tuple(change(part) for part in self.case.example(number)) for number in range(BATCHES)]
        self.take = (lambda array: array) if self.converted else self.peer.take
        if self.case.kind == "fit":
            examples = [self.case.example(number) for number in range(self.case.steps)]
            self.epoch = [np.concatenate(parts) for parts in zip(*examples, strict=True)]
        self._steps(min(BATCHES, self.case.steps))
        return {"ready": True}

    def round(self):
        """Seconds per step, and how many processors were at work on average."""
        start, used = time.perf_counter(), time.process_time()
        self._steps(self.case.steps)
        seconds = time.perf_counter() - start
        return {"seconds": seconds / self.case.steps, "busy": (time.process_time() - used) / seconds}

    def _steps(self, count):
        if self.case.kind == "fit":
            rows = slice(count * self.case.batch)
            x, y = (part[rows] for part in self.epoch)
            self.peer.train(x, y, self.case.batch, 1, np.random.default_rng(count))
            return
        batches, take, step, predict = self.batches, self.take, self.peer.step, self.peer.predict
        if self.case.trains:
            for number in range(count):
                x, y = batches[number % BATCHES]
                result = step(take(x), take(y))
        else:
            for number in range(count):
                result = predict(take(batches[number % BATCHES][0]))
        self.peer.wait(result)

    def losses(self):
        """The loss of each step of a net of its own, without dropout; for prediction how large the outputs are."""
        return {"losses": self._losses(0.0)}

    def sensitivity(self):
        """The same three times, after the first weights were changed by about the rounding error of a long sum."""
        return {"losses": [self._losses(jitter) for jitter in (1e-6, -1e-6, 2e-6)]}

    def _losses(self, jitter):
        case = replace(self.case.without_dropout(), jitter=jitter)
        peer = self.engine(case, self.threads)
        if not case.trains:
            return [self._size_of_outputs(peer)]
        found = []
        for number in range(case.compared):
            x, y = case.example(number)
            found.append(peer.exact_loss(peer.take(x), peer.take(y)))
        return found

    def _size_of_outputs(self, peer):
        outputs = np.asarray(peer.predict(peer.take(self.case.example(0)[0])), np.float64)
        if self.case.loss == "crossentropy":
            if not peer.probabilities:
                outputs = np.exp(outputs)
                outputs /= outputs.sum(axis=-1, keepdims=True)
            outputs = outputs[:, ::2]  # all of them sum up to 1, whatever the net
        return float(abs(outputs).mean())

    def memory(self):
        """The largest resident memory of this process so far, in MiB, and what it runs on."""
        try:
            from threadpoolctl import threadpool_info
        except ImportError:
            blas = None
        else:
            blas = next((own.get("architecture") for own in threadpool_info() if own["user_api"] == "blas"), None)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        chosen = os.environ.get("NNLITE_KERNELS")
        return {"peak": peak, "blas": blas, "python": platform.python_version(), "kernels": chosen}

    def step_memory(self):
        """Bytes that training steps take at most beyond the net itself: of a fresh net after a step of two rows."""
        peer = self.engine(self.case, self.threads)
        x, y = (peer.take(part) for part in self.case.example(0))
        peer.step(*(np.resize(part, (2, *part.shape[1:])) for part in (x, y)))
        tracemalloc.start()
        peer.step(x, y)
        peer.step(x, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return {"bytes": peak}


def main(engine, case, threads, batches):
    keep_to(int(threads))
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what engines print must not come between answers
    try:
        worker = Worker(engine, named(case), int(threads), batches)
        for line in sys.stdin:
            answers.write(json.dumps(getattr(worker, line.strip())()) + "\n")
    except (ImportError, Unsupported) as error:
        answers.write(json.dumps({"absent": str(error)}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
