"""Circuits beside pgmpy and pyAgrum, and the likelihoods that learnt trees reach.

    python -m benchmarks.circuits --networks DIR [--names alarm insurance ...]
    python -m benchmarks.circuits --density DIR [--sets nltcs plants baudio]

The first one needs pgmpy and pyAgrum, and BIF files of the networks, such as those of bnlearn's repository. 50 rows of
which each knows another 30 % of the variables: all marginals by one circuit, compiling left out, against pgmpy's
variable elimination for three marginals each; 1,000 such rows against pyAgrum's lazy propagation; one row alone. Times
are medians of interleaved runs on one thread; pgmpy's is that of 15 rows times 50 / 15, pyAgrum's of 100 times 10.

The second one needs the binary density sets as `NAME.{train,valid,test}.data`, rows of 0 and 1 with commas: the mean
log-likelihood of the test rows by `CircuitDensity`, epochs chosen by the validation rows, and the seconds of `fit`.
"""

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nnlite.circuits import BayesianNetwork, Circuit

__all__ = ["evidence_of", "patterns"]

ROUNDS = 5
ASKED_PGMPY, ASKED_AGRUM = 15, 100  # rows
NETWORKS = ("asia", "sachs", "child", "insurance", "alarm", "hepar2", "win95pts")
SETS = ("nltcs", "plants", "baudio")


def patterns(network: BayesianNetwork, count: int, seed: int = 0, share: float = 0.3) -> np.ndarray:
    """Sampled rows of state numbers, of which each knows a random share of the cells; -1 elsewhere."""
    rows = network.sample(count, seed)
    return np.where(np.random.default_rng(seed).random(rows.shape) < share, rows, -1)


def evidence_of(network: BayesianNetwork, rows: np.ndarray) -> list[dict[str, str]]:
    """The same as dicts of names."""
    return [
        {name: network.states[name][code] for name, code in zip(network.variables, row, strict=True) if code >= 0}
        for row in rows.tolist()
    ]


def seconds(run: Callable[[], Any]) -> float:
    """Of one run."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def by_pgmpy(path: Path, evidence: list[dict[str, str]]) -> Callable[[], list[dict[str, Any]]]:
    """Three marginals for each row, as factors."""
    from pgmpy.inference import VariableElimination  # pyright: ignore[reportMissingImports]
    from pgmpy.readwrite import BIFReader  # pyright: ignore[reportMissingImports]

    logging.disable(logging.CRITICAL)
    model: Any = BIFReader(str(path)).get_model()
    for table in model.get_cpds():
        table.normalize()  # files are rounded
    inference = VariableElimination(model)
    generator = np.random.default_rng(1)
    free = [[name for name in model.nodes() if name not in row] for row in evidence]
    chosen = [[str(name) for name in generator.choice(names, 3, replace=False)] for names in free]

    def run() -> list[dict[str, Any]]:
        return [
            {name: inference.query([name], evidence=row, show_progress=False) for name in names}
            for row, names in zip(evidence, chosen, strict=True)
        ]

    return run


def difference(network: BayesianNetwork, ours: dict[str, np.ndarray], answers: list[dict[str, Any]]) -> float:
    """The largest one between our posteriors and pgmpy's."""
    largest = 0.0
    for row, answer in enumerate(answers):
        for name, factor in answer.items():
            theirs = [factor.get_value(**{name: state}) for state in network.states[name]]
            largest = max(largest, float(np.abs(ours[name][row] - theirs).max()))
    return largest


def by_agrum(network: BayesianNetwork, rows: np.ndarray) -> Callable[[], None]:
    """All marginals of each row by lazy propagation; states are numbered, as pyAgrum reads no "/" in their names."""
    import pyagrum  # pyright: ignore[reportMissingImports]

    numbered = {name: [f"s{code}" for code in range(len(states))] for name, states in network.states.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.bif"
        BayesianNetwork(numbered, network.parents, network.cpts).to_bif(path)
        model = pyagrum.loadBN(str(path))
    inference = pyagrum.LazyPropagation(model)
    evidence = [
        {name: code for name, code in zip(network.variables, row, strict=True) if code >= 0} for row in rows.tolist()
    ]

    def run() -> None:
        for row in evidence:
            inference.setEvidence(row)
            inference.makeInference()
            for name in network.variables:
                inference.posterior(name)

    return run


def compare(path: Path) -> str:
    """A line of the table."""
    network = BayesianNetwork.from_bif(path)
    compiled = seconds(lambda: Circuit(network))
    circuit = Circuit(network)
    few, many = patterns(network, 50), patterns(network, 1000)
    pgmpy = by_pgmpy(path, evidence_of(network, few[:ASKED_PGMPY]))
    agrum = by_agrum(network, many[:ASKED_AGRUM])
    runs: list[Callable[[], Any]] = [
        lambda: circuit.marginals(few),
        lambda: circuit.marginals(many),
        lambda: circuit.marginals(few[:1]),
        pgmpy,
        agrum,
    ]
    far = difference(network, circuit.marginals(few), pgmpy())
    for run in runs[:3]:
        run()
    taken = [[seconds(run) for run in runs] for _ in range(ROUNDS)]
    batch, thousand, one, theirs, lazy = (statistics.median(column) for column in zip(*taken, strict=True))
    theirs, lazy = theirs * len(few) / ASKED_PGMPY, lazy * len(many) / ASKED_AGRUM
    return (
        f"{path.stem:12}{compiled:8.3f}{batch * 1e3:9.2f}{theirs * 1e3:9.1f}{theirs / batch:8.1f}"
        f"{thousand:10.4f}{lazy:9.2f}{thousand / (lazy / 50):9.2f}{one * 1e3:8.2f}{far:10.1e}"
    )


def learnt(folder: Path, name: str) -> None:
    """Print the likelihoods of both trees on one set."""
    from nnlite.estimators import CircuitDensity

    parts = {
        part: np.loadtxt(folder / f"{name}.{part}.data", delimiter=",", dtype=int)
        for part in ("train", "valid", "test")
    }
    for structure in ("chow_liu", "hclt"):
        density = CircuitDensity(structure, random_state=0)
        taken = seconds(lambda: density.fit(parts["train"], X_val=parts["valid"]))  # noqa: B023
        epochs = len(density.history_["log_likelihood"])
        print(f"{name:12}{structure:10}{density.score(parts['test']):10.4f}{taken:8.1f}{epochs:8}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--networks", type=Path)
    parser.add_argument("--names", nargs="*", default=NETWORKS)
    parser.add_argument("--density", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    options = parser.parse_args()
    if options.networks is not None:
        print("network      compile  50 rows    pgmpy   times 1,000 rows  pyAgrum  of 1/50 one row  from pgmpy")
        print("                   s       ms       ms                 s        s               ms")
        for name in options.names:
            print(compare(options.networks / f"{name}.bif"), flush=True)
    if options.density is not None:
        print("set         structure      test       s  epochs")
        for name in options.sets:
            learnt(options.density, name)


if __name__ == "__main__":
    main()
