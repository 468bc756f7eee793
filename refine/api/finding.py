"""Finding chains among many: a page at a time, in the order asked for."""

from dataclasses import dataclass

import numpy as np

from refine.api.overview import find_project_key
from refine.api.tally import Keys, Tally
from refine.errors import InputError
from refine.ranking.audit import in_chain_estimate
from store import dashboards
from store.dashboards import ChainFilter, ListedChain, Sort
from store.database import Connection, Database

__all__ = ["ChainFilter", "ChainPage", "FoundChain", "Sort", "find_chains", "find_ids"]

PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChain:
    chain: ListedChain
    p_final_better: float | None
    """P(its incumbent's rating is above its first candidate's), by its newest verdict: from the rankings that chose
    the incumbent, so optimistic. None without a verdict, or where it no longer knows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainPage:
    chains: tuple[FoundChain, ...]
    after: str | None
    """What to hand in for the following page; None where there is none."""
    fits: int | None = None
    """How many chains fit in all; None while that is not known."""


def find_chains(
    database: Database,
    wanted: ChainFilter,
    *,
    sort: Sort = "newest",
    after: str | None = None,
    limit: int = PAGE,
    tally: Tally | None = None,
) -> ChainPage:
    """A page of the chains that fit. Without a tally one is made. With one that is not complete, chains come by age
    and are not chosen by cost or gain. Raises InputError for an `after` that no page gave, and for an unknown project.
    """
    if tally is None:
        tally = Tally(database)
        tally.catch_up()
    place = None if after is None else _parse_after(after)
    if not tally.is_complete:
        return database.read(_find_by_age, wanted, sort != "oldest", None if place is None else place[1], limit)
    keys, values = _find(database, tally, wanted, sort)
    fits = len(keys)
    if place is not None:
        known = database.read(dashboards.find_keys, [place[1]]).get(place[1])
        if known is None:
            raise InputError(f"{place[1][:60]!r} is no place in the list; begin at its first page")
        following = (values < place[0]) | ((values == place[0]) & (keys < known))
        keys, values = keys[following], values[following]
    shown = database.read(_list, keys[:limit].tolist())
    more = None
    if len(keys) > limit and shown:
        more = f"{int(values[limit - 1])}:{shown[-1].chain.id}"
    return ChainPage(chains=shown, after=more, fits=fits)


def find_ids(
    database: Database, wanted: ChainFilter, *, sort: Sort = "newest", limit: int, tally: Tally
) -> tuple[str, ...]:
    """Ids of the first chains that fit. Raises InputError while the tally is not complete."""
    if not tally.is_complete:
        raise InputError("the chains are still being counted; try again in a moment")
    keys, _ = _find(database, tally, wanted, sort)
    return tuple(database.read(dashboards.list_ids, keys[:limit].tolist()))


def _find(database: Database, tally: Tally, wanted: ChainFilter, sort: Sort) -> tuple[Keys, Keys]:
    """Keys of the chains that fit, and what they are ordered by, in order."""
    project = None if wanted.project is None else find_project_key(database, wanted.project)
    with_text = None if wanted.text is None else database.read(dashboards.find_by_text, wanted.text)
    with tally.lock:
        keys = tally.find(wanted, project)
        if with_text is not None:
            keys = keys[np.isin(keys, np.array(with_text, dtype=np.int64))]
        values = tally.sort_values(keys, sort)
    order = np.lexsort((-keys, -values))
    return keys[order], values[order]


def _find_by_age(
    connection: Connection, wanted: ChainFilter, is_newest_first: bool, after: str | None, limit: int
) -> ChainPage:
    found = dashboards.page_chains(connection, wanted, is_newest_first=is_newest_first, after=after, limit=limit + 1)
    shown = found[:limit]
    return ChainPage(
        chains=tuple(FoundChain(chain=each, p_final_better=_gain(connection, each)) for each in shown),
        after=f"0:{shown[-1].id}" if len(found) > limit else None,
    )


def _list(connection: Connection, keys: list[int]) -> tuple[FoundChain, ...]:
    return tuple(
        FoundChain(chain=each, p_final_better=_gain(connection, each))
        for each in dashboards.list_by_key(connection, keys)
    )


def _gain(connection: Connection, chain: ListedChain) -> float | None:
    if chain.improved_in is None:
        return None
    verdict = dashboards.load_last_verdict(connection, chain.key)
    return None if verdict is None else in_chain_estimate([verdict]).p_final_better


def _parse_after(text: str) -> tuple[int, str]:
    value, _, ulid = text.partition(":")
    try:
        return int(value), ulid
    except ValueError as error:
        raise InputError(f"{text[:60]!r} is no place in the list; begin at its first page") from error
