"""Targets of aws-chunked: bodies framed right, nearly right, wrong; one verdict however cut."""

from contextlib import suppress
from hashlib import sha256
from hmac import digest

from gateway.model.failures import Failure
from gateway.protocol.s3.aws_chunked import (
    CHUNK_LINE_BYTES_MAX,
    TRAILER_BYTES_MAX,
    AwsChunkedDecoder,
    find_framing,
)
from gateway.protocol.s3.signing import EMPTY_SHA256
from gateway.protocol.s3.sigv4 import Seed
from tests.fuzzing.target import Portions, Target, cuts_of, head_of, verdict

SEED = Seed("0" * 64, b"k" * 32, "20130524/us-east-1/s3/aws4_request", "20130524T000000Z")
SUM = "x-amz-checksum-crc32"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
KINDS = (
    (SIGNED, ()),
    (SIGNED_TRAILER, ()),
    (SIGNED_TRAILER, (SUM,)),
    (UNSIGNED_TRAILER, ()),
    (UNSIGNED_TRAILER, (SUM,)),
    ("UNSIGNED-PAYLOAD", ()),
)
HELD_BYTES_MAX = max(CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX)
_STEPS_MAX = 100
RAW, CHUNK, END, TRAILER, SEAL = range(5)


class _Writer:
    """Frames as a client does, and puts between the frames whatever it is told to."""

    def __init__(self, kind: str) -> None:
        self.body = b""
        self.plain = b""
        self.is_right = True
        self._is_signed = kind in (SIGNED, SIGNED_TRAILER)
        self._previous = SEED.signature
        self._trailers: dict[str, str] = {}

    def chunk(self, piece: bytes) -> None:
        line = f"{len(piece):x}"
        if self._is_signed:
            text = f"{EMPTY_SHA256}\n{sha256(piece).hexdigest()}"
            line += f";chunk-signature={self._sign('PAYLOAD', text)}"
        self.body += line.encode() + b"\r\n" + (piece + b"\r\n" if piece else b"")
        self.plain += piece

    def trailer(self, value: str) -> None:
        self._trailers[SUM] = value
        self.body += f"{SUM}:{value}\r\n".encode()

    def seal(self) -> None:
        if self._is_signed and self._trailers:
            lines = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
            proof = self._sign("TRAILER", sha256(lines.encode()).hexdigest())
            self.body += f"x-amz-trailer-signature:{proof}\r\n".encode()
        self.body += b"\r\n"

    def raw(self, piece: bytes) -> None:
        self.body += piece
        self.is_right = False

    def _sign(self, what: str, text: str) -> str:
        head = f"AWS4-HMAC-SHA256-{what}\n{SEED.amz_date}\n{SEED.scope}\n{self._previous}"
        self._previous = digest(SEED.key, f"{head}\n{text}".encode(), "sha256").hex()
        return self._previous


def _write(portions: Portions, kind: str) -> _Writer:
    writer = _Writer(kind)
    for _ in range(_STEPS_MAX):
        if not portions:
            break
        step = portions.number(5)
        if step == CHUNK:
            writer.chunk(portions.piece(portions.number(64)) or b"x")
        elif step == END:
            writer.chunk(b"")
        elif step == TRAILER:
            writer.trailer("AAAAAA==")
        elif step == SEAL:
            writer.seal()
        else:
            writer.raw(portions.piece(portions.number(256)))
    return writer


def _decoded(kind: str, announced: tuple[str, ...], length: int, pieces: list[bytes]):
    headers = {"Content-Encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)}
    if announced:
        headers["x-amz-trailer"] = ",".join(announced)
    decoder = AwsChunkedDecoder.of(headers, kind, SEED)
    assert decoder is not None
    plain = b""
    for piece in pieces:
        plain += b"".join(decoder.feed(piece))
        assert len(decoder._held) <= HELD_BYTES_MAX
        assert len(plain) <= length
    decoder.finish()
    return plain, decoder.trailers


def decode_chunks(raw: bytes) -> None:
    portions = Portions(raw)
    kind, announced = portions.choice(KINDS)
    told = portions.number(300)
    writer = _write(portions, kind)
    length = told if told < 200 else len(writer.plain)
    verdicts = [
        verdict(lambda cut=cut: _decoded(kind, announced, length, cut))
        for cut in cuts_of(writer.body)
    ]
    first = verdicts[0]
    assert all(one == first for one in verdicts), verdicts
    if first[0] == "value":
        plain, trailers = first[1]
        assert len(plain) == length
        assert set(trailers) == set(announced)
        if writer.is_right:
            assert plain == writer.plain


def read_framing(raw: bytes) -> None:
    head = head_of(b"PUT /\n" + raw)
    claimed = head.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    with suppress(Failure):
        framing = find_framing(head.headers, claimed)
        decoder = AwsChunkedDecoder.of(head.headers, claimed, SEED)
        assert (framing is None) == (decoder is None)


def _right(kind: int) -> bytes:
    steps = bytes([CHUNK, 5]) + b"hello" + bytes([CHUNK, 2]) + b"\r\n" + bytes([END])
    return bytes([kind, 1, 0]) + steps + bytes([TRAILER, SEAL] if KINDS[kind][1] else [SEAL])


def _raw(kind: int, body: bytes) -> bytes:
    return bytes([kind, 0, 5, RAW, len(body)]) + body


TARGETS = (
    Target(
        "aws-chunked",
        decode_chunks,
        (
            *map(_right, range(len(KINDS))),
            _raw(3, b"5\r\nhello\r\n0\r\n\r\n"),
            _raw(4, b"5;a=b\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"),
            _raw(5, b"ffffffffffffffff\r\n"),
        ),
        b"\r\n|0\r\n\r\n|5\r\nhello\r\n|;chunk-signature=|x-amz-checksum-crc32:|"
        b"x-amz-trailer-signature:|ffffffffffffffff|0x|\n\r\n",
    ),
    Target(
        "framing",
        read_framing,
        (
            (
                b"x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\n"
                b"x-amz-decoded-content-length: 5\nx-amz-trailer: x-amz-checksum-crc32"
            ),
            b"Content-Encoding: gzip, aws-chunked\nx-amz-decoded-content-length: 99",
        ),
        b"STREAMING-|AWS4-HMAC-SHA256-PAYLOAD|-TRAILER|\nContent-Encoding: |"
        b"aws-chunked|\nx-amz-decoded-content-length: |\nx-amz-trailer: ",
    ),
)
