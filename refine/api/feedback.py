"""Feedback handed in as lines: all of it fits and is stored, or none is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refine.errors import FeedbackError
from refine.panel.feedback_file import FeedbackLine, parse_feedback, read_feedback, resolve, submission_key
from store.database import Connection, Database
from store.feedback import find_open_round, has_ranking, lease_assignment, submit_ranking
from store.projects import find_project
from store.rounds import load_round_for_feedback


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    new: int
    known: int
    """Lines that had been stored before."""
    late: int
    """Of the new ones, those for rounds that had all the rankings they wanted: they count from the next verdict on."""


def import_rankings(database: Database, project: str, path: str | Path) -> Stored:
    """Store the lines of a feedback file. Raises InputError or FeedbackError, one line that names file and line."""
    lines = read_feedback(path)
    found = database.read(find_project, project)
    if found is None:
        raise FeedbackError(f"{path}: there is no project {project!r} in {database.path}")
    return database.write_now(store_feedback, found.key, [(f"{path}:{number}", line) for number, line in lines])


def store_feedback(
    connection: Connection, project_key: int, lines: Iterable[tuple[str, FeedbackLine | Mapping[str, Any]]]
) -> Stored:
    """Store (where, line) pairs in one transaction. Raises FeedbackError, beginning with `where`, and stores none."""
    new = known = late = 0
    for where, given in lines:
        line = given if isinstance(given, FeedbackLine) else _parse(given, where)
        number = None if line.round == "audit" else int(line.round)
        found = find_open_round(
            connection, project_key=project_key, prompt_key=line.prompt_id, number=number, chain=line.chain
        )
        if found is None:
            raise FeedbackError(
                f"{where}: prompt {line.prompt_id!r} has no round {line.round} in this project yet; import the line"
                " when it has"
            )
        key = submission_key(line, found[0])
        if has_ranking(connection, key):
            known += 1
            continue
        try:
            ranking = resolve(line, load_round_for_feedback(connection, found[1]))
            assignment = lease_assignment(
                connection, round_id=found[0], labeler=line.labeler, made_by=line.made_by, is_done=True
            )
            if assignment is None:
                raise FeedbackError(_refusal(line))
            submit_ranking(
                connection,
                assignment_id=assignment.id,
                ranking=ranking,
                made_by=line.made_by,
                key=key,
                active_s=line.active_s,
            )
        except FeedbackError as error:
            raise FeedbackError(f"{where}: {error}") from error
        new += 1
        late += found[2] != "open"
    return Stored(new=new, known=known, late=late)


def _parse(given: Mapping[str, Any], where: str) -> FeedbackLine:
    if not isinstance(given, Mapping):
        raise FeedbackError(f"{where}: a feedback line is a mapping of fields to values, not {type(given).__name__}")
    return parse_feedback(dict(given), where)


def _refusal(line: FeedbackLine) -> str:
    if line.round == "audit":
        return (
            f"labeler {line.labeler!r} has seen this chain, or ranked its audit round, already; audit rounds are for"
            " labelers new to the chain"
        )
    return f"labeler {line.labeler!r} has ranked round {line.round} of prompt {line.prompt_id!r} already"
