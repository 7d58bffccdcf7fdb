"""The tree of files on the core, for the doors that show objects as files."""

from gateway.access.authorization import Authorization
from gateway.assembly.core import RUN_CHUNKS, Core
from gateway.filesystem.attributes import Names
from gateway.filesystem.directories import Directories
from gateway.filesystem.gate import Gate
from gateway.filesystem.mounts import MountTable
from gateway.filesystem.open_file import Openings
from gateway.filesystem.statuses import Defaults
from gateway.filesystem.tree import FileTree
from gateway.filesystem.view import View
from gateway.settings.filesystem import FilesystemSettings
from gateway.settings.tree import Settings


def make_tree(
    settings: Settings, core: Core, authorization: Authorization, mounts: MountTable
) -> FileTree:
    """Return the tree that `mounts` show: one for each door, on one core."""
    chosen = settings.filesystem
    view = View(Gate(core.objects, authorization), mounts, defaults_of(chosen))
    return FileTree(
        view,
        Directories(view, chosen.parallel_max, chosen.listed_attributes == "all"),
        Openings(view, settings.flash.chunk_size, RUN_CHUNKS),
    )


def defaults_of(chosen: FilesystemSettings) -> Defaults:
    """Return what is shown where metadata says nothing."""
    return Defaults(
        Names(chosen.users, chosen.groups),
        chosen.owner,
        chosen.group,
        int(chosen.file_mode, 8),
        int(chosen.directory_mode, 8),
    )
