"""Projects, their settings versions, batches and prompts."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from refine.errors import InputError
from refine.settings import ProjectSettings
from refine.types import PromptIn
from store.ids import make_ulid, now
from store.statements import inserting, without_snapshot
from store.tables import BATCH, CHAIN, MODEL_CALL, PROJECT, PROMPT, RANKING, ROUND, SETTINGS_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProject:
    key: int
    id: str
    name: str
    settings: ProjectSettings
    settings_key: int
    settings_version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrompt:
    key: int
    prompt_key: str
    is_new: bool


_INSERT_PROMPT = inserting(PROMPT, *(column.name for column in PROMPT.columns if column.name != "id"))


@lru_cache(maxsize=256)
def parse_settings(text: str) -> ProjectSettings:
    """Settings as their version's row holds them. Read at every step of every chain, and the same for nearly all."""
    return ProjectSettings.model_validate_json(text)


def find_project(connection: Connection, name: str) -> StoredProject | None:
    row = connection.execute(
        select(
            PROJECT.c.id,
            PROJECT.c.ulid,
            SETTINGS_VERSION.c.id,
            SETTINGS_VERSION.c.version,
            SETTINGS_VERSION.c.settings,
        )
        .join(SETTINGS_VERSION, SETTINGS_VERSION.c.project_id == PROJECT.c.id)
        .where(PROJECT.c.name == name, SETTINGS_VERSION.c.scope == "project")
        .order_by(SETTINGS_VERSION.c.version.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    key, ulid, settings_key, version, settings = row
    return StoredProject(
        key=key,
        id=ulid,
        name=name,
        settings=ProjectSettings.model_validate(settings),
        settings_key=settings_key,
        settings_version=version,
    )


def create_project(connection: Connection, name: str, settings: ProjectSettings) -> StoredProject:
    """The project of that name; when another process made it meanwhile, theirs."""
    existing = find_project(connection, name)
    if existing is not None:
        return existing
    ulid = make_ulid()
    key = _inserted(connection.execute(insert(PROJECT).values(ulid=ulid, name=name, priority=0, created_at=now())))
    settings_key, version = add_settings_version(connection, key, settings)
    return StoredProject(
        key=key, id=ulid, name=name, settings=settings, settings_key=settings_key, settings_version=version
    )


def add_settings_version(
    connection: Connection, project_key: int, settings: ProjectSettings, *, scope: str = "project"
) -> tuple[int, int]:
    """Key and number of the new version."""
    newest = connection.execute(
        select(func.max(SETTINGS_VERSION.c.version)).where(SETTINGS_VERSION.c.project_id == project_key)
    ).scalar_one()
    version = (newest or 0) + 1
    result = connection.execute(
        insert(SETTINGS_VERSION).values(
            project_id=project_key,
            version=version,
            scope=scope,
            settings=settings.model_dump(mode="json"),
            created_at=now(),
        )
    )
    return _inserted(result), version


@without_snapshot
def load_settings(connection: Connection, settings_key: int) -> ProjectSettings:
    row = connection.execute(select(SETTINGS_VERSION.c.settings).where(SETTINGS_VERSION.c.id == settings_key))
    return ProjectSettings.model_validate(row.scalar_one())


def create_batch(
    connection: Connection,
    project: StoredProject,
    *,
    source_file: str,
    source_sha256: str,
    rows: int,
    rows_new: int,
    options: dict[str, Any],
) -> int:
    result = connection.execute(
        insert(BATCH).values(
            ulid=make_ulid(),
            project_id=project.key,
            settings_version_id=project.settings_key,
            source_file=source_file,
            source_sha256=source_sha256,
            rows=rows,
            rows_new=rows_new,
            options=options,
            started_at=now(),
        )
    )
    return _inserted(result)


def finish_batch(connection: Connection, batch_key: int) -> None:
    connection.execute(update(BATCH).where(BATCH.c.id == batch_key).values(ended_at=now()))


def find_prompts(connection: Connection, project_key: int) -> dict[str, tuple[int, str]]:
    """Every prompt of the project: its key in the file -> (row key, SHA-256 of the text)."""
    rows = connection.execute(
        select(PROMPT.c.key, PROMPT.c.id, PROMPT.c.text_sha256).where(PROMPT.c.project_id == project_key)
    )
    return {key: (row_key, sha256) for key, row_key, sha256 in rows}


def add_prompts(
    connection: Connection, project_key: int, rows: Sequence[PromptIn], *, batch_key: int | None
) -> list[StoredPrompt]:
    """The prompts in file order, those already known included. Raises InputError when a known id has another text."""
    known = find_prompts(connection, project_key)
    position = len(known)
    stored: list[StoredPrompt] = []
    at = now()
    for row in rows:
        sha256 = hashlib.sha256(row.prompt.encode()).hexdigest()
        if row.key in known:
            row_key, known_sha256 = known[row.key]
            if known_sha256 != sha256:
                raise InputError(
                    f"prompt id {row.key!r} stands in this project with another text; give the changed prompt a new id"
                    " or start another --project"
                )
            stored.append(StoredPrompt(key=row_key, prompt_key=row.key, is_new=False))
            continue
        row_key = _INSERT_PROMPT.insert(
            connection,
            ulid=make_ulid(),
            project_id=project_key,
            batch_id=batch_key,
            key=row.key,
            text=row.prompt,
            text_sha256=sha256,
            licence=row.licence,
            source=row.source,
            details=row.metadata,
            position=position,
            created_at=at,
        )
        stored.append(StoredPrompt(key=row_key, prompt_key=row.key, is_new=True))
        position += 1
    return stored


def load_prompt(connection: Connection, row_key: int) -> PromptIn:
    row = connection.execute(select(PROMPT).where(PROMPT.c.id == row_key)).one()
    return PromptIn(key=row.key, prompt=row.text, licence=row.licence, source=row.source, metadata=row.details)


def load_settings_versions(
    connection: Connection, project_key: int, versions: Collection[int]
) -> dict[int, dict[str, Any]]:
    rows = connection.execute(
        select(SETTINGS_VERSION.c.version, SETTINGS_VERSION.c.settings).where(
            SETTINGS_VERSION.c.project_id == project_key, SETTINGS_VERSION.c.version.in_(list(versions))
        )
    )
    return {version: settings for version, settings in rows}


def has_results(connection: Connection, project_key: int) -> bool:
    """Whether a model or a labeler has answered anything in this project."""
    of_project = CHAIN.c.project_id == project_key
    replied = select(MODEL_CALL.c.id).join(CHAIN, CHAIN.c.id == MODEL_CALL.c.chain_id)
    ranked = (
        select(RANKING.c.id).join(ROUND, ROUND.c.id == RANKING.c.round_id).join(CHAIN, CHAIN.c.id == ROUND.c.chain_id)
    )
    queries = (replied.where(of_project, MODEL_CALL.c.state == "ok"), ranked.where(of_project))
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)


def list_projects(connection: Connection) -> list[StoredProject]:
    """By name, each under its newest settings."""
    names = connection.execute(select(PROJECT.c.name).order_by(PROJECT.c.name)).scalars().all()
    found = [find_project(connection, name) for name in names]
    return [project for project in found if project is not None]


def _inserted(result: Any) -> int:
    return int(result.inserted_primary_key[0])
