"""`forebay mount` and `forebay umount`: checked first, then in this process or one behind it."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from gateway.doors.fuse import mountpoints
from gateway.doors.fuse.mountpoints import MountpointError
from gateway.processes.background import first_line_of
from gateway.settings.reading import SettingsError
from gateway.settings.tree import Settings

_DEVICE: Final = Path("/dev/fuse")
_CLOSED: Final = "it ended before it was mounted"


class MountFailed(Exception):  # noqa: N818 - the sentence is all there is to it
    """A mount did not come up; the message is one sentence."""


def run(settings: Settings, arguments: argparse.Namespace, reread: Callable[[], Settings]) -> int:
    """Mount what the arguments say; 0 once it is mounted, or was served in the foreground."""
    return _in_words(lambda: _mount(settings, arguments, reread))


def unmount(arguments: argparse.Namespace) -> int:
    """Unmount; a mount whose process is gone as well."""
    return _in_words(lambda: _unmount(arguments))


def _in_words(work: Callable[[], int]) -> int:
    try:
        return work()
    except MountFailed as error:
        sys.stderr.write(f"forebay: {error}\n")
        return 1


def _mount(
    settings: Settings, arguments: argparse.Namespace, reread: Callable[[], Settings]
) -> int:
    refuse_unable()
    mountpoint = Path(os.path.abspath(arguments.mountpoint))  # noqa: PTH100 - resolve() would ask a dead mount
    try:
        mountpoints.prepare(mountpoint)
    except MountpointError as error:
        raise MountFailed(str(error)) from None

    def serve(ready_descriptor: int | None) -> int:
        from gateway.processes import mounting  # noqa: PLC0415 - pyfuse3 is there, as was looked at

        return mounting.run(
            settings,
            _order(arguments, mountpoint),
            reread=reread,
            ready_descriptor=ready_descriptor,
            metrics_path=arguments.metrics,
        )

    if arguments.foreground:
        return serve(None)
    return _in_background(settings, arguments, mountpoint, serve)


def _unmount(arguments: argparse.Namespace) -> int:
    mountpoint = Path(os.path.abspath(arguments.mountpoint))  # noqa: PTH100 - as above
    found = mountpoints.find_mounted(mountpoint)
    if found is None or found.kind != mountpoints.FILESYSTEM:
        raise MountFailed(f"nothing of Forebay's is mounted on {mountpoint}")
    try:
        is_dead = mountpoints.is_dead(mountpoint)
        mountpoints.unmount(mountpoint, is_lazy=arguments.lazy or is_dead)
    except MountpointError as error:
        hint = " (--lazy takes it away from those who use it, too)" if "busy" in str(error) else ""
        raise MountFailed(f"{error}{hint}") from None
    return 0


def refuse_unable() -> None:
    """Raise MountFailed where this machine cannot mount, with the remedy."""
    if find_spec("pyfuse3") is None:
        raise MountFailed(
            "forebay mount needs pyfuse3: pip install 'forebay[fuse]', which builds with "
            "libfuse3-dev, pkg-config and a C compiler"
        )
    if not _DEVICE.exists():
        raise MountFailed(
            f"there is no {_DEVICE} here: modprobe fuse, or give the container the device "
            "(--device /dev/fuse --cap-add SYS_ADMIN)"
        )


def _order(arguments: argparse.Namespace, mountpoint: Path) -> Any:  # noqa: ANN401 - see the import
    from gateway.assembly.mount import MountOrder  # noqa: PLC0415 - as in `run`
    from gateway.doors.fuse.room import Appearance  # noqa: PLC0415

    appearance = Appearance(arguments.uid, arguments.gid, arguments.umask, arguments.read_only)
    return MountOrder(
        arguments.source, mountpoint, arguments.identity, appearance, arguments.allow_other
    )


def _in_background(
    settings: Settings,
    arguments: argparse.Namespace,
    mountpoint: Path,
    serve: Callable[[int], int],
) -> int:
    """Serve in a process of its own and return once that has mounted; its failure is ours."""
    log = arguments.log or settings.state.path / f"mount{str(mountpoint).replace('/', '-')}.log"
    try:
        line = first_line_of(serve, log)
    except OSError as error:
        raise SettingsError(f"the log {log} cannot be written: {error}") from None
    words = json.loads(line) if line else {"failed": _CLOSED}
    if "failed" in words:
        raise MountFailed(f"{words['failed']} (its log is {log})")
    sys.stdout.write(f"forebay: {arguments.source} is mounted on {words['mounted']}\n")
    return 0
