"""Chains as TRL's conversational messages: a prompt, and a candidate as a model would have written it.

Columns as in TRL's dataset formats (https://huggingface.co/docs/trl/dataset_formats).
"""

import re

from refine.export.records import ExportChain
from refine.types import Files

Turn = dict[str, str]
_LANGUAGES = {"html": "html", "htm": "html", "css": "css", "js": "javascript", "mjs": "javascript", "json": "json"}
_TICKS = re.compile(r"`{3,}")


def prompt_turns(chain: ExportChain) -> list[Turn]:
    return [{"role": "user", "content": chain.prompt}]


def candidate_turns(files: Files) -> list[Turn]:
    return [{"role": "assistant", "content": fence_files(files)}]


def fence_files(files: Files) -> str:
    """The files as a reply to the draft template has them: each in a fence, its name after the language.

    A fence is longer than any run of backticks in its file; a file that does not end its last line is given an end.
    """
    return "\n\n".join(_fenced(file.filename, file.content) for file in files)


def _fenced(filename: str, content: str) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(content)), default=2)
    fence = "`" * (longest + 1)
    language = _LANGUAGES.get(filename.rsplit(".", 1)[-1].lower(), "text")
    end = "" if content.endswith("\n") else "\n"
    return f"{fence}{language} {filename}\n{content}{end}{fence}"
