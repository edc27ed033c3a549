"""The commands that people and scripts run by hand: one round now, and the life of one probe."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.program import mailflow
from tests.e2e.quick import quick_config
from tests.lab import DOMAIN, MONITOR, Laboratory

pytestmark = pytest.mark.lab


def written(lab: Laboratory, home: Path, **overrides: Any) -> Path:
    path = home / "config.yaml"
    path.write_text(yaml.safe_dump(quick_config(lab, home, **overrides)))
    return path


def outcomes(printed: str) -> dict[str, str]:
    return {probe["member"]: probe["outcome"] for probe in json.loads(printed)["probes"]}


def test_one_round_of_healthy_members_exits_with_0(lab: Laboratory, tmp_path: Path) -> None:
    done = mailflow("once", written(lab, tmp_path), "--json")

    assert done.returncode == 0, done.stderr
    assert outcomes(done.stdout) == dict.fromkeys(lab.members, "delivered")


def test_one_round_with_a_member_that_discards_exits_with_2(lab: Laboratory, tmp_path: Path) -> None:
    lab.member("mta2").discard()

    done = mailflow("once", written(lab, tmp_path), "--json")

    assert done.returncode == 2, done.stderr
    assert outcomes(done.stdout) == dict.fromkeys(lab.members, "delivered") | {"mta2": "missing"}


def test_one_round_that_ends_in_junk_exits_with_1(lab: Laboratory, tmp_path: Path) -> None:
    done = mailflow("once", written(lab, tmp_path, routes={"inbound": {"to": f"junk@{DOMAIN}"}}), "--json")

    assert done.returncode == 1, done.stderr
    assert set(outcomes(done.stdout).values()) == {"junked"}


def test_one_round_without_a_mailbox_exits_with_3(lab: Laboratory, tmp_path: Path) -> None:
    lab.dovecot.stop()

    done = mailflow("once", written(lab, tmp_path), "--json")

    assert done.returncode == 3, done.stderr
    assert set(outcomes(done.stdout).values()) == {"unknown"}


def test_one_round_prints_a_row_per_probe_for_people(lab: Laboratory, tmp_path: Path) -> None:
    done = mailflow("once", written(lab, tmp_path), "--member", "mta1", "--member", "vip/mta3")

    assert done.returncode == 0, done.stderr
    assert [name in done.stdout for name in ("mta1", "mta2", "mta3", "mta4")] == [True, False, True, False]
    assert "delivered" in done.stdout


def test_explain_tells_every_command_and_reply_and_the_path_of_the_message(lab: Laboratory, tmp_path: Path) -> None:
    config = written(lab, tmp_path)
    [probe] = json.loads(mailflow("once", config, "--member", "mta1", "--json").stdout)["probes"]

    told = mailflow("explain", config, probe["id"])
    life = json.loads(mailflow("explain", config, probe["id"], "--json").stdout)

    assert told.returncode == 0
    for line in (f"C: RCPT TO:<{MONITOR}>", "C: STARTTLS", "S: 250", "C: QUIT", "mta1.lab.test", "inbox"):
        assert line in told.stdout
    assert (life["outcome"], life["folder"]) == ("delivered", "inbox")
    assert life["hops"][0]["by"] == "mta1.lab.test"
    assert life["events"][0]["kind"] == "started"


def test_explain_does_not_know_an_id_that_never_was(lab: Laboratory, tmp_path: Path) -> None:
    config = written(lab, tmp_path)
    mailflow("once", config, "--member", "mta1")

    done = mailflow("explain", config, "aaaaaaaaaaaaaaaaaaaa")

    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_real_bounce_that_is_pasted_tells_the_life_of_its_probe(lab: Laboratory, tmp_path: Path) -> None:
    config = written(
        lab,
        tmp_path,
        routes={"inbound": {"to": f"bounce@{DOMAIN}", "expect": "bounced"}},
        mailboxes={"monitor": {"keep": "1h"}},
    )
    [probe] = json.loads(mailflow("once", config, "--member", "mta1", "--json").stdout)["probes"]
    [(bounce, _)] = lab.inbox().values()

    told = mailflow("explain", config, "-", pasted=bounce.decode())

    assert told.returncode == 0
    assert told.stderr.startswith(
        f"this quotes a message, or is one whose own field was removed, of the probe {probe['id']}"
    )
    assert told.stdout.startswith(f"{probe['id']}  bounced")


def test_a_life_begins_with_the_look_up_that_found_the_member(lab: Laboratory, tmp_path: Path) -> None:
    config = quick_config(lab, tmp_path, routes={"inbound": {"pool": "mx"}})
    port, smtp = lab.member("mta1").port, config["pools"]["vip"]["smtp"]
    config["pools"] = {"mx": {"discover": {"mx": DOMAIN, "port": port}, "smtp": smtp}}
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    probes = json.loads(mailflow("once", file, "--json").stdout)["probes"]
    probe = next(each for each in probes if each["outcome"] == "delivered")

    first, second, *_ = json.loads(mailflow("explain", file, probe["id"], "--json").stdout)["events"]

    assert (first["kind"], second["kind"]) == ("address", "started")
    host = probe["member"].removesuffix("-v4")
    assert re.fullmatch(rf"127\.0\.\d+\.\d+:{port}, by {host}, MX of {DOMAIN} with preference \d+", first["text"])
    assert first["at"] < second["at"]
