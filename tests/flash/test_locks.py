"""Who has flash open, as the last to close it must know."""

import os

from gateway.flash.locks import Membership


def test_of_two_that_close_at_once_the_second_finds_itself_alone(tmp_path):
    directory_fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    first, second = Membership(directory_fd), Membership(directory_fd)
    assert first.was_first
    assert not second.was_first
    # Each looks under the directory's lock, before either has closed its descriptor.
    assert not first.is_alone()
    first.leave()
    assert second.is_alone()
    first.close()
    second.close()
    os.close(directory_fd)
