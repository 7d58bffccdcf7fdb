"""The first step of an operation in two: where the second one goes, which is here again.

Hadoop's namenode sends a client to a datanode; Forebay is both. The URL is built from the request's
own scheme and Host, so that it leads through whatever stands in between, and has `data=true`, by
which the second step is known (HttpFS's word). Who was proven by a header gets a pass into the URL,
since Hadoop's client sends nothing else there; a token or a name that stands in the query stays.
"""

import re
from typing import Final

from aiohttp import web

from gateway.doors.webhdfs.authentication import STEP
from gateway.doors.webhdfs.exchange import BYTES, WebHdfsExchange
from gateway.doors.webhdfs.identification import Identifies
from gateway.model.failures import InvalidRequest
from gateway.protocol.http.percent import encode_path
from gateway.protocol.webhdfs.documents import location
from gateway.protocol.webhdfs.paths import PREFIX, target_of

DATA: Final = "data"
_DROPPED: Final = frozenset({DATA, "noredirect", STEP})
_REDIRECT: Final = 307
_AUTHORITY: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?").fullmatch


def authority_of(exchange: WebHdfsExchange) -> str:
    """Return the host and port by which the client reached us; raises InvalidRequest."""
    host = exchange.head.host
    if not _AUTHORITY(host):
        raise InvalidRequest("The Host header names no host to send the second step to.")
    return host


def url_of(exchange: WebHdfsExchange, target: str) -> str:
    """Return the URL of a target here."""
    scheme = "https" if exchange.head.secure else "http"
    return f"{scheme}://{authority_of(exchange)}{target}"


class Redirects:
    """Sends clients on."""

    def __init__(self, authentication: Identifies) -> None:
        """Take what seals passes."""
        self._authentication = authentication

    def second_step(self, exchange: WebHdfsExchange) -> str:
        """Return the URL of the second step."""
        assert exchange.operation is not None  # noqa: S101 - named by the pipeline
        assert exchange.who is not None  # noqa: S101 - identified likewise
        kept = [one for one in exchange.head.query_pairs() if one[0].lower() not in _DROPPED]
        kept.append((DATA, "true"))
        if "Authorization" in exchange.head.headers or "Cookie" in exchange.head.headers:
            raw_path = PREFIX + encode_path(exchange.path)
            step = self._authentication.step(exchange.who, exchange.operation.name, raw_path)
            kept.append((STEP, step))
        return url_of(exchange, target_of(exchange.path, kept))

    async def send_on(self, exchange: WebHdfsExchange) -> web.StreamResponse:
        """Answer the first step: 307, or the URL as JSON where the client wants no redirect."""
        url = self.second_step(exchange)
        if exchange.parameters.flag("noredirect"):
            return await exchange.send_json(location(url))
        return await exchange.send_whole(_REDIRECT, {**BYTES, "Location": url}, b"")
