"""The composition root's part for hits that need no task."""

from collections.abc import Callable
from datetime import datetime

from gateway.core.objects import Objects
from gateway.doors.connection import AtOnce
from gateway.doors.s3.at_once import AtOnce as S3AtOnce
from gateway.doors.s3.pipeline import Pipeline
from gateway.telemetry.logs import AccessLog


def at_once_of(
    s3: Pipeline,
    objects: Objects,
    domains: tuple[str, ...],
    access_log: AccessLog,
    now: Callable[[], datetime],
) -> AtOnce:
    """Return what answers plain hits by the rooms that the pipeline stands on."""
    hits = S3AtOnce(
        s3.authentication,
        s3.authorization,
        objects,
        access_log=access_log,
        domains=domains,
        now=now,
    )
    return hits.answer
