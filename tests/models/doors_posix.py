"""What system calls of Linux must come to, by the reference (pure): OK or an errno's name.

The kernel walks a path before it asks anybody, and follows links on its way and at its end where a
call does not forbid it; the machine's links lead nowhere.
"""

from tests.models.files_model import DIRECTORY, FILE, LINK, OK, FilesModel, parent_of


def walk(model: FilesModel, path: str) -> str:
    """Return what the way to a path comes to."""
    parts = path.split("/")
    for count in range(1, len(parts)):
        stands = model.stands("/".join(parts[:count]))
        if stands == FILE:
            return "ENOTDIR"
        if stands != DIRECTORY:
            return "ENOENT"
    return OK


def at(model: FilesModel, path: str, outcomes: dict[str | None, str]) -> str:
    """Return what a call comes to by what stands at its path; what is not named is well."""
    way = walk(model, path)
    return way if way != OK else outcomes.get(model.stands(path), OK)


OPENED = {None: "ENOENT", DIRECTORY: "EISDIR", LINK: "ELOOP"}
"""Opened for writing, O_NOFOLLOW."""
CREATED = {DIRECTORY: "EISDIR", LINK: "ELOOP"}
FOLLOWED = {None: "ENOENT", LINK: "ENOENT"}
CUT = {**FOLLOWED, DIRECTORY: "EISDIR"}
SET = {None: "ENOENT"}
ATTRIBUTED = {None: "ENOENT", LINK: "EPERM"}
"""xattr(7): links have none of the user's space."""
MADE = dict.fromkeys((FILE, DIRECTORY, LINK), "EEXIST")
UNLINKED = {None: "ENOENT", DIRECTORY: "EISDIR"}


def rmdir(model: FilesModel, path: str) -> str:
    failure = at(model, path, {None: "ENOENT", FILE: "ENOTDIR", LINK: "ENOTDIR"})
    if failure == OK and model.under(path) != [f"{path}/"]:
        return "ENOTEMPTY"
    return failure


def rename(model: FilesModel, source: str, target: str) -> str:
    """Return what rename(2) comes to, in the order in which Linux judges."""
    ways = (walk(model, source), walk(model, target))
    found, stands = model.stands(source), model.stands(target)
    outcomes = {
        "ENOENT": found is None,
        "EINVAL": found == DIRECTORY and target.startswith(f"{source}/"),
        "ENOTEMPTY": source.startswith(f"{target}/"),
    }
    refused = [*(way for way in ways if way != OK), *(one for one in outcomes if outcomes[one])]
    if refused:
        return refused[0]
    return OK if stands is None or source == target else _replaced(model, found, stands, target)


def _replaced(model: FilesModel, found: str | None, stands: str, target: str) -> str:
    if (found == DIRECTORY) != (stands == DIRECTORY):
        return "EISDIR" if stands == DIRECTORY else "ENOTDIR"
    is_full = stands == DIRECTORY and model.under(target) != [f"{target}/"]
    return "ENOTEMPTY" if is_full else OK


def inherited_group(model: FilesModel, path: str) -> str | None:
    """Return the group that a set-group-id directory hands down."""
    marker = model.things.get(f"{parent_of(path)}/")
    if marker is None or not (marker.mode or 0) & 0o2000:
        return None
    return marker.group or "forebay"


def link_group(model: FilesModel, path: str) -> str:
    """Return the group of a link that root makes: that of the directory's marker, as on HDFS."""
    above = parent_of(path)
    marker = model.things.get(f"{above}/")
    has_marker = not above or marker is not None  # the example's own directory has one
    return ((marker and marker.group) or "forebay") if has_marker else "root"
