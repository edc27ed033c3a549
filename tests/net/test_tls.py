"""TLS as every adapter wants it."""

import ssl
from pathlib import Path

import pytest
import trustme

from probe.net.tls import client_context


def test_certificates_and_names_are_checked_unless_told_otherwise() -> None:
    checking, trusting = client_context(verify=True), client_context(verify=False)
    assert (checking.verify_mode, checking.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert (trusting.verify_mode, trusting.check_hostname) == (ssl.CERT_NONE, False)


@pytest.mark.parametrize("verify", [True, False])
def test_old_versions_of_the_protocol_are_not_spoken(verify: bool) -> None:
    assert client_context(verify=verify).minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_authority_of_its_own_stands_in_place_of_the_systems(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    assert len(client_context(verify=True, ca_file=authority).get_ca_certs()) == 1


def test_an_authority_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        client_context(verify=True, ca_file=tmp_path / "nowhere.pem")


def test_a_file_without_a_certificate_is_said(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("no certificate\n")
    with pytest.raises(ssl.SSLError):
        client_context(verify=True, ca_file=empty)
