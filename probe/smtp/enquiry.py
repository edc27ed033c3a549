"""Asks a server by MAIL and RCPT whether it would take mail, and takes both back: nothing is ever sent."""

from probe.model.outcome import Stage
from probe.model.reply import Ending
from probe.smtp.commands import Say, addressed, command, grouped
from probe.smtp.dialogue import Dialogue
from probe.smtp.endings import Ended, Script, against, cut


class Enquiry(Dialogue):
    """A dialogue whose business ends before DATA: what RCPT is answered decides, RSET and QUIT follow."""

    def _business(self) -> Script:
        self._commands = iter(self._questions())
        mail, rcpt = next(self._commands), next(self._commands)
        begun = yield mail
        self.ended = against(self._peer, Stage.MAIL, begun)
        if self.ended is None or rcpt.pipelined:
            answer = yield rcpt
            self.ended = self.ended or against(self._peer, Stage.RCPT, answer)
            self.ended = self.ended or Ended(Ending.ACCEPTED, Stage.RCPT, f"rcpt accepted: {cut(answer)}", answer)
        if begun.positive:
            yield command(Stage.QUIT, "RSET")
        return self.ended

    def _questions(self) -> tuple[Say, ...]:
        # No parameters: they would speak of a message, and there is none.
        mail = addressed(Stage.MAIL, "MAIL FROM", self._envelope.sender)
        rcpt = addressed(Stage.RCPT, "RCPT TO", self._envelope.recipient)
        return grouped(mail, rcpt) if self._may_group else (mail, rcpt)
