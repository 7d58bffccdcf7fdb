"""The one table from failures to RemoteExceptions is complete, and says what Hadoop says."""

import json

from gateway.model import failures
from gateway.model.failures import (
    FILE_CONFLICTS,
    AuthenticationFailed,
    Failure,
    FileConflict,
    InvalidRequest,
    NotFound,
    OriginRefused,
    Overloaded,
)
from gateway.protocol.webhdfs.errors import OF_CLASS, remote_exception, wire_of


def test_every_failure_has_its_row() -> None:
    known = {
        one for one in vars(failures).values() if isinstance(one, type) and issubclass(one, Failure)
    }
    assert set(OF_CLASS) == known


def test_every_file_conflict_is_told() -> None:
    told = {code: wire_of(FileConflict("words", code=code)) for code in FILE_CONFLICTS}
    assert told["FileExists"].exception == "FileAlreadyExistsException"
    assert told["NotADirectory"].exception == "AccessControlException"
    making = wire_of(FileConflict("words", code="NotADirectory"), "MKDIRS")
    assert making.exception == "ParentNotDirectoryException"
    assert told["DirectoryNotEmpty"].exception == "PathIsNotEmptyDirectoryException"
    assert told["IsADirectory"].status == 404
    assert told["CrossDevice"].java_class == "java.io.IOException"


def test_the_json_is_hadoops() -> None:
    assert remote_exception(NotFound("File does not exist: /\u00e9")).decode() == (
        '{"RemoteException":{"exception":"FileNotFoundException",'
        '"javaClassName":"java.io.FileNotFoundException",'
        '"message":"File does not exist: /\u00e9"}}'
    )


def test_a_token_that_is_none_is_told_in_the_words_that_clients_look_for() -> None:
    failure = AuthenticationFailed("token expired", code="ExpiredToken")
    told = json.loads(remote_exception(failure))["RemoteException"]
    assert wire_of(failure).status == 403
    assert told["javaClassName"] == "java.lang.SecurityException"
    assert told["message"] == (
        "Failed to obtain user group information: "
        "org.apache.hadoop.security.token.SecretManager$InvalidToken: token expired"
    )


def test_status_codes() -> None:
    assert wire_of(InvalidRequest("x")).status == 400
    assert wire_of(AuthenticationFailed("x")).status == 401
    assert wire_of(Overloaded("x")).exception == "RetriableException"
    assert wire_of(OriginRefused(403, {}, b"")).exception == "AccessControlException"
    assert wire_of(OriginRefused(409, {}, b"")).status == 502


def test_a_failure_without_words_says_its_code() -> None:
    told = json.loads(remote_exception(NotFound()))["RemoteException"]
    assert told["message"] == "NoSuchKey"
