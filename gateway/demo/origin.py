"""An embedded S3 origin: what `forebay demo` stands in front of, and the fast double of the tests.

It answers the part of S3 that Forebay models, strongly consistent, from memory or from one file per
body, and streams: a range reads its range. Its conditions, ranges and XML are its own, shared with
the gateway nowhere, so that the two can disagree; its contract suite (tests/doubles) runs against
real S3 servers too. Targets are taken byte-exact from the request line.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from uuid import uuid4

from aiohttp import web

from gateway.demo.origin_auth import Authenticate, anyone, one_key_pair
from gateway.demo.origin_bodies import pieces
from gateway.demo.origin_calls import Answer, Call, Operation
from gateway.demo.origin_cors import CorsRule, preflight, shown
from gateway.demo.origin_digests import digests_of
from gateway.demo.origin_errors import S3Error
from gateway.demo.origin_faults import NO_FAULT, Counters, Fault, FaultHook
from gateway.demo.origin_objects import kept_headers
from gateway.demo.origin_operations import name_operation
from gateway.demo.origin_requests import RequestBody, read_call
from gateway.demo.origin_sending import reset, send
from gateway.demo.origin_store import OriginStore, StoredVersion
from gateway.demo.origin_xml import error_document
from gateway.model.failures import Failure
from gateway.protocol.http.head import RequestHead, split_target

_LINE_BYTES_MAX = 32 << 10
"""A presigned URL with a long session token is longer than aiohttp's 8,190 bytes."""
_CONNECTIONS_WAITING_MAX = 1024
_SHUTDOWN_SECONDS = 0.2


class EmbeddedOrigin:
    """The origin: its store, its counters, its faults, and foreign writes that no request makes."""

    def __init__(
        self, store: OriginStore | None = None, authenticate: Authenticate = anyone
    ) -> None:
        """Serve `store`; `authenticate` judges each request before it is carried out."""
        self.store = store or OriginStore()
        self.authenticate = authenticate
        self.counters = Counters()
        self.faults: list[FaultHook] = []
        """The first hook that returns a fault decides."""
        self.cors: dict[str, tuple[CorsRule, ...]] = {}
        """Each bucket's rules."""
        self.port = 0

    @property
    def endpoint(self) -> str:
        """Return the URL to point a client at."""
        return f"http://127.0.0.1:{self.port}"

    def make_bucket(self, name: str) -> None:
        """Make a bucket unless it is there."""
        if name not in self.store.buckets:
            self.store.create_bucket(name)

    def put(
        self,
        bucket: str,
        key: str,
        content: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        etag: str = "",
        modified: float | None = None,
        algorithm: str | None = None,
    ) -> StoredVersion:
        """Write as a stranger to the gateway would; return the new version.

        `etag` (with quotes) forges one, as an MD5 collision would; `modified` is in seconds since
        the epoch; `algorithm` is the checksum kept, '' for none, the store's default if not given.
        """
        chosen = self.store.default_algorithm if algorithm is None else algorithm
        digests = digests_of([content], chosen)
        writer = self.store.new_blob()
        writer.write(content)
        held = self.store.get_bucket(bucket)
        version = StoredVersion(
            body=(writer.finish(),),
            size=len(content),
            etag=etag or digests.etag(),
            modified=self.store.clock() if modified is None else modified,
            headers=_kept(headers),
            checksums=digests.checksums(),
            version_id=held.next_version_id(),
        )
        held.add(key, version)
        return version

    def describe(self, bucket: str, key: str, headers: Mapping[str, str]) -> StoredVersion:
        """Overwrite the metadata alone, as a copy onto itself does: the ETag stays."""
        held = self.store.get_bucket(bucket)
        version = replace(
            self.store.get_version(bucket, key),
            headers=_kept(headers),
            modified=self.store.clock(),
            version_id=held.next_version_id(),
        )
        held.add(key, version)
        return version

    def delete(self, bucket: str, key: str) -> None:
        """Delete a key; one that is not there is deleted already."""
        self.store.delete(bucket, key)

    def read(self, bucket: str, key: str) -> bytes:
        """Return the newest body: the truth that readers are compared with."""
        version = self.store.get_version(bucket, key)
        return b"".join(pieces(version.body, 0, version.size))

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request: admit, disturb, carry out, send."""
        body = RequestBody(request, self.counters)
        request_id = uuid4().hex[:16].upper()
        fault = NO_FAULT
        try:
            call, operation = self._admit(request, body)
            fault = next((found for hook in self.faults if (found := hook(call))), NO_FAULT)
            await _disturb(request, fault)
            answer = await operation(self.store, call)
        except (S3Error, Failure) as error:
            answer = _refusal(request, _as_s3_error(error), request_id)
        if fault.hold_answer is not None:
            await fault.hold_answer.wait_open()
        if fault.is_answer_lost:
            raise reset(request)
        # By the store's clock, as Last-Modified is: what is read is dated by one clock.
        more = {"x-amz-request-id": request_id, "server": "ForebayOrigin"}
        more["date"] = formatdate(self.store.clock(), usegmt=True)
        more |= shown(self._cors_rules(request), request.method, request.headers)
        if body.is_withheld:
            more["connection"] = "close"
        answer = replace(answer, headers={**answer.headers, **more})
        return await send(request, answer, self.counters, fault)

    async def respond_or_leave(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; a connection that ended, by the client or a fault, is no error."""
        try:
            return await self.respond(request)
        except ConnectionError:
            if request.transport is not None:
                request.transport.close()
            # aiohttp finds the connection closed when it wants to send this, and forgets it.
            return web.Response()

    def _cors_rules(self, request: web.BaseRequest) -> tuple[CorsRule, ...]:
        return self.cors.get(request.path.split("/")[1], ())

    async def _preflight(self, _: OriginStore, call: Call) -> Answer:
        return preflight(self.cors.get(call.bucket, ()), call.headers)

    def _admit(self, request: web.BaseRequest, body: RequestBody) -> tuple[Call, Operation]:
        """Return the named and counted call of one who may make it."""
        self.counters.requests[request.method] += 1
        path, query = split_target(request.raw_path)
        head = RequestHead(request.method, path, query, request.headers)
        call = read_call(head, body)
        is_preflight = request.method == "OPTIONS"  # which nobody signs
        name, operation = ("Preflight", self._preflight) if is_preflight else name_operation(call)
        call = replace(call, operation=name)
        self.counters.operations[name] += 1
        self.counters.calls.append(call)
        seed = None if is_preflight else self.authenticate(head)
        return replace(call, seed=seed), operation


async def _disturb(request: web.BaseRequest, fault: Fault) -> None:
    if fault.hold_call is not None:
        await fault.hold_call.wait_open()
    if fault.is_reset:
        raise reset(request)
    if fault.code:
        raise S3Error(fault.code, "A fault was asked for")


def _kept(headers: Mapping[str, str] | None) -> dict[str, str]:
    return kept_headers({name.lower(): value for name, value in (headers or {}).items()})


def _as_s3_error(error: S3Error | Failure) -> S3Error:
    return error if isinstance(error, S3Error) else S3Error(error.code, error.message)


def _refusal(request: web.BaseRequest, error: S3Error, request_id: str) -> Answer:
    if request.method == "HEAD" or error.code == "NotModified":
        return Answer(error.status, error.headers)
    headers = {"content-type": "application/xml", **error.headers}
    resource = request.raw_path.partition("?")[0]
    return Answer(error.status, headers, error_document(error, resource, request_id))


@asynccontextmanager
async def running_origin(
    origin: EmbeddedOrigin | None = None, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[EmbeddedOrigin]:
    """Serve an origin on `host` until the block ends; `port` 0 takes a free one.

    The same origin can be served again, on its old port: an origin that was away and came back.
    """
    origin = origin or EmbeddedOrigin()
    server = web.Server(
        origin.respond_or_leave,
        handler_cancellation=True,
        auto_decompress=False,
        max_line_size=_LINE_BYTES_MAX,
        max_field_size=_LINE_BYTES_MAX,
        access_log=None,
    )
    listener = await asyncio.get_running_loop().create_server(
        server, host, port, backlog=_CONNECTIONS_WAITING_MAX
    )
    origin.port = listener.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        listener.close()
        server.pre_shutdown()
        await server.shutdown(_SHUTDOWN_SECONDS)
        await listener.wait_closed()


async def _serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, and say the port as one line of JSON."""
    authenticate: Authenticate = anyone
    if options.access_key:
        authenticate = one_key_pair(options.access_key, options.secret_key)
    origin = EmbeddedOrigin(OriginStore(options.dir), authenticate)
    for bucket in options.bucket:
        origin.make_bucket(bucket)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with running_origin(origin, host=options.host, port=options.port):
        sys.stdout.write(json.dumps({"port": origin.port}) + "\n")
        sys.stdout.flush()
        await stopped.wait()


def main(arguments: list[str] | None = None) -> None:
    """Run the origin as a process."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.origin", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--dir", type=Path, help="keep bodies in files here, not in memory")
    parser.add_argument("--access-key", default="", help="without one, anyone may ask")
    parser.add_argument("--secret-key", default="")
    parser.add_argument("--bucket", action="append", default=[], help="make this bucket")
    asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
