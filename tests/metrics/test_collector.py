"""What the metrics say, from the first scrape on."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from probe.engine.board import Board
from probe.engine.happenings import (
    Attempted,
    Ended,
    FolderRead,
    LedgerFailed,
    LedgerWorks,
    MailboxFailed,
    MembersKnown,
    SetbacksChanged,
    Started,
)
from probe.metrics import ReloadState, TokenExpiries
from probe.metrics.collector import registry
from probe.model.letter import Folder
from probe.model.outcome import OF_ASKING, OF_SENDING, Outcome, Stage
from probe.model.reply import Attempt, Ending
from probe.model.settings import Member, Settings
from probe.model.tls_seen import TlsSeen
from probe.model.trouble import TroubleKind
from probe.ports import Tally, Total
from tests.metrics.boards import (
    MEMBERS,
    NOW,
    a_probe,
    accepted,
    asking,
    attempt,
    board_of_exchangers,
    fresh_board,
    greylisted,
    lively_board,
    settings,
)

GOOD = ReloadState(True, NOW)
PATH = '{member="mta1",pool="vip",route="inbound"}'
OTHER = PATH.replace("mta1", "mta2")


OUTCOMES = "mailflow_probe_outcomes_total"


def outcomes_of(member: str, outcome: Outcome) -> str:
    return f'{OUTCOMES}{{member="{member}",outcome="{outcome}",pool="vip",route="inbound"}}'


def scrape(board: Board, reload: ReloadState = GOOD) -> dict[str, float]:
    """Every series of a board by its name and labels."""
    lines = generate_latest(registry(board.snapshot(NOW), reload)).decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


@pytest.mark.parametrize(
    "series",
    [
        "mailflow_probes_started_total" + PATH,
        "mailflow_probes_total" + PATH,
        "mailflow_probe_failures_total" + PATH,
        "mailflow_probe_success" + PATH,
        "mailflow_probes_in_flight" + PATH,
        "mailflow_late_arrivals_total" + PATH,
        "mailflow_late_bounces_total" + PATH,
        "mailflow_duplicates_total" + PATH,
        "mailflow_retries_total" + PATH,
        "mailflow_probes_skipped_total" + PATH,
        "mailflow_delivery_duration_seconds_count" + PATH,
        "mailflow_smtp_duration_seconds_sum" + PATH,
        "mailflow_acceptance_duration_seconds_count" + PATH,
        'mailflow_delivery_duration_seconds_bucket{le="+Inf",member="mta1",pool="vip",route="inbound"}',
        'mailflow_member_state{member="mta1",pool="vip",state="up"}',
        'mailflow_member_state{member="mta1",pool="vip",state="down"}',
        'mailflow_member_state_changes_total{member="mta1",pool="vip"}',
        'mailflow_member_held{member="mta1",pool="vip"}',
        'mailflow_member_in_maintenance{member="mta1",pool="vip"}',
        'mailflow_setbacks{member="mta1",pool="vip"}',
        'mailflow_verdicts_guarded{pool="vip"}',
        'mailflow_shared_fault{pool="vip",route="inbound"}',
        'mailflow_mailbox_up{mailbox="monitor"}',
        'mailflow_mailbox_messages{mailbox="monitor"}',
        'mailflow_foreign_messages_total{mailbox="monitor"}',
        'mailflow_forged_tags_total{mailbox="monitor"}',
        'mailflow_ignored_replies_total{mailbox="monitor"}',
    ],
)
def test_a_series_that_can_exist_is_there_from_the_start_at_0(series: str) -> None:
    assert scrape(fresh_board())[series] == 0


@pytest.mark.parametrize("kind", TroubleKind)
def test_every_kind_of_trouble_is_there_from_the_start_at_0_and_1_while_a_mailbox_has_it(kind: TroubleKind) -> None:
    series, board = f'mailflow_mailbox_trouble{{kind="{kind}",mailbox="monitor"}}', fresh_board()
    assert scrape(board)[series] == 0
    board(MailboxFailed("monitor", "it is so", kind))
    assert scrape(board)[series] == 1
    board(FolderRead("monitor", Folder.INBOX, NOW, 7))
    assert scrape(board)[series] == 0


@pytest.mark.parametrize("asked, outcomes", [(settings(), OF_SENDING), (asking(), OF_ASKING)], ids=["sent", "asked"])
def test_every_outcome_that_can_be_is_there_from_the_start_at_0(asked: Settings, outcomes: Sequence[Outcome]) -> None:
    told = {name: value for name, value in scrape(fresh_board(asked)).items() if name.startswith(OUTCOMES)}
    assert told == {outcomes_of(name, outcome): 0 for name in MEMBERS for outcome in outcomes}


def test_what_a_route_counted_when_it_did_something_else_is_still_told() -> None:
    board = fresh_board(asking())
    board.restore([Total("vip", "mta1", "inbound", Tally.OUTCOME, Outcome.DELIVERED, 3)], [], [])
    assert scrape(board)[outcomes_of("mta1", Outcome.DELIVERED)] == 3


def test_an_acceptance_is_no_delivery() -> None:
    board = fresh_board(asking())
    board(Started(accepted("a1").probe))
    board(Ended(accepted("a1")))
    told = scrape(board)
    assert told["mailflow_probe_success" + PATH] == 1
    assert told["mailflow_probe_failures_total" + PATH] == 0
    assert told["mailflow_delivery_duration_seconds_count" + PATH] == 0
    assert "mailflow_last_delivery_timestamp_seconds" + PATH not in told


def test_a_route_without_a_mailbox_is_told_without_one() -> None:
    assert scrape(fresh_board(asking()))['mailflow_route_info{mailbox="",pool="vip",route="inbound"}'] == 1


def test_what_has_not_happened_or_was_not_told_is_left_out() -> None:
    before, after = (
        {series.partition("{")[0] for series in scrape(board)} for board in (fresh_board(), lively_board())
    )
    assert after - before == {
        "mailflow_last_delivery_timestamp_seconds",
        "mailflow_last_probe_timestamp_seconds",
        "mailflow_mailbox_last_read_timestamp_seconds",
        "mailflow_mailbox_quota_used_ratio",
        "mailflow_tls_certificate_expiry_timestamp_seconds",
        "mailflow_hop_delay_seconds",
        "mailflow_hop_clock_skew_seconds",
        "mailflow_authentication_pass",
    }


def test_the_expiry_of_a_token_is_that_of_its_pool_or_of_its_mailbox() -> None:
    later = NOW + timedelta(hours=1)
    expiries = TokenExpiries(pools={"vip": NOW}, mailboxes={"monitor": later})
    text = generate_latest(registry(fresh_board().snapshot(NOW), GOOD, expiries)).decode()
    name = "mailflow_oauth_token_expiry_timestamp_seconds"
    told = [line.rpartition(" ") for line in text.splitlines() if line.startswith(name)]
    assert {series: float(value) for series, _, value in told} == {
        name + '{mailbox="",pool="vip"}': NOW.timestamp(),
        name + '{mailbox="monitor",pool=""}': later.timestamp(),
    }


def test_a_delivered_probe_moves_its_own_figures_only() -> None:
    # Given / when
    series = scrape(lively_board())

    # Then
    assert series["mailflow_probe_success" + PATH] == 1
    assert series["mailflow_probe_success" + OTHER] == 0
    assert series["mailflow_probe_failures_total" + PATH] == 0
    assert series["mailflow_probe_failures_total" + OTHER] == 1
    assert series["mailflow_last_delivery_timestamp_seconds" + PATH] == NOW.timestamp() + 1.5
    assert "mailflow_last_delivery_timestamp_seconds" + OTHER not in series
    assert {name: value for name, value in series.items() if name.startswith("mailflow_hop_")} == {
        'mailflow_hop_delay_seconds{hop="4",member="mta1",pool="vip",route="inbound"}': 1,
        'mailflow_hop_clock_skew_seconds{hop="1",member="mta1",pool="vip",route="inbound"}': 0,
        'mailflow_hop_clock_skew_seconds{hop="2",member="mta1",pool="vip",route="inbound"}': 40,
        'mailflow_hop_clock_skew_seconds{hop="4",member="mta1",pool="vip",route="inbound"}': 0,
    }


def test_authentication_is_told_as_far_as_it_was_told() -> None:
    told = {name: value for name, value in scrape(lively_board()).items() if "authentication" in name}
    labels = 'member="mta1",method="{}",pool="vip",route="inbound"'
    assert told == {
        f"mailflow_authentication_pass{{{labels.format('spf')}}}": 1,
        f"mailflow_authentication_pass{{{labels.format('dmarc')}}}": 0,
    }


def test_outcomes_add_up_to_the_finished_probes() -> None:
    series = scrape(lively_board())
    for path in (PATH, OTHER):
        member = re.search(r'member="\w+"', path)[0]  # type: ignore[index]
        outcomes = sum(
            value
            for name, value in series.items()
            if name.startswith("mailflow_probe_outcomes_total") and member in name
        )
        started = series["mailflow_probes_started_total" + path]
        assert (
            outcomes == series["mailflow_probes_total" + path] == started - series["mailflow_probes_in_flight" + path]
        )


@pytest.mark.parametrize(("bound", "count"), [("1.0", 0), ("2.5", 1), ("3600.0", 1), ("+Inf", 1)])
def test_a_bucket_counts_all_that_took_no_longer(bound: str, count: int) -> None:
    labels = f'{{le="{bound}",member="mta1",pool="vip",route="inbound"}}'
    assert scrape(lively_board())["mailflow_delivery_duration_seconds_bucket" + labels] == count


@pytest.mark.parametrize(("state", "value"), [("up", 0), ("down", 1), ("unknown", 0)])
def test_a_member_is_in_one_state(state: str, value: float) -> None:
    assert scrape(lively_board())[f'mailflow_member_state{{member="mta2",pool="vip",state="{state}"}}'] == value


def test_findings_are_counted_where_there_can_be_any() -> None:
    told = {name: value for name, value in scrape(board_of_exchangers()).items() if "tls_findings" in name}
    assert told == {
        'mailflow_tls_findings{member="mx1-v4",pool="mx"}': 0,
        'mailflow_tls_findings{member="mx2-v4",pool="mx"}': 2,
    }
    assert not [name for name in scrape(lively_board()) if "tls_findings" in name]


def test_findings_are_counted_from_the_start() -> None:
    board = board_of_exchangers()
    board(MembersKnown("mx", (Member("mx", "mx3-v4", "127.0.0.1"),)))
    assert scrape(board)['mailflow_tls_findings{member="mx3-v4",pool="mx"}'] == 0


def test_plain_text_in_front_of_a_handshake_is_counted_from_the_start() -> None:
    board, series = fresh_board(), 'mailflow_starttls_injections_total{member="mta1",pool="vip"}'
    assert scrape(board)[series] == 0
    injected = replace(attempt(), certificate_expiry=None, tls=TlsSeen(offered=True, injected=True))
    for seen in (injected, attempt(), injected):
        board(Attempted(a_probe("a1"), seen, 1))
    assert scrape(board)[series] == 2
    assert scrape(board)[series.replace("mta1", "mta2")] == 0


def test_a_member_that_is_gone_takes_its_series_along() -> None:
    # Given
    board = lively_board()

    # When
    board(MembersKnown("vip", board.settings.pools["vip"].members[:1]))

    # Then
    assert not [series for series in scrape(board) if 'member="mta2"' in series]


def test_a_refused_config_is_told() -> None:
    series = scrape(fresh_board(), ReloadState(False, NOW))
    assert series["mailflow_config_last_reload_successful"] == 0
    assert series["mailflow_config_last_reload_success_timestamp_seconds"] == NOW.timestamp()


def test_a_ledger_that_fails_is_told_until_it_works_again() -> None:
    board = fresh_board()
    told = []
    for happening in (None, LedgerFailed("the disk is full"), LedgerWorks()):
        if happening:
            board(happening)
        told.append(scrape(board)["mailflow_ledger_up"])
    assert told == [1, 0, 1]


@pytest.mark.parametrize(("asked", "outcome"), [(settings(), "delivered"), (asking(), "accepted")])
def test_the_outcome_that_a_route_expects_is_named(asked: Settings, outcome: str) -> None:
    series = [name for name in scrape(fresh_board(asked)) if name.startswith("mailflow_route_expectation_info")]
    assert series == [f'mailflow_route_expectation_info{{outcome="{outcome}",pool="vip",route="inbound"}}']


def test_openmetrics_can_be_parsed() -> None:
    told = registry(lively_board().snapshot(NOW), GOOD)
    text = openmetrics.generate_latest(told).decode()  # type: ignore[no-untyped-call]
    names = {family.name for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert {"mailflow_probes", "mailflow_delivery_duration_seconds", "mailflow_build_info"} <= names


def test_promtool_finds_nothing_to_complain_of() -> None:
    # Given
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: install the package prometheus"
    text = generate_latest(registry(lively_board().snapshot(NOW), GOOD))

    # When
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False)

    # Then
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


def test_every_metric_is_told_in_a_sentence() -> None:
    text = generate_latest(registry(fresh_board().snapshot(NOW), GOOD)).decode()
    helps = re.findall(r"^# HELP (mailflow_\w+) (.*)$", text, re.MULTILINE)
    assert len(helps) > 25
    assert [name for name, sentence in helps if not sentence.endswith(".")] == []


def test_the_contract_of_metrics_is_kept_whole() -> None:
    text = generate_latest(registry(lively_board().snapshot(NOW), GOOD)).decode()
    names = set(re.findall(r"^# TYPE (mailflow_\w+ \w+)$", text, re.MULTILINE))
    assert names == set((Path(__file__).parent / "metrics.txt").read_text().splitlines())


def test_setbacks_are_counted_per_member() -> None:
    board = fresh_board()
    board(SetbacksChanged("vip", "mta1", (greylisted(),)))
    board(SetbacksChanged("vip", "gone", (greylisted(),)))
    told = {series: value for series, value in scrape(board).items() if series.startswith("mailflow_setbacks")}
    assert told == {
        'mailflow_setbacks{member="mta1",pool="vip"}': 1,
        'mailflow_setbacks{member="mta2",pool="vip"}': 0,
    }


def test_the_time_to_acceptance_runs_from_the_start_over_all_attempts() -> None:
    board, probe = fresh_board(), a_probe("a1")
    refused = Attempt(Ending.REFUSED_FOR_NOW, Stage.RCPT, "450", NOW)
    late = Attempt(Ending.ACCEPTED, Stage.BODY, "250", NOW, accepted=NOW + timedelta(seconds=61))
    board(Started(probe))
    board(Attempted(probe, refused, 1))
    board(Attempted(probe, late, 2))
    assert scrape(board)["mailflow_acceptance_duration_seconds_sum" + PATH] == 61
    assert scrape(board)["mailflow_acceptance_duration_seconds_count" + PATH] == 1
