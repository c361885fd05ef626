"""Encoders of one column of numbers by nonlinear functions: logarithms, ranks, and positions on a circle."""

from statistics import NormalDist

import numpy as np

from nnlite.data.encoders.columns import ColumnEncoder, ColumnSource
from nnlite.errors import ConfigError
from nnlite.registry.bounds import Positive

__all__ = ["Cyclic", "Logarithm", "Quantiles"]

EDGE = 1e-7  # how near to 0 and 1 ranks are cut off before they become normal, as in scikit-learn


class Filled(ColumnEncoder, abstract=True):
    """Base of encoders of numbers in which a missing value counts as a number.

    Args:
        name: the column.
        fill: what a gap counts as.
    """

    fill: float

    def validate(self) -> None:
        if not np.isfinite(self.fill):
            raise ConfigError("must be finite", (type(self).__name__, "fill"))

    def filled(self, source: ColumnSource) -> np.ndarray:
        """The numbers, with missing values filled. Shape: (rows,), float64."""
        values = self.read(source).values.astype(np.float64)
        return np.where(np.isnan(values), self.fill, values)


class Logarithm(Filled):
    """(sign(x) log(1 + |x| / unit) - mean) / scale: for amounts of very different size, zero and negative included.

    Args:
        name: the column.
        fill: what a gap counts as.
        unit: > 0, the amount from which the scale is logarithmic rather than linear.
        mean, scale: mean and standard deviation of the logarithms in the training part.
        amounts_in: the currency or unit around the amounts, as for `Numeric`.

    >>> import numpy as np
    >>> from nnlite.data import read_frame
    >>> encoder = Logarithm("pay", fill=0.0, unit=1.0, mean=0.0, scale=float(np.log(10)))
    >>> encoder.encode(read_frame({"pay": [0, 9, 99, -9, None]})).round(6).tolist()
    [[0.0], [1.0], [2.0], [-1.0], [0.0]]
    """

    unit: Positive
    mean: float = 0.0
    scale: Positive = 1.0
    amounts_in: str | None = None

    @property
    def unit_learned(self) -> str | None:
        return self.amounts_in

    @property
    def amounts(self) -> list[str]:
        return self.outputs

    def encode(self, source: ColumnSource) -> np.ndarray:
        return ((self.bent(self.filled(source)) - self.mean) / self.scale)[:, None]

    def bent(self, values: np.ndarray) -> np.ndarray:
        """sign(x) log(1 + |x| / unit)."""
        return np.sign(values) * np.log1p(np.abs(values) / self.unit)


class Quantiles(Filled):
    """Ranks among the training part, mapped to a normal distribution; scikit-learn's `QuantileTransformer`.

    x becomes the mean of its ranks from below and from above among `quantiles`, a number from 0 to 1 that is linear
    in between, and then the value below which N(0, 1) has this share; outputs lie between -5.2 and 5.2.

    Args:
        name: the column.
        fill: what a gap counts as.
        quantiles: values of the training part in ascending order, at ranks evenly spread from 0 to 1.
        amounts_in: the currency or unit around the amounts, as for `Numeric`.

    >>> from nnlite.data import read_frame
    >>> encoder = Quantiles("pay", fill=2.0, quantiles=[1.0, 2.0, 50.0])
    >>> encoder.encode(read_frame({"pay": [2, 1.5, 1000, None]})).round(2).tolist()
    [[0.0], [-0.67], [5.2], [0.0]]
    """

    quantiles: list[float]
    amounts_in: str | None = None

    @property
    def unit_learned(self) -> str | None:
        return self.amounts_in

    def validate(self) -> None:
        super().validate()
        if not self.quantiles or (np.diff(self.quantiles) < 0).any():
            raise ConfigError("expected numbers in ascending order", (type(self).__name__, "quantiles"))

    @property
    def amounts(self) -> list[str]:
        return self.outputs

    def encode(self, source: ColumnSource) -> np.ndarray:
        values, quantiles = self.filled(source), np.array(self.quantiles)
        ranks = np.linspace(0, 1, len(quantiles))
        below = np.interp(values, quantiles, ranks)
        above = -np.interp(-values, -quantiles[::-1], -ranks[::-1])
        shares = (below + above) / 2
        shares[values + EDGE > quantiles[-1]] = 1
        shares[values - EDGE < quantiles[0]] = 0
        nearest = EDGE - np.spacing(1)
        different, places = np.unique(np.clip(shares, nearest, 1 - nearest), return_inverse=True)
        normal = np.array([NormalDist().inv_cdf(share) for share in different])
        return normal[places][:, None]


class Cyclic(Filled):
    """Sine and cosine of 2 pi x / period: for hours, months or angles, whose end meets their beginning.

    Args:
        name: the column.
        fill: what a gap counts as.
        period: > 0, after which all repeats: 24 for hours, 360 for degrees.

    >>> from nnlite.data import read_frame
    >>> Cyclic("hour", fill=0.0, period=24).encode(read_frame({"hour": [0, 6, 24]})).round(6).tolist()
    [[0.0, 1.0], [1.0, 0.0], [-0.0, 1.0]]
    """

    period: Positive

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}_sin", f"{self.name}_cos"]

    def encode(self, source: ColumnSource) -> np.ndarray:
        angles = 2 * np.pi * self.filled(source) / self.period
        return np.stack([np.sin(angles), np.cos(angles)], axis=1)
