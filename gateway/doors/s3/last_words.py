"""S3's XML for a client that has no request."""

from typing import Final

from gateway.doors.last_words import LastWords
from gateway.protocol.s3.errors import ERRORS, error_xml


def _tell(code: str, identity: str) -> tuple[int, bytes]:
    status, words = ERRORS[code]
    return status, error_xml(code, words, "", identity)


S3_WORDS: Final = LastWords(_tell, "application/xml", "x-amz-request-id")
