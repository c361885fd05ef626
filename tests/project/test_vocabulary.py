"""The words of docstrings, comments, messages and pages: one standard term for each thing, as native writers say it.

A term that returns fails with its place and the standard term. What was counted before may only become fewer.
"""

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "nnlite"
# Titles of papers keep their spelling.
QUOTED = ("Practical Gauss-Newton optimisation",)
# What must not be written -> the standard term. Patterns are met in any case, across line breaks.
TERMS = {
    r"(derivative|gradient|slope)s? by (?!it\b)[`\w]+": "with respect to",
    r"(differentiated|to differentiate) by": "differentiated with respect to",
    r"whole numbers?": "integer",
    r"truth values?": "boolean",
    r"(as|or|are) texts": "strings",
    r"anew": "again, or a verb with re-: restart, retrain, rebuild, override",
    r"learnt": "learned",
    r"each for (itself|themselves)": "independently, separately",
    r"of one's own": "custom, your own",
    r"heed(s|ed)?": "use, respect",
    r"somebody": "the user, the caller, something",
    r"one after the other": "in turn",
    r"turned round": "reversed, flipped",
    r"None where": "None if",
    r"where there is none": "if there is none",
    # "There is no" stays, and comparatives: "is no faster".
    r"(?<!there\s)(is|are) no (date|number|folder|table|text|part|file|array|column|list|name|axis|type|function)s?": (
        "is not a, are not"
    ),
    r"(that|which|what) (is|are) no(?! (longer|more|such))": "is not a, are not",
    r"(is|are|stands?) there (twice|more than once)": "occurs twice",
    r"(goes|go) on": "continue, resume",
    r"one after another": "in turn, in order, concatenated",
    r"(that|which) (is|are) handed over": "passed",
    r"for itself": "separately",
    r"at the most": "at most",
    r"(is|are|be) sought": "looked up",
    r"stands? (in the place of|between cells|behind)": "takes the place of, separates, comes after",
    r", of which (none|one|each)": "whose, which, each of them",
    r"(is|are) not there(?!:)": "is missing, does not exist",
    r"that (is|are) there": "existing, that occurs",
    r"(functions?|class|classes|code|objects|layers?|callbacks|metrics) of (a user|users)": "user-defined",
    r"of a user's own": "user-defined",
    r"just now": "now",
    r"without end": "endless",
    r"(written|read|called|spelled|begins) so[,;:]": "this way, like this",
    r"small letters": "lowercase",
    r"equally many": "the same number of",
    r"in the midst": "during",
    r"to be had": "available",
    r"for ever": "forever",
    r"besides": "also, in addition to, other than",
    r"\w*(colour|neighbour|behaviour)\w*": "American spelling: color, neighbor, behavior",
    r"grey|centred?": "American spelling: gray, center",
    r"(standard|minim|maxim|vector|initial|optim|normal|regular)is(e|es|ed|er|ing|ation)": "American spelling: -ize",
}
PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "architecture.md"]
# A docstring names a thing or tells what is done; it does not begin with a clause. "Whether" is right for a boolean:
# "Whether the layer has weights." is how Python's own documentation says it.
CLAUSE = re.compile(r"(What|How|Which|Who|Where|When|Why|That|Those)\b")
# Names that say nothing of what they stand for, as parameters and as variables, and how often they may be bound. A
# place is where something stands in a file, as errors tell it.
VAGUE = {"own": 0, "found": 0, "thing": 0, "given": 0, "place": 16}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def sentences(path: Path) -> tuple[tuple[int, str], ...]:
    """Line and text of what is written for people: comments, and strings of more than one word."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return ((1, text),)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
    constants = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    return (
        *comments,
        *((node.lineno, node.value) for node in constants if isinstance(node.value, str) and " " in node.value),
    )


def compiled(term: str) -> re.Pattern:
    return re.compile(r"\b(?:" + term.replace(" ", r"\s+") + r")(?!\w)", re.IGNORECASE)


def uses(pattern: re.Pattern, line: int, text: str) -> Iterator[tuple[int, str]]:
    for title in QUOTED:
        text = text.replace(title, "")
    for match in pattern.finditer(text):
        yield line + text.count("\n", 0, match.start()), match.group()


@pytest.mark.parametrize("term", TERMS)
def test_standard_terms(term):
    pattern = compiled(term)
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {found!r}; write: {TERMS[term]}"
        for path in [*modules(), *PAGES]
        for line, text in sentences(path)
        for number, found in uses(pattern, line, text)
    ]
    assert not wrong, "\n".join(wrong)


def docstrings() -> Iterator[tuple[Path, ast.AST, str]]:
    for path in modules():
        for node in ast.walk(tree(path)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                yield path, node, ast.get_docstring(node) or ""


def test_docstrings_begin_with_a_noun_or_a_verb():
    wrong = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}: {text.splitlines()[0]}"
        for path, node, text in docstrings()
        if CLAUSE.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def bound_names(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def test_names_say_what_they_stand_for():
    counts = Counter(name for path in modules() for name in bound_names(path))
    more = {name: counts[name] for name, limit in VAGUE.items() if counts[name] > limit}
    assert not more, f"vague names, bound more often than {VAGUE}: {more}; name what they stand for"


def test_terms_are_found():
    """A pattern that could match nothing would hold nothing."""
    sample = "the derivative by\n    x, learnt anew. None\nwhere a whole number is besides the colour"
    matched = [term for term in TERMS if compiled(term).search(sample)]
    assert len(matched) == 7
