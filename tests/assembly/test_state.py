"""What identities stand on: a key that everybody may read is told of, and no more than that."""

import base64
import logging

import pytest

from gateway.assembly.state import refuse_unfit
from tests.support.gateway_settings import gateway_settings


@pytest.mark.parametrize(("mode", "is_told"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_key_that_everybody_may_read_is_told_of(tmp_path, caplog, mode, is_told):
    key_file = tmp_path / "key"
    key_file.write_text(base64.b64encode(bytes(32)).decode())
    key_file.chmod(mode)
    state = {"path": str(tmp_path / "state"), "key_file": str(key_file)}
    settings = gateway_settings("http://127.0.0.1:1", tmp_path / "flash", state=state)
    with caplog.at_level(logging.WARNING):
        refuse_unfit(settings, None)
    assert ("chmod 600" in caplog.text) is is_told
