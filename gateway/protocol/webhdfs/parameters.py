"""The parameters of WebHDFS operations: types, defaults and bounds, in Hadoop's words (pure).

Source: org.apache.hadoop.hdfs.web.resources.*Param. Names are compared without case, as Hadoop's
ParamFilter does, and the text `null` stands for none. What stands twice with different values is
refused: nobody knows which of the two was meant, or is obeyed elsewhere.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.model.failures import InvalidRequest
from gateway.protocol.webhdfs.extended_attributes import ENCODINGS, decode_value

_NULL: Final = "null"
_INTEGER: Final = {10: re.compile(r"[+-]?[0-9]{1,19}"), 8: re.compile(r"[+-]?[0-7]{1,12}")}
_LONG: Final = 2**63
_INT: Final = 2**31
_SHORT: Final = 2**15
_KINDS: Final = {_LONG: "long", _INT: "int", _SHORT: "short"}
_CREATE_FLAGS: Final = (
    "APPEND",
    "CREATE",
    "IGNORE_CLIENT_LOCALITY",
    "LAZY_PERSIST",
    "NEW_BLOCK",
    "NO_LOCAL_WRITE",
    "OVERWRITE",
    "SHOULD_REPLICATE",
    "SYNC_BLOCK",
)
SOURCES_MAX: Final = 1000
NAME_BYTES_MAX: Final = 255

Value = int | str | bool | bytes | frozenset[str] | tuple[str, ...] | None
Reader = Callable[[str, str], Value]
"""From a parameter's name and text to its value; raises ValueError with Hadoop's words."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, wherever it may stand."""

    name: str
    """As Hadoop writes it, in lower case."""
    read: Reader
    default: Value = None
    is_repeated: bool = False
    """Whether it may stand more than once; it is then a tuple of texts."""


def _number(least: int, most: int | None = None, *, radix: int = 10, bound: int = _LONG) -> Reader:
    def read(name: str, text: str) -> Value:
        if text == _NULL:
            return None
        if not _INTEGER[radix].fullmatch(text) or not -bound <= int(text, radix) < bound:
            kind = f"{_KINDS[bound]} integer"
            raise ValueError(f'Failed to parse "{text}" as a radix-{radix} {kind}.')
        value = int(text, radix)
        shown = "o" if radix == 8 else "d"  # noqa: PLR2004 - the radix of modes
        if value < least:
            raise ValueError(f"Invalid parameter range: {name} = {value:{shown}} < {least:{shown}}")
        if most is not None and value > most:
            raise ValueError(f"Invalid parameter range: {name} = {value:{shown}} > {most:{shown}}")
        return value

    return read


def _flag(_name: str, text: str) -> Value:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f'Failed to parse "{text}" to Boolean.')
    return text.lower() == "true"


def _text(_name: str, text: str) -> Value:
    return text or None


def _name(name: str, text: str) -> Value:
    if len(text.encode()) > NAME_BYTES_MAX or any(not letter.isprintable() for letter in text):
        raise ValueError(f"{name} is at most {NAME_BYTES_MAX} bytes of printable letters.")
    return text or None


def _matching(pattern: str) -> Reader:
    found = re.compile(pattern)

    def read(_name: str, text: str) -> Value:
        if not found.fullmatch(text):
            raise ValueError(f'Invalid value: "{text}" does not belong to the domain {pattern}')
        return text

    return read


def _one_of(words: Iterable[str]) -> Reader:
    known = {word.upper(): word for word in words}

    def read(_name: str, text: str) -> Value:
        if not text:
            return None
        if text.upper() not in known:
            raise ValueError(f'Invalid value: "{text}" is none of [{", ".join(known)}]')
        return known[text.upper()]

    return read


def _some_of(words: Iterable[str]) -> Reader:
    known = frozenset(words)

    def read(_name: str, text: str) -> Value:
        chosen = (
            frozenset(word.strip().upper() for word in text.split(",")) if text else frozenset()
        )
        for word in sorted(chosen - known):
            raise ValueError(f'Invalid value: "{word}" is none of [{", ".join(sorted(known))}]')
        return chosen

    return read


def _path(name: str, text: str) -> Value:
    if not text:
        return None
    if not text.startswith("/"):
        raise ValueError(f'Invalid parameter value: {name} = "{text}" is not an absolute path.')
    return text


def _paths(name: str, text: str) -> Value:
    paths = tuple(path for path in text.split(",") if path)
    if len(paths) > SOURCES_MAX:
        raise ValueError(f"Invalid parameter value: {name} names more than {SOURCES_MAX} paths.")
    for path in paths:
        _path(name, path)
    return paths


def _attribute_value(_name: str, text: str) -> Value:
    return decode_value(text)


_MODE: Final = _number(0, 0o1777, radix=8, bound=_SHORT)

PARAMETERS: Final[Mapping[str, Parameter]] = {
    one.name: one
    for one in (
        Parameter("accesstime", _number(-1), -1),
        Parameter("allusers", _flag, default=False),
        Parameter("blocksize", _number(1)),
        Parameter("buffersize", _number(1, bound=_INT)),
        Parameter("createflag", _some_of(_CREATE_FLAGS), frozenset()),
        Parameter("createparent", _flag, default=True),
        Parameter("data", _flag, default=False),
        Parameter("destination", _path),
        Parameter("encoding", _one_of(ENCODINGS)),
        Parameter("flag", _some_of(["CREATE", "REPLACE"]), frozenset()),
        Parameter("fsaction", _matching("[r-][w-][x-]")),
        Parameter("group", _name),
        Parameter("kind", _text),
        Parameter("length", _number(0)),
        Parameter("modificationtime", _number(-1), -1),
        Parameter("newlength", _number(0)),
        Parameter("noredirect", _flag, default=False),
        Parameter("offset", _number(0), 0),
        Parameter("overwrite", _flag, default=False),
        Parameter("owner", _name),
        Parameter("permission", _MODE),
        Parameter("recursive", _flag, default=False),
        Parameter("renameoptions", _some_of(["NONE", "OVERWRITE", "TO_TRASH"]), frozenset()),
        Parameter("renewer", _text),
        Parameter("replication", _number(1, bound=_SHORT)),
        Parameter("service", _text),
        Parameter("sources", _paths, ()),
        Parameter("startafter", _text),
        Parameter("token", _text),
        Parameter("unmaskedpermission", _MODE),
        Parameter("xattr.name", _text, (), is_repeated=True),
        Parameter("xattr.value", _attribute_value),
    )
}
"""Every parameter that Forebay obeys; others are ignored, as Hadoop does."""


class Parameters:
    """The values that one operation was given, by name; absent ones are their defaults."""

    __slots__ = ("_operation", "_values")

    def __init__(
        self, operation: str, names: Iterable[str], query: Mapping[str, tuple[str, ...]]
    ) -> None:
        """Read the parameters `names` of an operation; raises InvalidRequest in Hadoop's words."""
        self._operation = operation
        self._values = {name: _read(PARAMETERS[name], query.get(name, ())) for name in names}

    def find_number(self, name: str) -> int | None:
        """Return a number, None where there is none."""
        value = self._values[name]
        assert value is None or isinstance(value, int)  # noqa: S101 - its row says so
        return value

    def number(self, name: str) -> int:
        """Return a number that has a default, or must be there: raises InvalidRequest."""
        value = self.find_number(name)
        if value is None:
            raise self._missing(name)
        return value

    def flag(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self._values[name] is True

    def find_text(self, name: str) -> str | None:
        """Return a text, None where there is none or it is empty."""
        value = self._values[name]
        assert value is None or isinstance(value, str)  # noqa: S101 - its row says so
        return value

    def text(self, name: str) -> str:
        """Return a text that must be there: raises InvalidRequest."""
        value = self.find_text(name)
        if value is None:
            raise self._missing(name)
        return value

    def find_bytes(self, name: str) -> bytes | None:
        """Return bytes, None where there are none."""
        value = self._values[name]
        assert value is None or isinstance(value, bytes)  # noqa: S101 - its row says so
        return value

    def words(self, name: str) -> frozenset[str]:
        """Return the words of a set."""
        value = self._values[name]
        assert isinstance(value, frozenset)  # noqa: S101 - its row says so
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return what a list holds."""
        value = self._values[name]
        assert isinstance(value, tuple)  # noqa: S101 - its row says so
        return value

    def some_texts(self, name: str) -> tuple[str, ...]:
        """Return what a list holds that must not be empty: raises InvalidRequest."""
        value = self.texts(name)
        if not value:
            raise self._missing(name)
        return value

    def _missing(self, name: str) -> InvalidRequest:
        return InvalidRequest(f"Required param {name} for op: {self._operation} is null or empty")


def query_values(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """Return the values of a query's decoded pairs, by name in lower case, in the order sent."""
    values: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        values[name.lower()] = (*values.get(name.lower(), ()), value)
    return values


def single_value(name: str, values: tuple[str, ...]) -> str | None:
    """Return the one value of a parameter, None where it is absent; raises InvalidRequest."""
    if len(set(values)) > 1:
        raise invalid_parameter(name, "it stands more than once with different values.")
    return values[0] if values else None


def invalid_parameter(name: str, words: str) -> InvalidRequest:
    """Return the failure that Hadoop's ExceptionHandler makes of a parameter that is none."""
    return InvalidRequest(f'Invalid value for webhdfs parameter "{name}": {words}')


def _read(parameter: Parameter, values: tuple[str, ...]) -> Value:
    name = parameter.name
    if parameter.is_repeated:
        return tuple(value for value in values if value)
    text = single_value(name, values)
    if text is None:
        return parameter.default
    try:
        value = parameter.read(name, text)
    except ValueError as error:
        raise invalid_parameter(name, str(error)) from None
    return parameter.default if value is None else value
