"""Which queries Prometheus cannot read."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from tests.dashboards.shipped import promtool


def unreadable(queries: Sequence[str], home: Path) -> set[str]:
    """Return those of some queries that Prometheus cannot read."""
    rules = [{"record": f"query:{number}:x", "expr": query} for number, query in enumerate(queries)]
    (home / "rules.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    checked = promtool("check", "rules", "rules.yaml", cwd=home)
    refused = {queries[int(number)] for number in re.findall(r'rule \d+, "query:(\d+):x"', checked.stderr)}
    assert refused or checked.returncode == 0, checked.stderr
    return refused
