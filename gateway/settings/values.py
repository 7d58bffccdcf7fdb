"""The values that settings are written in: sizes, durations, addresses, freshness, paths.

Each is parsed once into a plain value and written back in a form that parses to the same value,
because the supervisor hands settings to its workers as JSON.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, SecretStr, ValidationInfo

from gateway.model.rules import Freshness, Mode, Share
from gateway.state.sealing import SealError, parse_keys

KIB: Final = 2**10
MIB: Final = 2**20
GIB: Final = 2**30

_SIZE_UNITS: Final = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}
_SECONDS_UNITS: Final = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_QUANTITY: Final = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)")
_PERCENT: Final = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,6})?)\s*%")
_BOUNDED: Final = re.compile(r"bounded\((?P<seconds>[^()]*)\)")
_PLAIN_MODES: Final = frozenset(Mode) - {Mode.BOUNDED}
_PORT_MAX: Final = 65535
_NUMBER_MAX: Final = 2**63


def parse_size(value: object) -> int:
    """Return the bytes that `20GiB`, `64 MB` or a plain number says; raises ValueError."""
    number, unit = _parse_quantity(value)
    factor = _SIZE_UNITS.get(unit.upper())
    if factor is None or not float(number * factor).is_integer():
        raise ValueError('a size is written like "20GiB", "64MB" or 1048576 (bytes)')
    return int(number * factor)


def parse_seconds(value: object) -> float:
    """Return the seconds that `30s`, `500ms`, `5m` or a plain number says; raises ValueError."""
    number, unit = _parse_quantity(value)
    factor = _SECONDS_UNITS.get(unit)
    if factor is None:
        raise ValueError('a duration is written like "30s", "500ms", "5m", "1h" or 30 (seconds)')
    # Of microseconds, as it is written again: 9 ms are else 0.009000000000000001 s, and not 9 ms.
    return round(float(number * factor), 6)


def _parse_quantity(value: object) -> tuple[float | int, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bounded(value), ""
    found = _QUANTITY.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a number with a unit")
    text = found["number"]
    return _bounded(float(text) if "." in text else int(text)), found["unit"]


def _bounded(number: float) -> float | int:
    if not abs(number) <= _NUMBER_MAX:  # so that a NaN is none either
        raise ValueError("it is no number that a size or a duration can be")
    return number


def parse_freshness(value: object) -> Freshness:
    """Return the freshness that `strict`, `bounded(30s)`, ... says; raises ValueError."""
    if isinstance(value, Freshness):
        return value
    if isinstance(value, str):
        if found := _BOUNDED.fullmatch(value):
            return Freshness(Mode.BOUNDED, parse_seconds(found["seconds"]))
        if value in _PLAIN_MODES:
            return Freshness(Mode(value))
    raise ValueError(
        'freshness is "strict", "pinned", "bounded(30s)", "exclusive", "immutable" or "bypass"'
    )


def parse_share(value: object) -> Share:
    """Return the part of flash that `30%` or a size says; raises ValueError."""
    if isinstance(value, Share):
        return value
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    share = (
        Share(fraction=float(found["number"]) / 100)
        if found is not None
        else Share(count_bytes=parse_size(value))
    )
    if not 0 < share.fraction <= 1 and not share.count_bytes:
        raise ValueError('a share is written like "30%", up to 100%, or as a size')
    return share


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, an IPv6 host in brackets (RFC 3986 3.2.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def overlaps(self, other: "Address") -> bool:
        """Return whether both cannot be listened on at once."""
        if self.port != other.port or self.port == 0:
            return False
        wildcards = {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound
        return self.host == other.host or bool({self.host, other.host} & wildcards)


def parse_address(value: object) -> Address:
    """Return the address that `127.0.0.1:9000` or `[::1]:9000` says; raises ValueError."""
    if isinstance(value, Address):
        return value
    host, separator, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_number = port.isascii() and port.isdigit() and int(port) <= _PORT_MAX
    if not (host and separator and is_number) or "[" in host or "]" in host:
        raise ValueError(
            'an address is written "127.0.0.1:9000"; "0.0.0.0:9000" listens on every interface',
        )
    return Address(host, int(port))


def resolve_path(value: object, info: ValidationInfo) -> str:
    """Return the path as text, a relative one taken from the folder of the settings file."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("a path is a text that is not empty")
    folder = (info.context or {}).get("folder")
    return str(Path(folder, value) if folder is not None else Path(value))


def check_key(key: SecretStr | None) -> SecretStr | None:
    """Return the keys that seal something, as they are; raises ValueError where they are none."""
    if key is not None:
        try:
            parse_keys(key.get_secret_value())
        except SealError as error:
            raise ValueError(str(error)) from None
    return key


def resolve_log_target(value: object, info: ValidationInfo) -> object:
    """Return `stdout`, `stderr` or `off` as it is, anything else as a path."""
    if value in ("stdout", "stderr", "off"):
        return value
    return resolve_path(value, info)


def listed(value: object) -> Any:  # noqa: ANN401 - pydantic judges the elements
    """Return a single text as a list of one."""
    return (value,) if isinstance(value, str) else value


def _reveal(secret: SecretStr, info: Any) -> str:  # noqa: ANN401 - pydantic's own, generic
    """Write the secret itself only where the reader of the JSON is a worker."""
    is_for_worker = (info.context or {}).get("reveal_secrets", False)
    return secret.get_secret_value() if is_for_worker else str(secret)


written_as_text = PlainSerializer(str, return_type=str)
Size = Annotated[int, BeforeValidator(parse_size)]
Seconds = Annotated[float, BeforeValidator(parse_seconds)]
Listen = Annotated[Address, BeforeValidator(parse_address), written_as_text]
WrittenFreshness = Annotated[Freshness, BeforeValidator(parse_freshness), written_as_text]
WrittenShare = Annotated[Share, BeforeValidator(parse_share), written_as_text]
LocalPath = Annotated[Path, BeforeValidator(resolve_path)]
LogTarget = Annotated[str, BeforeValidator(resolve_log_target)]
Words = Annotated[tuple[str, ...], BeforeValidator(listed)]
Secret = Annotated[SecretStr, PlainSerializer(_reveal, return_type=str)]
