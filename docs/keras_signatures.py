"""Writes nnlite/foreign/keras_signatures.json: the arguments of what Keras's files may name, with their defaults.

Run it where Keras 3 is installed: `KERAS_BACKEND=torch python docs/keras_signatures.py`.
"""

import inspect
import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "nnlite" / "foreign" / "keras_signatures.json"
FAMILIES = ("layers", "initializers", "regularizers", "constraints", "losses", "metrics", "optimizers")


def plain(value: Any) -> Any:
    """A default as JSON; what JSON cannot say as its text."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str, list, dict)) else repr(value)


def arguments(cls: type) -> dict[str, Any]:
    """Argument -> default of a constructor and, where it takes further ones, of those of its bases."""
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        written = vars(base).get("__init__")
        if written is None:
            continue
        parameters = list(inspect.signature(written).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                required = parameter.default is parameter.empty
                found.setdefault(parameter.name, {"required": True} if required else plain(parameter.default))
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found


def signatures() -> dict[str, Any]:
    """Family -> class -> argument -> default, for each class that Keras offers by name."""
    import keras

    families = {"version": keras.__version__}
    for family in FAMILIES:
        module = getattr(keras, family)
        public = {name: item for name, item in vars(module).items() if not name.startswith("_")}
        classes = {
            name: item
            for name, item in public.items()
            if inspect.isclass(item) and (item.__name__ == name or item.__name__ not in public)
        }
        families[family] = {name: arguments(item) for name, item in sorted(classes.items())}
    families["layers"] |= {"Sequential": arguments(keras.Sequential)}
    public = vars(keras.optimizers.schedules)
    schedules = {name: item for name, item in public.items() if inspect.isclass(item)}
    families["schedules"] = {name: arguments(item) for name, item in sorted(schedules.items())}
    families["operations"] = operations()
    return families


def operations() -> dict[str, Any]:
    """Class -> its module, the function that it applies, its arguments, and those of its call."""
    import keras

    functions = {**vars(keras.ops.image), **vars(keras.ops)}
    found: dict[str, Any] = {}
    for name, function in sorted(functions.items()):
        cls = operation_of(name, function) if inspect.isfunction(function) else None
        if cls is not None and cls.__name__ not in found:
            taken = [one for one in arguments(cls) if one != "name"]
            called = [
                "*" + one.name if one.kind is one.VAR_POSITIONAL else one.name
                for one in list(inspect.signature(cls.call).parameters.values())[1:]
                if one.kind is not one.VAR_KEYWORD
            ]
            row = {"module": cls.__module__, "function": name, "arguments": taken, "call": called}
            of_function = inspect.signature(function).parameters.values()
            order = [one.name for one in of_function if one.kind is not one.VAR_KEYWORD]
            found[cls.__name__] = {**row, "order": order}
    return found


def operation_of(name: str, function: Any) -> type | None:
    """The class that the function applies to symbols: the one of its name, or else the first that its code names."""
    import keras

    module = inspect.getmodule(function)
    camel = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    classes = [getattr(module, one, None) for one in (camel, *function.__code__.co_names)]
    return next((one for one in classes if inspect.isclass(one) and issubclass(one, keras.Operation)), None)


def text(families: dict[str, Any]) -> str:
    """JSON with one line for each class."""
    lines = []
    for family, classes in families.items():
        if isinstance(classes, str):
            lines.append(f"{json.dumps(family)}: {json.dumps(classes)}")
        else:
            rows = [f"{json.dumps(name)}: {json.dumps(found, sort_keys=True)}" for name, found in classes.items()]
            lines.append(f"{json.dumps(family)}: {{\n" + ",\n".join(rows) + "\n}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(signatures()), encoding="utf-8")
