"""Reading XML that others wrote: no entities, no DTD, bounded, no namespaces (pure).

Clients write S3's request XML with its namespace, without one, or with another: all are taken.
"""

from typing import TYPE_CHECKING, Final

from defusedxml.ElementTree import ParseError, fromstring, tostring

from gateway.model.failures import InvalidRequest

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

XML_BYTES_MAX: Final = 4 * 1024 * 1024
"""A thousand keys of 1,024 bytes, escaped, fit; no request XML of S3's is larger."""
MARKS_MAX: Final = 350_000
"""Tags and attributes, by their `<` and `=`: ten thousand parts with ten elements each fit. Without
this bound 4 MiB of empty elements would cost a second, and 30 bytes of memory for one of text."""
DEPTH_MAX: Final = 32
"""S3's documents are less than ten deep, and whoever writes a document anew recurses into it."""


def read_document(body: bytes, root: str, bytes_max: int = XML_BYTES_MAX) -> "Element":
    """Return the document's root, its tags without namespace.

    Raises InvalidRequest (MalformedXML) for what is no XML, has a DTD, is larger than `bytes_max`,
    has more or deeper elements than any of S3's documents, or another root than `root`.
    """
    found = find_document(body, bytes_max)
    if found is None or found.tag != root:
        raise malformed_xml()
    return found


def find_document(body: bytes, bytes_max: int = XML_BYTES_MAX) -> "Element | None":
    """Return the root of a document, its tags without namespace; None where it is no document."""
    if not body or len(body) > bytes_max or body.count(b"<") + body.count(b"=") > MARKS_MAX:
        return None
    try:
        found: Element = fromstring(body.lstrip(), forbid_dtd=True)
    except (ParseError, ValueError, LookupError):
        # defusedxml's own exceptions are ValueErrors; an unknown encoding is a LookupError.
        return None
    level = [found]
    for _ in range(DEPTH_MAX):
        for element in level:
            element.tag = element.tag.rpartition("}")[2]
        level = [child for element in level for child in element]
        if not level:
            return found
    return None


def write_document(root: "Element", namespace: str) -> bytes:
    """Return a document that `read_document` read, in `namespace`."""
    root.set("xmlns", namespace)
    written: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    # ElementTree writes carriage returns bare, and every reader would make them line feeds.
    return written.replace(b"\r", b"&#13;")


def malformed_xml() -> InvalidRequest:
    """Return the failure of a body that is not the XML it must be."""
    return InvalidRequest(
        "The XML you provided was not well-formed or did not validate against our published schema",
        code="MalformedXML",
    )
