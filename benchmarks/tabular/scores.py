"""Records of fits become ranks and ratios. A fit that failed counts as infinitely bad.

Two models are compared over the splits that both were given, so that a slow one may have seen fewer of them.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]
Splits = Mapping[int, float]  # split: value, smaller is better
Values = dict[str, dict[str, dict[int, float]]]  # table: peer: splits


def loss(record: Record) -> float:
    """Log-loss, or RMSE in standard deviations of the target."""
    return record["logloss"] if "logloss" in record else record["rmse"]


def error(record: Record) -> float:
    """Error rate, or RMSE."""
    return record["error"] if "error" in record else record["rmse"]


def missing_area(record: Record) -> float:
    """1 - AUC, or RMSE."""
    return 1 - record["auc"] if "auc" in record else record["rmse"]


def values(records: Iterable[Record], measure: Callable[[Record], float]) -> Values:
    """`measure` of each fit by table, peer and split."""
    found: Values = {}
    for record in records:
        value = math.inf if "failed" in record else measure(record)
        found.setdefault(record["table"], {}).setdefault(record["peer"], {})[record["split"]] = value
    return found


def paired_means(one: Splits, other: Splits) -> tuple[float, float] | None:
    """The means of both over the splits that both have; None without any."""
    common = sorted(one.keys() & other.keys())
    return (statistics.fmean(one[s] for s in common), statistics.fmean(other[s] for s in common)) if common else None


def ranks(peers: Mapping[str, Splits]) -> dict[str, float]:
    """The rank of each peer on one table: 1 + how many are better, and 1/2 for each that is equal."""
    found = {}
    for name, own in peers.items():
        pairs = [paired_means(own, other) for peer, other in peers.items() if peer != name]
        found[name] = 1 + sum((theirs < ours) + 0.5 * (theirs == ours) for ours, theirs in filter(None, pairs))
    return found


def mean_ranks(found: Values) -> dict[str, float]:
    """The mean over tables of the rank of each peer, best first."""
    collected: dict[str, list[float]] = {}
    for peers in found.values():
        for name, rank in ranks(peers).items():
            collected.setdefault(name, []).append(rank)
    means = {name: statistics.fmean(own) for name, own in collected.items()}
    return dict(sorted(means.items(), key=lambda item: item[1]))


def ratios(found: Values, peer: str, reference: str) -> dict[str, float]:
    """The loss of `peer` / the loss of `reference` on each table where both were given the same split.

    Where the reference failed as well there is none; where `peer` alone failed it is infinite.
    """
    pairs = {
        table: paired_means(peers[peer], peers[reference])
        for table, peers in found.items()
        if peer in peers and reference in peers
    }
    return {table: pair[0] / pair[1] for table, pair in pairs.items() if pair and math.isfinite(pair[1])}


def geometric_mean(numbers: Iterable[float]) -> float:
    """exp(mean(log)) of finite positive numbers; nan of none, inf where one of them is."""
    given = list(numbers)
    return math.exp(statistics.fmean(map(math.log, given))) if given else math.nan


def within(numbers: Iterable[float], share: float) -> int:
    """How many ratios are at most 1 + `share`."""
    return sum(number <= 1 + share for number in numbers)


def mean_over_tables(records: Iterable[Record], key: str) -> dict[str, float]:
    """The mean over tables of the mean over splits of `key`, of each peer; fits without it are passed over."""
    collected: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if key in record:
            collected.setdefault(record["peer"], {}).setdefault(record["table"], []).append(record[key])
    return {peer: statistics.fmean(map(statistics.fmean, tables.values())) for peer, tables in collected.items()}


def largest(records: Iterable[Record], key: str) -> dict[str, float]:
    """The largest `key` of each peer."""
    found: dict[str, float] = {}
    for record in records:
        if key in record:
            found[record["peer"]] = max(record[key], found.get(record["peer"], -math.inf))
    return found
