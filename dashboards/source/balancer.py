"""What the probe says about members beside what HAProxy does with its servers of the same names."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.looks import PASSED, PRESENT, SERVERS
from dashboards.source.panels import graph, stack, timeline
from dashboards.source.variables import BALANCER as JOB_OF_HAPROXY
from dashboards.source.variables import INSTANCE, JOB, MEMBER, POOL, PROXY
from dashboards.source.verdict_panels import BY_MEMBER, verdicts

_SERVER = "{{proxy}}/{{server}}"
_STATUS = """\
    max by (proxy, server) (
         0 * (haproxy_server_status{<server>, state="DOWN"} == 1)
      or 1 * (haproxy_server_status{<server>, state="MAINT"} == 1)
      or 2 * (haproxy_server_status{<server>, state="DRAIN"} == 1)
      or 3 * (haproxy_server_status{<server>, state="NOLB"} == 1)
      or 4 * (haproxy_server_status{<server>, state="UP"} == 1)
    )"""
_CHECKED = """\
    max by (proxy, server) (
      haproxy_server_check_status{<server>, state=~"L4OK|L6OK|L7OK|L7OKC|PROCOK"}
    )"""
_SERVERS_UP = 'label_replace(haproxy_server_status{<server>, state="UP"}, "member", "$1", "server", "(.+)") == 1'
_MEMBERS_UP = 'sum by (pool) (max by (pool, member) (mailflow_member_state{<member>, state="up"}))'
_MEMBERS_DOWN = 'max by (pool, member) (mailflow_member_state{<member>, state="down"}) == 1'
_STILL_USED = f"{_MEMBERS_DOWN}\nand on (member) max by (member) ({_SERVERS_UP})"

BALANCER = Dashboard(
    uid="mailflow-balancer",
    title="Mail flow: beside HAProxy",
    description="Verdicts above the status that HAProxy gives its servers. They are put side by side where a server is "
    "called like the member.",
    variables=(JOB, INSTANCE, POOL, MEMBER, JOB_OF_HAPROXY, PROXY),
    content=(
        strip(9, verdicts().wide(24)),
        strip(
            9,
            timeline(
                "Servers of HAProxy",
                "What HAProxy does with each server. Where it follows the probe this is the picture above, a little "
                "later.",
                {_SERVER: _STATUS},
                SERVERS,
            ).wide(24),
        ),
        strip(
            8,
            timeline(
                "Down by verdict, and still used",
                "Members that the probe calls down while HAProxy uses the server of the same name. For a few seconds "
                "that is the time between two checks; for longer HAProxy does not listen. Nothing where they agree.",
                {BY_MEMBER: _STILL_USED},
                PRESENT,
            ),
            timeline(
                "Checks of HAProxy",
                "Whether HAProxy's own check of each server passed; the agent's word is not in it.",
                {_SERVER: _CHECKED},
                PASSED,
            ),
        ),
        Heading("Where the mail of others goes"),
        strip(
            8,
            stack(
                "Connections by server",
                "Connections per second that HAProxy gave each server, those of the probe not among them.",
                {_SERVER: "sum by (proxy, server) (rate(haproxy_server_sessions_total{<server>}[$__rate_interval]))"},
                "ops",
            ).wide(8),
            graph(
                "Failed connections",
                "Connections per second that HAProxy could not make to each server.",
                {
                    _SERVER: "sum by (proxy, server) "
                    "(rate(haproxy_server_connection_errors_total{<server>}[$__rate_interval]))"
                },
                "ops",
            ).wide(8),
            graph(
                "Servers in use",
                "Servers that HAProxy gives connections to, by backend, and members that the probe calls up, by pool.",
                {
                    "{{proxy}} of HAProxy": "max by (proxy) (haproxy_backend_active_servers{<backend>})",
                    "{{pool}} by verdict": _MEMBERS_UP,
                },
                "short",
            ).wide(8),
        ),
    ),
)
