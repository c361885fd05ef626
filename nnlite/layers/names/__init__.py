"""The names of the room `nnlite.layers` that few models need: loaded when one of them is asked for."""

from nnlite.layers.attention.attention import *
from nnlite.layers.attention.multi_head import *
from nnlite.layers.attention.positions import *
from nnlite.layers.preprocessing.category_encoding import *
from nnlite.layers.preprocessing.discretization import *
from nnlite.layers.preprocessing.hashing import *
from nnlite.layers.preprocessing.image_color import *
from nnlite.layers.preprocessing.image_geometry import *
from nnlite.layers.preprocessing.image_size import *
from nnlite.layers.preprocessing.lookup import *
from nnlite.layers.preprocessing.numbers import *
from nnlite.layers.preprocessing.piecewise import *
from nnlite.layers.preprocessing.robust import *
from nnlite.layers.preprocessing.text import *
from nnlite.layers.recurrent.any_cell import *
from nnlite.layers.recurrent.cells import *
from nnlite.layers.recurrent.cells_of_cells import *
from nnlite.layers.recurrent.conv_lstm import *
from nnlite.layers.recurrent.gru import *
from nnlite.layers.recurrent.lstm import *
from nnlite.layers.recurrent.rnn import *
from nnlite.layers.recurrent.simple_rnn import *
from nnlite.layers.recurrent.wrappers import *
