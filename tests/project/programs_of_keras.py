"""Run as a process of its own: Keras is imported once, and a copy of this process then runs each program.

Each argument is a folder with a `program.py`. The copies run there in turn: the exit code of each is printed, and
`output.txt` and `errors.txt` beside the program hold what it wrote.
"""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    import keras  # noqa: F401 - before the process is copied

    for folder in map(Path, sys.argv[1:]):
        child = os.fork()
        if not child:
            os.chdir(folder)
            for stream, name in ((sys.stdout, "output.txt"), (sys.stderr, "errors.txt")):
                os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), stream.fileno())
            runpy.run_path("program.py", run_name="__main__")
            sys.exit()
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
