"""Secrets of keys: made, taken apart, hashed.

A secret is hashed with scrypt and compared in constant time. The results of successful checks are
remembered under a keyed digest of secret and salt, so that a request does not pay twice; nothing
else is remembered, so a rotated, deleted or expired key is seen at once. Imports the standard
library only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

__all__ = ["KeyHasher", "NewKey", "fingerprint", "scrypt", "split_key"]

_COST = {"n": 2**14, "r": 8, "p": 1}
_REMEMBERED = 1024
_ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key ready to be stored: hashing is slow, so it happens before the transaction.

    Attributes:
        key_id: Finds the row.
        salt: Of this key, or of all opaque keys.
        digest: What is stored of the secret.
        opaque: Whether somebody else chose its text.
        text: What its holder sends; shown once.
    """

    key_id: str
    salt: bytes
    digest: bytes
    opaque: bool
    text: str = field(repr=False)

    @classmethod
    def make(cls, key_id: str | None = None) -> NewKey:
        """A key with 256 bits that nobody can guess.

        Args:
            key_id: The id that a rotated key keeps.
        """
        chosen = key_id or _new_id()
        secret, salt = secrets.token_urlsafe(32), os.urandom(16)
        text = f"sp-{chosen}-{secret}"
        return cls(chosen, salt, scrypt(secret, salt), opaque=False, text=text)

    @classmethod
    def chosen(cls, text: str, salt: bytes) -> NewKey:
        """A key whose text somebody chose.

        Args:
            text: Any text without white space.
            salt: The database's salt of opaque keys.
        """
        return cls(_new_id(), salt, scrypt(text, salt), opaque=True, text=text)


def _new_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def split_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a key of the form `sp-{id}-{secret}`; None for any other text."""
    mark, _, rest = text.partition("-")
    key_id, dash, secret = rest.partition("-")
    if mark != "sp" or not dash or len(key_id) != _ID_LENGTH or not secret:
        return None
    return key_id, secret


class KeyHasher:
    """Hashes secrets, and remembers what it hashed for those that proved right.

    Threads share it. It holds digests under a key of the process, never a secret.
    """

    def __init__(self) -> None:
        self._process_key = os.urandom(32)
        self._lock = threading.Lock()
        self._results: OrderedDict[bytes, bytes] = OrderedDict()

    def digest(self, secret: str, salt: bytes) -> bytes:
        """The memory-hard digest; from memory if it once proved right."""
        mark = self._mark(secret, salt)
        with self._lock:
            known = self._results.get(mark)
            if known is not None:
                self._results.move_to_end(mark)
                return known
        return scrypt(secret, salt)

    def matches(self, secret: str, salt: bytes, expected: bytes) -> bool:
        """Whether a secret has this digest, in a time that does not depend on where they differ."""
        found = self.digest(secret, salt)
        if not hmac.compare_digest(found, expected):
            return False
        self.remember(secret, salt, found)
        return True

    def remember(self, secret: str, salt: bytes, digest: bytes) -> None:
        """Keep the digest of a secret that proved right."""
        with self._lock:
            self._results[self._mark(secret, salt)] = digest
            while len(self._results) > _REMEMBERED:
                self._results.popitem(last=False)

    def _mark(self, secret: str, salt: bytes) -> bytes:
        return fingerprint(secret, salt=salt, key=self._process_key)


def fingerprint(text: str, *, key: bytes, salt: bytes = b"") -> bytes:
    """A fast keyed digest, for memory only.

    Args:
        text: What must not be kept.
        key: Random, of this process.
        salt: Of the stored secret; always of one length under one key.
    """
    encoded = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(salt + encoded, key=key, digest_size=32).digest()


def scrypt(secret: str, salt: bytes) -> bytes:
    """The memory-hard digest of a secret: 16 MiB and some 50 ms."""
    encoded = secret.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(encoded, salt=salt, maxmem=64 * 1024 * 1024, dklen=32, **_COST)
