"""The bounds of what clients may take of a worker, and how long they may take for it."""

from gateway.settings.fields import Section, setting
from gateway.settings.values import KIB, Seconds, Size


class LimitsSettings(Section):
    """What clients may take of a worker, so that a crowd or a sluggard harms nobody else."""

    connections_max: int = setting(
        "Connections that each worker holds; 0 is as many as its open files allow. Beyond it the "
        "one that is idle longest is closed, and where none is, the new one hears 503 SlowDown.",
        0,
        unit="connections",
        ge=0,
        le=1_000_000,
    )
    requests_max: int = setting(
        "Requests that each worker answers at a time. One beyond hears 503 SlowDown before it "
        "costs anything.",
        1024,
        unit="requests",
        ge=1,
        le=1_000_000,
    )
    headers_max: int = setting(
        "Headers of a request. More are refused with RequestHeaderSectionTooLarge.",
        128,
        unit="headers",
        ge=32,
        le=1024,
    )
    head_bytes_max: Size = setting(
        "Bytes of a request line and all headers together.",
        128 * KIB,
        unit="size",
        ge=8 * KIB,
        le=2**20,
    )
    header_seconds: Seconds = setting(
        "How long a whole head may take: from the connection on, and later from its first byte.",
        20.0,
        unit="duration",
        gt=0,
        le=3600,
    )
    stall_seconds: Seconds = setting(
        "How long a client may send nothing of a body, or take nothing of an answer.",
        30.0,
        unit="duration",
        gt=0,
        le=3600,
    )
    bytes_per_second_min: Size = setting(
        "The least average rate of a body while Forebay waits for the client, both ways, after "
        "`stall_seconds`; 0 is none.",
        KIB,
        unit="size",
        ge=0,
        le=2**20,
    )
    handshake_seconds: Seconds = setting(
        "How long a TLS handshake may take.",
        10.0,
        unit="duration",
        gt=0,
        le=300,
    )
