"""What the demo measures: the same reads direct, cold and warm, each compared byte for byte."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Literal

from gateway.demo.load import Endpoint, LoadConnection, ask_in_parallel
from gateway.demo.samples import MODEL_PATH, TABLE_PATH, Samples, image_path
from gateway.demo.shaped import Shaped

Way = Literal["direct", "cold", "warm"]
WAYS: tuple[Way, ...] = ("direct", "cold", "warm")
Tell = Callable[[int], None]

_IMAGE_CLIENTS = 16
_TABLE_CLIENTS = 4


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the table: what is read, how, and what it must amount to."""

    name: str
    freshness: str
    unit: str
    """What its rate counts: `MB/s` or `obj/s`."""
    amount: float
    """How many of the unit one run reads."""
    run: Callable[[Endpoint, Tell], list[bytearray]]
    sha256: str
    bytes_read: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One run of a task."""

    seconds: float
    origin_body_bytes: int
    """What the origin sent for it."""
    is_exact: bool
    """Whether every byte was right."""


@dataclass(frozen=True, slots=True)
class Row:
    """A task and its runs."""

    task: Task
    measures: dict[Way, Measure]

    @property
    def is_exact(self) -> bool:
        """Return whether every byte of every run was right."""
        return all(measure.is_exact for measure in self.measures.values())

    def speedup(self, way: Way) -> float:
        """Return how many times as fast as direct it was."""
        return self.measures["direct"].seconds / self.measures[way].seconds


def tasks_of(samples: Samples) -> list[Task]:
    """Return the tasks, in the order of the table."""
    sizes = samples.sizes
    spans = samples.table_spans()
    table_bytes = sum(span.length for span in spans)
    images_bytes = sizes.images * sizes.image_bytes
    images = f"{sizes.images:,} images, {_IMAGE_CLIENTS} clients"
    return [
        Task(
            f"model, {sizes.model_bytes >> 20} MiB, one stream",
            "strict",
            "MB/s",
            sizes.model_bytes / 1e6,
            _read_model,
            samples.model_sha256,
            sizes.model_bytes,
        ),
        Task(
            images,
            "strict",
            "obj/s",
            sizes.images,
            partial(_read_images, sizes.images, "images"),
            samples.images_sha256,
            images_bytes,
        ),
        Task(
            images,
            "immutable",
            "obj/s",
            sizes.images,
            partial(_read_images, sizes.images, "photos"),
            samples.images_sha256,
            images_bytes,
        ),
        Task(
            "Parquet, footer, 2 columns",
            "bounded(60s)",
            "MB/s",
            table_bytes / 1e6,
            partial(_read_table, samples),
            samples.table_sha256,
            table_bytes,
        ),
    ]


def measure(task: Task, endpoint: Endpoint, shaped: Shaped, tell: Tell) -> Measure:
    """Run a task once and compare what came, outside the time taken."""
    shaped.reset()
    begun = perf_counter()
    bodies = task.run(endpoint, tell)
    seconds = perf_counter() - begun
    sent = shaped.counters()["response_body_bytes"].get("GET", 0)
    return Measure(seconds, sent, _sha256(bodies) == task.sha256)


def _read_model(endpoint: Endpoint, tell: Tell) -> list[bytearray]:
    with LoadConnection(endpoint) as connection:
        body = connection.get(MODEL_PATH)
    tell(len(body))
    return [body]


def _read_images(count: int, folder: str, endpoint: Endpoint, tell: Tell) -> list[bytearray]:
    paths = (image_path(number, folder=folder) for number in range(count))
    asks = [partial(_get, path) for path in paths]
    return ask_in_parallel(endpoint, _IMAGE_CLIENTS, asks, tell)


def _get(path: str, connection: LoadConnection) -> bytearray:
    return connection.get(path)


def _read_table(samples: Samples, endpoint: Endpoint, tell: Tell) -> list[bytearray]:
    """Read as Parquet readers do: the size, the footer's length, the footer, then the pages."""
    footer, *pages = samples.table_spans()
    with LoadConnection(endpoint) as connection:
        connection.head(TABLE_PATH)
        connection.get(TABLE_PATH, type(footer)(footer.stop - 8, footer.stop))
        first = connection.get(TABLE_PATH, footer)
    asks = [partial(LoadConnection.get, path=TABLE_PATH, span=span) for span in pages]
    return [first, *ask_in_parallel(endpoint, _TABLE_CLIENTS, asks, tell)]


def _sha256(bodies: Iterable[bytearray]) -> str:
    digest = hashlib.sha256()
    for body in bodies:
        digest.update(body)
    return digest.hexdigest()
