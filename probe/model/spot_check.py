"""A spot check: one member asked on demand whether it would take mail on a route, and what that proved."""

from dataclasses import dataclass
from datetime import timedelta

from probe.model.failures import failure
from probe.model.outcome import Outcome
from probe.model.reply import Attempt
from probe.model.settings import Member, Route, SmtpSettings


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """What asking a member came to."""

    member: Member
    route: Route
    smtp: SmtpSettings
    attempt: Attempt
    took: timedelta
    """From the first dial to the end of the dialogue; the wait for the turn left out."""

    @property
    def outcome(self) -> Outcome:
        """Return what a probe would have ended as, had it got no further; accepted where the recipient was."""
        failed = failure(self.attempt)
        return Outcome.ACCEPTED if failed is None else failed.outcome or Outcome.UNKNOWN

    @property
    def succeeded(self) -> bool:
        """Tell whether it went as the route expects, as far as that shows before DATA."""
        if self.outcome is self.route.expect:
            return True
        return self.outcome is Outcome.ACCEPTED and not self.route.only_asks


def usual_route(routes: list[Route]) -> Route | None:
    """Return the route on which members are checked when nobody names one: the first on which mail is to be taken."""
    taken = (route for route in routes if route.expect in (Outcome.DELIVERED, Outcome.ACCEPTED))
    return next(taken, routes[0] if routes else None)
