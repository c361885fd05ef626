"""The JSON Schema of configs, for completion and validation in editors."""

from typing import Any

from nnlite.experiment.arguments import CallArguments, CompileArguments, FitArguments, call_parameters
from nnlite.experiment.experiment import Experiment
from nnlite.experiment.graphs import ModelGraph, ModelInput
from nnlite.layers import Layer
from nnlite.registry.descriptions import argument_texts, summary_of
from nnlite.registry.field_types import annotations
from nnlite.registry.schemas import REFERENCE, Schemas

__all__ = ["config_schema"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAMES: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}


def config_schema() -> dict[str, Any]:
    """The schema of what `nnlite train` reads, in draft 2020-12.

    >>> sorted(config_schema()["properties"])
    ['calibrate', 'checkpoint', 'compile', 'data', 'fit', 'include', 'model', 'search', 'seed', 'variables']
    """
    import nnlite.circuits  # noqa: F401 - its layers are registered by that

    special = {CompileArguments: _section(CompileArguments), FitArguments: _section(FitArguments), ModelGraph: _graph}
    schemas = Schemas(special)
    root = schemas.arguments(Experiment)
    files = {**NAMES, "description": "a file, or a list of files, that this one is laid over"}
    variables = {"type": "object", "description": "values for references, such as ${variables.width}"}
    return {
        "$schema": DIALECT,
        "title": "nnlite config",
        "description": root["description"],
        "type": "object",
        "properties": {"include": files, "variables": variables, **root["properties"]},
        "anyOf": [{"required": root["required"]}, {"required": ["include"]}],
        "additionalProperties": False,
        "$defs": schemas.definitions,
    }


def _section(section: type[CallArguments]) -> Any:
    """Maker of the schema of a method's arguments."""

    def make(schemas: Schemas) -> dict[str, Any]:
        parameters, hints = call_parameters(section.function, section.excluded), annotations(section.function)
        defaults = {name: parameter.default for name, parameter in parameters.items()}
        texts, meaning = argument_texts(section.function), summary_of(section.function)
        return schemas.call({name: hints[name] for name in parameters}, defaults, texts, meaning)

    return make


def _graph(schemas: Schemas) -> dict[str, Any]:
    layer = schemas.of(Layer)
    sources = {"from": {**NAMES, "description": "inputs or layers above; the entry above when it is left out"}}
    chain = {"type": "array", "items": layer, "minItems": 1}
    listed = {"type": "object", "properties": {"layers": chain, **sources}, "required": ["layers"]}
    entry = {"anyOf": [layer, schemas.named(Layer, sources), {**listed, "additionalProperties": False}, REFERENCE]}
    texts = argument_texts(ModelGraph)
    inputs = {"type": "object", "additionalProperties": schemas.of(ModelInput), "minProperties": 1}
    return {
        "description": summary_of(ModelGraph),
        "type": "object",
        "properties": {
            "inputs": {"anyOf": [*NAMES["anyOf"], inputs], "description": texts["inputs"]},
            "layers": {"type": "object", "additionalProperties": entry, "description": texts["layers"]},
            "outputs": {"type": ["string", "null"], "description": texts["outputs"]},
        },
        "required": ["inputs", "layers"],
        "additionalProperties": False,
    }
