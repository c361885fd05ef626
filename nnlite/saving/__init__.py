"""The only reader and writer of model files, their format, and atomic file writing."""

import importlib
from typing import Any

from nnlite.saving.atomic import *
from nnlite.saving.boundary import *
from nnlite.saving.manifest import *
from nnlite.saving.model_files import *
from nnlite.saving.states import *
from nnlite.saving.strict_json import *
from nnlite.saving.text_files import *

# What Keras keeps in `keras.saving`, found when it is asked for: these rooms stand above this one.
_OF_KERAS = {
    "CustomObjectScope": "nnlite.utils",
    "KerasFileEditor": "nnlite.foreign.containers.editor",
    "custom_object_scope": "nnlite.utils",
    "deserialize_keras_object": "nnlite.utils",
    "get_custom_objects": "nnlite.utils",
    "get_registered_name": "nnlite.utils",
    "get_registered_object": "nnlite.utils",
    "load_model": "nnlite.models",
    "load_weights": "nnlite.models.storing",
    "register_keras_serializable": "nnlite.utils",
    "save_model": "nnlite.models",
    "save_weights": "nnlite.models.storing",
    "serialize_keras_object": "nnlite.utils",
}


def __getattr__(name: str) -> Any:
    if name in _OF_KERAS:
        return getattr(importlib.import_module(_OF_KERAS[name]), name)
    raise AttributeError(f"module 'nnlite.saving' has no attribute {name!r}")
