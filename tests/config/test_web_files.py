"""The web config: what exporter-toolkit takes is taken, or refused by name."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from probe.config import ConfigError, load, load_web_file
from probe.model.settings import ClientAuth, RateLimit, TlsVersion

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
PAIR = {"cert_file": "server.pem", "key_file": "server.key"}
MUTUAL = PAIR | {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
EVERYTHING: dict[str, Any] = {
    "tls_server_config": MUTUAL
    | {
        "client_allowed_sans": ["prometheus.example.org", "192.0.2.7"],
        "min_version": "TLS12",
        "max_version": "TLS13",
        "cipher_suites": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"],
        "prefer_server_cipher_suites": False,
        "curve_preferences": ["CurveP384"],
    },
    "http_server_config": {"http2": False, "headers": {"X-Frame-Options": "deny", "X-XSS-Protection": ""}},
    "basic_auth_users": {"prometheus": HASH},
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    for name in ("server", "other"):
        issued = authority.issue_cert(f"{name}.test")
        (folder / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        (folder / f"{name}.key").chmod(0o600)
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    (folder / "locked.key").write_bytes(locked)
    (folder / "locked.key").chmod(0o600)
    return folder


@pytest.fixture
def folder(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(certificates)
    yield certificates
    Path("web.yml").unlink(missing_ok=True)


def written(content: Any) -> Path:
    path = Path("web.yml")
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
    return path


def test_every_key_that_can_be_kept_is_kept(folder: Path) -> None:
    file = load_web_file(written(EVERYTHING))
    tls = file.tls
    assert tls is not None
    assert tls.certificate == Path("server.pem").read_text()
    assert tls.client_ca == Path("ca.pem").read_text()
    assert (tls.client_auth, tls.oldest, tls.newest) == (ClientAuth.REQUIRED, TlsVersion.TLS12, TlsVersion.TLS13)
    assert tls.client_allowed_sans == ("prometheus.example.org", "192.0.2.7")
    assert tls.ciphers == ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305")
    assert (tls.prefer_own_ciphers, tls.curve) == (False, "secp384r1")
    assert (file.users, file.headers) == ({"prometheus": HASH}, {"X-Frame-Options": "deny"})
    assert file.files == tuple(map(Path, ("web.yml", "server.pem", "server.key", "ca.pem")))


def test_promtool_takes_the_same(folder: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing: install the package prometheus"
    tls = EVERYTHING["tls_server_config"].copy()
    del tls["client_allowed_sans"]  # younger than the promtool that Debian 12 has
    command = [promtool, "check", "web-config", str(written(EVERYTHING | {"tls_server_config": tls}))]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert checked.returncode == 0, checked.stderr


def test_certificates_may_stand_in_the_file_itself(folder: Path) -> None:
    inline = {
        "cert": Path("server.pem").read_text(),
        "key": Path("server.key").read_text(),
        "client_ca": Path("ca.pem").read_text(),
        "client_auth_type": "VerifyClientCertIfGiven",
    }
    tls = load_web_file(written({"tls_server_config": inline})).tls
    assert tls is not None
    assert (tls.certificate, tls.key.reveal(), tls.client_ca) == tuple(list(inline.values())[:3])


@pytest.mark.parametrize(
    "content, limit",
    [
        ({"interval": "2s", "burst": 5}, (2, 5)),
        ({"interval": "0s", "burst": 5}, None),
    ],
)
def test_a_limit_of_requests_is_kept(folder: Path, content: dict[str, Any], limit: tuple[int, int] | None) -> None:
    found = load_web_file(written({"rate_limit": content})).rate_limit
    assert (found and (found.interval.total_seconds(), found.burst)) == limit
    assert found is None or isinstance(found, RateLimit)


@pytest.mark.parametrize(
    "content, problems",
    [
        ("", "web.yml:1: is empty; write at least tls_server_config or basic_auth_users"),
        ("tls_config: {}", "web.yml:1: tls_config: is not a known key; did you mean \"tls_server_config\"?"),
        (
            {"tls_server_config": {}},
            "web.yml:1: tls_server_config.cert_file: is missing, and so is cert; write one of the two\n"
            "web.yml:1: tls_server_config.key_file: is missing, and so is key; write one of the two",
        ),
        (
            {"tls_server_config": PAIR | {"cert_file": "nowhere.pem"}},
            'web.yml:2: tls_server_config.cert_file: cannot be read from "nowhere.pem" (No such file or directory); '
            "name a file that this user may read",
        ),
        (
            {"tls_server_config": PAIR | {"cert_file": "server.key", "key_file": "server.pem"}},
            'web.yml:2: tls_server_config.cert_file: "server.key" holds no certificate; put it there in PEM form\n'
            'web.yml:3: tls_server_config.key_file: "server.pem" holds no private key; put it there in PEM form',
        ),
        (
            {"tls_server_config": {"cert": "hunter2", "key": "hunter2"}},
            "web.yml:2: tls_server_config.cert: is no certificate; put it there in PEM form\n"
            "web.yml:3: tls_server_config.key: is no private key; put it there in PEM form",
        ),
        (
            {"tls_server_config": PAIR | {"key_file": "other.key"}},
            "web.yml:3: tls_server_config.key_file: is not the key of the certificate; "
            "name the two that were made together",
        ),
        (
            {"tls_server_config": PAIR | {"key_file": "locked.key"}},
            'web.yml:3: tls_server_config.key_file: "locked.key" holds a key that a password protects; '
            "keep it without one",
        ),
        (
            {"tls_server_config": MUTUAL | {"client_auth_type": "RequestClientCert"}},
            "web.yml:4: tls_server_config.client_auth_type: would prove nothing, and OpenSSL cannot do it here; "
            "write VerifyClientCertIfGiven",
        ),
        (
            {"tls_server_config": MUTUAL | {"client_auth_type": "RequireAnyClientCert"}},
            "web.yml:4: tls_server_config.client_auth_type: takes certificates that nobody has verified, which "
            "Python's ssl cannot; write RequireAndVerifyClientCert and client_ca_file",
        ),
        (
            {"tls_server_config": MUTUAL | {"client_auth_type": "Always"}},
            'web.yml:4: tls_server_config.client_auth_type: "Always" is not a way to ask clients; '
            "write NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
        ),
        (
            {"tls_server_config": PAIR | {"client_ca_file": "ca.pem"}},
            "web.yml:1: tls_server_config.client_auth_type: asks no client for what client_ca_file could verify; "
            "write RequireAndVerifyClientCert",
        ),
        (
            {"tls_server_config": PAIR | {"client_auth_type": "RequireAndVerifyClientCert"}},
            "web.yml:4: tls_server_config.client_auth_type: needs client_ca_file; "
            "name the file with the authority that signs for your clients",
        ),
        (
            {"tls_server_config": PAIR | {"client_allowed_sans": ["a.test"]}},
            "web.yml:4: tls_server_config.client_allowed_sans: needs a certificate from every client; "
            "write client_auth_type: RequireAndVerifyClientCert",
        ),
        (
            {"tls_server_config": PAIR | {"min_version": "TLS10", "max_version": "TLS14"}},
            "web.yml:4: tls_server_config.min_version: TLS10 is not spoken here; write TLS12 or TLS13\n"
            'web.yml:5: tls_server_config.max_version: "TLS14" is not a version of TLS; write TLS12, TLS13',
        ),
        (
            {"tls_server_config": PAIR | {"min_version": "TLS13", "max_version": "TLS12"}},
            "web.yml:5: tls_server_config.max_version: is older than min_version; leave it out",
        ),
        (
            {"tls_server_config": PAIR | {"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}},
            "web.yml:5: tls_server_config.cipher_suites.0: TLS_AES_128_GCM_SHA256 belongs to TLS 1.3, whose suites "
            "are always on; leave it out",
        ),
        (
            {"tls_server_config": PAIR | {"curve_preferences": ["X25519", "CurveP256"]}},
            "web.yml:4: tls_server_config.curve_preferences: has more than one curve, and Python's ssl takes one only; "
            "keep the first, or leave it out",
        ),
        (
            {"tls_server_config": PAIR | {"curve_preferences": ["P-256"]}},
            'web.yml:5: tls_server_config.curve_preferences.0: "P-256" is not a curve; '
            "write CurveP256, CurveP384, CurveP521, X25519",
        ),
        (
            {"http_server_config": {"http2": True}},
            "web.yml:2: http_server_config.http2: is not spoken here, and clients do without it; "
            "write false, or leave it out",
        ),
        (
            {"http_server_config": {"headers": {"Server": "x"}}},
            "web.yml:3: http_server_config.headers.Server: is not a header that can be set; write "
            "Content-Security-Policy, X-Frame-Options, X-Content-Type-Options, X-XSS-Protection, "
            "Strict-Transport-Security",
        ),
        (
            {"http_server_config": {"headers": {"X-Frame-Options": "allow"}}},
            'web.yml:3: http_server_config.headers.X-Frame-Options: "allow" is not known here; '
            "write deny or sameorigin",
        ),
        (
            {"http_server_config": {"headers": {"X-XSS-Protection": "1\r\nSet-Cookie: a=b"}}},
            "web.yml:3: http_server_config.headers.X-XSS-Protection: holds more than printable ASCII; "
            "write one line of that",
        ),
        (
            {"basic_auth_users": {"ada": "hunter2"}},
            "web.yml:2: basic_auth_users.ada: is not the bcrypt hash of a password; "
            "write what htpasswd -nBC 10 NAME prints behind the colon",
        ),
        (
            {"basic_auth_users": {"ada": HASH.replace("$10$", "$31$")}},
            "web.yml:2: basic_auth_users.ada: takes too long to check, with a cost of 31; "
            "write what htpasswd -nBC 10 NAME prints behind the colon",
        ),
        (
            {"basic_auth_users": {"a:b": HASH}},
            'web.yml:2: basic_auth_users.a:b: "a:b" is not the name of a user; write one without a colon',
        ),
        (
            {"rate_limit": {"interval": "1s", "burst": 0}},
            "web.yml:3: rate_limit.burst: 0 is too small; write 1 or more",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_in_these_words(folder: Path, content: Any, problems: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_web_file(written(content))
    assert str(refused.value) == problems
    assert "hunter2" not in str(refused.value)


def config(folder: Path, **web: Any) -> Path:
    """Write a config beside a web config in a folder below it."""
    (folder / "tls").mkdir(exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "instance": "probe-a",
                "web": web,
                "pools": {"vip": {"members": {"mta1": "127.0.0.11:2525"}}},
                "routes": {"asked": {"pool": "vip", "check": "rcpt", "from": "a@b.test", "to": "c@d.test"}},
            },
            sort_keys=False,
        )
    )
    return path


def test_names_start_at_the_file_that_they_stand_in(folder: Path) -> None:
    (folder / "tls").mkdir(exist_ok=True)
    moved = {"cert_file": "../server.pem", "key_file": "../server.key"}
    (folder / "tls" / "web.yml").write_text(yaml.safe_dump({"tls_server_config": moved}))
    file = load(config(folder, config_file="tls/web.yml")).web.file
    assert file is not None
    assert file.tls is not None
    assert file.files[1] == folder / "tls" / "../server.pem"


def test_what_is_wrong_in_both_files_is_told_at_once(folder: Path) -> None:
    path = config(folder, config_file="web.yml", lifecycle=1)
    written({"basic_auth_users": {"ada": "x"}})
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert [(Path(problem.file).name, problem.line, problem.path) for problem in refused.value.problems] == [
        ("config.yaml", 4, "web.lifecycle"),
        ("web.yml", 2, "basic_auth_users.ada"),
    ]


@pytest.mark.parametrize("content", [None, {"http_server_config": {}}])
def test_health_is_not_protected_by_a_login_that_is_not_there(folder: Path, content: Any) -> None:
    web: dict[str, Any] = {"protect_health": True}
    if content:
        written(content)
        web["config_file"] = "web.yml"
    with pytest.raises(
        ConfigError, match=r"web\.protect_health: asks for a login, and there is none; write config_file"
    ):
        load(config(folder, **web))


@pytest.mark.parametrize(
    "listen, content, warned",
    [
        ("192.0.2.1:9847", {"basic_auth_users": {"ada": HASH}}, True),
        ("probe.test:9847", {"basic_auth_users": {"ada": HASH}}, True),
        ("127.0.0.1:9847", {"basic_auth_users": {"ada": HASH}}, False),
        ("localhost:9847", {"basic_auth_users": {"ada": HASH}}, False),
        ("192.0.2.1:9847", {"basic_auth_users": {"ada": HASH}, "tls_server_config": PAIR}, False),
        ("192.0.2.1:9847", {"http_server_config": {}}, False),
    ],
)
def test_passwords_in_clear_text_are_warned_of(folder: Path, listen: str, content: Any, warned: bool) -> None:
    written(content)
    warnings: list[str] = []
    load(config(folder, listen=listen, config_file="web.yml", protect_health=False), warn=warnings.append)
    assert [f"on {listen} without TLS" in warning for warning in warnings] == [True] * warned


def test_a_key_that_others_may_read_is_warned_of(folder: Path) -> None:
    (folder / "open.key").write_bytes((folder / "server.key").read_bytes())
    (folder / "open.key").chmod(0o644)
    warnings: list[str] = []
    load_web_file(written({"tls_server_config": PAIR | {"key_file": "open.key"}}), warn=warnings.append)
    assert warnings == ['secret file "open.key" is open to others (mode 0644); chmod 600 it']
