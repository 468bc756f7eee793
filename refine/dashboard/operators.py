"""Who may act: the operator's key, and how often it may be guessed. Without a key, whoever uses this machine may."""

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from refine.errors import AccessDenied, InputError

KEY = "REFINE_OPERATOR_KEY"
KEY_FILE = "REFINE_OPERATOR_KEY_FILE"
_SHORTEST, _LONGEST = 16, 1024
"""Characters of a key."""
_FREE_TRIES = 5
_LONGEST_WAIT_S = 60.0
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """Only its hash is kept."""

    digest: bytes = field(repr=False)

    def is_opened_by(self, text: str) -> bool:
        """In the same time whatever the text."""
        return hmac.compare_digest(self.digest, _hash(text))


def find_key(environ: Mapping[str, str]) -> OperatorKey | None:
    """The key that acting needs, from REFINE_OPERATOR_KEY or the file that REFINE_OPERATOR_KEY_FILE names; None where
    neither is set. Raises InputError, which never quotes the key, for one that cannot be used."""
    given, file = environ.get(KEY), environ.get(KEY_FILE)
    if given is not None and file:
        raise InputError(f"{KEY} and {KEY_FILE} (or --operator-key-file) are both given; keep one of them")
    if file:
        return _parse_key(_read(Path(file)), f"{file}")
    return None if given is None else _parse_key(given, KEY)


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(4 * _LONGEST)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: the operator key cannot be read ({why})") from error


def _parse_key(text: str, where: str) -> OperatorKey:
    key = text.strip()
    if len(key.splitlines()) > 1 or not _SHORTEST <= len(key) <= _LONGEST:
        raise InputError(
            f"{where}: an operator key is one line of {_SHORTEST} to {_LONGEST} characters; one is made by"
            " `openssl rand -hex 32`"
        )
    return OperatorKey(_hash(key))


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).digest()


def is_local_use(headers: Mapping[str, str]) -> bool:
    """Whether a browser on this machine asks directly: a proxy may let in anybody. Names of headers in lower case.

    A proxy may say nothing of itself and ask by our own name; the page's origin, which a browser adds, is then another.
    """
    if any(headers.get(name) for name in _FORWARDED):
        return False
    origin = headers.get("origin")
    return _is_local(headers.get("host", "localhost")) and (origin is None or _is_local(urlsplit(origin).netloc))


def _is_local(netloc: str) -> bool:
    name = netloc.lower()
    return (name if name.endswith("]") else name.rpartition(":")[0] or name) in _LOCAL_HOSTS


class Guard:
    """Lets a few wrong keys pass, then makes everybody wait, longer after each, up to a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong = 0
        self._not_before = 0.0

    def check(self, key: OperatorKey, text: str) -> None:
        """Raises AccessDenied for another key, and for any key while one has to wait."""
        with self._lock:
            now = self._clock()
            if now < self._not_before:
                raise AccessDenied(f"Too many wrong keys; try again in {self._not_before - now:.0f} s.")
            if key.is_opened_by(text[: 2 * _LONGEST]):
                self._wrong = 0
                return
            self._wrong += 1
            if self._wrong >= _FREE_TRIES:
                self._not_before = now + min(2.0 ** (self._wrong - _FREE_TRIES), _LONGEST_WAIT_S)
            raise AccessDenied("This is not the operator key.")
