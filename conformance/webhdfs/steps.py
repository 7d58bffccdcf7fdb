"""What is asked of a WebHDFS server, as rows: a scene for each operation, in a folder of its own.

A step with a case is told (recorded at real HDFS, compared at Forebay); one without prepares.
`{here}` in a query is the scene's folder.
"""

from dataclasses import dataclass

OWNER = "alice"
STRANGER = "bob"
"""May read what everybody may, and change nothing."""
SUPERUSER = "hdfs"
SMALL = b"0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Step:
    """One question: its path is under the scene's folder (escaped already), or absolute."""

    method: str
    path: str
    query: str
    case: str = ""
    user: str = OWNER
    body: bytes | None = None
    """Of the second step: the first has none."""


Scene = tuple[Step, ...]


def told(case: str, method: str, path: str, query: str, body: bytes | None = None) -> Step:
    """Return a step whose answer is looked at."""
    return Step(method, path, query, case, OWNER, body)


def by_stranger(case: str, method: str, path: str, query: str, body: bytes | None = None) -> Step:
    """Return a step of one who may not."""
    return Step(method, path, query, case, STRANGER, body)


def file(path: str, content: bytes = SMALL, query: str = "") -> Step:
    """Return the step that makes a file."""
    return Step("PUT", path, f"op=CREATE&overwrite=true{query}", body=content)


def folder(path: str, query: str = "") -> Step:
    """Return the step that makes a directory."""
    return Step("PUT", path, f"op=MKDIRS{query}")
