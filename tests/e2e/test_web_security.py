"""TLS, logins and client certificates, as Prometheus and curl meet them at the running program."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import trustme
import yaml

from tests.e2e.metrics import Metrics
from tests.e2e.monitoring import free_port, prometheus
from tests.e2e.patience import eventually
from tests.e2e.program import READY_WITHIN_SECONDS, Program

USER, PASSWORD = "prometheus", "a long one"  # of this test
NOTICED_WITHIN_SECONDS = 5


class Site:
    """A program behind TLS and a login, with the files that it reads."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(str(home / "ca.pem"))
        self.certify("old.test")
        client = self.authority.issue_cert("client.test")
        (home / "client.pem").write_bytes(client.private_key_and_cert_chain_pem.bytes())
        self.write()
        trusts = ssl.create_default_context(cafile=home / "ca.pem")
        client.configure_cert(trusts)
        self.listen = f"127.0.0.1:{free_port()}"
        config = {
            "instance": "probe-a",
            "state": f"sqlite:///{home}/mailflow.db",
            "web": {"listen": self.listen, "config_file": "web.yml", "lifecycle": True},
            "pools": {"vip": {"members": {"nobody": "127.0.0.1:1"}}},
            "routes": {"asked": {"pool": "vip", "check": "rcpt", "from": "a@b.test", "to": "c@d.test"}},
        }
        self.program = Program(config, home, trusts=trusts)

    def certify(self, name: str) -> None:
        """Give the server another certificate, as a renewal does: in the place of the old one."""
        issued = self.authority.issue_cert("127.0.0.1", name)
        (self.home / "server.new").write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        (self.home / "server.new").chmod(0o600)
        (self.home / "server.new").rename(self.home / "server.pem")

    def write(self, **tls: Any) -> None:
        """Write the web config, with something more on TLS."""
        content = {
            "tls_server_config": {"cert_file": "server.pem", "key_file": "server.pem", **tls},
            "basic_auth_users": {USER: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()},
        }
        (self.home / "web.yml").write_text(yaml.safe_dump(content))

    def curl(self, path: str, *arguments: str) -> str:
        """Return the status that curl sees, 000 for none."""
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "--cacert", "ca.pem"]
        done = subprocess.run(
            [*command, *arguments, f"https://{self.listen}{path}"],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout

    def shown(self) -> str:
        """Return the last name in the certificate that the server shows."""
        context = ssl.create_default_context(cafile=self.home / "ca.pem")
        host, port = self.listen.split(":")
        with (
            socket.create_connection((host, int(port)), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=host) as secured,
        ):
            certificate: Any = secured.getpeercert()
            name: str = certificate["subjectAltName"][-1][1]
            return name


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("secured"))
    with site.program:
        yield site


def test_prometheus_scrapes_it_with_its_login_and_not_without(site: Site, tmp_path: Path) -> None:
    def job(name: str, password: str) -> dict[str, Any]:
        return {
            "job_name": name,
            "scheme": "https",
            "tls_config": {"ca_file": str(site.home / "ca.pem")},
            "basic_auth": {"username": USER, "password": password},
            "static_configs": [{"targets": [site.listen]}],
        }

    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [job("right", PASSWORD), job("wrong", "another")],
    }
    with prometheus(tmp_path, config) as server:
        up = eventually(
            lambda: len(found := server.query("sum by (job) (up)")) == 2 and found,
            within_seconds=15,
            what="two scrapes",
        )
        assert up == {("job=right",): 1, ("job=wrong",): 0}
        assert server.query("count(mailflow_build_info)") == {(): 1}


def test_curl_gets_in_by_its_login(site: Site) -> None:
    login = ("-u", f"{USER}:{PASSWORD}")
    assert [site.curl("/metrics"), site.curl("/metrics", *login)] == ["401", "200"]
    assert [site.curl("/-/healthy"), site.curl("/health/vip/nobody")] == ["200", "200"]
    assert [site.curl("/-/reload", "-X", "POST"), site.curl("/-/reload", "-X", "POST", *login)] == ["401", "200"]
    assert site.curl("/metrics", "--tls-max", "1.1") == "000"


def test_a_wrong_password_is_counted_and_logged_without_it(site: Site) -> None:
    def refused() -> float:
        with site.program.client() as client:
            return Metrics(client.get("/metrics", auth=(USER, PASSWORD)).text).total(
                "mailflow_web_login_failures_total"
            )

    before = refused()
    assert site.curl("/metrics", "-u", "eve:guessed at three") == "401"
    assert refused() == before + 1
    assert 'msg="a login was refused" user=eve client=127.0.0.1' in site.program.log()
    assert "guessed" not in site.program.log()


def test_a_renewed_certificate_is_shown_without_a_restart_and_half_of_one_never(site: Site) -> None:
    before = site.shown()
    (site.home / "server.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    eventually(lambda: "the web config was not loaded" in site.program.log(), within_seconds=NOTICED_WITHIN_SECONDS)
    assert site.shown() == before

    site.certify("new.test")
    eventually(lambda: site.shown() == "new.test", within_seconds=NOTICED_WITHIN_SECONDS, what="the new certificate")


def test_client_certificates_can_be_demanded_while_it_runs(site: Site) -> None:
    with_one, login = ("--cert", "client.pem"), ("-u", f"{USER}:{PASSWORD}")
    demanding = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
    site.write(**demanding)
    eventually(lambda: site.curl("/-/healthy") == "000", within_seconds=NOTICED_WITHIN_SECONDS, what="the demand")
    assert [site.curl("/-/healthy", *with_one), site.curl("/metrics", *with_one, *login)] == ["200", "200"]

    site.write(**demanding, client_allowed_sans=["other.test"])
    eventually(lambda: site.curl("/-/healthy", *with_one) == "000", within_seconds=NOTICED_WITHIN_SECONDS)

    site.write()
    eventually(lambda: site.curl("/-/healthy") == "200", within_seconds=READY_WITHIN_SECONDS, what="the end of it")
