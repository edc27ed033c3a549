"""What the probe says about members beside what HAProxy does with its servers of the same names."""

from dashboards.source.dashboard import Dashboard, Heading, strip
from dashboards.source.looks import BAD, GOOD, NEUTRAL, NOTE, PRESENT, Word
from dashboards.source.panels import graph, stack, timeline
from dashboards.source.variables import BALANCER as JOB_OF_HAPROXY
from dashboards.source.variables import INSTANCE, JOB, MEMBER, POOL, PROXY
from dashboards.source.verdict_panels import verdicts

_SERVER = "{{proxy}}/{{server}}"
_STATUS = (
    Word(0, "down", BAD),
    Word(1, "out for maintenance", NEUTRAL),
    Word(2, "draining", NOTE),
    Word(3, "up, gets nothing new", NOTE),
    Word(4, "up", GOOD),
)
_CODES = {"DOWN": 0, "MAINT": 1, "DRAIN": 2, "NOLB": 3, "UP": 4}
_CHECK = (Word(0, "failed", BAD), Word(1, "passed", GOOD))

_SERVERS_UP = 'label_replace(haproxy_server_status{<server>, state="UP"}, "member", "$1", "server", "(.+)") == 1'
_MEMBERS_UP = 'sum by (pool) (max by (pool, member) (mailflow_member_state{<member>, state="up"}))'
_MEMBERS_DOWN = 'max by (pool, member) (mailflow_member_state{<member>, state="down"}) == 1'


def _status() -> str:
    """Return the status of each server as one number."""
    told = "\nor\n".join(
        f'{code} + 0 * (haproxy_server_status{{<server>, state="{state}"}} == 1)' for state, code in _CODES.items()
    )
    return f"max by (proxy, server) (\n{told}\n)"


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
                {_SERVER: _status()},
                _STATUS,
            ).wide(24),
        ),
        strip(
            8,
            timeline(
                "Down by verdict, and still used",
                "Members that the probe calls down while HAProxy uses the server of the same name. For a few seconds "
                "that is the time between two checks; for longer HAProxy does not listen. Nothing where they agree.",
                {"{{pool}}/{{member}}": f"{_MEMBERS_DOWN}\nand on (member) max by (member) ({_SERVERS_UP})"},
                PRESENT,
            ),
            timeline(
                "Checks of HAProxy",
                "Whether HAProxy's own check of each server passed; the agent's word is not in it.",
                {
                    _SERVER: "max by (proxy, server) "
                    '(haproxy_server_check_status{<server>, state=~"L4OK|L6OK|L7OK|L7OKC|PROCOK"})'
                },
                _CHECK,
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
