"""Part `raw`: every operation by plain HTTP, beside what a real namenode answered."""

from collections.abc import Iterator, Sequence

from conformance.webhdfs.comparing import differences
from conformance.webhdfs.declared import DECLARED, LENIENT
from conformance.webhdfs.golden import SCENES, read_golden
from conformance.webhdfs.parity import unequal_at_origin
from conformance.webhdfs.playing import PreparationError, Record, play
from conformance.webhdfs.scorecard import Row
from conformance.webhdfs.target import Target

PART = "raw"
_CLIENT = "HTTP"


def run(target: Target, scenes: Sequence[str] = ()) -> Iterator[Row]:
    """Yield a row for each scene, and one for each case of it that is not as HDFS has it."""
    for name in scenes or SCENES:
        yield from _scene(target, name)


def _scene(target: Target, name: str) -> Iterator[Row]:
    got: list[Record] = []
    try:
        got += play(target.door, name, SCENES[name])
    except (PreparationError, OSError) as broken:
        yield Row(PART, name, _CLIENT, "fail", f"{type(broken).__name__}: {broken}", len(got))
        return
    asked = dict(zip((step.case for step in SCENES[name] if step.case), got, strict=True))
    odd = [
        row for one in read_golden(name) if (row := _judge(target, name, one, asked)) is not None
    ]
    yield Row(PART, name, _CLIENT, "ok", "", len(got) - len(odd))
    yield from odd
    yield from _at_origin(target, name)


def _judge(target: Target, scene: str, wanted: Record, asked: dict[str, Record]) -> Row | None:
    """Return a row for a case that is not as HDFS has it; None where it is."""
    case = str(wanted["case"])
    found = "; ".join(differences(wanted, asked[case]))
    if not found:
        return None
    reason = DECLARED.get((scene, case)) or LENIENT.get(case)
    declared = target.is_forebay and reason is not None and reason.holds(asked[case], found)
    words = f"{found} ({reason.words})" if declared and reason is not None else found
    return Row(PART, f"{scene}: {case}", _CLIENT, "differs" if declared else "fail", words)


def _at_origin(target: Target, name: str) -> Iterator[Row]:
    """Yield the row of the S3 view of the same keys."""
    if target.witness is None:
        return
    path = f"{target.door.root}/{name.lower()}"
    counted, unequal = unequal_at_origin(target.door, target.witness, path)
    yield Row(PART, f"{name}: at the origin", "S3", "fail" if unequal else "ok", unequal, counted)
