"""What `forebay mount` and `forebay umount` accept, and the help that teaches it."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

MOUNT_TEXT: Final = """\
Returns once the bucket is mounted, and serves it in the background; with --foreground until it is
unmounted or interrupted. It needs no running gateway, and shares flash with one.

  forebay mount --config forebay.toml s3://models/prod /mnt/models
  forebay mount --config forebay.toml --read-only --allow-other s3://data /mnt/data
  forebay umount /mnt/models

`s3://` alone mounts every bucket under its own name. In /etc/fstab, with deploy/mount.fuse.forebay
installed in /sbin:
  s3://models/prod /mnt/models fuse.forebay config=/etc/forebay.toml,allow_other,_netdev 0 0
"""


def _octal(text: str) -> int:
    return int(text, 8)


_TAKEN: Final[dict[str, Callable[[str], Any]]] = {
    "config": Path,
    "identity": str,
    "uid": int,
    "gid": int,
    "umask": _octal,
    "log": Path,
    "metrics": Path,
}
"""Options of `-o` that have a value; each is an option of its own, too."""
_FLAGS: Final = {"ro": "read_only", "allow_other": "allow_other"}
_IGNORED: Final = frozenset(
    {"rw", "defaults", "auto", "noauto", "nofail", "_netdev", "user", "nouser", "users", "owner"}
    | {"group", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "atime", "noatime", "fuse"}
    | {"relatime", "norelatime", "async", "sync", "default_permissions"}
)
"""What mount(8) passes on, and what is so in any case."""


def fill_mount(parser: argparse.ArgumentParser) -> None:
    """Add the options of `forebay mount`."""
    parser.add_argument("source", metavar="SOURCE", help="s3://bucket/prefix, or s3:// for all")
    parser.add_argument("mountpoint", type=Path, metavar="PATH", help="an existing directory")
    parser.add_argument(
        "--identity", metavar="NAME", help="as whom it acts (default: the only one)"
    )
    parser.add_argument("--read-only", action="store_true", help="refuse every change")
    parser.add_argument("--allow-other", action="store_true", help="let other users in as well")
    parser.add_argument("--uid", type=int, metavar="N", help="show this owner for everything")
    parser.add_argument("--gid", type=int, metavar="N", help="show this group for everything")
    parser.add_argument(
        "--umask", type=_octal, metavar="MASK", help="show modes by this mask (022)"
    )
    parser.add_argument("--foreground", action="store_true", help="stay, and write the log here")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", help="where the log goes (default: in state.path)"
    )
    parser.add_argument(
        "--metrics", type=Path, metavar="FILE", help="keep the metrics in a file, for node_exporter"
    )
    parser.add_argument(
        "-o",
        dest="options",
        action="append",
        default=[],
        metavar="OPTIONS",
        help="the same as in /etc/fstab: ro,allow_other,config=FILE,identity=NAME,uid=N,...",
    )


def fill_umount(parser: argparse.ArgumentParser) -> None:
    """Add the options of `forebay umount`."""
    parser.add_argument("mountpoint", type=Path, metavar="PATH", help="where it is mounted")
    parser.add_argument(
        "--lazy", action="store_true", help="take it away now, though files in it are open"
    )


def apply_options(arguments: argparse.Namespace) -> None:
    """Put what `-o` says in its place; raises ValueError, in words, for what nobody knows."""
    for option in ",".join(arguments.options).split(","):
        name, mark, value = option.partition("=")
        if name in _TAKEN and mark:
            try:
                setattr(arguments, name, _TAKEN[name](value))
            except ValueError:
                raise ValueError(f"-o {option} has no value that {name} can have") from None
        elif name in _FLAGS and not mark:
            setattr(arguments, _FLAGS[name], True)
        elif name and name not in _IGNORED and not name.startswith(("x-", "comment")):
            known = ", ".join([*_FLAGS, *(f"{one}=" for one in _TAKEN)])
            raise ValueError(f"there is no mount option {option}: known are {known}")
