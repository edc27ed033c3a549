"""The recipes of docs/load-balancers.md are taken by the programs that they are for."""

import asyncio
import re
from pathlib import Path

import pytest
import yaml

from tests.balancers.recipes import recipe
from tests.docs.markdown import blocks
from tests.docs.pages import LOAD_BALANCERS, STARTING_CONFIG
from tests.docs.running import run
from tests.web.serving import World

HAPROXY = ("HAProxy: agent-check", "HAProxy: HTTP")


@pytest.mark.parametrize("title", HAPROXY)
def test_haproxy_takes_its_recipe(title: str, tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text(recipe(title, "haproxy"))
    checked = run("haproxy", "-c", "-f", "haproxy.cfg", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_keepalived_takes_its_recipe(tmp_path: Path) -> None:
    script = tmp_path / "mailflow-verdict"
    script.write_text(recipe("keepalived", "sh"))
    script.chmod(0o755)
    text = recipe("keepalived", "keepalived").replace("/usr/local/bin/mailflow-verdict", str(script))
    # With any other user -t of 2.2.7 sends itself SIGTERM: it looks for a parent that this mode does not have.
    text = text.replace("script_user nobody", "script_user root")
    (tmp_path / "keepalived.conf").write_text(text)
    checked = run("keepalived", "-t", "-l", "-f", str(tmp_path / "keepalived.conf"), cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_keepalived_would_not_take_a_mistake(tmp_path: Path) -> None:
    text = recipe("keepalived", "keepalived").replace("MISC_CHECK", "MISS_CHECK")
    (tmp_path / "keepalived.conf").write_text(text)
    assert run("keepalived", "-t", "-l", "-f", str(tmp_path / "keepalived.conf"), cwd=tmp_path).returncode > 0


def test_the_members_of_the_recipes_are_those_of_the_config() -> None:
    shown = set(yaml.safe_load(blocks(STARTING_CONFIG.text, "yaml")[0])["pools"]["vip"]["members"])
    for title in HAPROXY:
        assert set(re.findall(r"^  server (\S+)", recipe(title, "haproxy"), re.MULTILINE)) == shown
    assert set(re.findall(r"mailflow-verdict vip (\w+)", recipe("keepalived", "keepalived"))) == shown


def test_envoy_and_kubernetes_ask_for_what_there_is() -> None:
    [cluster] = yaml.safe_load(recipe("Envoy", "yaml"))["clusters"]
    [check] = cluster["health_checks"]
    [container] = yaml.safe_load(recipe("Kubernetes", "yaml"))["containers"]
    paths = [container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("liveness", "readiness")]

    async def statuses() -> list[int]:
        return [(await World().ask(path)).status_code for path in paths]

    assert f"location = {check['http_health_check']['path']} " in recipe("A shim that fails open", "nginx")
    assert 404 not in asyncio.run(statuses())


def test_every_recipe_says_whether_it_was_tried() -> None:
    sections = LOAD_BALANCERS.read_text().split("\n## ")[1:]
    assert [each.partition("\n")[0] for each in sections if "\nTried" not in each] == []
