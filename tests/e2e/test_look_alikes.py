"""A burst of mail that pretends to be ours: none is believed, none deleted, and ours are known in time all the same."""

import base64
import re
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Launch
from tests.e2e.patience import eventually, let_pass
from tests.e2e.test_mailboxes import delivered, one_of_ours
from tests.lab import MONITOR, Laboratory

pytestmark = pytest.mark.lab

FORGED = 600
ALIKE = 300
REPLAYED = 100
KNOWN_WITHIN_SECONDS = 2.5
"""Under the deadline of 3 s, on a machine that does other things as well."""


def tag(genuine: bytes) -> bytes:
    return genuine.rpartition(b"Mailflow: ")[2].split()[0]


def forged(genuine: bytes) -> Iterator[bytes]:
    """Take the id of a probe that exists, and guess at its signature."""
    for number in range(FORGED):
        guess = base64.b32encode(number.to_bytes(5, "big"))
        yield genuine.replace(tag(genuine), tag(genuine)[: -len(guess)] + guess)


def alike(genuine: bytes) -> Iterator[bytes]:
    """Look like one of ours whose tag was taken off, so that the body is read."""
    untagged = re.sub(rb"Mailflow-Probe:\s+\S+\r\n", b"", genuine).replace(tag(genuine), b"nothing")
    return (untagged + b"%d\r\n" % number for number in range(ALIKE))


def test_among_a_thousand_look_alikes_ours_are_known_in_time_and_theirs_are_left_alone(
    lab: Laboratory, launch: Launch
) -> None:
    # Given
    program = launch(mailboxes={"monitor": {"keep": "5s"}})
    delivered(program)
    genuine = one_of_ours(lab)

    # When
    let_pass(3)
    burst = [*forged(genuine), *alike(genuine), *[genuine] * REPLAYED]
    began = eventually(lambda: program.probes(), within_seconds=5, what="probes")[0]["started"]
    lab.dovecot.fill(MONITOR, burst)
    eventually(
        lambda: program.metrics().total("mailflow_forged_tags_total") >= FORGED, within_seconds=15, what="the burst"
    )
    let_pass(8)
    probes = [probe for probe in program.probes() if probe["started"] > began and probe["outcome"]]

    # Then
    assert len(probes) > 10
    assert {probe["outcome"] for probe in probes} == {"delivered"}
    assert max(probe["delivery_seconds"] for probe in probes) < KNOWN_WITHIN_SECONDS
    metrics = program.metrics()
    assert metrics.total("mailflow_forged_tags_total") == FORGED
    assert metrics.total("mailflow_foreign_messages_total") == ALIKE
    assert metrics.total("mailflow_late_arrivals_total") == 0
    # A copy of one of ours is one of ours: it is counted, and it goes.
    assert metrics.total("mailflow_duplicates_total") == REPLAYED
    assert metrics.unbalanced() == []
    left = [raw for raw, flags in lab.inbox().values() if not flags]
    assert len(left) >= FORGED + ALIKE
    assert set(burst) - {genuine} <= set(left)
