"""How long those who were called down have to be called up, before nobody answers any more."""

from datetime import timedelta

from probe.agent.handover import Handover
from probe.engine.board import Board
from probe.model.settings import OnShutdown


def release_time(board: Board, handover: Handover) -> timedelta | None:
    """Return for how long everybody is to be called up: no time where nobody is out, None where they are to stay out.

    To HAProxy down is for good until something says up.
    """
    health = board.settings.health
    if health.on_shutdown is OnShutdown.HOLD:
        return None
    # Who came back just now is up by its verdict, and down wherever that was not asked for since.
    is_down_to_some = board.keeps_out or handover.owes_a_word(heard_within=health.release_for)
    return health.release_for if is_down_to_some else timedelta(0)
