"""The requests that are sent twice: every sub-resource, on bucket and object, and unknown ones.

In order, since a PUT is seen by the GET after it. `{bucket}` and what earlier answers told
(`{version}`, `{upload}`, `{etag}`) are filled in; everything else is sent as it stands.
"""

from dataclasses import dataclass, field

from conformance.passthrough.documents import (
    ABAC,
    ACCELERATE,
    ACL,
    ANALYTICS,
    COMPLETE,
    CORS,
    DELETE,
    ENCRYPTION,
    INTELLIGENT_TIERING,
    INVENTORY,
    LEGAL_HOLD,
    LIFECYCLE,
    LOGGING,
    METRICS,
    NOTIFICATION,
    OBJECT_LOCK,
    OWNERSHIP,
    POLICY,
    PUBLIC_ACCESS,
    REPLICATION,
    REQUEST_PAYMENT,
    RESTORE,
    RETENTION,
    SELECT,
    TAGGING,
    VERSIONING,
    WEBSITE,
)

PART_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One request; `told` names what its answer tells to later lines: name -> header or element."""

    method: str
    key: str = ""
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | bytes = b""
    told: dict[str, str] = field(default_factory=dict)
    bucket: str = "{bucket}"

    @property
    def name(self) -> str:
        """Return how the line is called in the table."""
        where = self.bucket + (f"/{self.key[:40]}" if self.key else "")
        asked = "".join(f" {name}: {value[:40]}" for name, value in self.headers.items())
        return f"{self.method} /{where}{'?' + self.query[:60] if self.query else ''}{asked}"


def _configured(
    name: str, document: str, query: str = "", *, is_deletable: bool = True
) -> list[Line]:
    """Return the life of a bucket's configuration: none yet, put, seen, malformed, deleted."""
    query = query or name
    lines = [
        Line("GET", query=query),
        Line("PUT", query=query, body=document),
        Line("GET", query=query),
        Line("PUT", query=query, body="<not><closed>"),
    ]
    if is_deletable:
        lines += [Line("DELETE", query=query), Line("GET", query=query)]
    return lines


_SERVICE = [Line("GET", bucket=""), Line("GET", bucket="", query="x-id=ListBuckets")]

_BUCKET = [
    Line("HEAD"),
    Line("PUT", headers={"x-amz-bucket-object-lock-enabled": "true"}),
    Line("PUT", headers={"x-amz-bucket-object-lock-enabled": "true"}),
    Line("HEAD"),
    Line("GET", query="location"),
    Line("GET", query="versioning"),
    Line("PUT", query="versioning", body=VERSIONING),
    Line("GET", query="versioning"),
    Line("GET", query="acl"),
    Line("PUT", query="acl", headers={"x-amz-acl": "private"}),
    Line("PUT", query="acl", headers={"x-amz-acl": "nonsense"}),
    Line("PUT", query="acl", body=ACL),
    *_configured("tagging", TAGGING),
    *_configured("policy", POLICY)[:3],
    Line("GET", query="policyStatus"),
    Line("PUT", query="policy", body="{not json"),
    Line("DELETE", query="policy"),
    Line("GET", query="policy"),
    *_configured("lifecycle", LIFECYCLE),
    *_configured("cors", CORS)[:3],
    Line(
        "OPTIONS",
        "preflight",
        headers={"Origin": "https://a.example", "Access-Control-Request-Method": "GET"},
    ),
    Line("GET", query="list-type=2", headers={"Origin": "https://a.example"}),
    Line("DELETE", query="cors"),
    *_configured("object-lock", OBJECT_LOCK, is_deletable=False),
    *_configured("notification", NOTIFICATION, is_deletable=False),
    *_configured("encryption", ENCRYPTION),
    *_configured("replication", REPLICATION),
    *_configured("website", WEBSITE),
    *_configured("logging", LOGGING, is_deletable=False),
    *_configured("accelerate", ACCELERATE, is_deletable=False),
    *_configured("requestPayment", REQUEST_PAYMENT, is_deletable=False),
    *_configured("publicAccessBlock", PUBLIC_ACCESS),
    *_configured("ownershipControls", OWNERSHIP),
    *_configured("abac", ABAC, is_deletable=False),
    Line("GET", query="inventory"),
    *_configured("inventory", INVENTORY, "inventory&id=one"),
    Line("GET", query="analytics"),
    *_configured("analytics", ANALYTICS, "analytics&id=one"),
    Line("GET", query="metrics"),
    *_configured("metrics", METRICS, "metrics&id=one"),
    Line("GET", query="intelligent-tiering"),
    *_configured("intelligent-tiering", INTELLIGENT_TIERING, "intelligent-tiering&id=one"),
    Line("GET", query="session"),
    Line("GET", query="metadataTable"),
    Line("GET", query="metadataConfiguration"),
    Line("GET", query="uploads"),
    Line("GET", query="versions"),
    *[Line(method, query="frobnicate") for method in ("GET", "PUT", "POST", "HEAD")],
    Line("GET", query="frobnicate=1&acl"),
    Line("POST"),
    Line("POST", headers={"Content-Type": "multipart/form-data; boundary=b"}, body="--b--\r\n"),
]

_KEY = "folder/an object+é.txt"
_OBJECT = [
    Line(
        "PUT",
        _KEY,
        headers={
            "Content-Type": "text/plain; charset=utf-8",
            "Cache-Control": "max-age=60",
            "Content-Disposition": 'attachment; filename="a b.txt"',
            "Content-Language": "de",
            "Expires": "Wed, 21 Oct 2099 07:28:00 GMT",
            "x-amz-meta-color": "blue",
            "x-amz-meta-Empty": "",
            "x-amz-tagging": "a=b",
        },
        body="0123456789" * 10,
        told={"version": "x-amz-version-id", "etag": "ETag"},
    ),
    Line("HEAD", _KEY, told={"modified": "Last-Modified"}),
    Line("GET", _KEY),
    Line("GET", _KEY),
    Line("GET", _KEY, "versionId={version}"),
    Line("HEAD", _KEY, "versionId={version}"),
    Line("GET", _KEY, "versionId=nonsense"),
    Line("GET", _KEY, headers={"Range": "bytes=10-19"}),
    Line("GET", _KEY, headers={"Range": "bytes=-5"}),
    Line("GET", _KEY, headers={"Range": "bytes=1000-"}),
    Line("GET", _KEY, headers={"Range": "bytes=a-b"}),
    Line("HEAD", _KEY, headers={"Range": "bytes=10-19"}),
    Line("GET", _KEY, headers={"If-None-Match": "{etag}"}),
    Line("HEAD", _KEY, headers={"If-None-Match": "{etag}"}),
    Line("GET", _KEY, headers={"If-Match": "{etag}"}),
    Line("GET", _KEY, headers={"If-Match": '"other"'}),
    Line("HEAD", _KEY, headers={"If-Match": '"other"'}),
    Line("GET", _KEY, headers={"If-Modified-Since": "{modified}"}),
    Line("GET", _KEY, headers={"If-Unmodified-Since": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    Line("GET", _KEY, "response-content-type=text%2Fcsv&response-cache-control=no-cache"),
    Line("GET", _KEY, headers={"x-amz-checksum-mode": "ENABLED"}),
    Line("HEAD", _KEY, headers={"x-amz-checksum-mode": "ENABLED"}),
    Line("GET", _KEY, "acl"),
    Line("PUT", _KEY, "acl", {"x-amz-acl": "private"}),
    Line("PUT", _KEY, "acl", body=ACL),
    Line("GET", _KEY, "tagging"),
    Line("PUT", _KEY, "tagging", body=TAGGING),
    Line("GET", _KEY, "tagging"),
    Line("GET", _KEY, "tagging&versionId={version}"),
    Line("HEAD", _KEY),
    Line("PUT", _KEY, "tagging", body="<not><closed>"),
    Line("DELETE", _KEY, "tagging"),
    Line("GET", _KEY, "retention"),
    Line("PUT", _KEY, "retention", body=RETENTION),
    Line("GET", _KEY, "retention"),
    Line("GET", _KEY, "legal-hold"),
    Line("PUT", _KEY, "legal-hold", body=LEGAL_HOLD.format(status="ON")),
    Line("GET", _KEY, "legal-hold"),
    Line("HEAD", _KEY),
    Line("PUT", _KEY, "legal-hold", body=LEGAL_HOLD.format(status="OFF")),
    Line(
        "GET",
        _KEY,
        "attributes",
        {"x-amz-object-attributes": "ETag,ObjectSize,StorageClass,Checksum"},
    ),
    Line("GET", _KEY, "attributes"),
    Line("POST", _KEY, "select&select-type=2", body=SELECT),
    Line("GET", _KEY, "torrent"),
    Line("POST", _KEY, "restore", body=RESTORE),
    Line("GET", _KEY, "annotation"),
    Line("GET", _KEY, "partNumber=1"),
    Line("HEAD", _KEY, "partNumber=1"),
    Line("GET", _KEY, "partNumber=2"),
    *[Line(method, _KEY, "frobnicate") for method in ("GET", "HEAD", "POST")],
    Line("POST", _KEY),
    Line(
        "PUT", "copied", headers={"x-amz-copy-source": "/{bucket}/folder/an%20object%2B%C3%A9.txt"}
    ),
    Line("PUT", "copied", headers={"x-amz-copy-source": "/{bucket}/nothing"}),
    Line("PUT", "copied", headers={"x-amz-copy-source": "/{bucket}/copied"}),
    Line("PUT", "zipped", headers={"Content-Encoding": "gzip"}, body="not really gzip"),
    Line("GET", "zipped", headers={"Accept-Encoding": "gzip"}),
    Line("PUT", "new", headers={"If-None-Match": "*"}, body="one"),
    Line("PUT", "new", headers={"If-None-Match": "*"}, body="two"),
    Line("PUT", "new", headers={"If-Match": '"other"'}, body="three"),
    Line("PUT", "bad-md5", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, body="one"),
    Line("PUT", "bad-md5", headers={"Content-MD5": "nonsense"}, body="one"),
    Line("PUT", "bad-crc", headers={"x-amz-checksum-crc32": "AAAAAA=="}, body="one"),
    Line("PUT", "class", headers={"x-amz-storage-class": "NONSENSE"}, body="one"),
    Line("PUT", "k" * 1025, body="too long"),
]

_UPLOAD = "partNumber={number}&uploadId={{upload}}"
_UPLOADS = [
    Line("POST", "parts", "uploads", {"Content-Type": "text/csv"}, told={"upload": "UploadId"}),
    Line("GET", query="uploads"),
    Line("GET", "parts", "uploadId={upload}"),
    Line("PUT", "parts", _UPLOAD.format(number=1), body=b"p" * PART_BYTES, told={"part": "ETag"}),
    Line("PUT", "parts", _UPLOAD.format(number=2), {"x-amz-copy-source": "/{bucket}/copied"}),
    Line("PUT", "parts", _UPLOAD.format(number=10001), body="one"),
    Line("PUT", "parts", "partNumber=1&uploadId=nonsense", body="one"),
    Line("GET", "parts", "uploadId={upload}&max-parts=1"),
    Line("POST", "parts", "uploadId={upload}", body=COMPLETE.replace("{part}", '"nonsense"')),
    Line("POST", "parts", "uploadId={upload}", body="<not><closed>"),
    Line("POST", "parts", "uploadId={upload}", body=COMPLETE),
    Line("HEAD", "parts"),
    Line("GET", "parts", "partNumber=1", {"Range": "bytes=0-9"}),
    Line("HEAD", "parts", "partNumber=1"),
    Line("GET", "parts", "attributes", {"x-amz-object-attributes": "ObjectParts,ObjectSize"}),
    Line("POST", "aborted", "uploads", told={"upload": "UploadId"}),
    Line("DELETE", "aborted", "uploadId={upload}"),
    Line("DELETE", "aborted", "uploadId={upload}"),
    Line("GET", "aborted", "uploadId={upload}"),
]

_LISTS = [
    Line("GET"),
    Line("GET", query="list-type=2"),
    Line("GET", query="list-type=2&delimiter=%2F&encoding-type=url"),
    Line("GET", query="list-type=2&max-keys=1&fetch-owner=true"),
    Line("GET", query="list-type=2&max-keys=nonsense"),
    Line("GET", query="list-type=2&prefix=nothing%20here"),
    Line("GET", query="prefix=folder%2F&marker=a&delimiter=%2F"),
    Line("GET", query="versions"),
    Line("GET", query="versions&max-keys=1"),
]

_NOTHING = [
    *[Line(method, "nothing here") for method in ("GET", "HEAD", "DELETE")],
    *[Line("GET", "nothing", query) for query in ("acl", "tagging", "retention", "legal-hold")],
    Line("GET", "nothing", "attributes", {"x-amz-object-attributes": "ETag"}),
    Line("POST", "nothing", "select&select-type=2", body=SELECT),
    *[Line(method, bucket="no-such-bucket-anywhere") for method in ("GET", "HEAD", "DELETE")],
    *[
        Line(method, "key", bucket="no-such-bucket-anywhere")
        for method in ("GET", "HEAD", "DELETE")
    ],
    Line("PUT", "key", body="one", bucket="no-such-bucket-anywhere"),
    Line("GET", query="acl", bucket="no-such-bucket-anywhere"),
    Line("GET", bucket="Not_A_Bucket_Name"),
]

# Origins that do not know a sub-resource do to the object or bucket what was meant for it.
_ENDINGS = [
    *[Line(method, "unknown", "frobnicate", body="one") for method in ("PUT", "DELETE")],
    Line("DELETE"),
    Line("DELETE", "copied", told={"marker": "x-amz-version-id"}),
    Line("GET", "copied"),
    Line("HEAD", "copied"),
    Line("GET", "copied", "versionId={marker}"),
    Line("DELETE", "copied", "versionId={marker}"),
    Line("GET", "copied"),
    Line("POST", query="delete", body=DELETE),
    Line("POST", query="delete", body="<not><closed>"),
    Line("POST", query="delete", body="<Delete></Delete>"),
    Line("GET", query="versions"),
    Line("DELETE", query="frobnicate"),
]

LINES: tuple[Line, ...] = (
    *_SERVICE,
    *_BUCKET,
    *_OBJECT,
    *_UPLOADS,
    *_LISTS,
    *_NOTHING,
    *_ENDINGS,
)
