"""A browser's form upload taken apart: fields, then one file; what else comes is dropped (pure).

Source: AWS, *POST Object*, and RFC 7578. The splitting is python-multipart's, a parser without I/O;
here stand S3's bounds and S3's words. A field may stand once: two of one name are two readings of
one form, of which only one was judged.
"""

from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from gateway.model.failures import BodyMismatch, InvalidRequest

PRE_DATA_BYTES_MAX: Final = 20 * 1024
"""AWS: the form data and boundaries, the file excluded, cannot exceed 20 KB."""
FIELDS_MAX: Final = 200
_FILE: Final = "file"


def form_boundary(content_type: str) -> bytes:
    """Return the boundary of a multipart/form-data body.

    Raises InvalidRequest (RequestIsNotMultiPartContent, MalformedPOSTRequest).
    """
    kind, options = parse_options_header(content_type.encode("latin-1", "replace"))
    if kind != b"multipart/form-data":
        raise InvalidRequest(
            "Bucket POST must be of the enclosure-type multipart/form-data.",
            code="RequestIsNotMultiPartContent",
        )
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise _malformed()
    return boundary


class FormDecoder:
    """Takes a form as it comes and gives out the bytes of its file.

    `fields` (names in lower case) is complete once `has_file`; every failure is final.
    """

    def __init__(self, boundary: bytes) -> None:
        """Expect parts between `boundary`; raises InvalidRequest for one that is too long."""
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.has_file = False
        self._is_begun = False
        self._is_ended = False
        self._in_file = False
        self._field = ""
        self._value = bytearray()
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""
        self._pre_data_bytes = 0
        self._pieces: list[bytes] = []
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._takes_header_name,
                    "on_header_value": self._takes_header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._takes,
                    "on_part_end": self._part_ends,
                    "on_end": self._ends,
                },
            )
        except FormParserError:
            raise _malformed() from None

    def feed(self, data: bytes) -> list[bytes]:
        """Return the file's bytes in `data`; raises InvalidRequest for what is no such form."""
        if not self._is_begun:
            # The parser takes a preamble behind an empty line if both come in one piece. How a form
            # is cut must not decide what it says: the first boundary is the first line of it.
            data = data.lstrip(b"\r\n")
            self._is_begun = bool(data)
        try:
            self._parser.write(data)
        except FormParserError:
            raise _malformed() from None
        pieces, self._pieces = self._pieces, []
        return pieces

    def finish(self) -> None:
        """Raise BodyMismatch where the form ended before its end, InvalidRequest without a file."""
        if self.has_file and self._is_ended:
            return
        if self._is_ended:
            raise InvalidRequest(
                "POST requires exactly one file upload per request.", code="InvalidArgument"
            )
        raise BodyMismatch("The form ends before its last boundary.", code="IncompleteBody")

    def _part_begins(self) -> None:
        self._disposition = self._header_name = self._header_value = b""

    def _takes_header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_name += data[start:end]

    def _takes_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _headers_end(self) -> None:
        if self.has_file:
            return  # AWS: fields after the file are ignored
        kind, options = parse_options_header(self._disposition)
        name = _text(options.get(b"name", b"")).lower()
        if kind != b"form-data" or not name:
            raise _malformed()
        if name == _FILE:
            self.has_file = self._in_file = True
            self.filename = _text(options.get(b"filename", b""))
        elif name in self.fields:
            raise InvalidRequest(
                f"The form has the field {name!r} more than once.", code="InvalidArgument"
            )
        elif len(self.fields) >= FIELDS_MAX:
            raise _too_much()
        self._field = name

    def _takes(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._pieces.append(bytes(data[start:end]))
        elif not self.has_file:
            self._count(end - start)
            self._value += data[start:end]

    def _part_ends(self) -> None:
        if not self.has_file:
            self.fields[self._field] = _text(bytes(self._value))
            self._value.clear()
        self._in_file = False

    def _ends(self) -> None:
        self._is_ended = True

    def _count(self, seen_bytes: int) -> None:
        if not self.has_file:
            self._pre_data_bytes += seen_bytes
            if self._pre_data_bytes > PRE_DATA_BYTES_MAX:
                raise _too_much()


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed() from None


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        "The body of your POST request is not well-formed multipart/form-data.",
        code="MalformedPOSTRequest",
    )


def _too_much() -> InvalidRequest:
    return InvalidRequest(
        "Your POST request fields preceding the upload file were too large.",
        code="MaxPostPreDataLengthExceeded",
    )
