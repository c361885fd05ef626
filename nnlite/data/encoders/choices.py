"""Options of a config for one column of a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from nnlite.data.profile.kinds import KINDS, ColumnKind
from nnlite.errors import ConfigError, did_you_mean
from nnlite.registry import Section, normalized
from nnlite.registry.bounds import Count, Positive

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ColumnChoice"]

Encoding = Literal[
    "standardize",
    "min_max",
    "log",
    "robust",
    "quantile",
    "passthrough",
    "one_hot",
    "ordinal",
    "embed",
    "hash",
    "target",
    "two_valued",
    "text",
    "date_parts",
    "cyclic",
    "drop",
]
Missing = Literal["median", "mean", "most_frequent", "constant", "indicator", "drop"]

ENCODINGS: tuple[str, ...] = get_args(Encoding)
NUMBERS = ("standardize", "min_max", "log", "robust", "quantile", "passthrough")
CATEGORIES = ("one_hot", "ordinal", "embed", "hash", "target", "two_valued")
SYNONYMS = {
    "categorical": "category",
    "categories": "category",
    "nominal": "category",
    "numeric": "number",
    "numerical": "number",
    "continuous": "number",
    "float": "number",
    "bool": "boolean",
    "code": "integer_code",
    "datetime": "date",
    "time": "date",
    "timestamp": "date",
    "id": "identifier",
    "ignore": "drop",
    "onehot": "one_hot",
    "embedding": "embed",
    "standard": "standardize",
    "minmax": "min_max",
    "label": "ordinal",
}
OPTIONS: dict[str, tuple[str, ...]] = {
    "width": ("hash", "text", "quantile"),
    "order": ("ordinal",),
    "form": ("date_parts", "cyclic"),
    "period": ("cyclic",),
}


class ColumnChoice(Section):
    """Kind, encoding and treatment of missing values of one column; what is not stated is inferred from the data.

    In a config a word alone is the kind or the encoding: `zip: categorical`, `pay: log`, `note: drop`.

    Args:
        kind: one of `nnlite.data.profile.KINDS`.
        encoding: for numbers `standardize`, `min_max`, `log`, `robust`, `quantile`, `passthrough` or `cyclic`; for
            categories `one_hot`, `ordinal`, `embed`, `hash`, `target` or `two_valued`; `text`; for dates `date_parts`
            or `cyclic`; or `drop`.
        missing: what a gap counts as: `median`, `mean`, `most_frequent`, `constant` (as `fill` says), `indicator` (the
            median, or no category, and a column of its own that says so), or `drop`: rows with a gap are left out in
            training; elsewhere they count as with `indicator`'s first part.
        fill: the number or text of `constant`.
        order: the categories of `ordinal` in their order.
        form: how text spells dates: `iso`, or a format of `datetime.strptime`.
        period: of `cyclic` numbers: 24 for hours, 360 for degrees.
        width: columns of `hash` and `text`, quantiles of `quantile`.

    >>> ColumnChoice.get("categorical"), ColumnChoice.get({"encoding": "log", "missing": "mean"})
    (ColumnChoice(kind='category'), ColumnChoice(encoding='log', missing='mean'))
    """

    kind: ColumnKind | None = None
    encoding: Encoding | None = None
    missing: Missing | None = None
    fill: float | str | None = None
    order: list[str] | None = None
    form: str | None = None
    period: Positive | None = None
    width: Count | None = None

    @classmethod
    def get(cls, spec: "Self | type[Self] | str | Mapping[str, Any]") -> "Self":
        """The choice that a string or a mapping describes; `ConfigError` for an unknown one."""
        if isinstance(spec, str):
            word = _word(spec, (*KINDS, *ENCODINGS))
            # `drop` and `text` are words for both; as encodings they say all.
            return cls(encoding=word) if word in ENCODINGS else cls(kind=word)  # pyright: ignore[reportArgumentType]
        if isinstance(spec, Mapping):
            allowed = {"kind": KINDS, "encoding": ENCODINGS}
            names_by_key = {key: allowed[key] for key in allowed if isinstance(spec.get(key), str)}
            words = {}
            for key, names in names_by_key.items():
                try:
                    words[key] = _word(spec[key], names)
                except ConfigError as error:
                    raise error.within(key) from None
            spec = {**spec, **words}
        return super().get(spec)

    def get_config(self) -> dict[str, Any]:
        """The choices that were stated."""
        return {key: value for key, value in super().get_config().items() if value is not None}

    def validate(self) -> None:
        if (self.missing == "constant") != (self.fill is not None):
            raise ConfigError("`missing: constant` and `fill: value` belong together", ("ColumnChoice", "fill"))
        for option, encodings in OPTIONS.items():
            value = {"width": self.width, "order": self.order, "form": self.form, "period": self.period}[option]
            if value is not None and self.encoding is not None and self.encoding not in encodings:
                raise ConfigError(f"belongs to {' and '.join(encodings)}", ("ColumnChoice", option))
        if isinstance(self.fill, str) and self.encoding in NUMBERS:
            raise ConfigError(f"expected a number, got {self.fill!r}", ("ColumnChoice", "fill"))
        if self.encoding in (*CATEGORIES, "text") and self.missing in ("median", "mean"):
            raise ConfigError(f"{self.encoding} has no {self.missing}", ("ColumnChoice", "missing"))


def _word(entry: str, allowed: tuple[str, ...]) -> str:
    by_name = {normalized(name): name for name in allowed}
    by_name |= {normalized(word): name for word, name in SYNONYMS.items() if name in allowed}
    word = normalized(entry.replace("-", "_").replace(" ", "_"))
    if word not in by_name:
        raise ConfigError(f"unknown kind or encoding {entry!r}; {did_you_mean(entry, allowed)}")
    return by_name[word]
