"""Profiles of the columns of a table, and their default encodings."""

from nnlite.data.profile.kinds import *
from nnlite.data.profile.profile import *
from nnlite.data.profile.tasks import *
