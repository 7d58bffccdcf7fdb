"""What became of each object of a job: kept in a file without a name, so that a million fit.

At the end it is read again and each line is held against the index.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from gateway.model.names import ObjectName
from gateway.model.versions import Version


@dataclass(frozen=True, slots=True)
class Entry:
    """One object: which version was to be on flash, or why it could not be."""

    name: ObjectName
    version: Version | None = None
    failure: str = ""
    """In words; empty where the version was brought, or was there."""


class Journal:
    """Entries in the order in which they ended."""

    def __init__(self) -> None:
        """Open a temporary file, which goes with the process."""
        self._file = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115 - see __exit__

    def note(self, entry: Entry) -> None:
        """Append one entry."""
        name, version = entry.name, entry.version
        told: list[Any] = [name.bucket, name.key, entry.failure]
        if version is not None:
            told += [version.etag, version.size, version.last_modified, version.version_id]
            told += [version.checksums]
        self._file.write(json.dumps(told) + "\n")

    def entries(self) -> Iterator[Entry]:
        """Yield all entries from the first on."""
        self._file.seek(0)
        for line in self._file:
            bucket, key, failure, *told = json.loads(line)
            version = None
            if told:
                etag, size, last_modified, version_id, pairs = told
                checksums = tuple((name, value) for name, value in pairs)
                version = Version(etag, size, last_modified, version_id, checksums)
            yield Entry(ObjectName(bucket, key), version, failure)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
