"""A report in words."""

import pytest

from probe.model.report import LONGEST, Action, Report


@pytest.mark.parametrize(
    "report, words",
    [
        (
            Report(Action.FAILED, "5.1.1", "mta2.lab.test", "mx.example.org", "550 5.1.1 no such user"),
            "bounced by mta2.lab.test: 5.1.1 (remote mx.example.org: 550 5.1.1 no such user)",
        ),
        (
            Report(Action.FAILED, "5.4.6", "mta2.lab.test", "", "mail loops"),
            "bounced by mta2.lab.test: 5.4.6 mail loops",
        ),
        (
            Report(Action.FAILED, "5.1.1", "mta2.lab.test", "", "5.1.1 no such user"),
            "bounced by mta2.lab.test: 5.1.1 no such user",
        ),
        (
            Report(Action.DELAYED, "4.4.1", "mta2.lab.test", "mx.example.org"),
            "delayed by mta2.lab.test: 4.4.1 (remote mx.example.org: no diagnostic)",
        ),
        (Report(Action.FAILED, "5.0.0"), "bounced by a server that does not say its name: 5.0.0"),
        (Report(Action.FAILED), "bounced by a server that does not say its name"),
        (Report(Action.RELAYED, reporting_mta="mta2.lab.test"), "reported as relayed by mta2.lab.test"),
        (Report(Action.EXPANDED, reporting_mta="mta2.lab.test"), "reported as expanded by mta2.lab.test"),
        (Report(Action.DELIVERED, reporting_mta="mta2.lab.test"), "reported as delivered by mta2.lab.test"),
    ],
)
def test_a_report_says_who_did_what_and_why(report: Report, words: str) -> None:
    assert str(report) == words


@pytest.mark.parametrize("text", ["x" * (LONGEST + 1), "a\nb", "\x1b[31m"])
def test_text_that_is_not_escaped_and_cut_makes_no_report(text: str) -> None:
    with pytest.raises(ValueError):
        Report(Action.FAILED, diagnostic=text)
