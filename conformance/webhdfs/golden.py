"""The answers of real HDFS, kept in tests/golden/webhdfs: one file for each scene."""

import json
from collections.abc import Iterable
from pathlib import Path

from conformance.webhdfs.attribute_scenes import ATTRIBUTES
from conformance.webhdfs.playing import Record
from conformance.webhdfs.reading_scenes import READING
from conformance.webhdfs.steps import Scene
from conformance.webhdfs.writing_scenes import WRITING

SCENES: dict[str, Scene] = {**READING, **WRITING, **ATTRIBUTES}
GOLDEN = Path(__file__).resolve().parents[2] / "tests/golden/webhdfs"


def golden_path(scene: str) -> Path:
    """Return where a scene's answers are."""
    return GOLDEN / f"{scene.lower()}.json"


def write_golden(scene: str, records: Iterable[Record]) -> None:
    """Keep what real HDFS answered, a line for each step."""
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in records)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    golden_path(scene).write_text(f"[\n{lines}\n]\n", "utf-8")


def read_golden(scene: str) -> list[Record]:
    """Return what real HDFS answered."""
    records: list[Record] = json.loads(golden_path(scene).read_text("utf-8"))
    return records
