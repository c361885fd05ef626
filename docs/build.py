"""Build the site: `python -m docs.build [--out build/site]`. Warnings are errors, and every link is followed."""

import argparse
import gc
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from docs.building.links import check_site

__all__ = ["main"]

DOCS = Path(__file__).resolve().parent


def main(arguments: list[str] | None = None) -> int:
    """Build, check, and print what there is; the exit code is 1 where a warning or a wrong link stands."""
    parser = argparse.ArgumentParser(description="Build the site of nnlite.")
    parser.add_argument("--out", type=Path, default=DOCS.parent / "build" / "site", help="folder of the site")
    parser.add_argument("--keep-warnings", action="store_true", help="finish with exit code 0 in spite of warnings")
    given = parser.parse_args(arguments)
    strict = [] if given.keep_warnings else ["--fail-on-warning"]
    trees = given.out.with_name(f"{given.out.name}-doctrees")
    failed = sphinx(["-q", "--keep-going", *strict, "-b", "html", "-d", str(trees), str(DOCS), str(given.out)])
    if failed:
        return failed
    checked = check_site(given.out)
    for kind, wrong in (("loaded from elsewhere", checked.outside), ("leads nowhere", checked.dead)):
        print(*(f"{kind}: {line}" for line in wrong), sep="\n", end="\n" if wrong else "", file=sys.stderr)
    print(f"{given.out}: {checked.pages} pages, {checked.links} links, {len(checked.dead)} of them dead")
    return int(bool(checked.outside or checked.dead))


if __name__ == "__main__":
    gc.set_threshold(200_000, 20, 100)  # trees of documents stay: looking for unreachable ones took a fifth of the time
    raise SystemExit(main())
