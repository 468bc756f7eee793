"""What the page's script asks for while somebody works: drafts, time, handing in, skipping, reporting, reopening.

All are posts of JSON by a signed-in labeler from our own page, about their own assignments, and may be sent again after
an answer that was lost.
"""

from typing import TYPE_CHECKING, Any

import orjson

from refine.types import Assignment, Later
from refine.web import access, bodies, tutorial
from refine.web.access import Refused, answer_json
from refine.web.bodies import LETTERS, parse_body
from refine.web.place import Place
from store.labelers import LabelerSession

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute


class Endpoints:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._desk = place.desk

    def routes(self) -> "list[BaseRoute]":
        from starlette.routing import Route

        handlers: dict[str, access.SignedIn] = {
            "/assignment/{assignment}/draft": self.save_draft,
            "/assignment/{assignment}/beat": self.beat,
            "/assignment/{assignment}/questions": self.questions,
            "/assignment/{assignment}/page": self.keep_page,
            "/assignment/{assignment}/submit": self.submit,
            "/assignment/{assignment}/skip": self.skip,
            "/assignment/{assignment}/report": self.report,
            "/assignment/{assignment}/reopen": self.reopen,
            "/assignment/{assignment}/dispute": self.dispute,
            "/tutorial/{number:int}/check": self.check_lesson,
            "/claim": self.claim,
        }
        signed_in = [
            Route(path, access.for_scripts(self._place, handler), methods=["POST"])
            for path, handler in handlers.items()
        ]
        return [Route("/enter", access.answering(self.enter), methods=["POST"]), *signed_in]

    # --- Getting in -----------------------------------------------------------------------------------------------

    async def enter(self, request: "Request") -> "Response":
        """Exchange a link's code, or a key, for a session."""
        access.check_origin(self._place, request)
        wait_s = self._place.entering.take(request.client.host if request.client else "")
        if wait_s > 0 and self._place.is_limited:
            raise Refused(429, "too_fast", wait_s=wait_s)
        secret = parse_body(bodies.Code, await access.read_json(request)).code
        session = await self._exchange(secret)
        response = answer_json({"next": "/"})
        access.set_session(self._place, response, session)
        return response

    async def _exchange(self, secret: str) -> Any:
        from refine.errors import AccessDenied

        try:
            return await self._desk.exchange_code(secret)
        except AccessDenied:
            pass
        try:
            return await self._desk.exchange_key(secret)
        except AccessDenied as error:
            raise Refused(403, "no_entry") from error

    # --- While at work --------------------------------------------------------------------------------------------

    async def save_draft(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.DraftIn, await access.read_json(request))
        payload = orjson.dumps(given.payload).decode()
        saved = await self._desk.save_draft(session.labeler, _assignment(request), payload, revision=given.revision)
        if saved.is_saved:
            return answer_json({"revision": saved.revision})
        return answer_json({"code": "other_device", "revision": saved.revision, "payload": _loads(saved.payload)}, 409)

    async def beat(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.Beat, await access.read_json(request))
        total = await self._desk.beat(session.labeler, _assignment(request), given.active_s, key=given.key)
        return answer_json({"activeS": round(total, 1)})

    async def questions(self, request: "Request", session: LabelerSession) -> "Response":
        """What the labeler wrote in earlier rounds, to be asked whether it is fixed: once everything is ranked, since
        it tells which page came from which."""
        given = parse_body(bodies.Ranked, await access.read_json(request))
        work = self._desk.work(session.labeler, _assignment(request))
        candidates = work.assignment.candidates
        if bodies.missing_letters(given, len(candidates)):
            raise Refused(409, "not_ranked")
        letters = {candidate: LETTERS[n] for n, candidate in enumerate(candidates)}
        asked = [
            {
                "id": each.id,
                "round": each.round,
                "text": each.text,
                "kind": None if each.anchor is None else each.anchor.get("kind"),
                "change": _change(each.anchor),
                "pages": sorted(letters[it] for it in each.descendants if it in letters),
            }
            for each in self._desk.own_critiques(session.labeler, _assignment(request))
        ]
        return answer_json({"questions": asked})

    async def keep_page(self, request: "Request", session: LabelerSession) -> "Response":
        """A page as it stood when something was pinned to it; the critique names what is answered."""
        given = parse_body(bodies.PageIn, await access.read_json(request))
        name = await self._desk.keep_page(session.labeler, _assignment(request), given.html)
        return answer_json({"snapshot": name})

    async def submit(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.HandedIn, await access.read_json(request))
        assignment = _assignment(request)
        work = self._desk.work(session.labeler, assignment)
        missing = bodies.missing_letters(given, len(work.assignment.candidates))
        if missing and work.state == "leased":
            raise Refused(409, "not_ranked", detail=", ".join(missing))
        ranking = bodies.make_ranking(given, work.assignment.candidates)
        if given.active_s > 0:
            await self._desk.beat(session.labeler, assignment, given.active_s, key=given.beat_key)
        is_new = await self._desk.submit(session.labeler, assignment, ranking, key=given.key, device=given.device)
        return answer_json({"isNew": is_new, "next": await self._find_next(session)})

    async def _find_next(self, session: LabelerSession) -> str:
        """Where to go from here: the next assignment, or the start where there is none."""
        found = await self._desk.claim(session.labeler)
        return f"/assignment/{found.id}" if isinstance(found, Assignment) else "/"

    async def claim(self, request: "Request", session: LabelerSession) -> "Response":
        """For the page that waits: whether there is work by now."""
        del request
        found = await self._desk.claim(session.labeler)
        if isinstance(found, Later):
            return answer_json({"retryAt": found.retry_at.timestamp() * 1000, "reason": found.reason})
        return answer_json({"next": f"/assignment/{found.id}" if isinstance(found, Assignment) else "/terms"})

    async def skip(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.Reason, await access.read_json(request))
        await self._desk.skip(session.labeler, _assignment(request), reason=given.reason, key=given.key)
        return answer_json({"next": await self._find_next(session)})

    async def report(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.ReportIn, await access.read_json(request))
        assignment = _assignment(request)
        shown = self._desk.work(session.labeler, assignment).assignment.candidates
        position = LETTERS.index(given.candidate)
        if position >= len(shown):
            raise Refused(409, "not_taken", detail=f"there is no page {given.candidate}")
        await self._desk.report(
            session.labeler, assignment, shown[position], reason=given.reason.strip() or "-", key=given.key
        )
        return answer_json({"next": await self._find_next(session)})

    async def reopen(self, request: "Request", session: LabelerSession) -> "Response":
        given = parse_body(bodies.Keyed, await access.read_json(request))
        assignment = _assignment(request)
        await self._desk.reopen(session.labeler, assignment, key=given.key)
        return answer_json({"next": f"/assignment/{assignment}"})

    async def dispute(self, request: "Request", session: LabelerSession) -> "Response":
        """They stand by what they handed in; the answer is the same whatever there was in it."""
        given = parse_body(bodies.Standing, await access.read_json(request))
        await self._desk.dispute(session.labeler, _assignment(request), given.reason.strip())
        return answer_json({"ok": True})

    async def check_lesson(self, request: "Request", session: LabelerSession) -> "Response":
        del session
        found = tutorial.lesson(request.path_params["number"])
        if found is None:
            raise Refused(404, "not_found")
        given = parse_body(bodies.Ranked, await access.read_json(request))
        if bodies.missing_letters(given, len(found.pages)):
            raise Refused(409, "not_ranked")
        seen = tutorial.judge(found, given)
        return answer_json({"seen": [{"name": f"{found.number}.{name}", "isSeen": was} for name, was in seen]})


def _assignment(request: "Request") -> str:
    return str(request.path_params["assignment"])[:64]


def _change(anchor: dict[str, Any] | None) -> dict[str, str] | None:
    """What a direct edit asked for."""
    if anchor is None or anchor.get("kind") != "edit":
        return None
    return {"old": str(anchor.get("old", ""))[:200], "new": str(anchor.get("new", ""))[:200]}


def _loads(payload: str) -> Any:
    return orjson.loads(payload)
