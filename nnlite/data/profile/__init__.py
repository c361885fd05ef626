"""What the columns of a table hold, and what becomes of them unless a config says otherwise."""

from nnlite.data.profile.kinds import *
from nnlite.data.profile.profile import *
from nnlite.data.profile.tasks import *
