"""Decoding aws-chunked bodies: chunks with or without signatures, trailers after them (pure).

Source: AWS, *Signature calculations: transferring a payload in multiple chunks*, and the same *with
trailing headers*. On the wire:

    hex-size[;chunk-signature=hex] CRLF  bytes CRLF  ...  0[;chunk-signature=hex] CRLF
    [name:value CRLF ...  [x-amz-trailer-signature:hex CRLF]]  CRLF

The framings: signed, signed with trailers, unsigned with trailers, and unsigned without (what AWS
calls UNSIGNED-PAYLOAD-TRAILER with no trailer announced, or a plain `aws-chunked` with a decoded
length, which some SDKs send). What is framed is told by headers, never by what the body looks like.

Bytes are given out before the signature of their chunk can be known: whoever takes them makes
nothing visible, and holds the last of them back, until `finish` has returned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Final

from gateway.model.failures import (
    AuthenticationFailed,
    BodyMismatch,
    Failure,
    InvalidRequest,
    NotSupported,
)
from gateway.protocol.s3.checksums import trailer_names
from gateway.protocol.s3.signing import EMPTY_SHA256, UNSIGNED_PAYLOAD
from gateway.protocol.s3.sigv4 import Seed

CHUNK_LINE_BYTES_MAX = 512
TRAILER_BYTES_MAX = 4096
LENGTH_DIGITS_MAX = 16

_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
_SIGNATURE: Final = b"chunk-signature="
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"
_MORE = -1
"""A parser's answer: it cannot go on without more bytes."""


@dataclass(frozen=True, slots=True)
class Framing:
    """One way to frame a body."""

    is_signed: bool
    has_trailers: bool


FRAMINGS: Final = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": Framing(is_signed=True, has_trailers=False),
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": Framing(is_signed=True, has_trailers=True),
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": Framing(is_signed=False, has_trailers=True),
}
_PLAIN = Framing(is_signed=False, has_trailers=False)


def find_framing(headers: Mapping[str, str], payload_hash: str) -> Framing | None:
    """Return how a request's body is framed, or None: it is not; `payload_hash` is the claim's.

    Raises NotSupported for SigV4a's framings, InvalidRequest for an unknown one and for aws-chunked
    that says no decoded length (as S3 does).
    """
    if payload_hash.startswith("STREAMING-"):
        framing = FRAMINGS.get(payload_hash)
        if framing is None:
            raise NotSupported(f"The payload framing {payload_hash} is not supported.")
        return framing
    if payload_hash != UNSIGNED_PAYLOAD:
        # S3 stores `aws-chunked` as any coding where the hash of the body as sent is given.
        return None
    encoding = headers.get("Content-Encoding", "").lower()
    if "aws-chunked" not in [coding.strip() for coding in encoding.split(",")]:
        return None
    if "x-amz-decoded-content-length" not in headers:
        raise InvalidRequest(
            "aws-chunked encoding is not supported when x-amz-content-sha256 UNSIGNED-PAYLOAD is "
            "supplied",
            code="InvalidArgument",
        )
    return _PLAIN


def decoded_length(headers: Mapping[str, str]) -> int:
    """Return x-amz-decoded-content-length, in bytes; raises InvalidRequest."""
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        raise InvalidRequest(
            "You must provide the Content-Length HTTP header.", code="MissingContentLength"
        )
    if not (text.isascii() and text.isdigit() and len(text) <= LENGTH_DIGITS_MAX):
        raise InvalidRequest(
            "The x-amz-decoded-content-length header is not valid.", code="InvalidArgument"
        )
    return int(text)


class AwsChunkedDecoder:
    """Takes a framed body as it comes, gives out the bytes within.

    Every failure is final: after one, `feed` and `finish` raise it again.
    """

    def __init__(
        self,
        framing: Framing,
        length_bytes: int,
        *,
        seed: Seed | None = None,
        announced: frozenset[str] = frozenset(),
    ) -> None:
        """Expect `length_bytes` decoded bytes and the trailers `announced` (lower case).

        `seed` is what `verify` returned; a signed framing needs it.
        """
        self.trailers: dict[str, str] = {}
        self._framing = framing
        self._left_bytes = length_bytes
        self._announced = announced if framing.has_trailers else frozenset()
        self._chain = _Chain(seed) if framing.is_signed and seed is not None else None
        if framing.is_signed and seed is None:
            raise AuthenticationFailed("A signed payload needs a signed request.")
        self._chunk_left_bytes = 0
        self._held = b""
        self._trailer_bytes = 0
        self._trailer_signature: str | None = None
        self._failure: Failure | None = None
        self._parse: Callable[[bytes, int, list[bytes]], int] = self._chunk_line

    @classmethod
    def of(
        cls, headers: Mapping[str, str], payload_hash: str, seed: Seed | None
    ) -> "AwsChunkedDecoder | None":
        """Return the decoder that a request asks for, or None; raises as `find_framing`."""
        framing = find_framing(headers, payload_hash)
        if framing is None:
            return None
        announced = frozenset(trailer_names(headers))
        return cls(framing, decoded_length(headers), seed=seed, announced=announced)

    def feed(self, data: bytes) -> list[bytes]:
        """Return the decoded pieces in `data`, which may begin and end anywhere.

        Raises InvalidRequest for broken framing, BodyMismatch for more bytes than were declared,
        AuthenticationFailed (SignatureDoesNotMatch) at the end of a chunk whose signature is wrong.
        """
        if self._failure is not None:
            raise self._failure
        if self._held:
            data = self._held + data
            self._held = b""
        pieces: list[bytes] = []
        at = 0
        try:
            while at < len(data):
                stop = self._parse(data, at, pieces)
                if stop == _MORE:
                    self._held = data[at:]
                    break
                at = stop
        except Failure as failure:
            self._failure = failure
            raise
        return pieces

    def finish(self) -> None:
        """Return where the body was whole and every signature and trailer right.

        Raises BodyMismatch (IncompleteBody) for a body that ended early, InvalidRequest
        (MalformedTrailerError) for an announced trailer that did not come.
        """
        if self._failure is not None:
            raise self._failure
        # Some clients leave the last empty line away where no trailer follows.
        bare_end = self._parse == self._trailer_line and not self._announced
        if (self._parse != self._end and not bare_end) or self._left_bytes or self._held:
            raise BodyMismatch(
                "You did not provide the number of bytes specified by the "
                "x-amz-decoded-content-length header",
                code="IncompleteBody",
            )

    def _chunk_line(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        end = data.find(b"\n", at, at + CHUNK_LINE_BYTES_MAX)
        if end < 0:
            if len(data) - at >= CHUNK_LINE_BYTES_MAX:
                raise _malformed("a chunk's line is too long")
            return _MORE
        line = data[at:end]
        if not line.endswith(b"\r"):
            raise _malformed("a chunk's line does not end with CRLF")
        digits, _, extension = line[:-1].partition(b";")
        size = _size(digits)
        if size > self._left_bytes:
            raise BodyMismatch(
                "The chunks hold more bytes than x-amz-decoded-content-length says",
                code="IncompleteBody",
            )
        self._left_bytes -= size
        self._chunk_left_bytes = size
        if self._chain is not None:
            self._chain.begin(_signature(extension))
        if size:
            self._parse = self._chunk_bytes
        else:
            self._end_chunks()
        return end + 1

    def _chunk_bytes(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        stop = min(len(data), at + self._chunk_left_bytes)
        piece = data if at == 0 and stop == len(data) else data[at:stop]
        if self._chain is not None:
            self._chain.update(piece)
        pieces.append(piece)
        self._chunk_left_bytes -= len(piece)
        if not self._chunk_left_bytes:
            if self._chain is not None:
                self._chain.end_chunk()
            self._parse = self._chunk_tail
        return stop

    def _chunk_tail(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        if len(data) - at < len(b"\r\n"):
            return _MORE
        if data[at : at + 2] != b"\r\n":
            raise _malformed("a chunk's bytes do not end with CRLF")
        self._parse = self._chunk_line
        return at + 2

    def _end_chunks(self) -> None:
        if self._left_bytes:
            raise BodyMismatch(
                "The chunks hold fewer bytes than x-amz-decoded-content-length says",
                code="IncompleteBody",
            )
        if self._chain is not None:
            self._chain.end_chunk()
        self._parse = self._trailer_line

    def _trailer_line(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        end = data.find(b"\n", at)
        seen_bytes = self._trailer_bytes + (len(data) if end < 0 else end + 1) - at
        if seen_bytes > TRAILER_BYTES_MAX:
            raise _bad_trailer("The trailers are too long.")
        if end < 0:
            return _MORE
        self._trailer_bytes = seen_bytes
        # Bare line feeds before CRLF are in AWS's own examples and some clients' bodies.
        line = data[at:end].strip(b"\r")
        if line:
            self._take_trailer(line)
        elif self._is_complete():
            self._check_trailers()
            self._parse = self._end
        elif self._announced - self.trailers.keys():
            raise _bad_trailer("A trailer that x-amz-trailer announced is missing.")
        return end + 1

    def _take_trailer(self, line: bytes) -> None:
        try:
            name, mark, value = line.decode("ascii").partition(":")
        except UnicodeDecodeError:
            raise _bad_trailer("A trailer is not ASCII.") from None
        name, value = name.strip().lower(), value.strip()
        if not mark or name in self.trailers:
            raise _bad_trailer("A trailer is malformed.")
        if name == _TRAILER_SIGNATURE and self._framing.is_signed and not self._trailer_signature:
            self._trailer_signature = value
        elif name in self._announced:
            self.trailers[name] = value
        else:
            raise _bad_trailer(f"The trailer {name} was not announced.")

    def _is_complete(self) -> bool:
        """Return whether an empty line may end the trailers: those of signed ones end signed."""
        if self._announced - self.trailers.keys():
            return False
        return self._chain is None or not self._announced or self._trailer_signature is not None

    def _check_trailers(self) -> None:
        if self._chain is not None and (self._announced or self._trailer_signature is not None):
            self._chain.check_trailers(self.trailers, self._trailer_signature or "")

    def _end(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        # A second empty line is harmless; anything else was hidden behind the end.
        self._trailer_bytes += len(data) - at
        if data[at:].strip(b"\r\n") or self._trailer_bytes > TRAILER_BYTES_MAX:
            raise _malformed("there are bytes after the last chunk")
        return len(data)


class _Chain:
    """The signatures of a body's chunks: each signs its chunk and the signature before it."""

    __slots__ = ("_amz_date", "_claimed", "_hash", "_key", "_previous", "_scope")

    def __init__(self, seed: Seed) -> None:
        self._key = seed.key
        self._amz_date = seed.amz_date
        self._scope = seed.scope
        self._previous = seed.signature
        self._claimed = ""
        self._hash = sha256()

    def begin(self, claimed: str) -> None:
        """Begin a chunk that claims this signature."""
        self._claimed = claimed
        self._hash = sha256()

    def update(self, piece: bytes) -> None:
        """Take the chunk's next bytes."""
        self._hash.update(piece)

    def end_chunk(self) -> None:
        """Raise AuthenticationFailed where the chunk's signature is not the claimed one."""
        head = f"AWS4-HMAC-SHA256-PAYLOAD\n{self._amz_date}\n{self._scope}\n{self._previous}"
        self._require(f"{head}\n{EMPTY_SHA256}\n{self._hash.hexdigest()}", self._claimed)

    def check_trailers(self, trailers: Mapping[str, str], claimed: str) -> None:
        """Raise AuthenticationFailed where the trailers' signature is not the claimed one."""
        lines = "".join(f"{name}:{trailers[name]}\n" for name in sorted(trailers))
        head = f"AWS4-HMAC-SHA256-TRAILER\n{self._amz_date}\n{self._scope}\n{self._previous}"
        self._require(f"{head}\n{sha256(lines.encode()).hexdigest()}", claimed)

    def _require(self, to_sign: str, claimed: str) -> None:
        expected = digest(self._key, to_sign.encode(), "sha256").hex()
        if not compare_digest(expected.encode(), claimed.encode()):
            raise AuthenticationFailed(
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                code="SignatureDoesNotMatch",
            )
        self._previous = expected


def _size(digits: bytes) -> int:
    if not digits or len(digits) > LENGTH_DIGITS_MAX or not _HEX.issuperset(digits):
        raise _malformed("a chunk's size is not a number")
    return int(digits, 16)


def _signature(extension: bytes) -> str:
    if not extension.startswith(_SIGNATURE):
        raise _malformed("a chunk has no signature")
    return extension[len(_SIGNATURE) :].decode("latin-1")


def _malformed(what: str) -> InvalidRequest:
    return InvalidRequest(f"The aws-chunked body is malformed: {what}.", code="InvalidRequest")


def _bad_trailer(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="MalformedTrailerError")
