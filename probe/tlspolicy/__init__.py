"""Looks up what domains publish about TLS to their exchangers: MTA-STS and DANE. It judges nothing."""

from probe.tlspolicy.policies import DnsTlsPolicies

__all__ = ["DnsTlsPolicies"]
