"""Extended attributes as WebHDFS writes them: names with a namespace, values in three codes (pure).

Source: org.apache.hadoop.fs.XAttrCodec, org.apache.hadoop.hdfs.XAttrHelper.
"""

from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from typing import Final

from gateway.model.failures import InvalidRequest

NAMESPACES: Final = ("user", "trusted", "security", "system", "raw")
_HEX: Final = "0x"
_BASE64: Final = "0s"
_QUOTE: Final = '"'


def _as_text(value: bytes) -> str:
    return f"{_QUOTE}{value.decode('utf-8', 'replace')}{_QUOTE}"


def _as_hex(value: bytes) -> str:
    return _HEX + value.hex()


def _as_base64(value: bytes) -> str:
    return _BASE64 + b64encode(value).decode()


ENCODINGS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "TEXT": _as_text,
    "HEX": _as_hex,
    "BASE64": _as_base64,
}


def encode_value(value: bytes, encoding: str | None) -> str:
    """Return a value in the code that was asked for; without one, as Hadoop does, as a text."""
    return ENCODINGS[encoding or "TEXT"](value)


def decode_value(text: str) -> bytes:
    """Return the bytes of a value in any of the codes; raises ValueError."""
    prefix = text[:2].lower()
    try:
        if prefix == _HEX:
            return bytes.fromhex(text[2:])
        if prefix == _BASE64:
            return b64decode(text[2:], validate=True)
    except (ValueError, Error):
        raise ValueError(f'Invalid value: "{text[:64]}" is no value of an attribute') from None
    if len(text) > 1 and text[0] == text[-1] == _QUOTE:
        return text[1:-1].encode()
    return text.encode()


def canonical_name(name: str) -> str:
    """Return an attribute's full name with its namespace in lower case; raises InvalidRequest."""
    namespace, dot, rest = name.partition(".")
    if not dot or namespace.lower() not in NAMESPACES:
        raise InvalidRequest(
            "An XAttr name must be prefixed with user/trusted/security/system/raw, followed by "
            "a '.'",
            code="HadoopIllegalArgument",
        )
    if not rest or not rest.isprintable():
        raise InvalidRequest("XAttr name cannot be empty.", code="HadoopIllegalArgument")
    return f"{namespace.lower()}.{rest}"
