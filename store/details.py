"""What a labeler hands in beside groups and critiques, and rankings that were replaced by newer ones.

`ranking` and `critique` hold what counts now. What a newer ranking of the same assignment replaced is kept whole in
`ranking_history`; its texts stay in `words`, where erasing a person finds them.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from refine.errors import FeedbackError
from refine.types import CritiqueIn, MadeBy, RankingIn
from store.ids import make_ulid, now
from store.snapshots import drop_blobs
from store.statements import Statement, inserting
from store.tables import CRITIQUE, RANKING, ROUND, WORDS
from store.work_tables import RANKING_DETAIL, RANKING_HISTORY

_INSERT_WORDS = inserting(WORDS, "ulid", "labeler_id", "text", "salt", "sha256")
_LATER = {"id", "crop_id"}
_INSERT_CRITIQUE = inserting(CRITIQUE, *(column.name for column in CRITIQUE.columns if column.name not in _LATER))
_INSERT_DETAIL = inserting(RANKING_DETAIL, *(column.name for column in RANKING_DETAIL.columns if column.name != "id"))
_OWN_CRITIQUE = Statement(
    select(CRITIQUE.c.id)
    .join(RANKING, RANKING.c.id == CRITIQUE.c.ranking_id)
    .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
    .where(
        CRITIQUE.c.ulid == bindparam("wanted"),
        RANKING.c.labeler_id == bindparam("labeler_key"),
        ROUND.c.chain_id == bindparam("chain_key"),
        CRITIQUE.c.round_id != bindparam("round_key"),
    )
)


def add_words(connection: Connection, labeler_key: int, text: str) -> int:
    """Store a person's words; the key of the row."""
    salt = secrets.token_hex(16)
    return _INSERT_WORDS.insert(
        connection,
        ulid=make_ulid(),
        labeler_id=labeler_key,
        text=text,
        salt=salt,
        sha256=hashlib.sha256((salt + text).encode("utf-8", "surrogatepass")).hexdigest(),
    )


def add_critique(
    connection: Connection,
    critique: CritiqueIn,
    *,
    ranking_key: int,
    round_key: int,
    candidate_key: int,
    labeler_key: int,
    made_by: MadeBy,
    snapshot_key: int | None = None,
) -> None:
    _INSERT_CRITIQUE.insert(
        connection,
        ulid=make_ulid(),
        ranking_id=ranking_key,
        round_id=round_key,
        candidate_id=candidate_key,
        words_id=add_words(connection, labeler_key, critique.text),
        anchor=None if critique.anchor is None else critique.anchor.model_dump(mode="json"),
        made_by=made_by,
        created_at=now(),
        aim=critique.aim,
        category=critique.category,
        severity=critique.severity,
        snapshot_id=snapshot_key,
    )


def check_details(
    connection: Connection,
    ranking: RankingIn,
    keys: Mapping[str, int],
    *,
    criteria: tuple[str, ...],
    labeler_key: int,
    chain_key: int,
    round_key: int,
) -> None:
    """Raise FeedbackError for details that do not fit round, project or labeler."""
    for name in ranking.reasons:
        if name not in ranking.unjudgeable:
            raise FeedbackError(f"a reason is given for candidate {name!r}, which is not among those not judged")
    for name in ranking.tried:
        if name not in keys:
            raise FeedbackError(f"candidate {name!r} was tried, but is not in this round")
    for criterion, groups in ranking.criteria.items():
        if criterion not in criteria:
            raise FeedbackError(
                f"criterion {criterion!r} is none of this project; it has {', '.join(criteria) or 'none'}"
            )
        named = [name for group in groups for name in group]
        if not named or len(set(named)) < len(named) or not set(named) <= keys.keys():
            raise FeedbackError(f"criterion {criterion!r} should name candidates of this round, each once")
    for critique in ranking.follow_ups:
        known = _OWN_CRITIQUE.first(
            connection, wanted=critique, labeler_key=labeler_key, chain_key=chain_key, round_key=round_key
        )
        if known is None:
            raise FeedbackError(
                f"critique {critique!r} is none that this labeler made of this page in an earlier round"
            )


def add_details(
    connection: Connection, ranking: RankingIn, keys: Mapping[str, int], *, ranking_key: int, labeler_key: int
) -> None:
    """Store what `check_details` let pass; nothing where there is nothing."""
    if not ranking.has_details:
        return
    _INSERT_DETAIL.insert(
        connection,
        ranking_id=ranking_key,
        why_words_id=add_words(connection, labeler_key, ranking.why) if ranking.why else None,
        reasons={str(keys[name]): text for name, text in ranking.reasons.items()},
        criteria={
            criterion: [[keys[name] for name in group] for group in groups]
            for criterion, groups in ranking.criteria.items()
        },
        follow_ups=dict(ranking.follow_ups),
        tried={str(keys[name]): list(it) for name, it in ranking.tried.items()} or None,
    )


def archive_ranking(connection: Connection, ranking_key: int) -> None:
    """Move what is stored of the ranking into its history: the row stays, to be given its new content."""
    row = connection.execute(select(RANKING).where(RANKING.c.id == ranking_key)).one()
    critiques = connection.execute(
        select(CRITIQUE, WORDS.c.ulid.label("words"))
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .where(CRITIQUE.c.ranking_id == ranking_key)
        .order_by(CRITIQUE.c.id)
    ).all()
    detail = connection.execute(
        select(RANKING_DETAIL, WORDS.c.ulid.label("words"))
        .outerjoin(WORDS, WORDS.c.id == RANKING_DETAIL.c.why_words_id)
        .where(RANKING_DETAIL.c.ranking_id == ranking_key)
    ).first()
    record: dict[str, Any] = {
        "groups": row.groups,
        "unjudgeable": row.unjudgeable,
        "critiques": [
            {
                "id": each.ulid,
                "candidate": each.candidate_id,
                "words": each.words,
                "anchor": each.anchor,
                "aim": each.aim,
                "category": each.category,
                "severity": each.severity,
                "snapshot": each.snapshot_id,
            }
            for each in critiques
        ],
        "why": None if detail is None else detail.words,
        "reasons": {} if detail is None else detail.reasons,
        "criteria": {} if detail is None else detail.criteria,
        "follow_ups": {} if detail is None else detail.follow_ups,
        "tried": None if detail is None else detail.tried,
    }
    connection.execute(
        RANKING_HISTORY.insert().values(
            ulid=row.ulid,
            ranking_id=ranking_key,
            labeler_id=row.labeler_id,
            key=row.key,
            record=record,
            created_at=row.created_at,
            superseded_at=now(),
        )
    )
    connection.execute(delete(CRITIQUE).where(CRITIQUE.c.ranking_id == ranking_key))
    # Drawn from the snapshot, which stays: erasing a person could not find the picture without its critique.
    drop_blobs(connection, [each.crop_id for each in critiques if each.crop_id is not None])
    connection.execute(delete(RANKING_DETAIL).where(RANKING_DETAIL.c.ranking_id == ranking_key))


def load_details(connection: Connection, chain_key: int, names: Mapping[int, str]) -> dict[int, dict[str, Any]]:
    """Ranking key -> what came with it beside groups and critiques, with public ids; only where something did."""
    rows = connection.execute(
        select(RANKING_DETAIL, WORDS.c.text)
        .join(RANKING, RANKING.c.id == RANKING_DETAIL.c.ranking_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .outerjoin(WORDS, WORDS.c.id == RANKING_DETAIL.c.why_words_id)
        .where(ROUND.c.chain_id == chain_key)
    )
    return {
        row.ranking_id: {
            "why": row.text,
            "reasons": {names[int(key)]: text for key, text in row.reasons.items()},
            "criteria": {name: _name_groups(groups, names) for name, groups in row.criteria.items()},
            "follow_ups": row.follow_ups,
        }
        for row in rows
    }


def load_replaced(connection: Connection, chain_key: int, names: Mapping[int, str]) -> dict[int, list[dict[str, Any]]]:
    """Ranking key -> what its labeler had handed in before, oldest first, with public ids and verbatim texts."""
    rows = connection.execute(
        select(RANKING_HISTORY)
        .join(RANKING, RANKING.c.id == RANKING_HISTORY.c.ranking_id)
        .join(ROUND, ROUND.c.id == RANKING.c.round_id)
        .where(ROUND.c.chain_id == chain_key)
        .order_by(RANKING_HISTORY.c.id)
    ).all()
    wanted = [critique["words"] for row in rows for critique in row.record["critiques"]]
    texts: dict[str, str | None] = {}
    for start in range(0, len(wanted), 500):
        query = select(WORDS.c.ulid, WORDS.c.text).where(WORDS.c.ulid.in_(wanted[start : start + 500]))
        texts.update((ulid, text) for ulid, text in connection.execute(query))
    replaced: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        replaced.setdefault(row.ranking_id, []).append(
            {
                "id": row.ulid,
                "groups": _name_groups(row.record["groups"], names),
                "unjudgeable": tuple(names[key] for key in row.record["unjudgeable"]),
                "critiques": [
                    {
                        **{name: value for name, value in critique.items() if name not in ("words", "snapshot")},
                        "candidate": names[critique["candidate"]],
                        "text": texts[critique["words"]],
                    }
                    for critique in row.record["critiques"]
                ],
                "created_at": row.created_at,
                "replaced_at": row.superseded_at,
            }
        )
    return replaced


def _name_groups(groups: list[list[int]], names: Mapping[int, str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names[key] for key in group) for group in groups)


def erase_details(connection: Connection, labeler_key: int) -> None:
    """Remove what this labeler drew, pinned and gave as reasons, also from rankings since replaced. Words are erased
    where they stand."""
    own = select(RANKING.c.id).where(RANKING.c.labeler_id == labeler_key)
    connection.execute(CRITIQUE.update().where(CRITIQUE.c.ranking_id.in_(own)).values(anchor=None))
    connection.execute(RANKING_DETAIL.update().where(RANKING_DETAIL.c.ranking_id.in_(own)).values(reasons={}))
    rows = connection.execute(
        select(RANKING_HISTORY.c.id, RANKING_HISTORY.c.record).where(RANKING_HISTORY.c.labeler_id == labeler_key)
    ).all()
    for key, record in rows:
        kept = {
            **record,
            "reasons": {},
            "critiques": [{**critique, "anchor": None, "snapshot": None} for critique in record["critiques"]],
        }
        connection.execute(RANKING_HISTORY.update().where(RANKING_HISTORY.c.id == key).values(record=kept))
