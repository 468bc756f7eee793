"""What a labeler handed in, read back: their ranking as it came, and their critiques of earlier rounds."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, select

from refine.errors import AccessDenied
from refine.types import Anchor, CritiqueIn, OwnCritique, RankingIn
from store.tables import ASSIGNMENT, BLOB, CANDIDATE, CRITIQUE, LABELER, RANKING, ROUND, WORDS
from store.work_tables import RANKING_DETAIL

_ANCHOR: TypeAdapter[Any] = TypeAdapter(Anchor)


def load_handed_in(connection: Connection, assignment_key: int) -> RankingIn | None:
    """The ranking that counts for the assignment; words that were erased are left out."""
    row = connection.execute(
        select(
            *(RANKING, RANKING_DETAIL.c.reasons, RANKING_DETAIL.c.criteria, RANKING_DETAIL.c.follow_ups),
            *(RANKING_DETAIL.c.tried, WORDS.c.text),
        )
        .outerjoin(RANKING_DETAIL, RANKING_DETAIL.c.ranking_id == RANKING.c.id)
        .outerjoin(WORDS, WORDS.c.id == RANKING_DETAIL.c.why_words_id)
        .where(RANKING.c.assignment_id == assignment_key)
    ).first()
    if row is None:
        return None
    of_round = select(ROUND.c.chain_id).where(ROUND.c.id == row.round_id).scalar_subquery()
    names: dict[int, str] = {
        key: ulid
        for key, ulid in connection.execute(
            select(CANDIDATE.c.id, CANDIDATE.c.ulid).where(CANDIDATE.c.chain_id == of_round)
        )
    }
    critiques = connection.execute(
        select(CRITIQUE, WORDS.c.text, BLOB.c.sha256.label("snapshot"))
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .outerjoin(BLOB, BLOB.c.id == CRITIQUE.c.snapshot_id)
        .where(CRITIQUE.c.ranking_id == row.id, WORDS.c.text.is_not(None))
        .order_by(CRITIQUE.c.id)
    )
    return RankingIn(
        groups=tuple(tuple(names[key] for key in group) for group in row.groups),
        unjudgeable=tuple(names[key] for key in row.unjudgeable),
        critiques=tuple(
            CritiqueIn(
                candidate=names[each.candidate_id],
                text=each.text,
                anchor=None if each.anchor is None else _ANCHOR.validate_python(each.anchor),
                aim=each.aim,
                category=each.category,
                severity=each.severity,
                snapshot=each.snapshot,
            )
            for each in critiques
        ),
        reasons={names[int(key)]: text for key, text in (row.reasons or {}).items()},
        why=row.text,
        criteria={
            criterion: tuple(tuple(names[key] for key in group) for group in groups)
            for criterion, groups in (row.criteria or {}).items()
        },
        follow_ups=row.follow_ups or {},
        tried={names[int(key)]: it for key, it in (row.tried or {}).items()},
    )


def load_own_critiques(connection: Connection, *, labeler: str, assignment: str) -> list[OwnCritique]:
    """The labeler's critiques of earlier rounds about what the assignment's candidates are or were made from, oldest
    first. To be shown after they have ranked: it tells which candidate came from which."""
    found = connection.execute(
        select(ASSIGNMENT.c.shown, ASSIGNMENT.c.labeler_id, ROUND.c.chain_id, ROUND.c.kind, ROUND.c.number)
        .join(LABELER, LABELER.c.id == ASSIGNMENT.c.labeler_id)
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .where(ASSIGNMENT.c.ulid == assignment, LABELER.c.ulid == labeler)
    ).first()
    if found is None:
        raise AccessDenied("this labeler has no such assignment")
    if found.kind == "audit":
        return []
    return _own_critiques(connection, found)


def _own_critiques(connection: Connection, found: Any) -> list[OwnCritique]:
    rows = connection.execute(
        select(CRITIQUE.c.ulid, CRITIQUE.c.candidate_id, CRITIQUE.c.anchor, WORDS.c.text, ROUND.c.number)
        .join(RANKING, RANKING.c.id == CRITIQUE.c.ranking_id)
        .join(ROUND, ROUND.c.id == CRITIQUE.c.round_id)
        .join(WORDS, WORDS.c.id == CRITIQUE.c.words_id)
        .where(
            ROUND.c.chain_id == found.chain_id,
            ROUND.c.kind == "normal",
            ROUND.c.number < found.number,
            RANKING.c.labeler_id == found.labeler_id,
            WORDS.c.text.is_not(None),
        )
        .order_by(CRITIQUE.c.id)
    ).all()
    if not rows:
        return []
    made = connection.execute(
        select(CANDIDATE.c.id, CANDIDATE.c.ulid, CANDIDATE.c.parent_id).where(CANDIDATE.c.chain_id == found.chain_id)
    ).all()
    names = {row.id: row.ulid for row in made}
    parents = {row.id: row.parent_id for row in made}
    came_from: dict[int, list[str]] = {}
    for key in sorted(found.shown):  # a control descends from what its original does, and from it
        ancestor: int | None = key
        while ancestor is not None:
            came_from.setdefault(ancestor, []).append(names[key])
            ancestor = parents.get(ancestor)
    return [
        OwnCritique(
            id=row.ulid,
            round=row.number,
            candidate=names[row.candidate_id],
            descendants=tuple(came_from[row.candidate_id]),
            text=row.text,
            anchor=row.anchor,
        )
        for row in rows
        if row.candidate_id in came_from
    ]
