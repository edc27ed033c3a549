"""What stands between the network and the application, as the web config has it now."""

import ssl
from collections.abc import Mapping

from probe.model.settings import WebFile
from probe.net.server_tls import server_context
from probe.web.bucket import Bucket
from probe.web.passwords import Passwords
from probe.web.refusals import Refusals


class Guard:
    """Hold TLS, passwords, headers and the limit of requests; another web config takes their place at once."""

    def __init__(self, file: WebFile | None = None) -> None:
        self.context: ssl.SSLContext | None = None
        self.allowed_sans: tuple[str, ...] = ()
        self.headers: Mapping[str, str] = {}
        self.passwords = Passwords({})
        self.bucket: Bucket | None = None
        self.refusals = Refusals()
        self._file: WebFile | None = None
        self.use(file)

    def use(self, file: WebFile | None) -> None:
        """Take another web config; whoever is connected stays so, and is asked for a login that holds now."""
        if file == self._file:
            return
        tls, limit, users = (file.tls, file.rate_limit, file.users) if file else (None, None, {})
        self.context = server_context(tls) if tls else None
        self.allowed_sans = tls.client_allowed_sans if tls else ()
        self.headers = file.headers if file else {}
        if users != (self._file.users if self._file else {}):
            self.passwords = Passwords(users)  # else those that were checked stay known: a flood would keep them out
        self.bucket = Bucket(limit) if limit else None
        self._file = file
