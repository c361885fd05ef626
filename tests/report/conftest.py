"""One run of each kind, trained once."""

import pytest

from tests.report.runs import KINDS, made


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    trained = {}

    def get(kind):
        assert kind in KINDS
        if kind not in trained:
            trained[kind] = made(tmp_path_factory.mktemp(kind), kind)
        return trained[kind]

    return get
