"""Failures and their errno: every failure has one, and those of the manual mean what it says."""

import errno

import pytest

from gateway.model import failures
from gateway.model.failures import FILE_CONFLICTS, Failure, FileConflict, OriginRefused
from gateway.protocol.posix.errors import ERRNO_BY_CODE, ERRNO_BY_FAILURE, errno_of

ALL = [one for one in vars(failures).values() if isinstance(one, type) and issubclass(one, Failure)]


@pytest.mark.parametrize("kind", ALL)
def test_every_failure_has_a_number(kind: type[Failure]) -> None:
    assert ERRNO_BY_FAILURE[kind] in errno.errorcode


@pytest.mark.parametrize("code", sorted(FILE_CONFLICTS))
def test_every_conflict_has_a_number_of_its_own(code: str) -> None:
    assert errno_of(FileConflict("x", code=code)) == ERRNO_BY_CODE[code]


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (failures.AccessDenied("x"), errno.EACCES),
        (failures.NotFound("x"), errno.ENOENT),
        (failures.VersionChanged("x"), errno.ESTALE),
        (failures.NotSupported("x"), errno.ENOTSUP),
        (failures.OriginUnreachable("x"), errno.EIO),
        (failures.Overloaded("x"), errno.EBUSY),
        (OriginRefused(403, {}, b""), errno.EACCES),
        (OriginRefused(404, {}, b""), errno.ENOENT),
        (OriginRefused(500, {}, b""), errno.EIO),
        (failures.InvalidRequest("x", code="KeyTooLongError"), errno.ENAMETOOLONG),
        (OSError(errno.ENOSPC, "x"), errno.ENOSPC),
        (OSError(errno.EREMOTEIO, "x"), errno.EIO),
        (RuntimeError("x"), errno.EIO),
    ],
)
def test_numbers_mean_what_the_manual_says(error: Exception, number: int) -> None:
    assert errno_of(error) == number


def test_a_failure_of_a_later_kind_has_its_parents_number() -> None:
    class Gone(failures.NotFound):
        pass

    assert errno_of(Gone("x")) == errno.ENOENT
