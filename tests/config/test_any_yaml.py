"""Whatever is in the file, the loader says what is wrong and never breaks."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.config import ConfigError, load

KEYS = st.sampled_from(
    [
        "instance",
        "state",
        "tag_keys",
        "web",
        "listen",
        "resolver",
        "nameservers",
        "port",
        "mailboxes",
        "monitor",
        "address",
        "imap",
        "pop3",
        "host",
        "password",
        "env",
        "file",
        "folders",
        "keep",
        "pools",
        "vip",
        "members",
        "mta1",
        "discover",
        "mx",
        "srv",
        "smtp",
        "tls",
        "auth",
        "timeouts",
        "routes",
        "inbound",
        "pool",
        "mailbox",
        "from",
        "interval",
        "deadline",
        "late_until",
        "expect",
        "retry",
        "attempts",
        "first",
        "content",
        "size",
        "path",
        "health",
        "min_healthy",
        "*",
        "<<",
    ]
)
WORDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.sampled_from(["5m", "50%", "127.0.0.1:25", "[::1]:25", "a@b.test", "vip", "monitor", "junked", "no", "64KiB"]),
)
TREES = st.recursive(
    WORDS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(KEYS | st.text(max_size=5), below, max_size=6),
    max_leaves=40,
)


def complain(content: bytes) -> ConfigError | None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            load(Path(file.name))
        except ConfigError as error:
            return error
    return None


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(KEYS, TREES, max_size=10))
def test_any_mapping_is_refused_with_problems_that_print(tree: dict[str, Any]) -> None:
    error = complain(yaml.safe_dump(tree).encode())
    assert error is not None
    assert error.problems
    for problem in error.problems:
        assert problem.line >= 1
        assert problem.right
        assert "\n" not in str(problem)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-&*!?|>[]{}#'\"\\\n\t %@`<,0", max_size=60).map(str.encode))
def test_any_bytes_are_refused(content: bytes) -> None:
    assert complain(content) is not None
