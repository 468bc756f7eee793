"""Which pages a project's chains began and ended with. Only reads."""

from sqlalchemy import Connection, select

from store.tables import CANDIDATE, CHAIN


def list_finals(connection: Connection, project_key: int, *, limit: int) -> list[tuple[int, int]]:
    """(final candidate, first usable draft) of ended chains, spread evenly over the project."""
    keys = list(
        connection.execute(
            select(CHAIN.c.id).where(
                CHAIN.c.project_id == project_key, CHAIN.c.state == "ended", CHAIN.c.incumbent_id.is_not(None)
            )
        ).scalars()
    )
    chosen = keys[:: max(1, len(keys) // limit)][:limit]
    found: list[tuple[int, int]] = []
    for key in chosen:
        first = connection.execute(
            select(CHAIN.c.incumbent_id, CANDIDATE.c.id)
            .join(CANDIDATE, CANDIDATE.c.chain_id == CHAIN.c.id)
            .where(CHAIN.c.id == key, CANDIDATE.c.round == 1, CANDIDATE.c.state == "ok", CANDIDATE.c.kind != "control")
            .order_by(CANDIDATE.c.slot)
            .limit(1)
        ).first()
        if first is not None:
            found.append((first[0], first[1]))
    return found
