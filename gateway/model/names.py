"""What an object is called: bucket and key (pure)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ObjectName:
    """A bucket and a key, both decoded; the key is 1 to 1,024 bytes of UTF-8, byte-exact."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return `bucket/key`, the form that rules and policies match."""
        return f"{self.bucket}/{self.key}"
