"""What a labeler did, and what of it is paid."""

from typing import Any, Literal

from sqlalchemy import Connection, select

from refine.errors import InputError
from refine.types import LabelerStatement, StatementLine
from store.tables import ASSIGNMENT, CHAIN, LABELER, PROJECT, ROUND

_DONE = ("finished", "reported")


def load_statement(
    connection: Connection, labeler: str, *, project: str | None = None, limit: int = 200
) -> LabelerStatement:
    """Of the labeler with this public id, over all projects or one. `limit` bounds the lines, not the sums.

    Work is accepted when its round has its verdict or ended without one, and when its page was reported; before that it
    is pending. Not paid is what was skipped and what has no pay rate or no time on record. Work in hand is no line yet,
    and copies that a fork took over are none.
    """
    key = connection.execute(select(LABELER.c.id).where(LABELER.c.ulid == labeler)).scalar_one_or_none()
    if key is None:
        raise InputError(f"there is no labeler {labeler!r}")
    query = (
        select(
            ASSIGNMENT.c.ulid,
            ASSIGNMENT.c.state,
            ASSIGNMENT.c.lease_expires_at,
            ASSIGNMENT.c.finished_at,
            ASSIGNMENT.c.active_s,
            ASSIGNMENT.c.pay_rate_usd_hour,
            ASSIGNMENT.c.cost_usd,
            ROUND.c.state.label("round_state"),
            ROUND.c.number,
            CHAIN.c.fork_round,
            PROJECT.c.name.label("project"),
        )
        .join(ROUND, ROUND.c.id == ASSIGNMENT.c.round_id)
        .join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
        .join(PROJECT, PROJECT.c.id == CHAIN.c.project_id)
        .where(ASSIGNMENT.c.labeler_id == key)
        .order_by(ASSIGNMENT.c.id.desc())
    )
    if project is not None:
        query = query.where(PROJECT.c.name == project)
    lines: list[StatementLine] = []
    counts = {"accepted": 0, "pending": 0, "finished": 0}
    amounts = {"accepted": 0.0, "pending": 0.0}
    not_paid: dict[str, int] = {}
    seconds = 0.0
    for row in connection.execute(query):
        is_copy = row.fork_round is not None and row.number <= row.fork_round
        if row.state == "leased" or is_copy:
            continue  # in hand or lapsed: nothing was done yet; a copy is on the line of the work it was copied from
        why = _why_not_paid(row)
        standing = _standing(row)
        if row.state in _DONE:
            counts["finished"] += 1
            seconds += row.active_s or 0.0
        if why:
            not_paid[why] = not_paid.get(why, 0) + 1
        else:
            counts[standing] += 1
            amounts[standing] += row.cost_usd
        if len(lines) < limit:
            lines.append(
                StatementLine(
                    assignment=row.ulid,
                    project=row.project,
                    state="not_paid" if why else standing,
                    why=why,
                    finished_at=row.finished_at,
                    minutes=None if row.active_s is None else row.active_s / 60,
                    amount_usd=None if why else row.cost_usd,
                    is_handed_in=row.state == "finished",
                )
            )
    return LabelerStatement(
        labeler=labeler,
        finished=counts["finished"],
        accepted=counts["accepted"],
        pending=counts["pending"],
        not_paid=not_paid,
        minutes=seconds / 60,
        amount_usd=amounts["accepted"],
        pending_usd=amounts["pending"],
        lines=tuple(lines),
    )


def _why_not_paid(row: Any) -> str:
    """Empty where it is paid, or may yet be."""
    if row.state == "skipped":
        return "skipped"
    if row.pay_rate_usd_hour is None:
        return "no pay rate was set"
    if row.cost_usd is None:
        return "no time on it is known"
    return ""


def _standing(row: Any) -> Literal["accepted", "pending"]:
    is_settled = row.state == "reported" or row.round_state in ("judged", "closed")
    return "accepted" if is_settled else "pending"
