"""The table of operations: found without case, refused in words."""

import pytest

from gateway.model.failures import InvalidRequest, NotSupported
from gateway.protocol.webhdfs.operations import OPERATIONS, name_operation


def test_the_name_is_compared_without_case() -> None:
    assert name_operation("GET", ("listSTATUS",)).name == "LISTSTATUS"


def test_what_is_no_operation_of_the_method_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"FOO is not a valid GET operation\.$"):
        name_operation("GET", ("FOO",))
    with pytest.raises(InvalidRequest, match=r"OPEN is not a valid PUT operation\.$"):
        name_operation("PUT", ("OPEN",))


def test_no_operation_at_all_is_hadoops_null() -> None:
    with pytest.raises(NotSupported, match="op=NULL is not supported"):
        name_operation("GET", ())


def test_two_operations_are_none() -> None:
    with pytest.raises(InvalidRequest, match="more than once"):
        name_operation("GET", ("OPEN", "LISTSTATUS"))


def test_what_s3_cannot_say_is_refused_in_words() -> None:
    refused = [one for one in OPERATIONS.values() if one.refusal]
    assert len(refused) > 20
    for one in refused:
        with pytest.raises(NotSupported, match=f"{one.name} is not supported. "):
            name_operation(one.method, (one.name,))
