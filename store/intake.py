"""Ordering chains: prompts, the pages that came with them, and one chain for each, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from refine.artifact import content_hash
from refine.types import PromptIn
from store.candidates import add_candidate
from store.chains import chains_of_prompts, create_chain
from store.projects import StoredProject, StoredPrompt, add_prompts
from store.tables import CHAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    chains: tuple[str, ...]
    """Public ids in the order of the prompts."""
    new: int


def order_chains(
    connection: Connection,
    project: StoredProject,
    rows: Sequence[PromptIn],
    *,
    batch_key: int | None,
    priority: int = 0,
) -> Ordered:
    """The chain of each prompt, made where there is none. Raises InputError, storing nothing, for a known id with
    another text."""
    prompts = add_prompts(connection, project.key, rows, batch_key=batch_key)
    chains = chains_of_prompts(connection, {prompt.key for prompt in prompts})
    new = 0
    is_demo = project.settings.is_demo
    for row, prompt in zip(rows, prompts, strict=True):
        if prompt.key in chains:
            continue
        chains[prompt.key] = create_chain(
            connection,
            project,
            prompt_row=prompt.key,
            prompt_key=prompt.prompt_key,
            batch_key=batch_key,
            is_demo=is_demo,
            priority=priority,
        )
        new += 1
        _add_given(connection, chains[prompt.key], row)
    return Ordered(chains=_ulids(connection, prompts, chains), new=new)


def _add_given(connection: Connection, chain_key: int, row: PromptIn) -> None:
    """The pages that came with the prompt are the candidates of round one."""
    for slot, given in enumerate(row.candidates):
        add_candidate(
            connection,
            chain_key,
            round=1,
            slot=slot,
            kind="given",
            files=given.files,
            content_sha256=content_hash(given.files),
            given_id=given.id,
            generator=given.model,
            how="given",
        )


def _ulids(connection: Connection, prompts: Sequence[StoredPrompt], chains: dict[int, int]) -> tuple[str, ...]:
    keys = [chains[prompt.key] for prompt in prompts]
    found: dict[int, str] = {}
    for start in range(0, len(keys), 500):
        rows = connection.execute(select(CHAIN.c.id, CHAIN.c.ulid).where(CHAIN.c.id.in_(keys[start : start + 500])))
        found.update((key, ulid) for key, ulid in rows)
    return tuple(found[key] for key in keys)
