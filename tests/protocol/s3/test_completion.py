"""CompleteMultipartUpload: as many parts as an upload can have, and no more."""

import pytest

from gateway.model.failures import InvalidRequest
from gateway.protocol.s3.completion import PARTS_MAX, check_parts


@pytest.mark.parametrize("tag", [b"Part", b"s3:Part"])
def test_an_upload_is_completed_of_at_most_ten_thousand_parts(tag):
    part = b"<%s><PartNumber>1</PartNumber></%s>" % (tag, tag)
    check_parts(part * PARTS_MAX)
    with pytest.raises(InvalidRequest) as refused:
        check_parts(part * (PARTS_MAX + 1))
    assert refused.value.code == "MalformedXML"
