"""The panel whose feedback stands in a file: rounds without lines wait; append some and go on."""

import asyncio
from collections.abc import Set
from pathlib import Path

from refine.errors import FeedbackError
from refine.panel.feedback_file import FeedbackLine, read_feedback, resolve, submission_key
from refine.panel.lines import quote
from refine.protocols import FeedbackDesk
from refine.types import OpenRound, RankingIn


class ImportPanel:
    """Hands in the lines of a feedback file.

    The file is read when the panel is made (InputError when it cannot be) and again whenever it has changed.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = asyncio.Lock()
        self._lines: dict[tuple[str, int | str], list[tuple[int, FeedbackLine]]] = {}
        self._seen: tuple[int, int, int] | None = None
        self._noticed: tuple[int, int, int] | None = None
        self._read(is_growing=False)

    def validate(self, prompt_keys: Set[str]) -> None:
        """Raise FeedbackError for the first line about a prompt that the project does not have."""
        unknown = [lines[0][0] for (key, _), lines in self._lines.items() if key not in prompt_keys]
        if not unknown:
            return
        number = min(unknown)
        name = next(key for (key, _), lines in self._lines.items() if lines[0][0] == number)
        raise FeedbackError(
            f"{self.path}:{number}: the project has no prompt {quote(name)}; use the id in the prompts file, or the "
            "first 16 hex digits of the prompt's SHA-256"
        )

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        """Hand in every line of the round for which the desk gives a lease, also beyond the number wanted.

        Lines handed in before are not stored again. A line that does not fit the round raises FeedbackError
        "file:line: …" before any of the round's lines is handed in.
        """
        async with self._lock:
            await asyncio.to_thread(self._refresh)
        lines = self._lines.get((round.prompt_key, "audit" if round.kind == "audit" else round.number), [])
        resolved = []
        for number, line in lines:
            if line.chain != round.chain and (line.chain is not None or round.is_fork):
                continue
            try:
                resolved.append((number, line, resolve(line, round)))
            except FeedbackError as error:
                raise FeedbackError(f"{self.path}:{number}: {error}") from error
        for number, line, ranking in resolved:
            try:
                await self._hand_in(round, line, ranking, desk)
            except FeedbackError as error:
                raise FeedbackError(f"{self.path}:{number}: {error}") from error

    def has_news(self) -> bool:
        """Whether the file has changed since it was read, and since this was last asked."""
        try:
            state = self._state()
        except OSError:
            return False  # the next fill says what is wrong
        is_new = state not in (self._seen, self._noticed)
        self._noticed = state
        return is_new

    @staticmethod
    async def _hand_in(round: OpenRound, line: FeedbackLine, ranking: RankingIn, desk: FeedbackDesk) -> None:
        # Labelers in `seen_by` are asked for as well: a run killed between lease and submission left one behind.
        assignment = await desk.lease_assignment(round_id=round.id, labeler=line.labeler, made_by=line.made_by)
        if assignment is not None:
            await desk.submit_ranking(
                assignment_id=assignment.id,
                ranking=ranking,
                made_by=line.made_by,
                key=submission_key(line, round.id),
                active_s=line.active_s,
            )

    def _refresh(self) -> None:
        try:
            changed = self._state() != self._seen
        except OSError:
            changed = True  # reading it again says what is wrong
        if changed:
            self._read(is_growing=True)

    def _read(self, *, is_growing: bool) -> None:
        # Looked at before reading: what is appended meanwhile makes the next look different, and is read then.
        seen = self._state() if self.path.exists() else None
        lines: dict[tuple[str, int | str], list[tuple[int, FeedbackLine]]] = {}
        for number, line in read_feedback(self.path, is_growing=is_growing):
            lines.setdefault((line.prompt_id, line.round), []).append((number, line))
        self._lines, self._seen = lines, seen

    def _state(self) -> tuple[int, int, int]:
        stat = self.path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
