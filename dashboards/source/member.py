"""All about one member, or a few: chosen above, or reached by a click on the overview."""

from dashboards.source import looks
from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.delivery_panels import delivery_quantiles, hops, quantile
from dashboards.source.links import OF_MEMBER, OF_PATH
from dashboards.source.panels import graph, stack, stat, timeline, word_stat
from dashboards.source.promql import failure_ratio
from dashboards.source.verdict_panels import (
    ASIDE,
    BY_MEMBER,
    BY_PATH,
    CERTIFICATE_LEFT,
    CHANGES_WITHIN_A_DAY,
    SINCE_DELIVERY,
    VERDICT,
    last_probe,
    outcomes_by_kind,
    outcomes_over_time,
    verdicts,
)

MEMBER = Dashboard(
    uid="mailflow-member",
    title="Mail flow: member",
    description="What is known of one member of a pool, or of those that are chosen.",
    content=(
        strip(
            4,
            word_stat("Verdict", "What load balancers are told now.", {BY_MEMBER: VERDICT}, looks.VERDICTS)
            .wide(4)
            .linked(*OF_MEMBER),
            word_stat(
                "Held or maintained",
                "Whether somebody holds the verdict by hand, and whether maintenance was planned for now.",
                {BY_MEMBER: ASIDE},
                looks.ASIDE,
            ).wide(4),
            stat(
                "Since the last delivery",
                "Time since a message was seen that was delivered in time. Nothing where none ever was.",
                {BY_PATH: SINCE_DELIVERY},
                "s",
                looks.ALWAYS_NEUTRAL,
            )
            .wide(4)
            .linked(*OF_PATH),
            stat(
                "Changes of the verdict",
                "How often the verdict changed within a day.",
                {BY_MEMBER: CHANGES_WITHIN_A_DAY},
                "short",
                ((None, "green"), (3, "orange"), (10, "red")),
            ).wide(4),
            stat(
                "Certificate expires in",
                "Time until the certificate expires that the member showed last.",
                {BY_MEMBER: CERTIFICATE_LEFT},
                "s",
                looks.CERTIFICATE,
            ).wide(4),
            stat(
                "What retries wait for",
                "What is remembered of the member: that it cannot be connected to, and each recipient that it refused.",
                {BY_MEMBER: "max by (instance, pool, member) (mailflow_setbacks{<member>})"},
                "short",
                looks.NOTED_ABOVE_ZERO,
            ).wide(4),
        ),
        strip(8, verdicts().wide(8), outcomes_over_time().wide(8), last_probe().wide(8)),
        strip(
            8,
            outcomes_by_kind(),
            graph(
                "Share of failures",
                "Unexpected outcomes among the probes of the last hour that somebody can tell of.",
                {BY_PATH: failure_ratio("1h", "instance", "pool", "member", "route")},
                "percentunit",
                top=1,
            ),
        ),
        Heading("Time"),
        strip(
            8,
            delivery_quantiles().wide(8),
            graph(
                "Time until accepted",
                "Nineteen of twenty probes that were accepted within 30 minutes took no longer for it than this, over "
                "all their tries: the time that greylisting takes is in it.",
                {BY_MEMBER: quantile(0.95, "acceptance", "pool", "member")},
                "s",
                log=True,
            ).wide(8),
            graph(
                "SMTP dialogue",
                "Nineteen of twenty tries within 30 minutes took no longer than this from connecting to the reply "
                "after the final dot.",
                {BY_MEMBER: quantile(0.95, "smtp", "pool", "member")},
                "s",
                log=True,
            ).wide(8),
        ),
        strip(
            8,
            stack(
                "SMTP stages of $member",
                "What each stage of the dialogue took in the last try, averaged over the routes.",
                {"{{stage}}": "avg by (stage) (mailflow_smtp_stage_duration_seconds{<path>})"},
                "s",
            )
            .wide(24)
            .repeated("member"),
        ),
        Heading("The way of a message"),
        strip(
            8,
            hops().wide(8),
            graph(
                "Clocks of the hops",
                "By how much the clock of a hop is wrong at least, in the last message seen; above 0 it is ahead.",
                {
                    BY_PATH
                    + " hop {{hop}}": "max by (pool, member, route, hop) (mailflow_hop_clock_skew_seconds{<path>})"
                },
                "s",
                log=False,
            ).wide(8),
            timeline(
                "Authentication",
                "Whether the last message seen passed SPF, DKIM and DMARC, by the server whose word is trusted "
                "(authserv_id). Nothing where it does not say.",
                {
                    BY_PATH
                    + " {{method}}": "min by (pool, member, route, method) (mailflow_authentication_pass{<path>})"
                },
                looks.PASSED,
            ).wide(8),
        ),
        Heading("What went aside"),
        strip(
            8,
            stack(
                "Apart from outcomes",
                "Further tries, turns left out, messages and bounces that came late, second copies, and messages that "
                "took another way than those before.",
                {
                    "tried again": "sum(increase(mailflow_retries_total{<path>}[$__rate_interval]))",
                    "left out": "sum(increase(mailflow_probes_skipped_total{<path>}[$__rate_interval]))",
                    "arrived late": "sum(increase(mailflow_late_arrivals_total{<path>}[$__rate_interval]))",
                    "bounced late": "sum(increase(mailflow_late_bounces_total{<path>}[$__rate_interval]))",
                    "second copies": "sum(increase(mailflow_duplicates_total{<path>}[$__rate_interval]))",
                    "another way": "sum(increase(mailflow_path_changes_total{<path>}[$__rate_interval]))",
                },
                "short",
                bars=True,
            ),
            graph(
                "Findings on TLS",
                "Findings on the TLS of exchangers, and how often plain text came in front of a TLS handshake. "
                "Findings are there for pools with discover.mx only.",
                {
                    BY_MEMBER + " findings": "max by (pool, member) (mailflow_tls_findings{<member>})",
                    BY_MEMBER + " injected": "sum by (pool, member) "
                    "(increase(mailflow_starttls_injections_total{<member>}[$__rate_interval]))",
                },
                "short",
            ),
        ),
    ),
)
