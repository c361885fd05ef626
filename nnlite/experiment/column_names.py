"""What a config's data tell its model: where the columns stand, how many codes they have, whether they are texts."""

from nnlite.data import Columns, InputEncoder, Ordinal, Texts
from nnlite.errors import ConfigError
from nnlite.layers import ColumnBranch, Embedding, Layer
from nnlite.models import Sequential

__all__ = ["tell_columns"]


def tell_columns(model: Sequential, inputs: InputEncoder) -> None:
    """Tell each `ColumnBranch` of the model where the columns that it names stand.

    Raises:
        ConfigError: a name that no column has, an `Embedding` too small for the codes of its column, or texts for a
            model of numbers.
    """
    if isinstance(inputs, Texts) and model.input_kind != "strings":
        first = model.layers[0]
        what = f"the data are texts, {first.label} takes {first.input_kind}"
        raise ConfigError(f"{what}: begin with TextVectorization", (0,))
    columns, places = ([], {}) if not isinstance(inputs, Columns) else (inputs.columns, inputs.places())
    codes = {column.name: 1 + len(column.categories) for column in columns if isinstance(column, Ordinal)}
    for index, layer in enumerate(model.layers):
        try:
            _tell(layer, places, codes)
        except ConfigError as error:
            nested = not isinstance(layer, ColumnBranch)
            raise ConfigError(error.message, (index, *(() if nested else ("ColumnBranch", *error.path)))) from None


def _tell(layer: Layer, places: dict, codes: dict) -> None:
    if isinstance(layer, ColumnBranch):
        for key, chain in layer.branches():
            _check_codes(key, chain, codes)
        layer.name_columns(places)
    for inner in layer._layers_inside():
        _tell(inner, places, codes)


def _check_codes(key: str, chain: list[Layer], codes: dict) -> None:
    first = chain[0] if chain else None
    for name in map(str.strip, key.split(",")):
        if isinstance(first, Embedding) and codes.get(name, 0) > first.input_dim:
            raise ConfigError(
                f"column {name!r} has codes from 0 to {codes[name] - 1}, so its Embedding needs input_dim "
                f"{codes[name]} or more, got {first.input_dim}",
                ("columns", key),
            )
