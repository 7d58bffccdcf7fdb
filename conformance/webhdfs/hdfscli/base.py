"""What HdfsCLI's tests stand on, for their sdist leaves it out: a client in a folder of its own.

It is laid beside them as test/util.py. The client is one of HDFSCLI_TEST_URL, as the user and in
the folder that HDFSCLI_TEST_USER and HDFSCLI_TEST_ROOT name.
"""

import os

from hdfs import InsecureClient


def save_config(config, path=None):
    """Write a configuration of HdfsCLI into its file."""
    with open(path or config.path, "w", encoding="utf-8") as file:  # noqa: PTH123 - as they call it
        config.write(file)


class _IntegrationTest:
    """Gives each test an empty folder."""

    client = None

    @classmethod
    def setup_class(cls):
        cls.client = InsecureClient(
            os.environ["HDFSCLI_TEST_URL"],
            user=os.environ["HDFSCLI_TEST_USER"],
            root=os.environ["HDFSCLI_TEST_ROOT"],
        )

    @classmethod
    def teardown_class(cls):
        cls.client.delete("", recursive=True)

    def setup_method(self):
        self.client.delete("", recursive=True)

    def _read(self, path, encoding=None):
        with self.client.read(path, encoding=encoding) as reader:
            return reader.read()

    def _write(self, path, data, encoding=None):
        with self.client.write(path, encoding=encoding) as writer:
            return writer.write(data)

    def _exists(self, path):
        return self.client.status(path, strict=False) is not None
