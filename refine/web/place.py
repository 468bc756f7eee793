"""What the routes share: the desk, where frames live, the tokens of pages, rate limits."""

from dataclasses import dataclass, field

from refine.api.queue import WorkDesk
from refine.delivery import Sites, Tokens
from refine.web.limits import Buckets
from store.database import Database


def _per_session() -> Buckets:
    return Buckets(per_s=8, burst=80)


def _per_address() -> Buckets:
    return Buckets(per_s=0.2, burst=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    desk: WorkDesk
    database: Database
    sites: Sites
    tokens: Tokens
    is_limited: bool = True
    asking: Buckets = field(default_factory=_per_session)
    """Requests of a session."""
    entering: Buckets = field(default_factory=_per_address)
    """Attempts to get in from one address."""

    @property
    def is_https(self) -> bool:
        return self.sites.host.startswith("https://")
