"""A gateway that passes mail on by LMTP and alters it, by the port that takes it; run with ADDRESS STORE_PORT."""

import smtplib
import socketserver
import sys
import threading
from collections.abc import Callable
from email import encoders, message_from_bytes
from email.message import Message
from email.policy import SMTP
from email.quoprimime import body_encode
from email.utils import formatdate

HOSTNAME = "gateway.lab.test"
FOUND = f"Authentication-Results: {HOSTNAME}; spf=pass smtp.mailfrom=lab.test; dkim=none\r\n"
RECIPIENT = "monitor@lab.test"


def damage(message: bytes) -> bytes:
    return message.replace(b"Nothing needs to be done.", b"Nothing needs to be d?ne.")


def footer(message: bytes) -> bytes:
    return message + b"-- \r\nThis message was looked at by a gateway.\r\n"


def cut(message: bytes) -> bytes:
    header, _, body = message.partition(b"\r\n\r\n")
    return header + b"\r\n\r\n" + body[:100] + b"\r\n"


def encode(message: bytes) -> bytes:
    return _encoded(message, encoders.encode_base64)


def quote(message: bytes) -> bytes:
    return _encoded(message, _quote)


ALTERATIONS: dict[int, Callable[[bytes], bytes]] = {1030: damage, 1031: footer, 1032: cut, 1033: encode, 1034: quote}
"""By the port that takes mail to be altered so."""


def _encoded(message: bytes, encoder: Callable[[Message], object]) -> bytes:
    parsed = message_from_bytes(message, policy=SMTP.clone(cte_type="7bit"))
    del parsed["Content-Transfer-Encoding"]
    encoder(parsed)
    return parsed.as_bytes()


def _quote(message: Message) -> None:
    text = str(message.get_payload()).replace("\r\n", "\n")
    message.set_payload(body_encode(text, maxlinelen=40))
    message["Content-Transfer-Encoding"] = "quoted-printable"


class Session(socketserver.StreamRequestHandler):
    """One LMTP session (RFC 2033)."""

    timeout = 10

    def handle(self) -> None:
        recipients = 0
        sender = ""
        self._say("220 " + HOSTNAME + " LMTP")
        while line := self.rfile.readline(2000).decode().strip():
            verb = line[:4].upper()
            if verb == "DATA":
                self._say("354 go on")
                answer = self._pass_on(sender, self._message())
                for _ in range(recipients):
                    self._say(answer)
                recipients = 0
                continue
            if verb == "MAIL":
                sender = line.partition("<")[2].partition(">")[0]
            recipients += verb == "RCPT"
            self._say("221 2.0.0 goodbye" if verb == "QUIT" else "250 2.0.0 ok")
            if verb == "QUIT":
                return

    def _message(self) -> bytes:
        lines = iter(lambda: self.rfile.readline(2000), b".\r\n")
        return b"".join(line.removeprefix(b".") for line in lines)

    def _pass_on(self, sender: str, message: bytes) -> str:
        address, port = self.connection.getsockname()
        received = f"{FOUND}Received: from member by {HOSTNAME} with LMTP; {formatdate()}\r\n".encode()
        try:
            with smtplib.LMTP(address, int(sys.argv[2]), local_hostname=HOSTNAME, timeout=10) as store:
                store.sendmail(sender, [RECIPIENT], received + ALTERATIONS[port](message))
        except (OSError, smtplib.SMTPException) as trouble:
            return f"451 4.3.0 {trouble}"
        return "250 2.0.0 passed on"

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class Gateway(socketserver.ThreadingTCPServer):
    """One port of the gateway."""

    allow_reuse_address = True
    daemon_threads = True


def main() -> None:
    gateways = [Gateway((sys.argv[1], port), Session) for port in ALTERATIONS]
    threads = [threading.Thread(target=gateway.serve_forever) for gateway in gateways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
