"""The access log, one JSON line a request; kept off the hot path.

`write` only appends a record to a list. A thread turns records into lines and writes them, every
half second, so that neither JSON nor a slow disk or pipe delays a request. The list is bounded:
where the target cannot keep up, lines are dropped and counted, never requests.

Signatures, credentials and tokens of presigned URLs are masked: a log is read by more people than
may use the URLs in it.
"""

import os
import re
import select
import stat
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _quoted
from time import time
from typing import Final
from urllib.parse import unquote

from gateway.telemetry import metrics

RECORDS_MAX: Final = 100_000
FLUSH_SECONDS: Final = 0.5
CLOSE_SECONDS_MAX: Final = 5.0
WRITE_BYTES_MAX: Final = 64 * 1024
_STANDARD: Final = {"stdout": 1, "stderr": 2}
_PARAMETER: Final = re.compile(r"((?:^|(?<=[?&\s]))[^?&=\s]+)=[^&\s]*")
_SECRET_PARAMETERS: Final = frozenset(
    {
        "awsaccesskeyid",
        "delegation",
        "forebay.step",
        "signature",
        "token",
        "x-amz-credential",
        "x-amz-security-token",
        "x-amz-signature",
    }
)


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One request, as it is logged."""

    request_id: str
    remote: str
    principal: str
    method: str
    operation: str
    bucket: str
    key: str
    query: str
    """As sent; what proves an identity is masked when the line is made."""
    status: int
    error: str
    """The S3 error code; empty where there was none."""
    cache: str
    """HIT, MISS, REVALIDATED, BYPASS or STALE; empty where nothing could be cached."""
    origin_requests: int
    bytes_in: int
    bytes_out: int
    seconds: float
    user_agent: str
    finished: float = field(default_factory=time)
    """Seconds since 1970."""

    def line(self) -> bytes:
        """Return the record as a line of JSON, the same keys in the same order in each.

        Written by hand, since it is written for every request: json.dumps takes four times as long.
        """
        moment = datetime.fromtimestamp(self.finished, UTC).isoformat(timespec="milliseconds")
        return (
            f'{{"time":"{moment[:-6]}Z","request_id":{_quoted(self.request_id)},'
            f'"remote":{_quoted(self.remote)},"principal":{_quoted(self.principal)},'
            f'"method":{_quoted(self.method)},"operation":{_quoted(self.operation)},'
            f'"bucket":{_quoted(self.bucket)},"key":{_quoted(self.key)},'
            f'"query":{_quoted(masked_query(self.query))},"status":{self.status},'
            f'"error":{_quoted(self.error)},"cache":{_quoted(self.cache)},'
            f'"origin_requests":{self.origin_requests},"bytes_in":{self.bytes_in},'
            f'"bytes_out":{self.bytes_out},"seconds":{self.seconds:.6f},'
            f'"user_agent":{_quoted(self.user_agent)}}}\n'
        ).encode()


def masked_query(query: str) -> str:
    """Return a raw query without what proves an identity."""
    return _PARAMETER.sub(_masked, query) if query else ""


def _masked(parameter: re.Match[str]) -> str:
    """Return a parameter without its value where its name, in whatever spelling, is a secret's."""
    name = parameter[1]
    plain = unquote(name) if "%" in name else name
    return f"{name}=***" if plain.lower() in _SECRET_PARAMETERS else parameter[0]


class AccessLog:
    """Where access records go: `stdout`, `stderr`, `off` or the path of a file."""

    def __init__(self, target: str) -> None:
        """Open the target and start the thread that writes; raises OSError."""
        self._target = target
        self.is_off = target == "off"
        self._records: deque[AccessRecord] = deque()
        self._is_closing = threading.Event()
        self._must_reopen = False
        if not self.is_off:
            self._open()
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()

    def write(self, record: AccessRecord) -> None:
        """Take a record; it is written soon, and at the latest by `close`."""
        if self.is_off:
            return
        if len(self._records) >= RECORDS_MAX:
            metrics.access_lines_dropped.inc()
            return
        self._records.append(record)

    def reopen(self) -> None:
        """Open a file again by its name, after a log rotation moved it away."""
        self._must_reopen = True

    def close(self) -> None:
        """Write what was taken and stop; bounded, so that a stuck target cannot stop an exit."""
        if not self.is_off:
            self._is_closing.set()
            self._thread.join(CLOSE_SECONDS_MAX)
            if self._target not in _STANDARD and not self._thread.is_alive():
                os.close(self._descriptor)

    def _run(self) -> None:
        while not self._is_closing.wait(FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        if self._must_reopen:
            self._must_reopen = False
            with suppress(OSError):  # the old file is better than none
                self._open()
        for block in _blocks(self._lines(), self._block_bytes_max):
            if not self._write(block):
                metrics.access_lines_dropped.inc(block.count(b"\n"))

    def _lines(self) -> Iterator[bytes]:
        # Not more than there are now: a busy gateway must not keep a closing log from its end.
        for _ in range(len(self._records)):
            yield self._records.popleft().line()

    def _write(self, block: bytes) -> bool:
        while block:
            try:
                block = block[os.write(self._descriptor, block) :]
            except BlockingIOError:  # a pipe that another process made non-blocking
                select.select([], [self._descriptor], [], FLUSH_SECONDS)
                if self._is_closing.is_set():
                    return False
            except OSError:
                return False
        return True

    def _open(self) -> None:
        if self._target in _STANDARD:
            self._descriptor = _STANDARD[self._target]
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            opened = os.open(self._target, flags, 0o640)
            if hasattr(self, "_descriptor"):
                os.close(self._descriptor)
            self._descriptor = opened
        is_pipe = stat.S_ISFIFO(os.fstat(self._descriptor).st_mode)
        self._block_bytes_max = select.PIPE_BUF if is_pipe else WRITE_BYTES_MAX


def _blocks(lines: Iterable[bytes], block_bytes_max: int) -> Iterator[bytes]:
    """Yield whole lines together: workers append to one target, and a line must not be torn.

    A write of at most PIPE_BUF to a pipe is atomic (POSIX write), and so is an append to a file.
    """
    block = bytearray()
    for line in lines:
        if block and len(block) + len(line) > block_bytes_max:
            yield bytes(block)
            block.clear()
        block += line
    if block:
        yield bytes(block)
