"""Web code as data: the identity of a candidate's files, reading them out of a model reply, and pure checks on them."""

from refine.artifact.checks import CheckResult, check_files
from refine.artifact.identity import content_hash, entry_file, size_bytes
from refine.artifact.markup import Tag, iter_tags, visible_text
from refine.artifact.names import is_safe_name
from refine.artifact.reply import ParsedFiles, Problem, parse_files

__all__ = [
    "CheckResult",
    "ParsedFiles",
    "Problem",
    "Tag",
    "check_files",
    "content_hash",
    "entry_file",
    "is_safe_name",
    "iter_tags",
    "parse_files",
    "size_bytes",
    "visible_text",
]
