"""What a labeler may look at: candidates of their own assignments."""

from collections.abc import Collection

from refine.types import Files
from store.database import Database
from store.showing import has_pictures, load_shown_files, load_shown_picture


def files_on_show(database: Database, *, labeler: str, assignment: str, candidate: str) -> Files | None:
    """The candidate's files, as they are stored; None where this labeler does not have it on show."""
    return database.read(load_shown_files, labeler=labeler, assignment=assignment, candidate=candidate)


def picture_on_show(database: Database, *, labeler: str, assignment: str, candidate: str) -> tuple[str, bytes] | None:
    """(media type, bytes) of how the candidate looks on a phone; None where there is none, or it is not on show."""
    return database.read(load_shown_picture, labeler=labeler, assignment=assignment, candidate=candidate)


def are_pictured(database: Database, candidates: Collection[str]) -> bool:
    """Whether each of these has such a picture."""
    return database.read(has_pictures, candidates)
