import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model.authentication import METHODS, RESULTS, verdicts

OURS = b"Authentication-Results: mx.lab.test;"


def told(*fields: bytes) -> dict[str, str]:
    return dict(verdicts(b"".join(field + b"\r\n" for field in fields), authserv_id="mx.lab.test"))


@pytest.mark.parametrize(
    "field, results",
    [
        (OURS + b" spf=pass smtp.mailfrom=lab.test", {"spf": "pass"}),
        (
            OURS + b"\r\n\tdkim=pass (2048-bit key; spf=fail) header.d=lab.test;\r\n\tdmarc=fail",
            {"dkim": "pass", "dmarc": "fail"},
        ),
        (b"AUTHENTICATION-RESULTS: MX.Lab.Test 1; SPF = Pass", {"spf": "pass"}),
        (b'Authentication-Results: "mx.lab.test"; spf/1=softfail', {"spf": "softfail"}),
        (OURS + b" dkim=fail; dkim=pass; dkim=neutral", {"dkim": "pass"}),
        (OURS + b" dkim=none; dkim=fail", {"dkim": "fail"}),
        (OURS + b" none", {}),
        (OURS + b" iprev=pass; spf=splendid; auth=pass", {}),
        (b"Authentication-Results: mx.lab.test", {}),
        (b"Authentication-Results: other.test; spf=pass", {}),
        (b"Authentication-Results: mx.lab.test.other.test; spf=pass", {}),
        (b"X-Authentication-Results: mx.lab.test; spf=pass", {}),
        (b"ARC-Authentication-Results: i=1; mx.lab.test; spf=pass", {}),
        (b"Authentication-Results: (mx.lab.test) other.test; spf=pass", {}),
    ],
)
def test_results_are_those_of_the_trusted_server(field: bytes, results: dict[str, str]) -> None:
    assert told(field) == results


def test_the_topmost_field_counts_for_each_method() -> None:
    below = OURS + b" spf=pass; dmarc=pass"
    assert told(OURS + b" spf=fail", below) == {"spf": "fail", "dmarc": "pass"}


def test_what_stands_below_the_line_of_the_trusted_server_is_forged() -> None:
    border, inside = b"Received: from outside by mx.lab.test", b"Received: from mx.lab.test by store.lab.test"
    forged = OURS + b" spf=pass; dmarc=pass"
    assert told(inside, OURS + b" spf=fail", border, forged) == {"spf": "fail"}


@given(st.binary(max_size=200))
def test_garbage_never_raises_and_words_are_from_closed_sets(raw: bytes) -> None:
    for method, result in told(OURS + raw, OURS + b" spf=" + raw, b"Authentication-Results:" + raw).items():
        assert method in METHODS
        assert result in RESULTS


@pytest.mark.parametrize("more", [b"(" * 60_000, b";" * 60_000, b" spf=" * 12_000, b"\r\n " * 20_000])
@pytest.mark.timeout(5)
def test_hostile_fields_are_read_in_bounded_time(more: bytes) -> None:
    told(OURS + more, *[OURS + more[:3000]] * 200)
