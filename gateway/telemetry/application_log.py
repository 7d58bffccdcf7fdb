"""The application log on stderr: what the process says of itself, for machines or for people."""

import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal

from gateway.telemetry.logs import masked_query


def configure(level: str, form: Literal["json", "text"], process: str) -> None:
    """Send this process's log to stderr; `process` tells the supervisor and workers apart."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(_FORMS[form], process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Their INFO speaks of each connection and credential look-up.
    for name in ("asyncio", "aiobotocore", "botocore", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns of every malformed form: that is the client's matter, who is told.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


class _Lines(logging.Formatter):
    """One line a record, whatever stands in it."""

    def __init__(self, form: Callable[[dict[str, str]], str], process: str) -> None:
        super().__init__()
        self._form = form
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {
            "time": moment[:-6] + "Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": masked_query(record.getMessage()),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return self._form(fields)


def _as_text(fields: dict[str, str]) -> str:
    line = "{time} {level:7} {process}: {message}".format(**fields)
    return line + (f"\n{fields['exception']}" if "exception" in fields else "")


_FORMS: Final[dict[str, Callable[[dict[str, str]], str]]] = {"json": json.dumps, "text": _as_text}
