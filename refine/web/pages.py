"""The pages that labelers open: signing in, the start, an assignment, the tutorial, the statement."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson

from refine.errors import AccessDenied, FeedbackError, InputError, StoreError
from refine.types import Assignment, Briefing, Later, Work
from refine.web import access, frames, tutorial, views
from refine.web.bodies import LETTERS, as_letters
from refine.web.catalogue import LOCALES, PSEUDO
from refine.web.place import Place
from store.labelers import LabelerSession

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

Page = Callable[["Request", LabelerSession], Awaitable["Response"]]
TEXT_FAMILIES = (
    *("aim", "anchor", "banner", "board", "category", "criteria", "error", "fixed", "frame", "handing", "keyboard"),
    *("keys", "lesson", "notes", "overlay", "property", "report", "saved", "severity", "skip", "stage", "work"),
)
_STATEMENT_LINES = 200
_REOPENABLE = 12
"""Newest assignments of which the statement says whether they can be taken up again."""


class Pages:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._desk = place.desk

    def routes(self) -> "list[BaseRoute]":
        from starlette.routing import Route

        get, post = ["GET"], ["POST"]
        return [
            Route("/enter", self._open(self.enter), methods=get),
            Route("/", self._signed_in(self.home), methods=get),
            Route("/next", self._signed_in(self.next), methods=post),
            Route("/terms", self._signed_in(self.terms), methods=get),
            Route("/terms", self._signed_in(self.accept), methods=post),
            Route("/assignment/{assignment}", self._signed_in(self.work), methods=get),
            Route("/tutorial/{number:int}", self._signed_in(self.tutorial), methods=get),
            Route("/statement", self._signed_in(self.statement), methods=get),
            Route("/device", self._signed_in(self.device), methods=post),
            Route("/leave", self._signed_in(self.leave), methods=post),
            Route("/language", self._open(self.language), methods=post),
        ]

    # --- Who asks -------------------------------------------------------------------------------------------------

    def _open(self, handler: access.Handler) -> access.Handler:
        """For everybody; what cannot be is a page that says so."""

        async def answer(request: "Request") -> "Response":
            try:
                if request.method == "POST":
                    access.check_origin(self._place, request)
                return await handler(request)
            except (access.Refused, AccessDenied, InputError, StoreError) as error:
                refused = access.as_refused(error)
                return views.show_message(self._place, request, refused.code, status=refused.status)

        return answer

    def _signed_in(self, handler: Page) -> access.Handler:
        async def answer(request: "Request") -> "Response":
            from starlette.responses import RedirectResponse

            session = access.session_of(self._place, request)
            if session is None:
                headers = access.page_headers(self._place)
                return RedirectResponse("/enter", status_code=303, headers=headers)
            access.check_rate(self._place, session)
            if not session.is_seen:
                await self._desk.record_seen(session.labeler)
            return await handler(request, session)

        return self._open(answer)

    def _go(self, path: str) -> "Response":
        from starlette.responses import RedirectResponse

        return RedirectResponse(path, status_code=303, headers=access.page_headers(self._place))

    # --- Getting in and out ---------------------------------------------------------------------------------------

    async def enter(self, request: "Request") -> "Response":
        session = access.session_of(self._place, request)
        return views.show(self._place, request, "enter.html", scripts=("enter", "error"), is_in=session is not None)

    async def leave(self, request: "Request", session: LabelerSession) -> "Response":
        del session
        await self._desk.end_session(request.cookies.get(access.cookie_name(self._place), ""))
        response = self._go("/enter")
        access.drop_session(self._place, response)
        return response

    async def device(self, request: "Request", session: LabelerSession) -> "Response":
        """A code for another device of theirs."""
        link = await self._desk.link_another_device(session.labeler)
        address = f"{self._place.sites.host}/enter#{link.code}"
        return views.show(self._place, request, "device.html", name=session.name, address=address)

    async def language(self, request: "Request") -> "Response":
        form = await _read_form(request)
        wanted, back = form.get("language", ""), form.get("back", "/")
        # `//host` and `/\host` are other sites to a browser.
        is_ours = back.startswith("/") and back[1:2] not in ("/", "\\") and back.isprintable() and back.isascii()
        response = self._go(back if is_ours else "/")
        if wanted in LOCALES or wanted in PSEUDO:
            response.set_cookie(
                views.LANGUAGE_COOKIE,
                wanted,
                max_age=31_536_000,
                httponly=True,
                samesite="lax",
                secure=self._place.is_https,
            )
        return response

    # --- Work -----------------------------------------------------------------------------------------------------

    async def home(self, request: "Request", session: LabelerSession) -> "Response":
        return self._home(request, session, later=None)

    def _home(self, request: "Request", session: LabelerSession, *, later: Later | None) -> "Response":
        statement = self._desk.statement(session.labeler, limit=1)
        return views.show(
            self._place,
            request,
            "home.html",
            name=session.name,
            later=later,
            scripts=("later", "error"),
            data=None if later is None else {"retryAt": later.retry_at.timestamp() * 1000, "reason": later.reason},
            briefings=self._desk.briefings(session.labeler),
            statement=statement,
        )

    async def next(self, request: "Request", session: LabelerSession) -> "Response":
        """The next assignment; a page that says when to come back where there is none."""
        found = await self._desk.claim(session.labeler)
        if isinstance(found, Assignment):
            return self._go(f"/assignment/{found.id}")
        if isinstance(found, Briefing):
            return self._show_terms(request, session, found)
        return self._home(request, session, later=found)

    async def terms(self, request: "Request", session: LabelerSession) -> "Response":
        waiting = [each for each in self._desk.briefings(session.labeler) if not each.is_accepted]
        return self._show_terms(request, session, waiting[0]) if waiting else self._go("/")

    def _show_terms(self, request: "Request", session: LabelerSession, briefing: Briefing) -> "Response":
        return views.show(self._place, request, "terms.html", name=session.name, briefing=briefing)

    async def accept(self, request: "Request", session: LabelerSession) -> "Response":
        form = await _read_form(request)
        known = {(each.project, each.terms_version) for each in self._desk.briefings(session.labeler)}
        project, version = form.get("project", ""), form.get("version", "")
        if project not in {name for name, _ in known}:
            raise access.Refused(404, "not_yours")
        await self._desk.accept_terms(session.labeler, project, version)
        return await self.next(request, session)

    async def work(self, request: "Request", session: LabelerSession) -> "Response":
        assignment = request.path_params["assignment"][:64]
        work = self._desk.work(session.labeler, assignment)
        is_open = work.state == "leased" or (work.state == "finished" and work.is_reopened)
        if not is_open or work.is_withdrawn:
            return self._done(request, session, work)
        shown = frames.make_frames(
            self._place,
            labeler=session.labeler,
            assignment=assignment,
            candidates=work.assignment.candidates,
        )
        draft = self._desk.draft(session.labeler, assignment)
        handed_in = None if work.ranking is None else as_letters(work.ranking, work.assignment.candidates)
        return views.show(
            self._place,
            request,
            "work.html",
            name=session.name,
            frames=frames.frame_urls(shown),
            work=work,
            lesson=None,
            scripts=TEXT_FAMILIES,
            data={
                "assignment": assignment,
                "lesson": 0,
                "frames": shown,
                "criteria": work.criteria,
                "hasQuestions": bool(self._desk.own_critiques(session.labeler, assignment)),
                "isReopened": work.is_reopened,
                "activeS": work.active_s,
                "expectedMinutes": work.expected_minutes,
                "draft": {"revision": draft.revision, "payload": orjson.loads(draft.payload)},
                "handedIn": handed_in,
            },
        )

    def _done(self, request: "Request", session: LabelerSession, work: Work) -> "Response":
        candidates = work.assignment.candidates
        names = {each: LETTERS[n] for n, each in enumerate(candidates)}
        given = None if work.ranking is None else as_letters(work.ranking, candidates)
        return views.show(
            self._place,
            request,
            "done.html",
            name=session.name,
            work=work,
            given=given,
            letters=[names[each] for each in candidates],
            scripts=("later", "error"),
            data={"assignment": work.assignment.id},
        )

    # --- Beside work ----------------------------------------------------------------------------------------------

    async def tutorial(self, request: "Request", session: LabelerSession) -> "Response":
        found = tutorial.lesson(request.path_params["number"])
        if found is None:
            raise access.Refused(404, "not_found")
        shown = frames.make_lesson_frames(
            self._place, labeler=session.labeler, number=found.number, count=len(found.pages)
        )
        return views.show(
            self._place,
            request,
            "work.html",
            name=session.name,
            frames=frames.frame_urls(shown),
            work=None,
            lesson=found.number,
            scripts=TEXT_FAMILIES,
            data={
                "assignment": "",
                "lesson": found.number,
                "lessons": len(tutorial.LESSONS),
                "frames": shown,
                "criteria": (),
                "hasQuestions": False,
                "isReopened": False,
                "activeS": 0.0,
                "expectedMinutes": None,
                "draft": {"revision": 0, "payload": {}},
                "handedIn": None,
            },
        )

    async def statement(self, request: "Request", session: LabelerSession) -> "Response":
        found = self._desk.statement(session.labeler, limit=_STATEMENT_LINES)
        again: set[str] = set()
        for line in found.lines[:_REOPENABLE]:
            if line.state == "pending" and self._can_be_reopened(session.labeler, line.assignment):
                again.add(line.assignment)
        return views.show(
            self._place,
            request,
            "statement.html",
            name=session.name,
            statement=found,
            again=again,
            controls=self._desk.controls_met(session.labeler),
            disputed=self._desk.disputed(session.labeler, [line.assignment for line in found.lines]),
            day=_day,
            scripts=("stand", "error"),
        )

    def _can_be_reopened(self, labeler: str, assignment: str) -> bool:
        return self._desk.work(labeler, assignment).can_be_reopened


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


async def _read_form(request: "Request") -> dict[str, str]:
    """The fields of a form of ours; the first of each name."""
    body = await access.read_body(request, 10_000)
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=20, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise FeedbackError("the form cannot be read") from error
    return {name: values[0] for name, values in fields.items()}
