"""Results as tables of Markdown, and their place in the documentation."""

import re
from pathlib import Path

from benchmarks.cases import BY_NAME
from benchmarks.peers.worker import ENGINES
from benchmarks.runner import KERNELS
from benchmarks.whole import AIMS, TITLES

NAMES = {
    "nnlite": "nnlite, NumPy alone",
    "nnlite fast": "nnlite with fast",
    "by hand": "NumPy by hand",
    "torch": "PyTorch eager",
    "torch.compile": "torch.compile",
    "jax": "JAX jit",
    "keras": "Keras on JAX",
    "sklearn": "scikit-learn",
}


def markdown(results) -> str:
    """The tables of a run: what was measured where, times, ratios, losses, whole processes, who was absent."""
    cases = [result for result in results["results"] if "case" in result]
    whole = [result for result in results["results"] if "whole" in result]
    parts = [_heading(results, cases)]
    if cases:
        parts += [_times(cases), _ratios(cases), _losses(cases)]
    if whole:
        parts.append(_whole(whole))
    parts += _absent(results["results"])
    return "\n\n".join(parts) + "\n"


def where(results) -> str:
    """When and on what a run was made."""
    about = results["machine"]
    load = "" if about["load"] is None else f", load {about['load']:.1f} when it began"
    threads = f"{results['threads']} thread{'s' if results['threads'] > 1 else ''}"
    return (
        f"{results['date']}, {about['processor']}, {about['cores']} cores{load}; {threads}; {results['rounds']} rounds"
    )


def _heading(results, cases):
    batches = "handed over as NumPy arrays" if results["batches"] == "numpy" else "in the engines' own form beforehand"
    own = [found for case in cases for name, found in case["contestants"].items() if name in KERNELS]
    python, blas = (", ".join(sorted({str(found[key]) for found in own if key in found})) for key in ("python", "blas"))
    kernels = f"; Python {python}; kernels of NumPy's matrix products: {blas}" if own else ""
    return f"{where(results)}; batches {batches}{kernels}."


def _present(cases, key):
    """The contestants that have something under `key` in any case."""
    return [name for name in ENGINES if any(key in case["contestants"].get(name, {}) for case in cases)]


def _name(engine):
    return NAMES.get(engine, engine)


def _times(cases):
    present = _present(cases, "seconds")
    rows = [["case", *map(_name, present)]]
    for case in cases:
        cells = [_time_cell(case["contestants"].get(name, {})) for name in present]
        rows.append([BY_NAME[case["case"]].title, *cells])
    return "Microseconds per step or call: median (lower to upper quartile).\n\n" + table(rows)


def _ratios(cases):
    own = _present(cases, "ratios")
    head = ["case", "best peer", *(f"best peer / {_name(name)} (aim)" for name in own)]
    head += [
        *(f"{_name(name)} / floor (aim)" for name in own),
        f"peak MiB: {'; '.join([*map(_name, own), 'best peer'])}",
    ]
    rows = [head]
    for case in cases:
        about, found = BY_NAME[case["case"]], case["contestants"]
        best = _name(case["best"] or "-")
        cells = [about.title, best if case["agree"] else f"{best} **WRONG**"]
        cells += [_ratio_cell(name, case) for name in own]
        cells += [_floor_cell(name, case) for name in own]
        peaks = [found.get(name, {}).get("peak") for name in (*own, case["best"])]
        rows.append([*cells, "; ".join("-" if peak is None else f"{peak:.0f}" for peak in peaks)])
    return "Ratios of times, medians over rounds; in brackets the aim, bold where it is reached.\n\n" + table(rows)


def _ratio_cell(name, case):
    """Best peer / nnlite, and the ratio that the aim speaks of where that is another one."""
    about, best = BY_NAME[case["case"]], case["best"]
    ratios = case["contestants"].get(name, {}).get("ratios", {})
    aim = about.aims[_which(name)]
    meant = about.against or best
    cells = [f"{ratios[best]:.2f}"] if best in ratios and best != meant else []
    if meant in ratios:
        cells.append(_with_aim(ratios[meant], aim, aim is not None and ratios[meant] >= aim))
    return f"; {_name(meant)} ".join(cells) or "-"


def _floor_cell(name, case):
    found, aim = case["contestants"].get(name, {}), BY_NAME[case["case"]].floor_aims[_which(name)]
    if "floor_ratio" not in found:
        return "-"
    return _with_aim(found["floor_ratio"], aim, aim is not None and found["floor_ratio"] <= aim)


def _which(name):
    """The place of an entrant's aim."""
    return list(KERNELS).index(name)


def _with_aim(value, aim, reached):
    text = f"**{value:.2f}**" if reached else f"{value:.2f}"
    return text if aim is None else f"{text} ({aim:g})"


def _losses(cases):
    present = [name for name in _present(cases, "losses") if name != "floor"]
    rows = [["case", "steps", *map(_name, present)]]
    for case in cases:
        about, found = BY_NAME[case["case"]], case["contestants"]
        cells = [_loss_cell(found.get(name, {})) for name in present]
        title = f"{about.title}{' (dropout left out here)' if about.drops and about.trains else ''}"
        rows.append([title, f"{about.compared}" if about.trains else "outputs", *cells])
    return (
        "The loss after so many steps, each on another batch, or the mean size of predicted values; in brackets the "
        "relative difference from the first column; for that one from itself, when first weights change by 1e-6.\n\n"
        + table(rows)
    )


def _whole(results):
    present = list(dict.fromkeys(name for result in results for name in result["contestants"]))
    rows = [["whole process", *map(_name, present), "best engine / nnlite (aim)"]]
    for result in results:
        found = result["contestants"]
        cells = [f"{found[name]['quartiles'][1]:.3g}" if "values" in found.get(name, {}) else "-" for name in present]
        ratio, aim = result["ratio"], AIMS[result["whole"]]
        text = (
            "-"
            if ratio is None
            else f"{_with_aim(ratio, aim, aim is not None and ratio >= aim)} {_name(result['best'])}"
        )
        rows.append([TITLES[result["whole"]], *cells, text])
    return table(rows)


def _absent(results):
    """One line per contestant and reason."""
    reasons = {}
    for result in results:
        for name, found in result["contestants"].items():
            if "absent" in found:
                cases = reasons.setdefault((name, found["absent"]), [])
                cases.append(result.get("case") or result["whole"])
    lines = [f"- {_name(name)}: {reason} ({', '.join(cases)})" for (name, reason), cases in reasons.items()]
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
    if "losses" not in found:
        return "-"
    wrong = "" if found.get("agrees", True) else " **WRONG**"
    return f"{found['losses'][-1]:.6g} ({found.get('difference', found.get('sensitivity')):.0e}){wrong}"


def table(rows) -> str:
    """Rows of cells as Markdown, the first one as the head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def around_markers(path: Path, name: str) -> tuple[str, str]:
    """What a file has before `<!-- begin NAME -->` and after `<!-- end NAME -->`; `ValueError` without these."""
    pattern = re.compile(f"<!-- begin {re.escape(name)} -->.*?<!-- end {re.escape(name)} -->", re.DOTALL)
    parts = pattern.split(path.read_text(encoding="utf-8"))
    if len(parts) != 2:
        raise ValueError(f"{path} needs the markers of a section {name!r} once, it has them {len(parts) - 1} times")
    return tuple(parts)


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Put `text` into a file, between `<!-- begin NAME -->` and `<!-- end NAME -->`."""
    before, after = around_markers(path, name)
    path.write_text(f"{before}<!-- begin {name} -->\n{text.strip()}\n<!-- end {name} -->{after}", encoding="utf-8")
