"""The settings of mounts: what `forebay mount` may take, and how long the kernel believes it."""

from gateway.settings.fields import Section, setting
from gateway.settings.values import GIB, MIB, Seconds, Size


class MountSettings(Section):
    """What each `forebay mount` of this Forebay goes by."""

    staged_bytes_max: Size = setting(
        "Bytes of files that are being written, staged in the folder `flash.path` beside what "
        "`flash.size` bounds. A write beyond it is told ENOSPC.",
        8 * GIB,
        unit="size",
        ge=MIB,
    )
    readahead_bytes_max: Size = setting(
        "How far ahead of a sequential reader the origin is asked, by several streams at once. It "
        "begins with 4 MiB and grows to twice what was read, and a quarter more.",
        128 * MIB,
        unit="size",
        ge=0,
        le=16 * GIB,
    )
    kernel_readahead_bytes: Size = setting(
        "How far the kernel reads ahead into its page cache, where the mount may set it (root); "
        "otherwise the kernel's own 128 KiB. Larger requests cost less each.",
        4 * MIB,
        unit="size",
        ge=0,
        le=64 * MIB,
    )
    open_files_max: int = setting(
        "Files and directories that may be open in one mount. One beyond is told ENFILE.",
        65536,
        unit="files",
        ge=16,
        le=1_000_000,
    )
    requests_max: int = setting(
        "Calls of the kernel that one mount works on at a time; the others wait in the kernel.",
        64,
        unit="requests",
        ge=2,
        le=4096,
    )
    directory_seconds: Seconds = setting(
        "For how long the kernel believes that a directory is there. An `open` asks for the file "
        "itself in any case.",
        1.0,
        unit="duration",
        ge=0,
        le=3600,
    )
    listed_seconds: Seconds = setting(
        "For how long `stat` may tell what a listing of the directory has just shown, so that "
        "`ls -l` or `find` ask once a directory and not once a file; 0 never. An `open` asks for "
        "the file itself in any case.",
        1.0,
        unit="duration",
        ge=0,
        le=3600,
    )
    unmount_seconds: Seconds = setting(
        "How long files that are open when a mount ends may take to be written to the origin.",
        30.0,
        unit="duration",
        ge=0,
        le=3600,
    )
