"""Records as tables of Markdown."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report import table
from benchmarks.tabular import scores
from benchmarks.tabular.peers import PEERS
from benchmarks.tabular.sets import TABLES

CLOSE = 0.03


def markdown(records: Sequence[Mapping[str, Any]], reference: str = "catboost") -> str:
    """What was run where, a row per model, the loss of each on each table, what failed."""
    fits = [record for record in records if "table" in record]
    if not fits:
        return "No fits yet.\n"
    losses = scores.values(fits, scores.loss)
    order = list(scores.mean_ranks(losses))
    parts = [_heading(records, fits), _summary(fits, losses, order, reference), _losses(losses, order), *_failed(fits)]
    return "\n\n".join(parts) + "\n"


def _heading(records, fits):
    runs = [record for record in records if "machine" in record]
    dates = sorted({run["date"] for run in runs})
    machines = sorted({f"{run['machine']['processor']}, {run['machine']['cores']} cores" for run in runs})
    versions = {PEERS[fit["peer"]].distribution: fit["version"] for fit in fits if fit.get("version")}
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "nnlite")
    when = " to ".join(dict.fromkeys([*dates[:1], *dates[-1:]]))
    splits = len({fit["split"] for fit in fits})
    tables = len({fit["table"] for fit in fits})
    return (
        f"{'; '.join(filter(None, [when, *machines]))}; one thread. {tables} tables, {splits} "
        f"split{'s' if splits > 1 else ''}, {len(fits)} fits. {found}."
    )


def _summary(fits, losses, order, reference):
    by_rank = [scores.mean_ranks(scores.values(fits, measure)) for measure in (scores.error, scores.missing_area)]
    errors, areas, seconds = (scores.mean_over_tables(fits, key) for key in ("error", "auc", "cpu"))
    memory, ranks = scores.largest(fits, "mib"), scores.mean_ranks(losses)
    title = PEERS[reference].title
    head = ["model", "mean rank", "by error", "by AUC", f"loss / {title}: all", "classes", "numbers"]
    head += ["within 3 %", "worst", "error", "AUC", "seconds", "MiB", "tables; splits"]
    rows = [head]
    for peer in order:
        row = [PEERS[peer].title, *(f"{found[peer]:.2f}" for found in (ranks, *by_rank))]
        row += _ratio_cells(scores.ratios(losses, peer, reference))
        row += [_number(errors.get(peer), ".1%").replace("%", " %"), _number(areas.get(peer), ".3f")]
        row += [_number(seconds.get(peer), ".1f"), _number(memory.get(peer), ".0f"), _seen(losses, peer)]
        rows.append(row)
    return table(rows)


def _ratio_cells(ratios):
    """All, classes, numbers; how many are close or better; the worst one."""
    if not ratios:
        return ["-"] * 5
    by_task = [
        [value for name, value in ratios.items() if TABLES[name].task == task] for task in ("classes", "numbers")
    ]
    means = [_number(scores.geometric_mean(some), ".2f") for some in (ratios.values(), *by_task)]
    worst = max(ratios, key=ratios.__getitem__)
    close = f"{scores.within(ratios.values(), CLOSE)} of {len(ratios)}"
    return [*means, close, f"{_number(ratios[worst], '.2f')} {worst}"]


def _seen(losses, peer):
    """On how many tables and how many splits, the fewest and the most, a peer was tried."""
    counts = [len(peers[peer]) for peers in losses.values() if peer in peers]
    return f"{len(counts)}; {' to '.join(dict.fromkeys(map(str, (min(counts), max(counts)))))}"


def _losses(losses, order):
    rows = [["table", *(PEERS[peer].title for peer in order)]]
    for name in (name for name in TABLES if name in losses):
        means = {peer: statistics.fmean(splits.values()) for peer, splits in losses[name].items()}
        best = min(means.values())
        cells = [_loss_cell(means.get(peer), best) for peer in order]
        rows.append([name, *cells])
    return "Log-loss, or RMSE in standard deviations of the target; means over the splits of each.\n\n" + table(rows)


def _loss_cell(mean, best):
    text = _number(mean, ".3f")
    return f"**{text}**" if mean == best and math.isfinite(best) else text


def _number(value, form):
    if value is None or math.isnan(value):
        return "-"
    return format(value, form) if math.isfinite(value) else "failed"


def _failed(fits):
    """A paragraph with one line per peer and message."""
    found: dict[tuple[str, str], list[str]] = {}
    for fit in fits:
        if "failed" in fit:
            found.setdefault((fit["peer"], fit["failed"]), []).append(f"{fit['table']} {fit['split']}")
    lines = [f"- {PEERS[peer].title}: {message} ({', '.join(where)})" for (peer, message), where in found.items()]
    return ["Failed (table and split):\n\n" + "\n".join(lines)] if lines else []
