"""Where frames live: a hostname for each candidate, or paths of one hostname where there is only one."""

import base64
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from refine.errors import InputError

FRAME_PATH = "/frame"
_LABEL = re.compile(r"c-[a-z2-7]{20}")


def label_of(token: str) -> str:
    """A DNS label for a token's candidate. It tells nothing of the token, and two tokens never share one."""
    digest = hashlib.blake2b(token.encode(), digest_size=16, person=b"refine-label").digest()
    return "c-" + base64.b32encode(digest).decode().lower()[:20]


@dataclass(frozen=True, slots=True)
class Sites:
    """Where the page around the frames is, and where its frames are.

    `host` is the origin people open, e.g. `http://localhost:8000`. `frames` is an origin with `{label}` in its
    hostname, e.g. `http://{label}.localhost:8000` or `https://{label}.pages.example`, on another site than `host`
    (wildcard DNS and certificate); None keeps frames on `host` itself, which weakens what docs/delivery.md lists.
    """

    host: str
    frames: str | None = None
    prefix: str = "/delivery"
    """Where the routes of delivery are mounted on `host`."""

    def __post_init__(self) -> None:
        _check_origin(self.host)
        if self.frames is not None:
            if not re.match(r"https?://\{label\}\.", self.frames) or self.frames.count("{") != 1:
                raise InputError(f"{self.frames!r} is no origin for frames; one is http://{{label}}.localhost:8000")
            _check_origin(self.frames.replace("{label}", "c-x"))

    @property
    def is_one_host(self) -> bool:
        return self.frames is None

    def frame_url(self, token: str) -> str:
        """The document of a candidate's frame. It holds nothing of the candidate."""
        return self.frame_url_of(label_of(token))

    def frame_url_of(self, label: str) -> str:
        if self.frames is None:
            return f"{self.host}{self.prefix}{FRAME_PATH}/{label}"
        return self.frames.replace("{label}", label) + FRAME_PATH

    def page_path(self, token: str) -> str:
        """Where the page around the frame gets the candidate's files, on its own origin."""
        return f"{self.prefix}/page/{token}"

    def is_frame_host(self, host_header: str) -> bool:
        """Whether a request's Host is that of a frame."""
        if self.frames is None:
            return False
        label, _, rest = host_header.lower().partition(".")
        return bool(_LABEL.fullmatch(label)) and rest == urlsplit(self.frames).netloc.lower().partition(".")[2]


def is_label(text: str) -> bool:
    return bool(_LABEL.fullmatch(text))


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or origin != f"{parts.scheme}://{parts.netloc}":
        raise InputError(f"{origin!r} is no origin; one is http://localhost:8000, without a path")
