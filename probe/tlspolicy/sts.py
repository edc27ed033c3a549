"""Fetches the MTA-STS policy of a domain (RFC 8461 3): what DNS announces, and what the policy host serves."""

import asyncio
import ssl
from http.client import HTTPException
from pathlib import Path

from dns.rdata import Rdata
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from probe.model.sts import LARGEST_POLICY, NoPolicy, StsPolicy, parsed, policy_id
from probe.model.tls_findings import Finding, Source, StsAnswer, Word
from probe.net.http import Request, Response, ask_once
from probe.net.lookup import Lookup, absolute, shown
from probe.net.text import printable
from probe.net.tls import client_context
from probe.ports import DiscoveryTrouble

HTTPS = 443
_WITHIN_SECONDS = 5.0
_MOST_ADDRESSES = 4
_PATH = "/.well-known/mta-sts.txt"


class StsSource:
    """Fetches policies, each time anew."""

    def __init__(
        self, lookup: Lookup, *, ca_file: Path | None = None, port: int = HTTPS, seconds: float = _WITHIN_SECONDS
    ) -> None:
        self._lookup = lookup
        self._ca_file = ca_file
        self._port = port
        self._seconds = seconds

    async def policy(self, domain: str) -> StsAnswer:
        """Return the policy of a domain, or what is wrong with it; neither where none is announced."""
        try:
            host = f"mta-sts.{shown(absolute(domain))}"
            if not await self._is_announced(domain):
                return StsAnswer()
            return StsAnswer(await self._fetched(host))
        except NoPolicy as error:
            return _fault(Word.STS_POLICY_INVALID, str(error))
        except DiscoveryTrouble as trouble:
            return _fault(Word.STS_POLICY_FETCH_ERROR, str(trouble))
        except TimeoutError:
            return _fault(Word.STS_POLICY_FETCH_ERROR, f"{host} did not answer within {self._seconds:g} s")
        except ssl.SSLCertVerificationError as error:
            said = printable(error.verify_message)
            return _fault(Word.STS_WEBPKI_INVALID, f"{host} shows a certificate that is not accepted: {said}")
        except (OSError, HTTPException, ValueError) as error:
            words = error.strerror if isinstance(error, OSError) else None
            return _fault(Word.STS_POLICY_FETCH_ERROR, f"{host} cannot be asked: {words or type(error).__name__}")

    async def _is_announced(self, domain: str) -> bool:
        answer = await self._lookup.ask(absolute(f"_mta-sts.{domain}"), RdataType.TXT)
        texts = [b"".join(record.strings) for record in answer.records if isinstance(record, TXT)]
        return policy_id(text.decode("ascii", errors="replace") for text in texts) is not None

    async def _fetched(self, host: str) -> StsPolicy:
        addresses = await self._addresses(host)
        # RFC 8461 3.3: a status of 200 and nothing else; redirects are not followed.
        response = await asyncio.to_thread(self._asked, Request(host, _PATH, self._port, addresses=addresses))
        if response.status != 200:
            raise DiscoveryTrouble(f"{host} answered with status {response.status} instead of a policy")
        if response.content_type != "text/plain":
            raise DiscoveryTrouble(f"{host} answered with {printable(response.content_type, 60)}, not with text/plain")
        if len(response.body) > LARGEST_POLICY:
            raise DiscoveryTrouble(f"{host} sent a policy of more than {LARGEST_POLICY} octets")
        try:
            return parsed(response.body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise NoPolicy("the policy is not written in UTF-8") from error

    def _asked(self, request: Request) -> Response:
        context = client_context(verify=True, ca_file=self._ca_file)
        return ask_once(request, context=context, seconds=self._seconds, largest=LARGEST_POLICY)

    async def _addresses(self, host: str) -> tuple[str, ...]:
        # By the name servers of the config, which a laboratory or a split view has for itself.
        found: list[Rdata] = []
        for kind in (RdataType.A, RdataType.AAAA):
            found += (await self._lookup.ask(absolute(host), kind)).records
        addresses = [record.address for record in found if isinstance(record, A | AAAA)]
        if not addresses:
            raise DiscoveryTrouble(f"{host} has no address, while a policy is announced")
        return tuple(addresses[:_MOST_ADDRESSES])


def _fault(word: Word, text: str) -> StsAnswer:
    return StsAnswer(fault=Finding(word, Source.MTA_STS, printable(text)))
