"""A made store of the seed's shape, for measuring what reads it: real rows that `refine db verify` accepts.

    python benchmarks/made_store.py FILE [--chains 40000] [--rankings 38] [--seed 1]

At 40,000 chains: about 160,000 candidates, 1.62 million rankings of 4 and 1 million events. Chains were ordered over the
last 60 days; a quarter has not begun, the rest had one to three rounds. Pages, words and qualities are drawn from the seed;
a verdict follows the drawn qualities and not a fit of its rankings. Of a round's rankings the journal tells the first ten:
it has all, and would be longer than the seed's, in a store that people filled.
"""

import argparse
import hashlib
import json
import math
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import zstandard

from refine.artifact import content_hash
from refine.settings import ProjectSettings
from refine.types import CodeFile
from store.ids import write_time
from store.opening import open_database

PROJECTS = (("quizzes", 0.6), ("games", 0.25), ("tools", 0.13), ("trial", 0.02))
MODELS = ("vendor/large-2", "vendor/large-1", "other/coder")
TEMPLATES = {"draft": ("draft@1",), "distil": ("distil@1",), "revise": ("revise@1", "revise@2")}
SUBJECTS = (
    "data packets",
    "the water cycle",
    "Roman roads",
    "prime numbers",
    "tides",
    "chess openings",
    "bees",
    "maps",
)
KINDS = ("An interactive quiz about", "A small game about", "A simulation of", "A tool to explore")
CLAIMS = (
    "The text is too pale to read on the light background.",
    "The second button does nothing when I press it.",
    "On my phone the table runs over the edge.",
    "The answer to the third question is counted as wrong although it is right.",
    "There is no way to start again after the last question.",
    "The colours are calm and the headings are easy to find.",
)
LABELERS = 300
RATE = 18.0
DAYS = 60
ROUNDS = ((0.255, 0), (0.445, 1), (0.252, 2), (0.048, 3))
"""Share of chains, by how many rounds they had."""
TOLD = 10
"""Rankings of a round that the journal tells of."""
CHUNK = 500


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Rows:
    """Rows by table, put into the file with one statement a table."""

    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver
        self._rows: dict[tuple[str, tuple[str, ...]], list[tuple[Any, ...]]] = defaultdict(list)
        self._keys: dict[str, count[int]] = defaultdict(lambda: count(1))
        self.counts: dict[str, int] = defaultdict(int)

    def add(self, table: str, **values: Any) -> int:
        key = next(self._keys[table])
        self._rows[table, ("id", *values)].append((key, *values.values()))
        return key

    def lists(self, table: str, *columns: str) -> tuple[list[tuple[Any, ...]], "count[int]"]:
        """For the tables with millions of rows: where to append tuples that begin with a key, and the keys."""
        return self._rows[table, ("id", *columns)], self._keys[table]

    def plain(self, table: str, **values: Any) -> None:
        """A row whose key is among the values."""
        self._rows[table, tuple(values)].append(tuple(values.values()))

    def flush(self) -> None:
        for (table, columns), rows in self._rows.items():
            marks = ",".join("?" * len(columns))
            names = ",".join(f'"{name}"' for name in columns)
            self._driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
            self.counts[table] += len(rows)
            rows.clear()
        self._driver.commit()


class Maker:
    def __init__(self, driver: sqlite3.Connection, *, chains: int, rankings: int, seed: int, until: datetime) -> None:
        self.rows = Rows(driver)
        self.rng = np.random.default_rng(seed)
        self.chains = chains
        self.rankings = rankings
        self.until = until
        self.blobs: dict[str, int] = {}
        self.zstd = zstandard.ZstdCompressor(level=3)
        self.serial = count(1)
        self.skill = np.where(self.rng.random(LABELERS) < 0.08, 0.0, self.rng.uniform(0.6, 2.0, LABELERS))
        self.assignments = self.rows.lists(
            "assignment",
            *("ulid", "round_id", "labeler_id", "state", "shown", "leased_at", "lease_expires_at", "finished_at"),
            *("active_s", "pay_rate_usd_hour", "cost_usd", "device"),
        )
        self.ranked = self.rows.lists(
            "ranking",
            *("ulid", "assignment_id", "round_id", "labeler_id", "groups", "unjudgeable", "key", "made_by"),
            *("settings_version_id", "uses_allowed", "created_at"),
        )
        self.events = self.rows.lists("event", "chain_id", "seq", "type", "round", "refs", "at")

    # --- What there is before the chains ----------------------------------------------------------------------------

    def begin(self) -> None:
        at = self.until - timedelta(days=DAYS)
        self.prefix = _prefix(at)
        for name, _ in PROJECTS:
            settings = ProjectSettings(
                panel="people",
                model=MODELS[0],
                pay_rate_usd_hour=RATE,
                rankings_per_round=self.rankings,
                revisions=3,
                budget_usd=None if name == "trial" else 100_000.0,
            )
            self.settings = settings
            key = self.rows.add("project", ulid=self.ulid(), name=name, priority=0, created_at=write_time(at))
            self.rows.add(
                "settings_version",
                project_id=key,
                version=1,
                scope="project",
                settings=orjson.dumps(settings.model_dump(mode="json")).decode(),
                created_at=write_time(at),
            )
        self.labelers = [self.ulid() for _ in range(LABELERS)]
        for n, ulid in enumerate(self.labelers):
            self.rows.add(
                "labeler",
                ulid=ulid,
                name=f"labeler {n:03}",
                kind="person",
                pay_rate_usd_hour=RATE,
                created_at=write_time(at),
            )
        self.search = [self.blob(f"color: #{n}{n}{n};".encode())[0] for n in range(8)]
        self.replace = [self.blob(f"color: #{n}0{n};\n  padding: 1em;".encode())[0] for n in range(8)]
        believed = {
            ulid: [float(skill), 0.2, 0.95 if skill == 0 else 0.02, 0.01]
            for ulid, skill in zip(self.labelers, self.skill, strict=True)
        }
        self.rows.add(
            "reliability_snapshot",
            ulid=self.ulid(),
            project_id=None,
            rankings=self.chains,
            comparisons=6 * self.chains,
            seed=1,
            method="made",
            population="{}",
            labelers=orjson.dumps(believed).decode(),
            created_at=write_time(self.until),
        )

    # --- One chain --------------------------------------------------------------------------------------------------

    def make_chain(self, n: int) -> None:
        rng = self.rng
        created = self.until - timedelta(days=DAYS) + timedelta(days=DAYS) * (n / self.chains) * 0.999
        self.at, self.prefix = created, _prefix(created)
        project = 1 + int(np.searchsorted(np.cumsum([share for _, share in PROJECTS]), rng.random()))
        shares = np.cumsum([share for share, _ in ROUNDS])
        rounds = ROUNDS[min(int(np.searchsorted(shares, rng.random())), len(ROUNDS) - 1)][1]
        text = f"{KINDS[n % len(KINDS)]} {SUBJECTS[n // 4 % len(SUBJECTS)]}, number {n}, with one thing to find out."
        prompt = self.rows.add(
            "prompt",
            ulid=self.ulid(),
            project_id=project,
            key=f"p{n}",
            text=text,
            text_sha256=sha(text.encode()),
            details="{}",
            position=n,
            created_at=write_time(created),
        )
        self.seq = count(1)
        self.chain_ulid, self.project = self.ulid(), project
        self.chain = next(self.rows._keys["chain"])
        self.model = MODELS[int(rng.integers(len(MODELS)))]
        self.tell("chain_created", 0, {"prompt": f"p{n}", "settings_version": 1})
        self.incumbent: tuple[int, str, float, int] | None = None  # key, ulid, quality, round
        self.scores: dict[str, float] = {}
        is_open = rng.random() < 0.08
        is_idle = False
        for number in range(1, rounds + 1):
            is_idle = self.make_round(number, text, stays_open=is_open and number == rounds)
        is_ended = rounds > 0 and not is_open
        state, reason, audit = "new", None, None
        if rounds:
            state = "ended" if is_ended else "waiting"
        if is_ended:
            assert self.incumbent is not None
            reason = "rounds" if rounds == 3 else ("plateau" if is_idle else "rankings")
            if rng.random() < 0.01:
                reason = "failed"
            elif rng.random() < 0.05:
                audit = "same" if self.incumbent[3] == 1 and rounds == 1 else "done"
                if audit == "done":
                    self.make_audit()
            self.tell("chain_stopped", rounds, {"reason": reason})
        self.rows.plain(
            "chain",
            id=self.chain,
            ulid=self.chain_ulid,
            project_id=project,
            prompt_id=prompt,
            settings_version_id=project,
            kind="refine",
            state=state,
            stop_reason=reason,
            seed=n,
            priority=0,
            incumbent_id=None if self.incumbent is None else self.incumbent[0],
            is_demo=0,
            is_simulated=0,
            audit=audit,
            created_at=write_time(created),
            started_at=write_time(created) if rounds else None,
            ended_at=write_time(self.at) if is_ended else None,
        )

    def make_round(self, number: int, prompt: str, *, stays_open: bool) -> bool:
        """Candidates, rankings, verdict and plan; whether the incumbent stood."""
        rng, before = self.rng, self.incumbent
        fresh = [] if before is None else [before]
        slot = 0
        while len(fresh) < 4:
            is_dropped = rng.random() < 0.02
            quality = float(rng.normal()) if before is None else before[2] + float(rng.normal(0.1, 0.8))
            made = self.make_candidate(number, slot, prompt, before, is_dropped=is_dropped)
            slot += 1
            if not is_dropped:
                fresh.append((*made, quality, number))
        order = rng.permutation(4)
        shown = [fresh[k] for k in order]
        wanted = max(4, self.rankings + int(rng.integers(-5, 6)))
        received = int(rng.integers(0, wanted)) if stays_open else wanted
        opened = self.tick(60)
        key = self.rows.add(
            "round",
            ulid=self.ulid(),
            chain_id=self.chain,
            kind="normal",
            number=number,
            state="open" if stays_open else "judged",
            wanted=wanted,
            received=received,
            priority=0.0,
            settings_version_id=self.project,
            opened_at=opened,
            filled_at=None if stays_open else write_time(self.at + timedelta(days=1)),
            judged_at=None if stays_open else write_time(self.at + timedelta(days=1, seconds=1)),
        )
        for position, each in enumerate(shown, start=1):
            self.rows.add(
                "round_candidate",
                round_id=key,
                candidate_id=each[0],
                position=position,
                is_incumbent=int(each is before),
            )
        self.tell("round_opened", number, {"kind": "normal", "candidates": 4, "wanted": wanted})
        critiques = self.make_rankings(key, number, shown, received, seconds=86_400)
        if stays_open:
            self.rows.plain(
                "queue",
                round_id=key,
                chain_id=self.chain,
                project_id=self.project,
                phase=1,
                urgency_rank=0,
                due=253402300799,
                rounds_left=max(0, 3 - number),
                priority_rank=0.0,
                places=wanted - received,
                is_held=0,
            )
            return False
        self.at += timedelta(days=1, seconds=1)
        winner, verdict = self.judge(shown, before, received)
        at = self.tick(1)
        self.rows.add(
            "verdict",
            round_id=key,
            winner_id=winner[0],
            incumbent_id=None if before is None else before[0],
            verdict=verdict,
            created_at=at,
        )
        self.tell("verdict", number, {"winner": winner[1], "incumbent": before and before[1], "rankings": received})
        self.incumbent = winner
        self.plan: tuple[int, list[str]] | None = None
        if number < 3:
            self.make_plan(key, number, winner, critiques)
        return before is not None and winner is before

    def make_candidate(
        self, number: int, slot: int, prompt: str, parent: tuple[int, str, float, int] | None, *, is_dropped: bool
    ) -> tuple[int, str]:
        step = "draft" if parent is None else "revise"
        data = _page(prompt, number, slot, int(self.rng.integers(1 << 30)))
        sha256, blob = self.blob(data)
        is_whole = parent is not None and self.rng.random() < 0.2
        reply = (sha256, None) if parent is None or is_whole else (None, f"<<<<<<< SEARCH i1 block {slot} of {number}")
        call = self.make_call(step, number, slot, prompt, *reply)
        ulid = self.ulid()
        hashed = content_hash((CodeFile.model_construct(filename="index.html", content=data.decode()),))
        key = self.rows.add(
            "candidate",
            ulid=ulid,
            chain_id=self.chain,
            round=number,
            slot=slot,
            kind="draft" if parent is None else "revision",
            state="failed" if is_dropped else "ok",
            parent_id=None if parent is None else parent[0],
            plan_id=None if parent is None or self.plan is None else self.plan[0],
            call_id=call,
            generator=self.model,
            made_by="program",
            content_sha256=hashed,
            size_bytes=len(data),
            how="draft" if parent is None else "whole_file" if is_whole else "blocks",
            reason="blank: there is nothing to see" if is_dropped else None,
            created_at=write_time(self.at),
        )
        self.rows.add("candidate_file", candidate_id=key, position=0, filename="index.html", blob_id=blob)
        self.rows.add("check_result", candidate_id=key, name="size", passed=1, detail="")
        if is_dropped:
            self.rows.add("check_result", candidate_id=key, name="blank", passed=0, detail="there is nothing to see")
        self.tell("candidate_made", number, {"candidate": ulid, "kind": "draft", "slot": slot})
        if parent is not None and self.plan is not None:
            for position in range(2):
                at = int(self.rng.integers(8))
                is_applied = self.rng.random() < 0.93
                self.rows.add(
                    "edit",
                    candidate_id=key,
                    position=position,
                    issues=f'["i{position + 1}"]',
                    filename="index.html",
                    status="applied" if is_applied else "not_applied",
                    how="exact" if is_applied and not is_whole else "whole_file" if is_applied else "none",
                    reason="" if is_applied else "the text stands in the page more than once",
                    start=120 if is_applied else -1,
                    end=132 if is_applied else -1,
                    search_sha256=self.search[at],
                    replace_sha256=self.replace[at],
                )
        return key, ulid

    def make_call(self, step: str, number: int, slot: int, prompt: str, blob: str | None, said: str | None) -> int:
        templates = TEMPLATES[step]
        template = templates[int(self.rng.integers(len(templates)))]
        sent = (("system", f"[refine:{template}] You {step}."), ("user", prompt))
        messages = [[role, [{"t": text}]] for role, text in sent]
        hashes = [[role, [sha(b"t" + text.encode())]] for role, text in sent]
        part: dict[str, str] = {"b": blob} if blob is not None else {"t": said or "{}"}
        told = b"b" + blob.encode() if blob is not None else b"t" + (said or "{}").encode()
        tokens = int(self.rng.integers(300, 6000))
        ulid = self.ulid()
        key = self.rows.add(
            "model_call",
            ulid=ulid,
            chain_id=self.chain,
            round=number,
            step=step,
            slot=slot,
            turn=0,
            attempt=0,
            state="ok",
            template=template,
            model=self.model,
            model_returned=self.model,
            provider="made",
            params='{"temperature":null,"max_tokens":null}',
            seed=slot,
            messages=orjson.dumps(messages).decode(),
            messages_sha256=sha(orjson.dumps(hashes)),
            reply=orjson.dumps([part]).decode(),
            reply_sha256=sha(orjson.dumps([["assistant", [sha(told)]]])),
            reasoning="null",
            reasoning_kind="absent",
            finish_reason="stop",
            prompt_tokens=400 + len(prompt) // 4,
            completion_tokens=tokens,
            cost_usd=round(0.001 + tokens * 8e-6, 6),
            latency_ms=float(tokens * 12),
            retries=0,
            errors="[]",
            is_cached=0,
            is_copied=0,
            created_at=self.tick(5),
        )
        self.tell("model_called", number, {"call": ulid, "step": step, "slot": slot, "state": "ok"})
        return key

    def make_rankings(self, key: int, number: int, shown: list[Any], received: int, *, seconds: int) -> list[str]:
        """The critiques' ids."""
        rng, k = self.rng, len(shown)
        keys = np.array([each[0] for each in shown])
        who = rng.permutation(LABELERS)[:received]
        signal = np.array([each[2] for each in shown])[None, :] * self.skill[who][:, None]
        order = np.argsort(-(signal + rng.gumbel(size=(received, k))), axis=1)
        sight = np.argsort(rng.random((received, k)), axis=1)
        spent = np.round(rng.gamma(4.0, 30.0, received), 1).tolist()
        offsets = np.sort(rng.integers(0, seconds * 1_000_000, received)).astype("timedelta64[us]")
        base = np.datetime64(self.at.replace(tzinfo=None), "us")
        done = [f"{at}Z" for at in np.datetime_as_string(base + offsets).tolist()]
        phones = (rng.random(received) < 0.25).tolist()
        remarks = (rng.random(received) < 0.12).tolist()
        ranked, seen = keys[order].tolist(), keys[sight].tolist()
        held, held_keys = self.assignments
        rows, row_keys = self.ranked
        names: list[str] = []
        for n, labeler in enumerate((who + 1).tolist()):
            assignment, active_s = next(held_keys), spent[n]
            cost = active_s * RATE / 3600
            held.append(
                (
                    *(assignment, self.ulid(), key, labeler, "finished", json.dumps(seen[n]), done[n], done[n]),
                    *(done[n], active_s, RATE, cost, "phone" if phones[n] else "desktop"),
                )
            )
            groups = [[each] for each in ranked[n]]
            if active_s > 200:
                groups = [ranked[n][:2], *groups[2:]]
            ranking, ulid = next(row_keys), self.ulid()
            rows.append(
                (
                    *(ranking, ulid, assignment, key, labeler, json.dumps(groups), "[]", f"{key}-{labeler}"),
                    *("person", self.project, '["research"]', done[n]),
                )
            )
            if n < TOLD:
                refs = {"ranking": ulid, "labeler": self.labelers[labeler - 1], "critiques": int(remarks[n])}
                self.tell("ranking_received", number, {**refs, "kind": "normal"}, at=done[n])
            if remarks[n]:
                names.append(self.make_critique(ranking, key, ranked[n][-1], labeler, done[n]))
        return names

    def make_critique(self, ranking: int, round: int, candidate: int, labeler: int, at: str) -> str:
        text = CLAIMS[int(self.rng.integers(len(CLAIMS)))]
        salt = f"{next(self.serial):032x}"
        words = self.rows.add(
            "words",
            ulid=self.ulid(),
            labeler_id=labeler,
            text=text,
            salt=salt,
            sha256=sha((salt + text).encode()),
        )
        ulid = self.ulid()
        self.rows.add(
            "critique",
            ulid=ulid,
            ranking_id=ranking,
            round_id=round,
            candidate_id=candidate,
            words_id=words,
            anchor="null",
            made_by="person",
            created_at=at,
        )
        return ulid

    def judge(self, shown: list[Any], before: Any, received: int) -> tuple[Any, str]:
        means = [round(each[2] + float(self.rng.normal(0, 0.2)), 6) for each in shown]
        sd = round(1.6 / math.sqrt(received + 1), 6)
        weights = [math.exp((mean - max(means)) * 1.6 / sd) for mean in means]
        old = None if before is None else next(n for n, each in enumerate(shown) if each is before)
        beats = [
            None if old is None or n == old else 0.5 * math.erfc((means[old] - mean) / (2 * sd))
            for n, mean in enumerate(means)
        ]
        best = max(range(len(shown)), key=means.__getitem__)
        if old is not None and (beats[best] or 0) <= self.settings.gate:
            best = old
        ratings = [
            {
                "candidate": each[1],
                "mean": means[n],
                "sd": sd,
                "p_best": weights[n] / sum(weights),
                "p_beats_incumbent": beats[n],
            }
            for n, each in enumerate(shown)
        ]
        self.scores.update((each[1], means[n]) for n, each in enumerate(shown))
        known = list(self.scores)
        covariance = [[sd * sd if a == b else 0.0 for b in known] for a in known]
        details = {"theta": 0.2, "candidates": known, "mean": [self.scores[it] for it in known]}
        record = {
            "winner": shown[best][1],
            "incumbent": before and before[1],
            "ratings": ratings,
            "threshold": self.settings.gate,
            "comparisons": received * 6,
            "rankings": received,
            "method": "made@1",
            "seed": 1,
            "details": {"labelers": {}, "covariance": covariance, **details},
        }
        return shown[best], orjson.dumps(record).decode()

    def make_plan(self, round: int, number: int, parent: Any, critiques: list[str]) -> None:
        call = self.make_call("distil", number, 0, "What people said.", None, f'{{"atoms": [{number}]}}')
        spans = [{"critique": it, "start": 0, "end": 20} for it in critiques]
        issues = [
            {
                "id": f"i{n}",
                "kind": "look",
                "target": "button",
                "claim": CLAIMS[n],
                "severity": 0.5,
                "support": 1.0,
                "opposition": 0.0,
                "span": None,
                "cites": [span],
            }
            for n, span in enumerate(spans[:3], start=1)
        ]
        keep = [{"claim": "the headings", "support": 1.0, "span": None, "cites": [span]} for span in spans[3:4]]
        plan = {
            "version": 1,
            "made_by": "distiller",
            "issues": issues,
            "keep": keep,
            "conflicts": [],
            "rejected": [],
        }
        ulid = self.ulid()
        key = self.rows.add(
            "plan",
            ulid=ulid,
            round_id=round,
            parent_candidate_id=parent[0],
            call_id=call,
            made_by="distiller",
            plan=orjson.dumps(plan).decode(),
            sha256=sha(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)),
            created_at=write_time(self.at),
        )
        self.plan = key, [issue["id"] for issue in issues]
        self.tell("plan_made", number, {"plan": ulid, "issues": len(issues), "made_by": "distiller"})

    def make_audit(self) -> None:
        """First draft and final, ranked by five labelers; where they are one, another draft stands in for the first."""
        assert self.incumbent is not None
        others = [ulid for ulid in self.scores if ulid != self.incumbent[1]]
        rows = self.rows._rows
        known = {row[1]: row[0] for (table, _), made in rows.items() if table == "candidate" for row in made}
        first = next(ulid for ulid in others if ulid in known)
        key = self.rows.add(
            "round",
            ulid=self.ulid(),
            chain_id=self.chain,
            kind="audit",
            number=1,
            state="judged",
            wanted=5,
            received=5,
            priority=0.0,
            settings_version_id=self.project,
            opened_at=self.tick(1),
            filled_at=self.tick(600),
            judged_at=write_time(self.at),
        )
        shown = [(known[first], first, self.scores[first]), (self.incumbent[0], "", self.incumbent[2])]
        for position, each in enumerate(shown, start=1):
            self.rows.add("round_candidate", round_id=key, candidate_id=each[0], position=position, is_incumbent=0)
        self.make_rankings(key, 1, shown, 5, seconds=600)

    # --- Small things -----------------------------------------------------------------------------------------------

    def ulid(self) -> str:
        return f"{self.prefix}{next(self.serial):016d}"

    def tick(self, seconds: float) -> str:
        self.at += timedelta(seconds=seconds)
        return write_time(self.at)

    def tell(self, type: str, round: int, refs: dict[str, Any], at: str | None = None) -> None:
        rows, keys = self.events
        told = orjson.dumps(refs).decode()
        rows.append((next(keys), self.chain, next(self.seq), type, round, told, at or write_time(self.at)))

    def blob(self, data: bytes) -> tuple[str, int]:
        sha256 = sha(data)
        if sha256 not in self.blobs:
            packed = self.zstd.compress(data)
            is_smaller = len(packed) < len(data)
            self.blobs[sha256] = self.rows.add(
                "blob",
                sha256=sha256,
                size=len(data),
                encoding="zstd" if is_smaller else "raw",
                data=packed if is_smaller else data,
            )
        return sha256, self.blobs[sha256]


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def _prefix(at: datetime) -> str:
    """The ten characters of a ULID that tell its time."""
    ms = int(at.timestamp() * 1000)
    return "".join(_ALPHABET[ms >> shift & 31] for shift in range(45, -1, -5))


def _page(prompt: str, number: int, slot: int, salt: int) -> bytes:
    rows = "\n".join(f'<li><button onclick="pick({n})">Answer {n} of {salt % 997}</button></li>' for n in range(6))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{prompt}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 40em; margin: auto; color: #222; }}
button {{ color: #{salt % 0xFFF:03x}; padding: {1 + slot}em; }}
</style></head>
<body><h1>{prompt}</h1><p>Version {number}.{slot}, {salt:08x}.</p>
<ul>{rows}</ul>
<script>let score = 0; function pick(n) {{ score += n === {salt % 6} ? 1 : 0; document.title = score; }}</script>
</body></html>
""".encode()


def make_store(
    path: Path, *, chains: int, rankings: int = 38, seed: int = 1, until: datetime | None = None
) -> dict[str, int]:
    """Make the file; how many rows of each table it got."""
    open_database(path).close()
    with closing(sqlite3.connect(path)) as driver:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "locking_mode=EXCLUSIVE"):
            driver.execute(f"PRAGMA {pragma}")
        maker = Maker(driver, chains=chains, rankings=rankings, seed=seed, until=until or datetime.now(UTC))
        maker.begin()
        for n in range(chains):
            maker.make_chain(n)
            if n % CHUNK == CHUNK - 1:
                maker.rows.flush()
        maker.rows.flush()
        # What SQLite would know after some time of use, and what the store's own connections would have left.
        driver.execute("PRAGMA locking_mode=NORMAL")
        driver.execute("PRAGMA journal_mode=WAL")
        return dict(maker.rows.counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--chains", type=int, default=40_000)
    parser.add_argument("--rankings", type=int, default=38, help="of a round, about")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.perf_counter()
    counts = make_store(options.file, chains=options.chains, rankings=options.rankings, seed=options.seed)
    size = options.file.stat().st_size / 2**20
    print(f"{options.file}: {size:,.0f} MiB in {time.perf_counter() - began:.0f} s")
    print(", ".join(f"{name} {number:,}" for name, number in sorted(counts.items(), key=lambda item: -item[1])))


if __name__ == "__main__":
    main()
