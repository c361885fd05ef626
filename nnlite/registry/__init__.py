"""One declaration per class: its fields are its constructor, its YAML keys, its saved config and its repr."""

from nnlite.registry.configurable import *
from nnlite.registry.custom import *
from nnlite.registry.fast_paths import *
from nnlite.registry.fields import *
from nnlite.registry.functions import *
from nnlite.registry.listing import LISTED as LISTED
from nnlite.registry.section import *
