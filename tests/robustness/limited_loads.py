"""Run as a process of its own: every kind of row of the table of layers, in a model file, each integer made huge.

Prints the cases that take more memory than the file and 64 MiB, or too much time, and at last how many were tried.
"""

import copy
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

from bounds import outcome_of
from layers.cases import CASES
from model_file_mutations import file_of, places
from models_of_cases import model_of

from nnlite import load_model, saving
from nnlite.errors import ModelFileError

MEMORY, SECONDS = 64 * 2**20, 2.0  # beyond the size of the file; of the processor, on a machine that others use
BEFORE = resource.getrlimit(resource.RLIMIT_AS)


def kind_of(case: Any) -> tuple:
    """What rows share whose fields do the same: class, fields, and the options that choose what is computed."""
    chosen = sorted((name, str(value)) for name, value in case.options.items() if isinstance(value, (str, bool)))
    return case.layer, tuple(sorted(case.options)), tuple(chosen), tuple(map(len, case.shapes))


def tried(content: bytes, path: Path) -> str:
    """What is wrong with loading a file: "" where it costs little, and fails, if at all, with one typed error."""
    path.write_bytes(content)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + len(content) + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, BEFORE[1]))
    try:
        outcome = outcome_of(lambda: load_model(path), SECONDS)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, BEFORE)
    if outcome.error is not None and not isinstance(outcome.error, ModelFileError):
        raise outcome.error
    if outcome.seconds >= SECONDS:
        return "time"
    return "memory" if ran_out(outcome.error) else ""


def ran_out(error: BaseException | None) -> bool:
    """Whether the memory was at an end, here or in what led to the error."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return any(isinstance(part, MemoryError) for part in seen)


def main(path: Path) -> None:
    warnings.simplefilter("ignore")
    count = 0
    for case in {kind_of(case): case for case in CASES}.values():
        if case.layer in ("Input", "Lambda", "Wrapper"):  # the first is no model, the others run functions of users
            continue
        model_of(case).save(path)
        header, arrays = saving.read(path)
        for way in places(header["model"]):
            changed: Any = copy.deepcopy(header)
            outer = changed["model"]
            for key in way[:-1]:
                outer = outer[key]
            if type(outer[way[-1]]) is not int:
                continue
            count += 1
            outer[way[-1]] = 10**9
            if wrong := tried(file_of(changed, arrays), path):
                print(f"{wrong}: {case} at {way}")
    print(count, "tried")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
