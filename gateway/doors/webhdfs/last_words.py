"""Hadoop's JSON for a client that has no request."""

from typing import Final

from gateway.doors.last_words import LastWords
from gateway.protocol.webhdfs.errors import OF_CODE, exception_json

_SENTENCES: Final = {
    "BadRequest": "Bad Request",
    "InternalError": "We encountered an internal error. Please try again.",
    "RequestHeaderSectionTooLarge": "The request line or the headers are too long, or too many.",
    "RequestTimeout": "The request did not come in time.",
    "SlowDown": "Please reduce your request rate.",
}


def _tell(code: str, _identity: str) -> tuple[int, bytes]:
    wire = OF_CODE[code]
    return wire.status, exception_json(wire, _SENTENCES[code])


WEBHDFS_WORDS: Final = LastWords(_tell, "application/json", "x-forebay-request-id")
