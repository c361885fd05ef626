"""The one reader and the one writer of model files, the format that they use, and files that are written whole."""

from nnlite.saving.atomic import *
from nnlite.saving.boundary import *
from nnlite.saving.manifest import *
from nnlite.saving.model_files import *
from nnlite.saving.states import *
from nnlite.saving.strict_json import *
from nnlite.saving.text_files import *
