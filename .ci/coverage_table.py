"""Write docs/coverage.md from the coverage data that `.ci/coverage` has gathered, and fail below the limit.

python .ci/coverage_table.py "pytest --cov"
"""

import io
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

LIMIT = 85.0  # per cent of the lines and branches of a room
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "coverage.md"


def shares(files: dict) -> dict[str, tuple[int, int]]:
    """Of each room, and of "all": how many lines and branches ran, and how many there are."""
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, entry in files.items():
        inside = Path(name).parts[Path(name).parts.index("nnlite") + 1 :]
        total = entry["summary"]
        ran = total["covered_lines"] + total["covered_branches"]
        there = total["num_statements"] + total["num_branches"]
        for room in ("all", f"{inside[0]}/" if len(inside) > 1 else "single modules"):
            rooms[room][0] += ran
            rooms[room][1] += there
    return {room: (ran, there) for room, (ran, there) in rooms.items()}


def page(rooms: dict[str, tuple[int, int]], command: str, commit: str) -> str:
    """The Markdown page, the rooms by name, the whole at the end."""
    out = io.StringIO()
    version = ".".join(map(str, sys.version_info[:2]))
    print("# Test coverage\n", file=out)
    print(f"Lines and branches that the tests run: `{command}` on commit `{commit}`, Python {version}.", file=out)
    print("Written by `bash .ci/coverage`; [CONTRIBUTING](../CONTRIBUTING.md) says how to run it, and", file=out)
    print("`[tool.coverage]` of `pyproject.toml` which files do not count.\n", file=out)
    print("| room | lines and branches | % run |\n|---|---|---|", file=out)
    for room in sorted(rooms, key=lambda room: (room == "all", room == "single modules", room)):
        ran, there = rooms[room]
        print(f"| {room} | {there:,} | {100 * ran / max(there, 1):.1f} |", file=out)
    return out.getvalue()


def main(command: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "coverage.json")
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", report], cwd=ROOT, check=True)
        rooms = shares(json.loads(report.read_text())["files"])
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True).strip()
    PAGE.write_text(page(rooms, command.strip(), commit), encoding="utf-8")
    low = {room: 100 * ran / there for room, (ran, there) in rooms.items() if ran < LIMIT / 100 * there}
    for room, share in low.items():
        print(f"{room}: {share:.1f} % of the lines and branches are run by tests, below {LIMIT:.0f} %", file=sys.stderr)
    return int(bool(low))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
