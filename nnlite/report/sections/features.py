"""Inputs: those that the model uses, and their effects."""

from collections.abc import Iterator

import numpy as np

from nnlite.charts import Chart, Series, bar_chart, line_chart, png_uri
from nnlite.report.evidence.features import Dependence, Features
from nnlite.report.evidence.images import image_shape, smaller
from nnlite.report.evidence.subject import Subject
from nnlite.report.page import figures, notice, section

__all__ = ["features_section"]

SHOWN = 16
MOST_CURVES = 9  # of all charts of partial dependence together
MOST_SAMPLED = 300  # rows of the Jacobian of images and series


def features_section(subject: Subject, features: Features | str) -> str:
    """Sensitivities, permutation importance and partial dependence; for images and series, where they look."""
    if isinstance(features, str):
        content = _elsewhere(subject, features)
    else:
        content = figures(
            _sensitivities(features),
            _importance(features),
            *map(_dependence, _dependences(features)),
        )
    return section("inputs", "Inputs", content)


def _sensitivities(features: Features) -> Chart:
    shown = dict(list(features.sensitivities.items())[:SHOWN])
    derivative = any(features.is_number(name) for name in shown)
    note = (
        "Mean absolute derivative of the outputs, exact, times the standard deviation of the input"
        if derivative
        else ""
    )
    if not all(features.is_number(name) for name in shown):
        note += "; for categories the" if derivative else "The"
        note += " mean absolute change when a row takes the value of another row"
    return bar_chart(list(shown), list(shown.values()), "Sensitivity", "change of an output", note=f"{note}.")


def _importance(features: Features) -> Chart:
    shown = dict(list(features.importance.items())[:SHOWN])
    rises = np.array(list(shown.values()))
    return bar_chart(
        list(shown),
        rises.mean(axis=1),
        "Permutation importance",
        "rise of the loss",
        rises.min(axis=1),
        rises.max(axis=1),
        "How much the loss rises when a column is shuffled: the mean of five times, and the range.",
    )


def _dependences(features: Features) -> Iterator[Dependence]:
    """Dependences on the most important features: six of one curve each, fewer of several."""
    curves = 0
    for name in list(features.importance)[:6]:
        dependence = features.dependence(name)
        curves += len(dependence.curves)
        if curves > MOST_CURVES:
            return
        yield dependence


def _dependence(dependence: Dependence) -> Chart:
    title, note = f"Partial dependence: {dependence.name}", "Mean prediction, all other columns being what they are"
    first, curve = next(iter(dependence.curves.items()))
    if dependence.values and isinstance(dependence.values[0], str):
        names = [str(value) for value in dependence.values]
        return bar_chart(names, curve, title, first, note=f"{note}.")
    note += "." if dependence.low is None else "; the band holds 80% of the rows."
    series = [
        Series(name, dependence.values, means, dependence.low, dependence.high)
        for name, means in dependence.curves.items()
    ]
    return line_chart(series, title, dependence.name, first if len(series) == 1 else "probability", note=note)


def _elsewhere(subject: Subject, reason: str) -> str:
    if subject.model.input_kind == "strings" or len(subject.model.input_shape) < 2:
        return notice(f"No sensitivities: {reason}.")
    x = subject.arrays(subject.part)[0]
    rows = x[subject.sample(subject.part, MOST_SAMPLED)]
    if rows.dtype.kind != "f":
        rows = rows.astype(subject.model.dtype)
    mean = subject.mean_slopes(rows) * rows.std(axis=0, dtype=np.float64)
    shape = image_shape(subject)
    if shape is not None:
        return figures(_picture(smaller(mean.reshape(shape)).mean(axis=2)))
    if mean.ndim != 2:
        return notice(f"No sensitivities by feature: {reason}.")
    series = [
        Series(f"channel {index}", np.arange(len(mean)), mean[:, index]) for index in range(min(mean.shape[1], 8))
    ]
    note = "Mean absolute derivative of the outputs with respect to each step, exact, times its standard deviation."
    return figures(line_chart(series, "Sensitivity", "step", "change of an output", note=note))


def _picture(mean: np.ndarray) -> str:
    shade = np.round(255 * mean / (mean.max() or 1.0)).astype(np.uint8)
    colour = np.broadcast_to(np.array([0x1F, 0x86, 0xC9], np.uint8), (*shade.shape, 3))
    row, column = np.unravel_index(mean.argmax(), mean.shape)
    text = f"Sensitivity to each pixel, largest in row {row}, column {column}"
    note = "Mean absolute derivative of the outputs with respect to each pixel, exact, times its standard deviation."
    source = png_uri(np.dstack([colour, shade]))
    picture = f'<img class="y" src="{source}" alt="{text}" title="{text}">'
    return f"<figure><figcaption><b>Sensitivity</b> {note}</figcaption>{picture}</figure>"
