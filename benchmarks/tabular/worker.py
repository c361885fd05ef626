"""What happens in a process of its own, in the environment of the peers; the answer is one line of JSON.

python -m benchmarks.tabular.worker present TABLES PEERS      what of them is installed here, else why not
python -m benchmarks.tabular.worker sizes TABLE               rows, columns, gaps
python -m benchmarks.tabular.worker fit TABLE PEER SPLIT LIMIT   one fit and what it is worth on the test rows
"""

import importlib.metadata
import importlib.util
import json
import os
import resource
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks.tabular.peers import PEERS, Task
from benchmarks.tabular.sets import TABLES, Absent

SMALLEST = 1e-7  # a probability that a log-loss reckons with
MESSAGE = 300  # characters of an error that are kept


def present(tables: str, peers: str) -> dict[str, dict[str, str]]:
    """Names of absent tables and peers, with the reason."""
    wanted = [(name, TABLES[name].module) for name in tables.split(",")]
    absent = {name: reason for name, module in wanted if (reason := _missing(module) or _unreadable(name))}
    others = {name: _missing(PEERS[name].module) for name in peers.split(",") if name}
    return {"tables": absent, "peers": {name: reason for name, reason in others.items() if reason}}


def _missing(module):
    return None if importlib.util.find_spec(module) else f"No module named '{module}'"


def _unreadable(name):
    try:
        TABLES[name].read()
    except Absent as error:
        return str(error)
    return None


def sizes(name: str) -> dict[str, Any]:
    """What a table is like."""
    X, y = TABLES[name].load()
    task = Task.of(TABLES[name].task, X, 0)
    return {
        "rows": len(X),
        "numbers": len(task.numbers),
        "texts": len(task.texts),
        "levels": max((X[text].nunique() for text in task.texts), default=0),
        "gaps": int(X.isna().any(axis=1).sum()),
        "classes": len(np.unique(y)) if task.classes else None,
    }


def fit(name: str, peer: str, split: str, limit: str) -> dict[str, Any]:
    """Scores, processor and wall seconds of the fit, and by how many MiB the largest resident memory grew."""
    X, X_test, y, y_test = TABLES[name].split(int(split))
    task = Task.of(TABLES[name].task, X, int(split))
    model = PEERS[peer].make(task)
    about = {"version": _version(peer), "rows": len(X)}
    used = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (used + int(limit), used + int(limit) + 5))
    try:
        return {**about, **_fitted(model, task, (X, y), (X_test, y_test))}
    except Exception as error:  # a peer's failure is a result
        return {**about, "failed": f"{type(error).__name__}: {error}"[:MESSAGE]}


def _fitted(model, task, training, test):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = time.perf_counter(), time.process_time()
    model.fit(*training)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    X_test, y_test = test
    start = time.process_time()
    predicted = np.asarray((model.predict_proba if task.classes else model.predict)(X_test), float)
    seconds = {"cpu": cpu, "wall": wall, "predict_cpu": time.process_time() - start}
    score = class_scores if task.classes else number_scores
    return {**score(predicted, y_test, training[1]), **seconds, "mib": grown}


def class_scores(probabilities: np.ndarray, y_test: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Log-loss, error rate and area under the ROC curve, each class against the rest where there are several."""
    from sklearn.metrics import log_loss, roc_auc_score

    _check_finite(probabilities)
    shares = np.clip(probabilities, SMALLEST, 1)
    shares /= shares.sum(axis=1, keepdims=True)
    auc = roc_auc_score(y_test, shares[:, 1] if shares.shape[1] == 2 else shares, multi_class="ovr")
    return {
        "logloss": float(log_loss(y_test, shares, labels=np.unique(y))),
        "error": float((shares.argmax(axis=1) != y_test).mean()),
        "auc": float(auc),
    }


def number_scores(predicted: np.ndarray, y_test: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """The root mean squared error in standard deviations of the training targets."""
    _check_finite(predicted)
    return {"rmse": float(np.sqrt(np.mean((predicted.ravel() - y_test) ** 2)) / y.std())}


def _check_finite(predicted):
    if not np.isfinite(predicted).all():
        raise ValueError(f"{(~np.isfinite(predicted)).sum()} predictions are not finite")


def _version(peer):
    try:
        return importlib.metadata.version(PEERS[peer].distribution)
    except importlib.metadata.PackageNotFoundError:  # nnlite run from its sources
        return None


def main(command: str, *arguments: str) -> None:
    """Carry out one command."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not come before the answer
    warnings.simplefilter("ignore")
    answers.write(json.dumps({"present": present, "sizes": sizes, "fit": fit}[command](*arguments)) + "\n")
    answers.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
