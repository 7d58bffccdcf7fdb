"""The settings of objects seen as files: names and numbers, defaults, who judges."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

from gateway.settings.fields import Section, setting

_MODE = re.compile(r"0?[0-7]{3,4}").fullmatch
_NUMBER_MAX = 2**32 - 1


def _check_mode(mode: str) -> str:
    if not _MODE(mode):
        raise ValueError('a mode is written in octal, like "0644"')
    return mode


def _check_numbers(numbers: Mapping[str, int]) -> Mapping[str, int]:
    for name, number in numbers.items():
        if not name or not 0 <= number <= _NUMBER_MAX:
            raise ValueError(f'"{name}" = {number} is no number from 0 to {_NUMBER_MAX} of a name')
    return numbers


_Mode = Annotated[str, AfterValidator(_check_mode)]
_Numbers = Annotated[dict[str, int], AfterValidator(_check_numbers)]


class FilesystemSettings(Section):
    """Objects seen as files, at the WebHDFS door and in mounts."""

    users: _Numbers = setting(
        "The numbers of users, as `{alice = 1001}`: what stands for a name in the metadata of "
        "objects, and in mounts. A user without one is written by name.",
        {},
        unit="numbers",
    )
    groups: _Numbers = setting("The numbers of groups, likewise.", {}, unit="numbers")
    owner: str = setting(
        "Who is shown as the owner of what has none in its metadata.",
        "forebay",
        min_length=1,
        max_length=255,
    )
    group: str = setting(
        "The group that is shown of what has none, and that of what someone makes who is in none.",
        "forebay",
        min_length=1,
        max_length=255,
    )
    file_mode: _Mode = setting("The mode of files that have none.", "0644", unit="octal")
    directory_mode: _Mode = setting("The mode of directories that have none.", "0755", unit="octal")
    listed_attributes: Literal["all", "listed"] = setting(
        "`all`: listings show the attributes of each entry, at the price of a HEAD for each that "
        "is not known. `listed`: what the origin's listing shows, and the defaults; for data "
        "sets whose objects have no attributes.",
        "all",
    )
    permissions: Literal["policy", "modes"] = setting(
        "`policy`: modes are kept and shown, and policies alone judge. `modes`: both judge, at "
        "every door.",
        "policy",
    )
    superuser_group: str = setting(
        "Whose members no mode holds up, where modes judge.",
        "supergroup",
        min_length=1,
        max_length=255,
    )
    parallel_max: int = setting(
        "Requests to the origin that one listing, move or removal makes at a time.",
        32,
        unit="requests",
        ge=1,
        le=256,
    )
