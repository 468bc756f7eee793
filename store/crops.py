"""Which critiques have a crop: a picture of what stood under their pin."""

from sqlalchemy import Connection, bindparam, select

from store.statements import Statement
from store.tables import CANDIDATE, CRITIQUE

_OF_CHAIN = Statement(
    select(CRITIQUE.c.ulid)
    .join(CANDIDATE, CANDIDATE.c.id == CRITIQUE.c.candidate_id)
    .where(CANDIDATE.c.chain_id == bindparam("of_chain"), CRITIQUE.c.crop_id.is_not(None))
)


def find_crops(connection: Connection, chain_key: int) -> frozenset[str]:
    """Public ids of the chain's critiques that have one."""
    return frozenset(row.ulid for row in _OF_CHAIN.all(connection, of_chain=chain_key))
