"""The panels about the probe itself that several dashboards show."""

from dashboards.source.links import STATUS_PAGE
from dashboards.source.looks import SOUND
from dashboards.source.panels import Panel, timeline


def config_and_ledger() -> Panel:
    """Return what the probe cannot do without, over time."""
    return timeline(
        "Config and ledger",
        "Whether the config was good when it was last loaded; if it was refused, the old one goes on. Whether the "
        "ledger works; while it does not, nothing is sent.",
        {
            "{{instance}} config": "min by (instance) (mailflow_config_last_reload_successful{<target>})",
            "{{instance}} ledger": "min by (instance) (mailflow_ledger_up{<target>})",
        },
        SOUND,
    ).linked(STATUS_PAGE)
