"""The tree of files on the core, for the doors that show objects as files."""

import time

from gateway.access.authorization import Authorization
from gateway.assembly.core import RUN_CHUNKS, Core
from gateway.assembly.modes import make_judge
from gateway.core.snapshots import SnapshotObjects
from gateway.filesystem.alterations import Alterations
from gateway.filesystem.attributes import Names
from gateway.filesystem.change_gate import ChangeGate
from gateway.filesystem.changed_files import ChangedFiles
from gateway.filesystem.directories import Directories
from gateway.filesystem.gate import Gate
from gateway.filesystem.interface import Tree
from gateway.filesystem.mode_tree import ModeTree
from gateway.filesystem.mounts import MountTable
from gateway.filesystem.new_objects import NewObjects
from gateway.filesystem.obstacles import Obstacles
from gateway.filesystem.open_file import Openings
from gateway.filesystem.pouring import Pouring
from gateway.filesystem.recorded import RecordedBuckets
from gateway.filesystem.renaming import Renaming
from gateway.filesystem.statuses import Defaults
from gateway.filesystem.tree import FileTree
from gateway.filesystem.veil import Veil
from gateway.filesystem.view import View
from gateway.filesystem.writers import Writers
from gateway.settings.filesystem import FilesystemSettings
from gateway.settings.tree import Settings


def make_tree(
    settings: Settings, core: Core, authorization: Authorization, mounts: MountTable
) -> Tree:
    """Return the tree that `mounts` show: one for each door, on one core."""
    tree = _policy_tree(settings, core, authorization, mounts)
    judge = make_judge(settings, core.objects, authorization)
    return tree if judge is None else ModeTree(tree, judge, tree.view)


def _policy_tree(
    settings: Settings, core: Core, authorization: Authorization, mounts: MountTable
) -> FileTree:
    """Return the tree in which policies alone judge."""
    chosen = settings.filesystem
    veil = Veil(core.moves.journal if core.moves is not None else None)
    gate = Gate(core.objects, authorization, _recorded_buckets(core), veil)
    view = View(gate, mounts, defaults_of(chosen))
    return FileTree(
        view,
        Directories(view, chosen.parallel_max, chosen.listed_attributes == "all"),
        Openings(view, settings.flash.chunk_size, RUN_CHUNKS),
        *_changing_parts(core, view),
        Renaming(view, core.moves) if core.moves is not None else None,
    )


def _recorded_buckets(core: Core) -> RecordedBuckets | None:
    """Return what shows snapshots; None where there can be none."""
    if core.snapshots is None:
        return None
    objects = SnapshotObjects(
        core.objects.parts,
        core.snapshots,
        lambda: core.objects.rules,  # as they then are: a reload replaces them
        core.objects.now_ns,
    )
    return RecordedBuckets(core.snapshots, objects)


def _changing_parts(core: Core, view: View) -> tuple[Writers, ChangedFiles, Alterations]:
    """Return what changes files: on its way, in its bytes, in its attributes."""
    gate, obstacles = ChangeGate(view.gate, core.senders), Obstacles(view)
    pouring, new_objects = Pouring(gate), NewObjects(view.defaults)
    files = ChangedFiles(obstacles, gate, pouring, new_objects, time.time_ns)
    return (
        Writers(obstacles, gate, files, pouring, new_objects, time.time_ns),
        files,
        Alterations(obstacles, gate, pouring, new_objects, time.time_ns),
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
