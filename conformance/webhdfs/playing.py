"""Plays scenes at a WebHDFS server and returns what was answered, as records for comparison."""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from conformance.webhdfs.asking import PREFIX, Answer, ask, ask_url
from conformance.webhdfs.normal import normal_document, normal_location
from conformance.webhdfs.steps import OWNER, Scene, Step

Record = dict[str, object]
_METHODS_OF_BODIES = ("PUT", "POST")
_SHOWN_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class Door:
    """A WebHDFS server, and how each user says who they are."""

    authority: str
    root: str
    """The folder that all scenes play in, as `/bucket`."""
    said: Callable[[str], str]
    """A user's name -> what stands in the query for it, '' for nobody."""
    tls: ssl.SSLContext | None = None

    def target(self, path: str, query: str, user: str) -> str:
        """Return the raw target of a question."""
        words = "&".join(part for part in (query, self.said(user)) if part)
        return f"{PREFIX}{path}?{words}" if words else f"{PREFIX}{path}"


class PreparationError(Exception):
    """A step that only prepares was refused, so that what follows says nothing."""


def play(door: Door, name: str, scene: Scene) -> Iterator[Record]:
    """Play one scene in a fresh folder; yields a record for each step that is told."""
    here = f"{door.root}/{name.lower()}"
    for step in (
        Step("DELETE", here, "op=DELETE&recursive=true"),
        Step("PUT", here, "op=MKDIRS"),
        *scene,
    ):
        first, second = perform(door, here, step)
        if step.case:
            yield record(here, step, first, second)
        elif (second or first).status not in {200, 201}:
            raise PreparationError(f"{step}: {(second or first).body[:300]!r}")


def perform(door: Door, here: str, step: Step) -> tuple[Answer, Answer | None]:
    """Ask one step, and go where it sends us; returns both answers."""
    path = step.path if step.path.startswith("/") else f"{here}/{step.path}"
    target = door.target(path, step.query.replace("{here}", here), step.user)
    first = ask(door.authority, step.method, target, tls=door.tls)
    if not first.next_url:
        return first, None
    body = step.body if step.method in _METHODS_OF_BODIES else None
    return first, ask_url(first.next_url, step.method, body, tls=door.tls)


def record(here: str, step: Step, first: Answer, second: Answer | None) -> Record:
    """Return what was asked and answered, without what differs from run to run."""
    path = step.path if step.path.startswith("/") else f"{here}/{step.path}"
    shown = step.query if step.user in {OWNER, ""} else f"{step.query}&user.name={step.user}"
    told: Record = {
        "case": step.case,
        "request": f"{step.method} {PREFIX}{path}?{shown.replace('{here}', here)}",
        **_answer(first),
    }
    if step.body is not None:
        told["sent"] = step.body.decode()
    if second is not None:
        told["then"] = _answer(second)
    return told


def _answer(answer: Answer) -> Record:
    told: Record = {"status": answer.status}
    kind, location = answer.header("Content-Type"), answer.header("Location")
    if kind:
        told["type"] = kind
    if location:
        told["location"] = normal_location(location)
    document = answer.json()
    if document:
        told["json"] = normal_document(document)
    elif answer.body[:_SHOWN_BYTES_MAX].lstrip()[:1] == b"<":
        told["html"] = True
    elif answer.body:
        told["body"] = answer.body.decode("utf-8", "backslashreplace")
    return told
