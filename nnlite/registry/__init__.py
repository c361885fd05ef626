"""One declaration per class: its fields are its constructor, its YAML keys, its saved config and its repr."""

from nnlite.registry.configurable import *
from nnlite.registry.fast_paths import *
from nnlite.registry.fields import *
from nnlite.registry.functions import *
from nnlite.registry.names import *
from nnlite.registry.section import *
