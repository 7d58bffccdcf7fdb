"""PostObject: a browser's form upload, judged by the policy that its signer wrote into it.

A form that nobody signed has none: what the anonymous identity may do, if there is one, judges it.

Who asks stands in the body, so that this door does for itself what the pipeline does for every
other request: identify, require, then write as a PutObject does.
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime

from aiohttp import web
from multidict import CIMultiDict

from gateway.access.authentication import Authentication
from gateway.access.authorization import Authorization
from gateway.access.metering import Metering
from gateway.core.writing import Write, Writing
from gateway.doors.s3.contexts import form_context
from gateway.doors.s3.exchange import S3Exchange
from gateway.doors.s3.form_bodies import FormBody
from gateway.doors.s3.passthrough import Passthrough
from gateway.doors.s3.preflights import PreflightDoor
from gateway.origin.interface import OriginAnswer, OriginRequest
from gateway.protocol.http.head import RequestHead
from gateway.protocol.s3.addressing import Target
from gateway.protocol.s3.cors import cors_headers
from gateway.protocol.s3.form_policy import NO_POLICY, read_policy
from gateway.protocol.s3.form_uploads import (
    FormUpload,
    expand,
    post_response,
    read_upload,
    redirect_location,
)
from gateway.protocol.s3.headers import response_headers_onward
from gateway.protocol.s3.operations import Operation, name_operation
from gateway.protocol.s3.signing import UNSIGNED_PAYLOAD
from gateway.protocol.s3.unjudged import refuse_unjudged

_OK, _CREATED, _SEE_OTHER, _REDIRECTS = 200, 201, 303, 300
_ANSWER_BYTES_MAX = 64 * 1024
_OF_ANSWER_BODY = ("Content-Length", "Content-Type")


def is_form_upload(head: RequestHead, target: Target) -> bool:
    """Return whether a request is a form upload, whose signature then stands in its body."""
    return (
        head.method == "POST"
        and target.bucket is not None
        and target.key is None
        and not head.query
        and "Authorization" not in head.headers
    )


class FormDoor:
    """Takes files from browsers."""

    def __init__(
        self,
        writing: Writing,
        passthrough: Passthrough,
        authorization: Authorization,
        metering: Metering,
        now: Callable[[], datetime],
        *,
        preflights: PreflightDoor,
    ) -> None:
        """Write through `writing`; `now` is the UTC moment that policies are judged at."""
        self._writing = writing
        self._passthrough = passthrough
        self._authorization = authorization
        self._metering = metering
        self._preflights = preflights
        self._now = now

    async def post(
        self, exchange: S3Exchange, authentication: Authentication
    ) -> web.StreamResponse:
        """Answer PostObject."""
        exchange.operation = Operation("PostObject", "s3:PutObject", "bucket")
        async with aclosing(exchange.body()) as raw:
            body = FormBody(exchange, raw)
            upload = await self._judged(exchange, authentication, body)
            exchange.receipt.mark("authorized")
            exchange.receipt.origin_requests += 1
            answer = await self._writing.put(
                Write(
                    OriginRequest(
                        "PUT",
                        upload.target.bucket,
                        upload.target.raw_key,
                        headers=CIMultiDict(upload.headers),
                        payload_hash=UNSIGNED_PAYLOAD,
                        voice=exchange.voice,
                    ),
                    upload.target.name,
                    body,
                    is_whole_object=True,
                )
            )
        if answer.status >= _REDIRECTS:
            return await self._passthrough.relay(exchange, answer)
        return await self._succeeded(exchange, upload, answer)

    async def _judged(
        self, exchange: S3Exchange, authentication: Authentication, body: FormBody
    ) -> FormUpload:
        """Return what the form asks, once who asks, the policy and the right were judged."""
        bucket = exchange.target.bucket if exchange.target is not None else None
        assert bucket is not None  # noqa: S101 - judged by is_form_upload
        sent = await body.read_fields()
        principal = exchange.principal = authentication.identify_form(sent)
        exchange.pace = self._metering.admit(principal.payer, principal.allowance)
        policy = read_policy(sent["policy"]) if "policy" in sent else NO_POLICY
        fields = expand(sent, body.filename)
        upload = read_upload(bucket, fields)
        exchange.target = upload.target
        policy.require({**fields, "bucket": bucket}, self._now())
        operation = name_operation("PUT", upload.target, (), CIMultiDict(upload.headers))
        context = exchange.context = form_context(exchange, principal, upload.headers, self._now)
        for action in (operation.action, *operation.also):
            self._authorization.require(principal, action, upload.target, context, exchange)
        refuse_unjudged("PUT", operation, (), CIMultiDict(upload.headers))
        body.expect(policy, CIMultiDict(upload.headers))
        return upload

    async def _succeeded(
        self, exchange: S3Exchange, upload: FormUpload, answer: OriginAnswer
    ) -> web.StreamResponse:
        """Answer as the form wants it: a redirect, a document, or nothing."""
        await answer.read(_ANSWER_BYTES_MAX)
        headers = CIMultiDict(response_headers_onward(answer.headers))
        # What the origin saw was a PUT: what its bucket allows a site's POST is asked for.
        for name in (*_OF_ANSWER_BODY, *dict(cors_headers(headers))):
            headers.popall(name, None)
        headers.extend(await self._preflights.shown(exchange, "POST"))
        etag = headers.get("ETag", "")
        if upload.redirect:
            headers["Location"] = redirect_location(upload, etag)
            return await exchange.send_whole(_SEE_OTHER, headers, b"")
        location = _location(exchange, upload)
        headers["Location"] = location
        if upload.success_status != _CREATED:
            return await exchange.send_whole(upload.success_status, headers, b"")
        headers["Content-Type"] = "application/xml"
        return await exchange.send_whole(_CREATED, headers, post_response(upload, location, etag))


def _location(exchange: S3Exchange, upload: FormUpload) -> str:
    """Return the object's URL in the style in which the form was posted."""
    head = exchange.head
    scheme = "https" if head.secure else "http"
    return f"{scheme}://{head.host}{head.path.rstrip('/')}/{upload.target.raw_key}"
