"""Policies and requests that meet often: few names, many ways to write of them."""

from hypothesis import strategies as st

NAMES = ["ann", "ben", "*", "a?", "home/ann"]
TEXTS = ["", "home/", "home/ann", "home/ann/x", "Home/Ann", "ben", "*", "/", "private"]
ACTIONS = [
    "s3:*",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutObject",
    "s3:PutObjectAcl",
]
ACTION_PATTERNS = [*ACTIONS, "*", "s3:Get*", "S3:get*", "s3:*Object", "s3:List*", "s3:?etObject"]
RESOURCES = ["*", "b", "c", "b/k", "b/home/ann/x", "b/home/ben/x", "b/home/*/x", "b/Home", "c/k"]
MOMENTS = ["2026-01-01T00:00:00Z", "2026-01-01", "2026-06-01T12:00:00+02:00", "1767225600", "0"]
ADDRESSES = ["10.0.0.7", "10.1.2.3", "192.168.0.1", "2001:db8::1", "::1"]
NETWORKS = ["10.0.0.0/8", "10.0.0.7", "10.0.0.0/24", "2001:db8::/32", "0.0.0.0/0", "::1"]
COUNTS = ["0", "1", "10", "100", "1000"]

KEYS = {
    "text": [
        "aws:username",
        "aws:UserAgent",
        "aws:Referer",
        "s3:prefix",
        "s3:delimiter",
        "s3:VersionId",
        "s3:x-amz-acl",
        "S3:PREFIX",
    ],
    "address": ["aws:SourceIp"],
    "truth": ["aws:SecureTransport"],
    "number": ["s3:max-keys"],
    "moment": ["aws:CurrentTime"],
}
VALUES = {
    "text": TEXTS,
    "address": ADDRESSES,
    "truth": ["true", "false"],
    "number": COUNTS,
    "moment": ["2026-01-01T00:00:00+00:00", "2026-06-01T10:00:00+00:00"],
}
_RELATIONS = ["Equals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
OPERATORS = {
    "text": [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ],
    "address": ["IpAddress", "NotIpAddress"],
    "truth": ["Bool"],
    "number": ["NumericNotEquals", *(f"Numeric{one}" for one in _RELATIONS)],
    "moment": ["DateNotEquals", *(f"Date{one}" for one in _RELATIONS)],
}

variables = st.sampled_from(
    [
        "${aws:username}",
        "${AWS:UserName}",
        "${s3:prefix}",
        "${aws:Referer, 'ann'}",
        "${aws:SourceIp}",
        "${*}",
        "${?}",
        "${$}",
    ]
)
pieces = st.one_of(
    st.sampled_from(["home", "/", "ann", "ben", "b", "k", "x", "*", "?", "Home"]), variables
)
patterns = st.lists(pieces, min_size=1, max_size=5).map("".join)
resource_patterns = st.builds(
    lambda prefix, rest: prefix + rest,
    st.sampled_from(["", "arn:aws:s3:::"]),
    st.one_of(
        st.sampled_from(RESOURCES),
        patterns.map(lambda text: "b/" + text),
        patterns.map(lambda text: text.lstrip("/") or "b"),
    ),
)


def one_or_more(values: st.SearchStrategy) -> st.SearchStrategy:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


def _written(kind: str) -> st.SearchStrategy:
    if kind == "text":
        return st.one_of(st.sampled_from(TEXTS), patterns)
    rows = {"address": NETWORKS, "truth": ["true", "false"], "number": COUNTS, "moment": MOMENTS}
    return st.sampled_from(rows[kind])


@st.composite
def conditions(draw: st.DrawFn) -> dict:
    block: dict = {}
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(sorted(KEYS)))
        key = draw(st.sampled_from(KEYS[kind]))
        if draw(st.integers(0, 5)) == 0:
            block.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
            continue
        operator = draw(st.sampled_from(OPERATORS[kind])) + draw(st.sampled_from(["", "IfExists"]))
        block.setdefault(operator, {})[key] = draw(one_or_more(_written(kind)))
    return block


@st.composite
def statements(draw: st.DrawFn) -> dict:
    written = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(
            one_or_more(st.sampled_from(ACTION_PATTERNS))
        ),
        draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(
            one_or_more(resource_patterns)
        ),
    }
    if draw(st.booleans()):
        written["Condition"] = draw(conditions())
    return written


documents = st.builds(
    lambda listed: {"Version": "2012-10-17", "Statement": listed},
    st.one_of(statements(), st.lists(statements(), min_size=1, max_size=5)),
)


@st.composite
def contexts(draw: st.DrawFn) -> dict:
    """Return the values of a request; a key is there or not."""
    found = {"aws:username": draw(st.sampled_from(NAMES))}
    for kind, keys in KEYS.items():
        for key in keys:
            if key != "S3:PREFIX" and key not in found and draw(st.booleans()):
                found[key] = draw(st.sampled_from(VALUES[kind]))
    return found


requests = st.tuples(
    st.sampled_from(ACTIONS),
    st.one_of(st.sampled_from(RESOURCES), patterns.map(lambda text: f"b/{text}")),
    contexts(),
)
