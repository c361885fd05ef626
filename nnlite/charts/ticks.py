"""Axis ticks, and the format of their numbers."""

import math
from collections.abc import Sequence

__all__ = ["linear_ticks", "log_ticks", "number_text", "tick_texts"]

LARGEST = 1e15  # number from which on digits are not written out
SPREAD = 200  # factor between ticks from which each is written with decimals of its own
MOST = 1000  # ticks that a range could ask for before it is cut: a guard against steps lost in rounding


def linear_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten inside `[low, high]`, about `count` of them."""
    rough = (high - low) / max(count, 1)
    if not rough > 0 or not math.isfinite(rough):
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, min(last, first + MOST) + 1)]


def log_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Powers of ten inside `[low, high]`, thinned to about `count`; 1, 2 and 5 times them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks: list[float] = []
    for step in range(max(1, math.ceil((last - first) / max(count, 1))), 0, -1):
        powers = range(first, last + 1, step)
        ticks = [10.0**power for power in powers if low * 0.999 <= 10.0**power <= high * 1.001]
        if len(ticks) >= 3:
            break
    else:
        finer = [factor * 10.0**power for power in range(first, last + 1) for factor in (1, 2, 5)]
        ticks = [tick for tick in finer if low * 0.999 <= tick <= high * 1.001]
    return ticks if len(ticks) > 1 else linear_ticks(low, high, count)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Labels of ticks with enough decimals to tell them apart; thousands as `k`, millions as `M`."""
    largest = max(map(abs, ticks), default=0.0)
    factor, unit = next(((f, u) for f, u in ((1e9, "G"), (1e6, "M"), (1e3, "k")) if largest >= 10 * f), (1.0, ""))
    if largest >= SPREAD * min((abs(tick) for tick in ticks if tick), default=largest + 1):
        return [text for tick in ticks for text in tick_texts([tick])]
    if unit == "" and 0 < largest < 1e-3:
        return [f"{tick:.3g}" for tick in ticks]
    for decimals in range(8):
        texts = [f"{tick / factor:.{decimals}f}" for tick in ticks]
        if all(math.isclose(round(tick / factor, decimals) * factor, tick, abs_tol=largest * 1e-4) for tick in ticks):
            break
    signed = [text.replace("-", "\N{MINUS SIGN}") for text in texts]
    return [f"{text}{unit if tick else ''}" for text, tick in zip(signed, ticks, strict=True)]


def number_text(value: float | None, digits: int = 4) -> str:
    """A number formatted for readers: `0.9889`, `12,345`, `1.2e-05`; a dash if it is None or not finite."""
    if value is None or not math.isfinite(value):
        return "\N{EN DASH}"
    if abs(value) >= LARGEST:
        return f"{value:.{digits}g}"
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 10.0 ** (digits - 1):
        return f"{value:,.0f}" if abs(value) >= 10.0**digits else f"{value:,.1f}"
    return f"{value:.{digits}g}"
