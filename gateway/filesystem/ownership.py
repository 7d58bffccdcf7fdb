"""What an object that is written through a door without owners says of itself, where modes judge.

An S3 client knows nothing of owners, and what it writes would be nobody's: its own writer could not
write it again. So a new object is its writer's, and one that is overwritten stays whose it was. A
client that does write these words in an object's metadata may say no more than a file door's may:
chmod is the owner's, chown the superuser's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gateway.filesystem.attributes import Attributes, Names, read_attributes, written_attributes
from gateway.filesystem.judging import ModeDefaults
from gateway.filesystem.modes import Asker, Permissions, may_change_owner, may_give
from gateway.filesystem.status import Kind
from gateway.model.failures import AccessDenied

Headers = Iterable[tuple[str, str]]


def stamped(
    asker: Asker,
    key: str,
    sent: Headers,
    before: Permissions | None,
    defaults: ModeDefaults,
) -> Mapping[str, str]:
    """Return the metadata headers that an object is written with, in place of those that were sent.

    `before` is what it was, where it is overwritten. Raises AccessDenied where what was sent says
    more than the writer may, NotSupported for more than metadata can hold.
    """
    kept = tuple(sent)
    said = read_attributes(kept, defaults.names)
    is_superuser = defaults.superuser_group in asker.groups
    if not is_superuser and not _may_say(asker, said, before):
        raise AccessDenied("Access Denied")
    base = before or _fresh(asker, key, defaults)
    owned = replace(
        said,
        mode=base.mode if said.mode is None else said.mode,
        owner=said.owner or base.owner,
        group=said.group or base.group,
    )
    return written_attributes(_kind(key, said), owned, defaults.names, kept)


def says_ownership(names: Iterable[str], known: Names) -> bool:
    """Return whether any of these headers or parameters says mode, owner or group."""
    said = read_attributes(((name, "1") for name in names), known)
    return any(one is not None for one in (said.mode, said.owner, said.group))


def _may_say(asker: Asker, said: Attributes, before: Permissions | None) -> bool:
    if before is None:
        return may_give(asker, said.owner, said.group)
    if said.mode not in (None, before.mode) and asker.user != before.owner:
        return False
    return may_change_owner(asker, before, said.owner, said.group)


def _fresh(asker: Asker, key: str, defaults: ModeDefaults) -> Permissions:
    """Return what somebody's new object is: theirs, and the first of their groups'."""
    mode = defaults.directory_mode if key.endswith("/") else defaults.file_mode
    group = next(iter(asker.groups), defaults.group)
    return Permissions(asker.user, group, mode)


def _kind(key: str, said: Attributes) -> Kind:
    if said.is_symlink:
        return Kind.SYMLINK
    return Kind.DIRECTORY if key.endswith("/") else Kind.FILE
