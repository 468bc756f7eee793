"""Opaque tokens that stand for a candidate in URLs: sealed, expiring, each for one audience.

A token says nothing to who does not hold the secret: not the candidate, not the labeler, not the order in which
candidates were made. It is encrypt-then-MAC over SHAKE-256 and keyed BLAKE2b, from the standard library.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from refine.errors import InputError

_NONCE = 16
_TAG = 16
_LONGEST = 600
LIFETIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token stands for."""

    candidate: str
    audience: str
    """To whom it may be shown: one labeler's assignment, for example."""
    expires_at: datetime

    def is_for(self, audience: str, *, now: datetime | None = None) -> bool:
        is_theirs = hmac.compare_digest(self.audience.encode(), audience.encode())
        return is_theirs and (now or datetime.now(UTC)) < self.expires_at


class Tokens:
    """Mints and opens tokens. All processes of a deployment share one secret of at least 32 random bytes."""

    def __init__(self, secret: bytes, *, lifetime: timedelta = LIFETIME) -> None:
        if len(secret) < 32:
            raise InputError(f"the secret of delivery tokens has {len(secret)} bytes; give it 32 random ones or more")
        self._seal_key = hashlib.blake2b(b"seal", key=secret[:64], digest_size=32).digest()
        self._tag_key = hashlib.blake2b(b"tag", key=secret[:64], digest_size=32).digest()
        self._lifetime = lifetime

    def mint(self, candidate: str, *, audience: str, now: datetime | None = None) -> str:
        """A new token; two for the same candidate and audience have nothing in common."""
        if "\n" in candidate or "\n" in audience:
            raise InputError("a candidate's id and an audience are single lines")
        expires = (now or datetime.now(UTC)) + self._lifetime
        text = f"{int(expires.timestamp())}\n{candidate}\n{audience}".encode()
        plain = text + bytes(-len(text) % 32)  # lengths of ids do not show
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._stream(nonce, plain)
        token = base64.urlsafe_b64encode(sealed + self._tag(sealed)).decode().rstrip("=")
        if len(token) > _LONGEST:
            raise InputError(f"a candidate's id and audience of {len(text)} bytes are too long for a token")
        return token

    def open(self, token: str) -> Claims | None:
        """What the token stands for, expired or not; None for one that this secret did not mint."""
        if len(token) > _LONGEST:
            return None
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return None
        if base64.urlsafe_b64encode(raw).decode().rstrip("=") != token:
            return None  # one token, one spelling
        sealed, tag = raw[:-_TAG], raw[-_TAG:]
        if len(sealed) <= _NONCE or not hmac.compare_digest(self._tag(sealed), tag):
            return None
        plain = self._stream(sealed[:_NONCE], sealed[_NONCE:]).rstrip(b"\0").decode()
        expires, candidate, audience = plain.split("\n")
        return Claims(candidate=candidate, audience=audience, expires_at=datetime.fromtimestamp(int(expires), UTC))

    def _stream(self, nonce: bytes, text: bytes) -> bytes:
        key = hashlib.shake_256(self._seal_key + nonce).digest(len(text))
        return bytes(a ^ b for a, b in zip(text, key, strict=True))

    def _tag(self, sealed: bytes) -> bytes:
        return hashlib.blake2b(sealed, key=self._tag_key, digest_size=_TAG).digest()
