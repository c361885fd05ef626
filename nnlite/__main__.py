"""`python -m nnlite` is the command `nnlite`."""

import sys

from nnlite.cli import main

sys.exit(main())
