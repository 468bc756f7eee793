"""What a labeler may look at: candidates of their own assignments."""

from refine.types import Files
from store.database import Database
from store.showing import load_shown_files


def files_on_show(database: Database, *, labeler: str, assignment: str, candidate: str) -> Files | None:
    """The candidate's files, as they are stored; None where this labeler does not have it on show."""
    return database.read(load_shown_files, labeler=labeler, assignment=assignment, candidate=candidate)
