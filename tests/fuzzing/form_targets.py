"""Targets of form uploads: the multipart body however it is cut, the policy, and what it asks."""

import base64
from contextlib import suppress
from datetime import UTC, datetime

from gateway.model.failures import Failure
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.form_policy import read_policy
from gateway.protocol.s3.form_uploads import expand, post_response, read_upload, redirect_location
from gateway.protocol.s3.forms import FIELDS_MAX, PRE_DATA_BYTES_MAX, FormDecoder, form_boundary
from tests.fuzzing.signing_targets import fields_of
from tests.fuzzing.target import Portions, Target, cuts_of, text_of, verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_HEADER_BYTES_MAX = 8192
"""What python-multipart lets one header of a part have, and a little more."""


def read_form(raw: bytes) -> None:
    portions = Portions(raw)
    with suppress(Failure):
        form_boundary(text_of(raw))
    boundary = portions.choice((b"b", b"--", b"long boundary'()+_,-./:=?"))
    body = portions.rest()
    verdicts = [verdict(lambda cut=cut: _form(boundary, cut)) for cut in cuts_of(body)]
    assert all(one == verdicts[0] for one in verdicts), verdicts


def _form(boundary: bytes, pieces: list[bytes]) -> tuple[dict[str, str], str, bytes]:
    decoder = FormDecoder(boundary)
    file = b""
    for piece in pieces:
        file += b"".join(decoder.feed(piece))
        assert len(decoder._value) <= PRE_DATA_BYTES_MAX + len(piece)
        assert len(decoder._header_value) <= _HEADER_BYTES_MAX + len(piece)
        assert len(decoder.fields) <= FIELDS_MAX
    decoder.finish()
    return decoder.fields, decoder.filename, file


def read_form_policy(raw: bytes) -> None:
    document, _, fields = raw.partition(b"\n\n")
    for encoded in (text_of(document), base64.b64encode(document).decode()):
        with suppress(Failure):
            policy = read_policy(encoded)
            assert policy.expiration.tzinfo is not None
            assert policy.length_min >= 0
            assert policy.length_max is None or policy.length_min <= policy.length_max
            policy.require(fields_of(fields), NOW)


def read_form_upload(raw: bytes) -> None:
    portions = Portions(raw)
    filename = portions.piece(portions.number(64)).decode("utf-8", "replace")
    with suppress(Failure):
        upload = read_upload("bucket", expand(fields_of(portions.rest()), filename))
        location = redirect_location(upload, '"e"')
        assert upload.redirect == "" or location.startswith(upload.redirect)
        assert location.isprintable()
        assert find_document(post_response(upload, location, '"e"')) is not None
        for name, value in upload.headers.items():
            assert not {"\r", "\n", "\0"} & set(name + value)


_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\na/${filename}\r\n'
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="c:\\f.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\nhello\r\n--b-\r\n--b--\r\n"
)
_POLICY = (
    b'{"expiration": "2030-12-30T12:00:00.000Z", "conditions": [{"bucket": "b"}, ["eq", "$key", '
    b'"a\\$"], ["starts-with", "$Content-Type", "image/"], ["content-length-range", 1, "10"]]}'
    b"\n\nkey=a$\nbucket=b\ncontent-type=image/a,image/b\nx-ignore-a=b\npolicy=x"
)

TARGETS = (
    Target(
        "form",
        read_form,
        (b"\x00" + _FORM, b"\x00" + _FORM.replace(b"\r\n", b"\n"), b"\x01----\r\n\r\n"),
        b'\r\n--b\r\n|--b--|\r\n\r\n|Content-Disposition: form-data; name=|filename=|"file"|'
        b"; filename*=UTF-8''a|\\\"|;|=|Content-Transfer-Encoding: base64\r\n|multipart/form-data|"
        b"; boundary=",
    ),
    Target(
        "form-policy",
        read_form_policy,
        (_POLICY,),
        b'"expiration"|"conditions"|"2030-12-30T12:00:00Z"|["eq",|["starts-with",|"$key"|'
        b'["content-length-range",|{|}|[|]|:|,|\\v|\\$|\\ud800|1e400|NaN|"x-amz-|\n\n|null|true',
    ),
    Target(
        "form-upload",
        read_form_upload,
        (
            b"\x05a\\b/ckey=a/${filename}\nacl=private\nsuccess_action_status=201\nx-amz-meta-a=b",
            (
                b"\x00key=k\ntagging=<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>"
                b"</Tagging>\nredirect=https://h/?a=b#c"
            ),
        ),
        b"\nkey=|${filename}|\nsuccess_action_redirect=http://h|\nsuccess_action_status=201|\nacl=|"
        b"\nx-amz-meta-|\ntagging=<Tagging>|</Tagging>|<Tag>|<Key>|\r|http://[|?|#|\nexpires=",
    ),
)
