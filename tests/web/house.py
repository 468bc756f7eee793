"""A labelling page for tests: a database with chains that people judge, the loop behind it, and the application."""

import asyncio
import io
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
from PIL import Image
from sqlalchemy import select

from refine.api.labelers import add_labeler
from refine.api.opening import prepare_project
from refine.api.serving import Serving, serving
from refine.delivery import Sites
from refine.perturb import find_flaws
from refine.settings import ProjectSettings, RunOptions
from refine.types import CodeFile, GivenCandidate, PagePicture, PromptIn
from refine.web import labelling_app
from store.blobs import get_blob
from store.chains import load_chain
from store.database import Database
from store.intake import order_chains
from store.opening import open_database
from store.pictures import add_picture
from store.projects import StoredProject
from store.tables import ASSIGNMENT, CANDIDATE, CHAIN, CRITIQUE, RANKING, ROUND, WORDS
from store.work_tables import RANKING_DETAIL

PROMPTS = (
    "Make a quiz about how data packets find their way through the internet.",
    "A countdown timer for brewing tea, with a time for green, black and herbal tea.",
    "A packing checklist for a weekend in the mountains that I can tick off and add to.",
)
SECRET = b"s" * 32
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@dataclass
class House:
    database: Database
    sites: Sites
    app: Any
    loops: Serving
    project: StoredProject
    chains: list[str]
    seen: list[str] = field(default_factory=list)
    """Everything that was sent to anybody."""
    is_room: bool = False
    """Others share the house: what is done here is done in this project alone."""

    def link(self, name: str, projects: Sequence[str] = ()) -> str:
        if self.is_room:
            name, projects = f"{name} {self.project.key}", projects or [self.project.name]
        return add_labeler(self.database, name, projects=projects, public_url=self.sites.host).url

    async def room(self, name: str, *, pages: Sequence[str] = (), **settings: Any) -> "House":
        """The same server, with a project whose chain is nobody else's; it shows `pages` where some are given."""
        made = prepare_project(self.database, name, _settings(**settings))
        given = tuple(GivenCandidate(files=(CodeFile(filename="index.html", content=page),)) for page in pages)
        rows = [PromptIn(key=name, prompt=PROMPTS[0], candidates=given)]
        ordered = await self.database.write(order_chains, made, rows, batch_key=None, priority=0)
        room = House(self.database, self.sites, self.app, self.loops, made, list(ordered.chains), is_room=True)
        await self.loops.look()
        await room.wait_for_round()
        return room

    @asynccontextmanager
    async def visitor(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser, as far as HTTP goes, that is not signed in."""

        async def keep(response: httpx.Response) -> None:
            await response.aread()
            self.seen.append(f"{response.headers}\n{response.text}")

        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app),
            base_url=self.sites.host,
            headers={"Origin": self.sites.host, **headers},
            event_hooks={"response": [keep]},
        ) as client:
            yield client

    @asynccontextmanager
    async def labeler(self, name: str, projects: Sequence[str] = ()) -> AsyncIterator["Labeler"]:
        link = self.link(name, projects)
        async with self.visitor() as client:
            answer = await client.post("/enter", json={"code": link.partition("#")[2]})
            assert answer.status_code == 200, answer.text
            yield Labeler(self, client)

    async def wait_for_round(self, number: int = 1, *, chain: int = 0) -> None:
        async with asyncio.timeout(60):
            while True:
                record = self.database.read(load_chain, self.chains[chain]).record
                if record.round >= number and record.state in ("waiting", "audit", "ended"):
                    return
                assert record.state != "ended", record
                await asyncio.sleep(0.02)

    def rankings(self) -> list[Any]:
        of_chains = ROUND.c.chain_id == CHAIN.c.id, CHAIN.c.ulid.in_(self.chains), RANKING.c.round_id == ROUND.c.id
        query = select(RANKING).where(*of_chains).order_by(RANKING.c.id)
        return self.database.read(lambda connection: list(connection.execute(query)))

    def add_pictures(self, *, but: int = 0) -> None:
        """Of every page as it looks on a phone, less those of the last few."""
        image = io.BytesIO()
        Image.new("RGB", (39, 60), "#2f5bc4").save(image, "WEBP")
        picture = PagePicture(view="phone", width=390, height=600, media_type="image/webp", data=image.getvalue())
        rows = [row for row in self.candidates() if row.content_sha256]
        for row in rows[: len(rows) - but]:
            self.database.write_now(add_picture, row.content_sha256, picture)

    def tried(self) -> tuple[dict[str, Any], str | None]:
        """(what was tried, on what device) of the first ranking here."""
        of = RANKING_DETAIL.c.ranking_id == RANKING.c.id, ASSIGNMENT.c.id == RANKING.c.assignment_id
        query = select(RANKING_DETAIL.c.tried, ASSIGNMENT.c.device).where(*of, RANKING.c.id == self.rankings()[0].id)
        return tuple(self.database.read(lambda connection: connection.execute(query).one()))  # type: ignore[return-value]

    def critiques(self) -> list[str]:
        """Their words, as they came."""
        query = select(WORDS.c.text).where(
            WORDS.c.id == CRITIQUE.c.words_id, CRITIQUE.c.ranking_id.in_([row.id for row in self.rankings()])
        )
        return list(self.database.read(lambda connection: connection.execute(query.order_by(CRITIQUE.c.id)).scalars()))

    def pinned(self) -> list[tuple[dict[str, Any], str]]:
        """(anchor, the page as it stood) of every critique here that has both."""
        mine = [row.id for row in self.rankings()]
        query = select(CRITIQUE.c.anchor, CRITIQUE.c.snapshot_id).where(
            CRITIQUE.c.ranking_id.in_(mine), CRITIQUE.c.snapshot_id.is_not(None)
        )
        return self.database.read(
            lambda connection: [
                (anchor, get_blob(connection, key).decode()) for anchor, key in connection.execute(query).all()
            ]
        )

    def candidates(self) -> list[Any]:
        return self.database.read(lambda connection: list(connection.execute(CANDIDATE.select())))


@dataclass
class Labeler:
    """Somebody signed in, who does over HTTP what the page's script does."""

    house: House
    client: httpx.AsyncClient

    async def claim(self) -> str:
        """The id of the next assignment."""
        answer = await self.client.post("/claim", json={})
        assert answer.status_code == 200, answer.text
        assert "next" in answer.json(), answer.text
        return str(answer.json()["next"]).removeprefix("/assignment/")

    async def data(self, assignment: str) -> dict[str, Any]:
        """What the page of the assignment gives to its script."""
        return page_data((await self.client.get(f"/assignment/{assignment}")).text)

    async def true_critiques(self, data: dict[str, Any]) -> dict[str, str]:
        """Letter -> what is wrong with that page, in words that the scripted model knows; flawed pages only."""
        found = {}
        for frame in data["frames"]:
            page = (await self.client.get(frame["page"])).json()
            flaws = find_flaws([page["html"]])
            if flaws:
                found[frame["label"]] = flaws[0].phrases[0]
        return found

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)

    async def submit(
        self, assignment: str, ranking: Sequence[Sequence[str]], key: str = "", **more: Any
    ) -> httpx.Response:
        body = {
            "key": key or f"key-of-{assignment}",
            "beat_key": f"beat-{time.monotonic_ns()}",
            "ranking": ranking,
            **more,
        }
        return await self.client.post(f"/assignment/{assignment}/submit", json=body)


def page_data(html: str) -> dict[str, Any]:
    found = DATA.search(html)
    assert found is not None, html[:500]
    value: dict[str, Any] = orjson.loads(found[1])
    return value


@asynccontextmanager
async def open_house(
    path: Path,
    *,
    prompts: int = 1,
    port: int = 8000,
    one_host: bool = False,
    sites: Sites | None = None,
    is_limited: bool = True,
    **settings: Any,
) -> AsyncIterator[House]:
    """Chains of the scripted model, waiting for people."""
    made = _settings(**settings)
    place = sites or (
        Sites(host=f"http://127.0.0.1:{port}")
        if one_host
        else Sites(host=f"http://localhost:{port}", frames=f"http://{{label}}.localhost:{port}")
    )
    with open_database(path) as database:
        project = prepare_project(database, "pages", made)
        rows = [PromptIn(key=f"p{n}", prompt=text) for n, text in enumerate(PROMPTS[:prompts])]
        ordered = await database.write(order_chains, project, rows, batch_key=None, priority=0)
        async with serving(database, options=RunOptions(), environ={}) as loops:
            app = labelling_app(database, place, secret=SECRET, readiness=lambda: (True, {}), is_limited=is_limited)
            house = House(database, place, app, loops, project, list(ordered.chains))
            for n in range(prompts):
                await house.wait_for_round(chain=n)
            yield house


def _settings(**settings: Any) -> ProjectSettings:
    return ProjectSettings(
        **{"panel": "people", "candidates": 3, "rankings_per_round": 1, "audit_share": 0, **settings}
    )


@asynccontextmanager
async def listening(house: House, listener: socket.socket) -> AsyncIterator[None]:
    """The application on a real port, in this loop."""
    import uvicorn

    class Server(uvicorn.Server):
        def install_signal_handlers(self) -> None:
            return

    server = Server(uvicorn.Config(house.app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with asyncio.timeout(20):
            while not server.started:
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task


def free_listener() -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener
