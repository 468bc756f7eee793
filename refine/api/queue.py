"""A labeler at work: everything the labelling page does, by the public id of whoever is at the other end.

Reads are plain calls; writes are awaited and on disk when they return. What cannot be taken raises FeedbackError, what
is not this labeler's AccessDenied; both are one line.
"""

from collections.abc import Collection

from refine.types import Assignment, Briefing, Device, LabelerStatement, Later, OwnCritique, RankingIn, Work
from store import consent, disputes, drafts, earnings, handed_in, labelers, own_controls, queue, work
from store.database import Database
from store.drafts import Draft
from store.labelers import LabelerSession, Link, NewSession
from store.own_controls import ControlsMet


class WorkDesk:
    """Where people get work and hand it in. Every write can be sent again after an answer that was lost: it has its
    effect once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- Getting in -----------------------------------------------------------------------------------------------

    async def exchange_code(self, code: str) -> NewSession:
        """The session that a link's code opens, once. Raises AccessDenied."""
        return await self._database.write_surely(labelers.exchange_code, code)

    async def exchange_key(self, key: str) -> NewSession:
        """A session for whoever has the labeler's key. Raises AccessDenied."""
        return await self._database.write_surely(labelers.exchange_key, key)

    def find_session(self, token: str) -> LabelerSession | None:
        """Who holds this token; None where it opens nothing. Where `is_seen` is False, `record_seen` is due."""
        return self._database.read(labelers.find_session, token)

    async def record_seen(self, labeler: str) -> None:
        await self._database.write(labelers.record_seen, labeler)

    async def link_another_device(self, labeler: str) -> Link:
        return await self._database.write(labelers.link_another_device, labeler)

    async def end_session(self, token: str) -> None:
        await self._database.write_surely(labelers.end_session, token)

    # --- Before work ----------------------------------------------------------------------------------------------

    def briefings(self, labeler: str) -> list[Briefing]:
        """Of every project the labeler may work in."""
        return self._database.read(consent.load_briefings, labeler)

    def needs_consent(self, labeler: str, project: str) -> bool:
        return self._database.read(consent.needs_consent, labeler, project)

    async def accept_terms(self, labeler: str, project: str, version: str) -> None:
        await self._database.write_surely(consent.accept_terms, labeler=labeler, project=project, version=version)

    # --- Work -----------------------------------------------------------------------------------------------------

    async def claim(self, labeler: str, *, project: str | None = None) -> Assignment | Later | Briefing:
        """What the labeler has in hand, else the round that needs them most; Later when there is none for them now;
        Briefing when there are terms to accept first."""
        return await self._database.write(queue.claim, labeler=labeler, project=project)

    def work(self, labeler: str, assignment: str) -> Work:
        """An assignment of theirs, with what they handed in."""
        return self._database.read(work.load_work, labeler=labeler, assignment=assignment)

    def own_critiques(self, labeler: str, assignment: str) -> list[OwnCritique]:
        """Their critiques of earlier rounds about what is now on show came from; for after they have ranked."""
        return self._database.read(handed_in.load_own_critiques, labeler=labeler, assignment=assignment)

    async def submit(
        self,
        labeler: str,
        assignment: str,
        ranking: RankingIn,
        *,
        key: str,
        active_s: float | None = None,
        device: Device | None = None,
    ) -> bool:
        """Hand it in; False when `key` was handed in before. Without `active_s`, what `beat` counted stands. For work
        that was reopened, it takes the place of what was handed in before."""
        return await self._database.write_surely(
            work.submit_work,
            labeler=labeler,
            assignment=assignment,
            ranking=ranking,
            key=key,
            active_s=active_s,
            device=device,
        )

    async def keep_page(self, labeler: str, assignment: str, html: str) -> str:
        """Keep a page as it stood, for a critique to come: the name that `CritiqueIn.snapshot` takes."""
        return await self._database.write_surely(work.keep_page, labeler=labeler, assignment=assignment, html=html)

    async def beat(self, labeler: str, assignment: str, active_s: float, *, key: str) -> float:
        """Count seconds of activity since the last beat, one a minute; the seconds counted in all."""
        return await self._database.write_surely(
            work.beat, labeler=labeler, assignment=assignment, active_s=active_s, key=key
        )

    async def skip(self, labeler: str, assignment: str, *, reason: str = "", key: str | None = None) -> bool:
        return await self._database.write_surely(
            work.skip, labeler=labeler, assignment=assignment, reason=reason, key=key
        )

    async def report(
        self, labeler: str, assignment: str, candidate: str, *, reason: str, key: str | None = None
    ) -> bool:
        """Report a disturbing page: it leaves all queues at once, and the labeler is paid."""
        return await self._database.write_surely(
            work.report, labeler=labeler, assignment=assignment, candidate=candidate, reason=reason, key=key
        )

    async def reopen(self, labeler: str, assignment: str, *, key: str | None = None) -> bool:
        return await self._database.write_surely(work.reopen, labeler=labeler, assignment=assignment, key=key)

    # --- Drafts ---------------------------------------------------------------------------------------------------

    async def save_draft(self, labeler: str, assignment: str, payload: str, *, revision: int) -> Draft:
        """Save over `revision`; where another device saved meanwhile, theirs, with `is_saved` False."""
        return await self._database.write_surely(
            drafts.save_draft, labeler=labeler, assignment=assignment, payload=payload, revision=revision
        )

    def draft(self, labeler: str, assignment: str) -> Draft:
        return self._database.read(drafts.load_draft, labeler=labeler, assignment=assignment)

    # --- After work -----------------------------------------------------------------------------------------------

    def statement(self, labeler: str, *, project: str | None = None, limit: int = 200) -> LabelerStatement:
        return self._database.read(earnings.load_statement, labeler, project=project, limit=limit)

    def controls_met(self, labeler: str) -> ControlsMet | None:
        """How controls went for them, as they may be told; None where there is too little to tell."""
        return self._database.read(own_controls.load_controls_met, labeler)

    def disputed(self, labeler: str, assignments: Collection[str]) -> frozenset[str]:
        """Those of the assignments that they stand by."""
        return self._database.read(disputes.load_disputed, labeler, assignments)

    async def dispute(self, labeler: str, assignment: str, reason: str) -> bool:
        """They stand by what they handed in; False when they said so before."""
        return await self._database.write_surely(
            disputes.add_dispute, labeler=labeler, assignment=assignment, reason=reason
        )
