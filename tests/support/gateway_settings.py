"""The settings that tests run a gateway with: small flash, a few principals, each mode a rule."""

from pathlib import Path
from typing import Any

from gateway.settings.tree import Settings
from tests.support.origins import ACCESS_KEY, SECRET_KEY

CHUNK_BYTES = 16 * 1024
FLASH_BYTES = 32 * 1024 * 1024

ADMIN = ("gate-admin", "admin/secret")
READER = ("gate-reader", "reader/secret")
"""May read objects under `bucket/`, and neither list nor write."""
STRANGER = ("gate-stranger", "stranger/secret")
"""May do nothing in `bucket`."""
COPIER = ("gate-copier", "copier/secret")
"""May read objects under `bucket/` and do everything in `other`."""

_MAY_READ = [{"Effect": "Allow", "Action": "s3:GetObject*", "Resource": "bucket/*"}]
_ELSEWHERE = [{"Effect": "Allow", "Action": "s3:*", "Resource": ["other", "other/*"]}]

RULES = (
    {"match": "bucket/bounded/*", "freshness": "bounded(30s)"},
    {"match": "bucket/immutable/*", "freshness": "immutable"},
    {"match": "bucket/bypass/*", "freshness": "bypass"},
    {"match": "bucket/pinned/*", "freshness": "pinned"},
    {"match": "bucket/exclusive/*", "freshness": "exclusive"},
    {"match": "bucket/stale/*", "stale_if_error": "60s"},
    {"match": "versioned/pinned/*", "freshness": "pinned"},
    {"match": "bucket/admit/*", "admit_on_write": True},
)


def gateway_tables(origin_endpoint: str, flash_path: Path, **changes: Any) -> dict[str, Any]:
    """Return the settings as tables; `changes` replace keys of a section or a whole list."""
    tables: dict[str, Any] = {
        "s3": {"listen": "127.0.0.1:0", "drain_seconds": 2},
        "admin": {"listen": "127.0.0.1:0"},
        "origin": {
            "endpoint": origin_endpoint,
            "access_key": ACCESS_KEY,
            "secret_key": SECRET_KEY,
            "read_timeout_seconds": 5,
            # Tests count what the origin is asked, and want to be told of an outage at once.
            "patience_seconds": 1,
            "hedging": False,
        },
        "flash": {
            "path": str(flash_path),
            "size": FLASH_BYTES,
            "chunk_size": CHUNK_BYTES,
        },
        "state": {"path": str(Path(flash_path).parent / "state")},
        "workers": {"count": 2},
        "limits": {},
        "log": {"access": "off", "level": "warning"},
        "identities": [
            _identity("admin", ADMIN, "admin"),
            _identity("reader", READER, _MAY_READ),
            _identity("stranger", STRANGER, _ELSEWHERE),
            _identity("copier", COPIER, _MAY_READ + _ELSEWHERE),
        ],
        "rules": list(RULES),
    }
    for section, change in changes.items():
        tables[section] = (
            {**tables.get(section, {}), **change} if isinstance(change, dict) else change
        )
    return tables


def gateway_settings(origin_endpoint: str, flash_path: Path, **changes: Any) -> Settings:
    """Return the same as one frozen tree."""
    tables = gateway_tables(origin_endpoint, flash_path, **changes)
    return Settings.model_validate(tables, context={"folder": flash_path.parent})


def _identity(name: str, keys: tuple[str, str], policy: object) -> dict[str, Any]:
    return {"name": name, "access_key": keys[0], "secret_key": keys[1], "policy": policy}
