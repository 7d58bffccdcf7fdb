"""One connection of a Hadoop client, which writes a name as it is into the request line.

`hadoop fs -put é` asks for `/webhdfs/v1/é` in bare UTF-8: java.net.URI leaves such letters in a raw
path, and Java's HTTP client sends what it is given. RFC 9112 has no place for them and llhttp, the
parser, refuses them; a namenode takes them. So does this door: it reads them as if they were
escaped, before they are parsed, and nothing else of what is sent is touched.
"""

from gateway.doors.connection import ClientConnection
from gateway.protocol.http.percent import escape_bare


class HadoopConnection(ClientConnection):
    """A connection whose request lines may have bytes beyond ASCII."""

    __slots__ = ("_is_in_line",)

    _is_in_line: bool

    def _take(self, data: bytes) -> None:
        """Parse bytes, those of a request line escaped."""
        if not (self._is_answering or self._messages):
            data = self._escaped(data)
        super()._take(data)

    def _escaped(self, data: bytes) -> bytes:
        """Return bytes of a head with its request line, or the part of it here, escaped."""
        is_first = not self._head_bytes
        if not is_first and not self._is_in_line:
            return data
        line, end, rest = data.partition(b"\n")
        self._is_in_line = not end
        return line + end + rest if line.isascii() else escape_bare(line) + end + rest
