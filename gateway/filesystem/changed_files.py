"""Files that are there and are changed: looked up for that, joined, cut and lengthened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.core.latest import Latest
from gateway.filesystem.assembling import Segment, plan_parts
from gateway.filesystem.caller import Caller
from gateway.filesystem.change_gate import DELETE, WRITE, ChangeGate, is_directory, told
from gateway.filesystem.gate import READ
from gateway.filesystem.mounts import not_found
from gateway.filesystem.new_objects import NewObjects
from gateway.filesystem.obstacles import Obstacles
from gateway.filesystem.pouring import Pouring, seen
from gateway.filesystem.status import Changes, Kind, Status
from gateway.filesystem.view import is_file
from gateway.model.failures import Failure, InvalidRequest


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that is to be changed."""

    latest: Latest
    """The version that the change is of, and of no other."""
    status: Status


@dataclass(frozen=True, slots=True)
class ChangedFiles:
    """Finds files to be changed, and gives them other bytes."""

    obstacles: Obstacles
    gate: ChangeGate
    pouring: Pouring
    new_objects: NewObjects
    now_ns: Callable[[], int]

    async def get(self, caller: Caller, path: str, *actions: str, etag: str = "") -> Changed:
        """Return the file at a path as the origin has it now, for who may do all `actions`.

        Raises AccessDenied, NotFound, FileConflict for a directory, InvalidRequest for a link, and
        VersionChanged where it is not the version `etag`.
        """
        place = await self.obstacles.place(caller, path)
        if place.is_root:
            raise is_directory(path)
        for action in actions:
            self.gate.gate.require(caller, action, place.name)
        latest = await self.gate.latest(caller, place.name, etag)
        if latest is None or not is_file(place, latest.size):
            found = await self.obstacles.find(caller, place)
            if found is not None and found.is_directory:
                raise is_directory(path)
            raise not_found(path)
        status = await self.obstacles.view.file(caller, path, seen(latest))
        if status.kind is Kind.SYMLINK:
            raise InvalidRequest(f"{path} is a symbolic link, whose body is its target")
        return Changed(latest, status)

    async def concat(self, caller: Caller, path: str, sources: Sequence[str]) -> Status:
        """Add the sources' bodies to the end of a file, in order, and remove them.

        They lie in its directory, as HDFS wants it. Raises as the tree does.
        """
        folder = path.rpartition("/")[0]
        if not sources or len({path, *sources}) != len(sources) + 1:
            raise InvalidRequest("concat wants sources that are other files than its target")
        if any(source.rpartition("/")[0] != folder for source in sources):
            raise InvalidRequest(f"the sources of a concat must lie in {folder or '/'}")
        target = await self.get(caller, path, READ, WRITE)
        added = [await self.get(caller, source, READ, DELETE) for source in sources]
        whole = [one.latest for one in (target, *added)]
        if len({one.name for one in whole}) != len(whole):  # one object has two paths by its escape
            raise InvalidRequest("concat wants sources that are other files than its target")
        segments = [Segment(at, 0, one.size, one.size) for at, one in enumerate(whole)]
        status = await self._rewritten(caller, target, whole, segments)
        for one in added:
            try:
                await self.gate.delete(caller, one.latest.name, one.latest.etag)
            except Failure as failure:
                raise told(failure, one.status.path) from failure
        return status

    async def truncate(self, caller: Caller, path: str, length: int) -> Status:
        """Cut a file to `length` bytes, or lengthen it with zeros; raises as the tree does."""
        if length < 0:
            raise InvalidRequest("a file has no fewer bytes than none")
        target = await self.get(caller, path, READ, WRITE)
        size = target.latest.size
        if length == size:
            return target.status
        segments = [
            Segment(0, 0, min(length, size), size),
            Segment(None, 0, max(0, length - size)),
        ]
        return await self._rewritten(caller, target, [target.latest], segments)

    async def _rewritten(
        self, caller: Caller, target: Changed, sources: Sequence[Latest], segments: list[Segment]
    ) -> Status:
        """Give the target the bytes of the segments, unless somebody wrote it meanwhile."""
        latest, status = target.latest, target.status
        changes = Changes(modified_ns=self.now_ns())
        parts = plan_parts(segments)
        try:
            condition = self.gate.judged(latest.condition)
            kept = await self.gate.kept(caller, latest)
            headers = self.new_objects.rewritten(Kind.FILE, kept, changes, None)
            made = await self.pouring.make(
                caller, latest.name, headers, sources, parts, condition=condition
            )
        except Failure as failure:
            raise told(failure, status.path) from failure
        return replace(
            status,
            length=sum(part.length for part in parts),
            modified_ns=changes.modified_ns or 0,
            version=None,
            etag=made.etag,
        )
