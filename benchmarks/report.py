"""Results as tables of Markdown, and their place in the documentation."""

import re
from pathlib import Path

from benchmarks.cases import BY_NAME
from benchmarks.peers.worker import ENGINES
from benchmarks.whole import AIMS, TITLES

NAMES = {
    "by hand": "NumPy by hand",
    "torch": "PyTorch eager",
    "torch.compile": "torch.compile",
    "jax": "JAX jit",
    "keras": "Keras on JAX",
    "sklearn": "scikit-learn",
}


def markdown(results) -> str:
    """The tables of a run: what was measured where, cases, losses, whole processes, who was absent."""
    cases = [result for result in results["results"] if "case" in result]
    whole = [result for result in results["results"] if "whole" in result]
    parts = [_heading(results)]
    if cases:
        parts += [_times(cases), _losses(cases)]
    if whole:
        parts.append(_whole(whole))
    parts += _absent(results["results"])
    return "\n\n".join(parts) + "\n"


def _heading(results):
    about = results["machine"]
    threads = f"{results['threads']} thread{'s' if results['threads'] > 1 else ''}"
    batches = "handed over as NumPy arrays" if results["batches"] == "numpy" else "in the engines' own form beforehand"
    load = "" if about["load"] is None else f", load {about['load']:.1f} when it began"
    return (
        f"{results['date']}, {about['processor']}, {about['cores']} cores{load}, Python {about['python']}; {threads}; "
        f"{results['rounds']} rounds; batches {batches}; kernels of nnlite: {results['kernels'] or 'automatic'}; "
        f"those of NumPy's matrix products: {', '.join(sorted(_blas(results)))}."
    )


def _blas(results):
    found = {result["contestants"]["nnlite"].get("blas") for result in results["results"] if "case" in result}
    return {str(name) for name in found}


def _times(cases):
    present = [name for name in ENGINES if any("seconds" in case["contestants"].get(name, {}) for case in cases)]
    head = ["case", *(NAMES.get(name, name) for name in present)]
    rows = [[*head, "best peer / nnlite (aim)", "nnlite / floor (aim)", "peak MiB: nnlite, best peer"]]
    for case in cases:
        about, found = BY_NAME[case["case"]], case["contestants"]
        cells = [_time_cell(found.get(name, {})) for name in present]
        best = NAMES.get(case["best"], case["best"])
        ratio = "" if case["ratio"] is None else f"**{case['ratio']:.2f}**{_aim(about.aims[0])} {best}"
        peaks = [found[name]["peak"] for name in ("nnlite", case["best"]) if name]
        rows.append(
            [
                about.title,
                *cells,
                ratio if case["agree"] else f"{ratio} **WRONG**",
                f"{case['floor_ratio']:.2f}{_aim(about.floor_aims[0])}",
                ", ".join(f"{peak:.0f}" for peak in peaks),
            ]
        )
    return "Microseconds per step or call: median (lower to upper quartile).\n\n" + table(rows)


def _losses(cases):
    present = [name for name in ENGINES if any("agrees" in case["contestants"].get(name, {}) for case in cases)]
    rows = [["case", "steps", "nnlite", *(NAMES.get(name, name) for name in present)]]
    for case in cases:
        about, found = BY_NAME[case["case"]], case["contestants"]
        cells = [_loss_cell(found.get(name, {})) for name in present]
        title = f"{about.title}{' (dropout left out here)' if about.drops and about.trains else ''}"
        steps = f"{about.compared}" if about.trains else "outputs"
        own = found["nnlite"]
        rows.append([title, steps, f"{own['losses'][-1]:.6g} ({own['sensitivity']:.0e})", *cells])
    return (
        "The loss after so many steps, each on another batch, or the mean size of predicted values; in brackets the "
        "relative difference from nnlite's; for nnlite from itself, when first weights change by 1e-6.\n\n"
        + table(rows)
    )


def _whole(results):
    present = list(dict.fromkeys(name for result in results for name in result["contestants"]))
    rows = [["whole process", *(NAMES.get(name, name) for name in present), "best engine / nnlite (aim)"]]
    for result in results:
        found = result["contestants"]
        cells = [f"{found[name]['quartiles'][1]:.3g}" if "values" in found.get(name, {}) else "-" for name in present]
        ratio = "" if result["ratio"] is None else f"**{result['ratio']:.2f}**{_aim(AIMS[result['whole']])}"
        rows.append([TITLES[result["whole"]], *cells, f"{ratio} {NAMES.get(result['best'], result['best'] or '')}"])
    return table(rows)


def _absent(results):
    """One line per contestant and reason."""
    reasons = {}
    for result in results:
        for name, found in result["contestants"].items():
            if "absent" in found:
                cases = reasons.setdefault((name, found["absent"]), [])
                cases.append(result.get("case") or result["whole"])
    lines = [f"- {NAMES.get(name, name)}: {reason} ({', '.join(cases)})" for (name, reason), cases in reasons.items()]
    return ["Left out:\n\n" + "\n".join(lines)] if lines else []


def _time_cell(found):
    if "seconds" not in found:
        return "-"
    low, middle, high = (_microseconds(value) for value in found["quartiles"])
    return f"{middle} ({low} to {high})"


def _microseconds(seconds):
    value = seconds * 1e6
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _loss_cell(found):
    if "agrees" not in found:
        return "-"
    wrong = "" if found["agrees"] else " **WRONG**"
    return f"{found['losses'][-1]:.6g} ({found['difference']:.0e}){wrong}"


def _aim(aim):
    return "" if aim is None else f" ({aim:g})"


def table(rows) -> str:
    """Rows of cells as Markdown, the first one as the head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Put `text` into a file, between `<!-- begin NAME -->` and `<!-- end NAME -->`; `ValueError` without these."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    old = path.read_text(encoding="utf-8")
    new, count = pattern.subn(lambda _: f"{begin}\n{text.strip()}\n{end}", old)
    if count != 1:
        raise ValueError(f"{path} needs {begin} and {end} once, it has them {count} times")
    path.write_text(new, encoding="utf-8")
