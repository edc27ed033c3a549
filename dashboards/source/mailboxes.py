"""The eyes of the probe, and the probe itself: while these fail nobody can tell about members."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.links import STATUS_PAGE
from dashboards.source.looks import GOOD_AT_ZERO, NOTED_ABOVE_ZERO, PRESENT, READABLE
from dashboards.source.panels import graph, stack, stat, table, timeline
from dashboards.source.probe_panels import config_and_ledger
from dashboards.source.variables import INSTANCE, JOB, MAILBOX, MEMBER, POOL, ROUTE

_TROUBLES = """\
    max by (instance, mailbox, kind) (mailflow_mailbox_trouble{<mailbox>})
    and
    max by (instance, mailbox, kind) (max_over_time(mailflow_mailbox_trouble{<mailbox>}[$__range])) > 0"""
_EVERY = """\
    mailflow_route_info{<route>}
    * on (job, instance, pool, route) group_left (outcome)
    mailflow_route_expectation_info{<route>}
    * on (job, instance, pool, route) group_left ()
    mailflow_probe_interval_seconds{<route>}"""
_RUNS_FOR = """\
    (time() - process_start_time_seconds{<target>})
    * on (job, instance) group_left (version, python_version)
    mailflow_build_info{<target>}"""

MAILBOXES = Dashboard(
    uid="mailflow-mailboxes",
    title="Mail flow: mailboxes and the probe itself",
    description="Whether the mailboxes can be read, what lies in them, and how the probe is.",
    variables=(JOB, INSTANCE, POOL, MEMBER, ROUTE, MAILBOX),
    content=(
        strip(
            4,
            stat(
                "Unreadable mailboxes",
                "Mailboxes that could not be read when they were last tried.",
                "sum(1 - mailflow_mailbox_up{<mailbox>})",
                "short",
                GOOD_AT_ZERO,
            ).wide(4),
            stat(
                "Troubles",
                "Troubles that mailboxes have now, those of mailboxes that can be read, too.",
                "sum(mailflow_mailbox_trouble{<mailbox>})",
                "short",
                NOTED_ABOVE_ZERO,
            ).wide(4),
            stat(
                "Longest since a reading",
                "Time since a folder was last read completely, of the mailbox where it is longest ago.",
                "max(time() - mailflow_mailbox_last_read_timestamp_seconds{<mailbox>})",
                "s",
                ((None, "green"), (300, "orange"), (900, "red")),
            ).wide(4),
            stat(
                "Fullest mailbox",
                "The used share of the tightest quota, where the server tells of one.",
                "max(mailflow_mailbox_quota_used_ratio{<mailbox>})",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (0.95, "red")),
            ).wide(4),
            stat(
                "Nothing is deleted",
                "Mailboxes in which nothing is deleted, because a folder holds too much that is not ours.",
                "sum(mailflow_mailbox_deletion_refused{<mailbox>})",
                "short",
                NOTED_ABOVE_ZERO,
            ).wide(4),
            stat(
                "Oldest token expires in",
                "Time until the token expires that a pool or a mailbox is opened with; it is renewed before. Nothing "
                "where none is used.",
                "min(mailflow_oauth_token_expiry_timestamp_seconds{<target>} - time())",
                "s",
                ((None, "red"), (60, "green")),
            ).wide(4),
        ),
        strip(
            8,
            timeline(
                "Can they be read?",
                "Whether each mailbox could be read when it was last tried.",
                {"{{mailbox}}": "min by (instance, mailbox) (mailflow_mailbox_up{<mailbox>})"},
                READABLE,
            )
            .wide(8)
            .linked(STATUS_PAGE),
            timeline(
                "Troubles by kind",
                "What was wrong with each mailbox, and when. Kinds that did not occur are left out.",
                {"{{mailbox}} {{kind}}": _TROUBLES},
                PRESENT,
            )
            .wide(8)
            .linked(STATUS_PAGE),
            table(
                "Which routes they serve",
                "The mailbox in which the messages of each route are looked for, none where nothing is sent; which "
                "outcome is expected; and how often each member is probed.",
                _EVERY,
                "s",
                {
                    "instance": "Probe",
                    "pool": "Pool",
                    "route": "Route",
                    "mailbox": "Mailbox",
                    "outcome": "Expected",
                    "Value": "Every",
                },
            ).wide(8),
        ),
        strip(
            8,
            graph(
                "Messages in them",
                "All messages in the watched folders, whoever they are from, and the older ones that have not been "
                "read yet.",
                {
                    "{{mailbox}}": "max by (mailbox) (mailflow_mailbox_messages{<mailbox>})",
                    "{{mailbox}} not read yet": "max by (mailbox) (mailflow_mailbox_backlog_messages{<mailbox>})",
                },
                "short",
            ).wide(8),
            graph(
                "Since the last reading",
                "Time since a folder of the mailbox was last read completely.",
                {"{{mailbox}}": "max by (mailbox) (time() - mailflow_mailbox_last_read_timestamp_seconds{<mailbox>})"},
                "s",
            ).wide(8),
            stack(
                "Mail of others",
                "Messages that are none of ours, messages whose tag pretends to be ours and is not, and automatic "
                "answers and bounces of bounces. All are left alone.",
                {
                    "{{mailbox}} of others": "sum by (mailbox) "
                    "(increase(mailflow_foreign_messages_total{<mailbox>}[$__rate_interval]))",
                    "{{mailbox}} forged": "sum by (mailbox) "
                    "(increase(mailflow_forged_tags_total{<mailbox>}[$__rate_interval]))",
                    "{{mailbox}} answers": "sum by (mailbox) "
                    "(increase(mailflow_ignored_replies_total{<mailbox>}[$__rate_interval]))",
                },
                "short",
                bars=True,
            ).wide(8),
        ),
        Heading("The probe itself"),
        strip(
            7,
            graph(
                "Probes started and finished",
                "Probes per second. Where fewer finish than start, they pile up.",
                {
                    "started": "sum(rate(mailflow_probes_started_total{<path>}[$__rate_interval]))",
                    "finished": "sum(rate(mailflow_probes_total{<path>}[$__rate_interval]))",
                },
                "ops",
            ).wide(6),
            graph(
                "Probes in flight",
                "Probes that have no outcome yet, by route.",
                {"{{pool}} {{route}}": "sum by (pool, route) (mailflow_probes_in_flight{<path>})"},
                "short",
            ).wide(6),
            graph(
                "Turns left out",
                "Turns left out because the member's transaction before was still going on, or a cap was reached.",
                {
                    "{{pool}}/{{member}}": "sum by (pool, member) "
                    "(increase(mailflow_probes_skipped_total{<path>}[$__rate_interval]))"
                },
                "short",
            ).wide(6),
            config_and_ledger().wide(6),
        ),
        strip(
            7,
            graph(
                "Processor",
                "Share of one processor that the probe uses.",
                {"{{instance}}": "sum by (instance) (rate(process_cpu_seconds_total{<target>}[$__rate_interval]))"},
                "percentunit",
            ).wide(6),
            graph(
                "Memory",
                "Memory that the probe holds.",
                {"{{instance}}": "max by (instance) (process_resident_memory_bytes{<target>})"},
                "bytes",
            ).wide(6),
            graph(
                "Open files",
                "Files and connections that the probe holds open, and how many it may.",
                {
                    "{{instance}}": "max by (instance) (process_open_fds{<target>})",
                    "limit": "min(process_max_fds{<target>})",
                },
                "short",
                log=True,
            )
            .wide(6)
            .limited("limit"),
            graph(
                "Scrapes",
                "How long Prometheus waited for the metrics of the probe.",
                {"{{instance}}": "max by (instance) (scrape_duration_seconds{<target>})"},
                "s",
            ).wide(6),
        ),
        strip(
            5,
            graph(
                "Alarms told",
                "Alarms that those took whom notify names, and posts that were not taken, which are tried again.",
                {
                    "{{kind}} told": "sum by (kind) "
                    "(increase(mailflow_notifications_total{<target>}[$__rate_interval]))",
                    "{{kind}} failed": "sum by (kind) "
                    "(increase(mailflow_notification_failures_total{<target>}[$__rate_interval]))",
                },
                "short",
            ).wide(12),
            table(
                "Versions",
                "Which version runs, and since when.",
                _RUNS_FOR,
                "s",
                {"instance": "Probe", "version": "Version", "python_version": "Python", "Value": "Runs for"},
            ).wide(12),
        ),
    ),
)
