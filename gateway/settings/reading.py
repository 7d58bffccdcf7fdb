"""Settings from a TOML file and the environment: read, merged, judged, and refused in one sentence.

`FOREBAY_ORIGIN__ENDPOINT` is `origin.endpoint` and wins over the file. A value that begins with `[`
or `{` is written as in the file, so lists and tables fit as well; an empty one counts as not set.
Names that begin with FOREBAY_TEST_ belong to the tests, FOREBAY_TOOLS to the build of their
origins.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from gateway.settings.fields import Contradiction
from gateway.settings.state import StateSettings
from gateway.settings.tree import Settings
from gateway.state.sealing import SealError, parse_keys

ENVIRONMENT_PREFIX: Final = "FOREBAY_"
_WORDS: Final = {
    "tuple_type": "it is a list, so write double brackets around the table's name",
    "model_type": "it is a table, so write its keys below the name in brackets",
}
_IS_TEXT: Final = re.compile(r"[^\ud800-\udfff]*").fullmatch
_WHOLE: Final = frozenset(
    {
        "identities.policy",
        "groups.policy",
        "roles.policy",
        "filesystem.users",
        "filesystem.groups",
        "webhdfs.kerberos_identities",
        "webhdfs.trusts.users",
        "webhdfs.mounts",
    }
)
"""Keys whose tables have keys of their own, which are judged where they are read."""
FOREIGN_PREFIXES: Final = ("FOREBAY_TEST_", "FOREBAY_TOOLS")


class SettingsError(Exception):
    """The settings cannot be used; the message is one sentence with the key and the remedy."""


def read_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the file (if any) under those of the environment.

    Relative paths in either are taken from the folder of the file, or else from the working
    directory. Raises SettingsError.
    """
    written = read_toml(path) if path is not None else {}
    source = str(path) if path is not None else "the environment"
    refuse_unknown(written, source)
    # Each section is there, if empty, so that defaults see the same folder as written values.
    lists = ("identities", "groups", "roles", "oidc", "rules")
    sections: dict[str, Any] = {name: {} for name in Settings.model_fields if name not in lists}
    merged = merge(merge(sections, written), read_environment(environ))
    folder = path.absolute().parent if path is not None else Path.cwd()
    try:
        settings = Settings.model_validate(merged, context={"folder": folder})
    except ValidationError as error:
        raise SettingsError(describe(error, source)) from None
    refuse_missing_files(settings)
    return settings


def to_json(settings: Settings) -> str:
    """Return the settings, secrets included, for a worker's control channel and nowhere else."""
    return settings.model_dump_json(context={"reveal_secrets": True}, by_alias=True)


def from_json(text: str | bytes) -> Settings:
    """Return the settings that `to_json` wrote."""
    return Settings.model_validate_json(text)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the file's tables; raises SettingsError."""
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise SettingsError(f"there is no settings file {path}: name one with --config") from None
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        # Beside TOMLDecodeError: bytes that are no UTF-8, a number of 5,000 digits, deep nesting.
        raise SettingsError(f"the settings file {path} is not TOML: {error}") from None


def read_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what FOREBAY_ names say, as tables; raises SettingsError for an unknown name."""
    names = {environment_name(key): key for key in known_keys(Settings)}
    tables: dict[str, Any] = {}
    for name in sorted(environ):
        if not name.startswith(ENVIRONMENT_PREFIX) or name.startswith(FOREIGN_PREFIXES):
            continue
        if name not in names:
            nearest = nearest_of(name, list(names))
            raise SettingsError(
                f"{name} in the environment is not a setting: the nearest known is {nearest}, "
                "so write that or unset it",
            )
        if environ[name]:
            *sections, key = names[name].split(".")
            table = tables
            for one in sections:
                table = table.setdefault(one, {})
            table[key] = _environment_value(name, environ[name])
    return tables


def environment_name(key: str) -> str:
    """Return the environment's name of a dotted key."""
    return ENVIRONMENT_PREFIX + key.replace(".", "__").upper()


def _environment_value(name: str, text: str) -> object:
    if not _IS_TEXT(text):
        raise SettingsError(f"{name} in the environment is not UTF-8: write it anew")
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        raise SettingsError(f"{name} in the environment is not a TOML list or table") from None


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both trees of tables as one; what stands above wins."""
    merged = dict(below)
    for key, value in above.items():
        lower = merged.get(key)
        if isinstance(lower, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(lower, value)
        else:
            merged[key] = value
    return merged


def entry_model(annotation: object) -> type[BaseModel] | None:
    """Return the model that a field holds, itself or in a tuple."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield each key that the environment can set, dotted: leaves, and lists of entries whole."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from known_keys(annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def all_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield each key that a file can set, dotted, those of list entries included."""
    for name, field in model.model_fields.items():
        below = entry_model(field.annotation)
        if below is None:
            yield prefix + name
        else:
            yield from all_keys(below, f"{prefix}{name}.")


def refuse_unknown(written: Mapping[str, Any], source: str) -> None:
    """Raise SettingsError for the first key that is not known, with the nearest that is."""
    known = [*all_keys(Settings), *_entry_lists(known_keys(Settings), all_keys(Settings))]
    sections = list(Settings.model_fields)
    for key in _written_keys(written):
        top = key.partition(".")[0]
        if key in known or (key in sections and key == top):
            continue
        is_section = top not in sections and "." in key
        unknown, choices = (top, sections) if is_section else (key, known)
        raise SettingsError(
            f"{unknown} in {source} is not a setting: the nearest known is "
            f"{nearest_of(unknown, choices)}, so write that or remove it",
        )


def _entry_lists(whole: Iterable[str], leaves: Iterable[str]) -> Iterator[str]:
    """Yield the lists of entries within sections, which may be written as a list without any."""
    within = {leaf.rpartition(".")[0] for leaf in leaves}
    return (key for key in whole if key in within and "." in key)


def _written_keys(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in table.items():
        key = prefix + name
        entries = value if isinstance(value, list) else [value]
        is_whole = key in _WHOLE
        tables = [] if is_whole else [one for one in entries if isinstance(one, Mapping)]
        if not tables:
            yield key
        for one in tables:
            yield from _written_keys(one, f"{key}.") if one else (key,)


def nearest_of(unknown: str, known: list[str]) -> str:
    """Return the known name that looks most like `unknown`; one that ends alike is nearest."""
    leaf = unknown.rpartition(".")[2]
    alike = [name for name in known if name.rpartition(".")[2] == leaf]
    return difflib.get_close_matches(unknown, alike or known, n=1, cutoff=0.0)[0]


def describe(error: ValidationError, source: str) -> str:
    """Return one sentence for the first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, Contradiction):
        return str(cause)
    key = dotted(first["loc"])
    if first["type"] == "missing":
        return f"{key} is missing in {source}: add it"
    words = _WORDS.get(first["type"]) or _lowered(first["msg"])
    remedy = str(cause) if cause is not None else words
    is_secret = "secret" in key or "token" in key or key.endswith(".key")
    if isinstance(first["input"], Mapping | list) or is_secret:
        return f"{key} cannot be used: {remedy}"
    return f"{key} cannot be {first['input']!r}: {remedy}"


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def dotted(location: tuple[int | str, ...]) -> str:
    """Return `identities[2].policy` for ("identities", 1, "policy"); people count from one."""
    key = ""
    for part in location:
        key += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return key.removeprefix(".")


def refuse_missing_files(settings: Settings) -> None:
    """Raise SettingsError for a named file that is not there."""
    files = {
        "s3.tls_cert": settings.s3.tls_cert,
        "s3.tls_key": settings.s3.tls_key,
        "origin.ca_file": settings.origin.ca_file,
        "origin.client_cert": settings.origin.client_cert,
        "origin.client_key": settings.origin.client_key,
        "state.key_file": settings.state.key_file,
        "flash.key_file": settings.flash.key_file,
        "webhdfs.kerberos_keytab": settings.webhdfs.kerberos_keytab,
    }
    for provider in settings.oidc:
        files |= provider.files
    for key, path in files.items():
        if path is not None and not path.is_file():
            raise SettingsError(f"{key} names {path}, which is not a file: correct the path")


def read_state_keys(state: StateSettings) -> tuple[bytes, ...]:
    """Return the keys that seal secrets, the one in use first, as they stand in the file now.

    Empty where none is set. Raises SettingsError.
    """
    if state.key is not None:
        return parse_keys(state.key.get_secret_value())
    if state.key_file is None:
        return ()
    try:
        return parse_keys(state.key_file.read_text("ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"state.key_file {state.key_file} cannot be read: {error}") from None
    except SealError as error:
        raise SettingsError(f"state.key_file {state.key_file} cannot be used: {error}") from None
