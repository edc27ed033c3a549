"""TLS as every adapter wants it."""

import ssl
from pathlib import Path


def client_context(*, verify: bool, ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context for TLS 1.2 and later, that checks certificate and name unless told otherwise.

    Raises OSError or ssl.SSLError when ``ca_file`` cannot be read or holds no certificate.
    """
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
