"""Sends messages over SMTP: a dialogue without I/O, and the sockets that carry it."""

from probe.smtp.sender import SmtpSender

__all__ = ["SmtpSender"]
