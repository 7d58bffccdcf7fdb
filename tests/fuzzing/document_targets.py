"""Targets of XML: what clients ask, what origins answer, and what Forebay writes of both."""

from contextlib import suppress
from dataclasses import replace

from gateway.model.failures import Failure
from gateway.model.names import ObjectName
from gateway.protocol.s3.completion import (
    complete_result,
    has_etag,
    multipart_etag,
    part_etags,
    with_etag,
)
from gateway.protocol.s3.documents import find_document
from gateway.protocol.s3.errors import error_xml
from gateway.protocol.s3.requests import DeleteEntry, delete_objects_xml, parse_delete_objects
from gateway.protocol.s3.responses import (
    DeleteError,
    delete_result,
    find_error,
    visible_buckets,
    without_declaration,
)
from tests.fuzzing.target import Portions, Target, text_of

_ERROR = DeleteError("k", None, "AccessDenied", "Access Denied")


def read_requests(raw: bytes) -> None:
    with suppress(Failure):
        asked = parse_delete_objects(raw)
        again = parse_delete_objects(delete_objects_xml(asked.keys, quiet=asked.quiet))
        assert again.keys == [_as_sent(entry) for entry in asked.keys]
        assert again.quiet == asked.quiet
    with suppress(Failure):
        multipart_etag(part_etags(raw))


def _as_sent(entry: DeleteEntry) -> DeleteEntry:
    """Return an entry without tags that no element of S3's has: they are not asked to survive."""
    return replace(entry, others=tuple(entry.others))


def read_answers(raw: bytes) -> None:
    error = find_error(raw)
    if error is not None:
        assert find_error(b"\n  " + raw) == error
    bare = without_declaration(raw)
    assert len(bare) <= len(raw)
    has_etag(raw)
    written = with_etag(raw, '"0-1"')
    assert written == raw or has_etag(written)
    with suppress(Failure):
        shown = find_document(delete_result(raw, [_ERROR]))
        assert shown is not None
        assert shown[-1].findtext("Key") == "k"
    with suppress(Failure):
        shown = find_document(visible_buckets(raw, lambda _name: False))
        assert shown is not None
        assert not [one for buckets in shown.iter("Buckets") for one in buckets]
    root = find_document(raw)
    if root is not None:
        root.findtext("UploadId")
        assert all(
            isinstance(name.text or "", str) for name in root.iterfind("Buckets/Bucket/Name")
        )


def write_texts(raw: bytes) -> None:
    portions = Portions(raw)
    first = text_of(portions.piece(portions.number(256)))
    wide = portions.rest()
    text = wide[: len(wide) // 2 * 2].decode("utf-16-le", "surrogatepass") or "-"
    for body in (
        error_xml("Code", text, first, "0", {"More": first}),
        complete_result(ObjectName(first, text), first, text),
        DeleteError(text, first, text, first).xml().encode(),
        delete_objects_xml([DeleteEntry(text, first, (("ETag", text),))], quiet=True),
    ):
        root = find_document(body)
        assert root is not None
        texts = [one.text or "" for one in root.iter()]
        assert any(one == _shown(text) for one in texts), (body, texts)
    asked = parse_delete_objects(delete_objects_xml([DeleteEntry(text, first)], quiet=False))
    assert [(one.key, one.version_id) for one in asked.keys] == [(_shown(text), _shown(first))]


def _shown(text: str) -> str:
    """Return `text` as XML 1.0 can carry it."""
    kept = "\t\n\r"
    return "".join(
        "\ufffd"
        if (one < " " and one not in kept) or one in "\ufffe\uffff" or "\ud800" <= one <= "\udfff"
        else one
        for one in text
    )


_WORDS = (
    b"<Delete>|</Delete>|<Object>|</Object>|<Key>|</Key>|<VersionId>|<Quiet>true</Quiet>|<ETag>|"
    b"</ETag>|<Part>|</Part>|<PartNumber>1</PartNumber>|<CompleteMultipartUpload>|"
    b"</CompleteMultipartUpload>|<![CDATA[|]]>|<!--|-->|<?xml version='1.0' encoding='utf-16'?>|"
    b"<!DOCTYPE a [|<!ENTITY a 'b'>|&amp;|&#13;|&#0;|&a;| xmlns='http://s3'| xmlns:a='b'|<a:b/>"
)
_ANSWER_WORDS = (
    b"<Error>|</Error>|<Code>|</Code>|<Message>|<DeleteResult>|</DeleteResult>|<Deleted>|"
    b"<ListAllMyBucketsResult>|</ListAllMyBucketsResult>|<Buckets>|</Buckets>|<Bucket>|</Bucket>|"
    b"<Name>|</Name>|<CompleteMultipartUploadResult>|</CompleteMultipartUploadResult>|<ETag/>|"
    b"<?xml version='1.0'?>|&quot;|<!DOCTYPE a>|<!--|-->|<?a?>"
)
_NAMESPACED = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'

TARGETS = (
    Target(
        "xml-requests",
        read_requests,
        (
            b"<Delete " + _NAMESPACED + b"><Object><Key>a&amp;b</Key><VersionId>1</VersionId>"
            b"<ETag>x</ETag></Object><Quiet>true</Quiet></Delete>",
            (
                b"<?xml version='1.0' encoding='UTF-8'?><CompleteMultipartUpload><Part>"
                b'<PartNumber>1</PartNumber><ETag>"9b2cf535f27731c974343645a3985328"</ETag></Part>'
                b"</CompleteMultipartUpload>"
            ),
            b"<!DOCTYPE a [<!ENTITY b 'c'>]><Delete><Object><Key>&b;</Key></Object></Delete>",
        ),
        _WORDS,
    ),
    Target(
        "xml-answers",
        read_answers,
        (
            b"<?xml version='1.0'?>\n<Error><Code>NoSuchKey</Code><Message>a</Message></Error>",
            b"<DeleteResult " + _NAMESPACED + b"><Deleted><Key>a\r</Key></Deleted></DeleteResult>",
            (
                b"<ListAllMyBucketsResult><Buckets><Bucket><Name>a</Name></Bucket></Buckets>"
                b"</ListAllMyBucketsResult>"
            ),
            b"<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>",
        ),
        _ANSWER_WORDS,
    ),
    Target("xml-written", write_texts, (b"\x03a<&" + "k\r\n\0\ufffe".encode("utf-16-le"),)),
)
