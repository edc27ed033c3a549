"""What older programs wrote is still read."""

from datetime import timedelta

from probe.ledger.rows import transcript, transcript_document
from probe.model.outcome import Stage
from probe.model.reply import Exchange

QUIT = Exchange(Stage.QUIT, "QUIT", None, timedelta(seconds=1), timedelta(seconds=2))


def test_a_transcript_from_before_there_was_pipelining_is_read() -> None:
    [document] = transcript_document([QUIT])
    del document["pipelined"]
    assert transcript([document]) == (QUIT,)
