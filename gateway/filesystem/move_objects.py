"""What a move asks of the origin: pages, copies, deletions, one object as it is."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.said import ANYTHING, Condition
from gateway.model.names import ObjectName
from gateway.model.voices import Voice
from gateway.protocol.s3.listings import ListedObject, ListedPage


@dataclass(frozen=True, slots=True)
class Undeleted:
    """An object that the origin did not delete, and why."""

    key: str
    code: str
    message: str


class MoveObjects(Protocol):
    """Objects at the origin. Where something was changed, no worker serves the name unasked.

    All raise OriginRefused, and OriginUnreachable where the outcome is unknown.
    """

    async def page(
        self, place: ObjectName, token: str | None, voice: Voice
    ) -> tuple[ListedPage, str]:
        """Return a page of the objects under a prefix, or the object of that very key.

        With it comes the origin's clock as an HTTP date, '' where it does not tell.
        """
        ...

    async def copy(
        self,
        source: ObjectName,
        version: ListedObject,
        target: ObjectName,
        voice: Voice,
        condition: Condition = ANYTHING,
    ) -> str:
        """Copy that very version with all that belongs to it; return the copy's ETag.

        Raises VersionChanged where the source is another by now, NotFound where it is gone, and
        FileConflict where something else stands at the target than `condition` says.
        """
        ...

    async def delete(
        self, bucket: str, versions: Sequence[tuple[str, str]], voice: Voice
    ) -> list[Undeleted]:
        """Delete up to a thousand objects, given as (key, ETag); return those that stayed.

        An origin that judges conditions leaves an object that has another ETag by now.
        """
        ...

    async def find(self, name: ObjectName, voice: Voice) -> Mapping[str, str] | None:
        """Return the headers of an object with its checksums, as a HEAD tells them; None: gone."""
        ...

    def pieces(self, name: ObjectName, etag: str, voice: Voice) -> AsyncGenerator[bytes]:
        """Yield the body of that version; raises VersionChanged and NotFound."""
        ...

    async def forget(self, name: ObjectName) -> None:
        """Let no worker serve the name unasked: somebody who died may have changed it."""
        ...

    async def put_marker(self, name: ObjectName, headers: Mapping[str, str], voice: Voice) -> None:
        """Put an object without a body."""
        ...
