"""What is marked in every panel: alerts, changes of verdicts, holds, and loadings of the config."""

from typing import Any

from dashboards.source.promql import expanded


def _annotation(name: str, colour: str, query: str, title: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expanded(query),
        "titleFormat": title,
        "textFormat": text,
        "step": "60s",
        **more,
    }


ANNOTATIONS = [
    _annotation(
        "Alerts",
        "red",
        # An alert about what is absent has no instance.
        'ALERTS{job=~"$job|", instance=~"$instance|", alertstate="firing", alertname=~"Mailflow.*"}',
        "{{alertname}}",
        "{{pool}} {{member}} {{route}} {{mailbox}}",
    ),
    _annotation(
        "Changes of verdicts",
        "blue",
        "increase(mailflow_member_state_changes_total{<member>}[2m]) > 0",
        "{{pool}}/{{member}}",
        "The verdict on {{pool}}/{{member}} changed.",
    ),
    _annotation(
        "Held and maintained",
        "orange",
        "mailflow_member_held{<member>} == 1 or mailflow_member_in_maintenance{<member>} == 1",
        "{{pool}}/{{member}}",
        "{{pool}}/{{member}} is held by hand, or in maintenance.",
    ),
    _annotation(
        "Config loaded",
        "purple",
        "mailflow_config_last_reload_success_timestamp_seconds{<target>} * 1000",
        "Config loaded",
        "{{instance}} loaded its config.",
        useValueForTime=True,
    ),
]
