"""MTA-STS records and policies: what is understood, what is refused, and which exchangers a policy names."""

from datetime import timedelta

import pytest

from probe.model.sts import NoPolicy, StsMode, StsPolicy, parsed, policy_id

GOOD = "version: STSv1\r\nmode: enforce\r\nmx: mx1.lab.test\r\nmx: *.example.org\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    "records, found",
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=a"], "a"),
        (["v=STSv1 ;\tid=a ; more=x"], "a"),
        (["v=STSv1; more=x; id=a"], "a"),
        (["v=spf1 -all", "v=STSv1; id=a"], "a"),
        (["v=STSv1; id=" + "a" * 32], "a" * 32),
        ([], None),
        (["v=spf1 -all"], None),
        (["v=STSv11; id=a"], None),
        (["V=STSv1; id=a"], None),
        ([" v=STSv1; id=a"], None),
    ],
)
def test_a_record_announces_a_policy(records: list[str], found: str | None) -> None:
    assert policy_id(records) == found


@pytest.mark.parametrize(
    "records",
    [
        ["v=STSv1; id=a", "v=STSv1; id=b"],
        ["v=STSv1"],
        ["v=STSv1;"],
        ["v=STSv1; id="],
        ["v=STSv1; id=" + "a" * 33],
        ["v=STSv1; id=a-b"],
        ["v=STSv1; id=ä"],
        ["v=STSv1; id=a\n"],
        ["v=STSv1; id=a; id=b"],
        ["v=STSv1; ID=a"],
        ["v=STSv1;" + ";" * 60_000],
    ],
)
def test_a_record_that_cannot_be_understood_is_told(records: list[str]) -> None:
    with pytest.raises(NoPolicy):
        policy_id(records)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\r\n", "\n"),
        GOOD.removesuffix("\r\n"),
        GOOD.replace(": ", ":"),
        GOOD.replace(": ", ": \t"),
        GOOD + "future: thing\r\n",
        GOOD + "mode: none\r\nmax_age: 1\r\n",  # of what is there twice, the first counts
        GOOD.replace("mx1.lab.test", "MX1.Lab.Test"),
    ],
)
def test_a_policy_is_read(text: str) -> None:
    assert parsed(text) == StsPolicy(StsMode.ENFORCE, ("mx1.lab.test", "*.example.org"), timedelta(weeks=1))


def test_a_policy_that_is_withdrawn_names_nobody() -> None:
    assert parsed("version: STSv1\nmode: none\nmax_age: 86400\n").mode is StsMode.NONE


@pytest.mark.parametrize("seconds, kept", [(0, 0), (31557600, 31557600), (31557601, 31557600), (9999999999, 31557600)])
def test_max_age_has_a_limit(seconds: int, kept: int) -> None:
    assert parsed(GOOD.replace("604800", str(seconds))).max_age == timedelta(seconds=kept)


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "the policy is not of version STSv1"),
        ("<html>", "the policy has a line that is no field"),
        (GOOD.replace("STSv1", "STSv2"), "the policy is not of version STSv1"),
        (GOOD.replace("version: STSv1\r\n", ""), "the policy is not of version STSv1"),
        (GOOD.replace("enforce", "Enforce"), "the policy has no mode that is enforce, testing or none"),
        (GOOD.replace("mode: enforce\r\n", ""), "the policy has no mode that is enforce, testing or none"),
        (GOOD.replace("604800", "-1"), "the policy has no max_age in seconds"),
        (GOOD.replace("604800", "1_000"), "the policy has no max_age in seconds"),
        (GOOD.replace("604800", "١"), "the policy has no max_age in seconds"),
        (GOOD.replace("604800", "1" * 11), "the policy has no max_age in seconds"),
        (GOOD.replace("max_age: 604800\r\n", ""), "the policy has no max_age in seconds"),
        ("version: STSv1\nmode: enforce\nmax_age: 1\n", "the policy names no mx"),
        (GOOD + "mx: mx.test\r\n" * 99, "the policy names more than 100 mx"),
        *(
            (GOOD.replace("mx1.lab.test", pattern), "the policy has an mx that is no host name")
            for pattern in ("", "*", "*.", "mx1.*.test", "a.*", "mx 1", "mx1.lab.test.", "ö.test", "\x1b[2J", "a" * 256)
        ),
    ],
)
def test_what_is_no_policy_is_refused_in_a_sentence(text: str, why: str) -> None:
    with pytest.raises(NoPolicy) as refused:
        parsed(text)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    "host, named",
    [
        ("mx1.lab.test", True),
        ("MX1.LAB.TEST.", True),
        ("mx2.lab.test", False),
        ("a.mx1.lab.test", False),
        ("mx.example.org", True),
        ("a.mx.example.org", False),
        ("example.org", False),
        (".example.org", False),
    ],
)
def test_a_wildcard_stands_for_one_whole_label(host: str, named: bool) -> None:
    assert parsed(GOOD).names(host) is named
