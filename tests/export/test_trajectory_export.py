"""The trajectory: everything is in it, once, under documented names."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import refine.export.records as records
from refine.artifact import content_hash
from refine.export import ExportChain, Filters, trajectory
from refine.export.folder import encode_row
from refine.types import CodeFile, Edit, EditPlan, ModelReply, PlanIssue, Verdict

DOC = Path(__file__).parents[2] / "docs" / "trajectory-format.md"
FREE = {"metadata", "settings", "refs", "params", "details", "blobs"}
"""Objects whose keys are data."""


def line(chain: ExportChain, **filters: Any) -> dict[str, Any]:
    (row,) = trajectory([chain], Filters(**filters))
    found = json.loads(encode_row(row))
    assert isinstance(found, dict)
    return found


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from keys(each)
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            if key == "anchor":
                yield "kind"
            elif key not in FREE:
                yield from keys(each)


def test_every_key_that_is_written_is_named_in_the_documentation(chain: ExportChain) -> None:
    named = set(re.findall(r"`([a-z_0-9]+)`", DOC.read_text(encoding="utf-8")))
    written = set(keys(line(chain)))
    assert written - named == set()
    assert {"quotes", "critique", "cites", "p_beats_incumbent", "cached_tokens", "sha256"} <= written


def test_every_field_of_the_records_is_written(chain: ExportChain) -> None:
    renamed = {"prompt_key": "id", "licence": "licence", "text": "content", "files": "files"}
    known = set(keys(line(chain))) | {"id", "chain_id", "costs"}
    for record in (
        records.ExportCandidate,
        records.ExportRound,
        records.ExportRanking,
        records.ExportCritique,
        records.ExportCall,
        EditPlan,
        PlanIssue,
        Edit,
        Verdict,
    ):
        assert {renamed.get(field.name, field.name) for field in fields(record)} <= known
    assert {field.name for field in fields(ModelReply)} - {"text", "reasoning"} <= known
    assert {field.name for field in fields(ExportChain)} - {
        "prompt_key",
        "models_cost_usd",
        "people_cost_usd",
        "fork_round",
    } <= known


def test_the_line_says_its_format_and_version(chain: ExportChain) -> None:
    assert list(line(chain).items())[:2] == [("format", "refine-trajectory"), ("version", 1)]


def test_each_file_stands_once_under_its_hash(chain: ExportChain) -> None:
    first, second, *others = chain.candidates
    found = line(replace(chain, candidates=(first, replace(second, files=first.files), *others)))
    assert len(found["blobs"]) == 3
    for sha256, text in found["blobs"].items():
        assert hashlib.sha256(text.encode()).hexdigest() == sha256
    for candidate, given in zip(found["candidates"][2:], others, strict=True):
        files = tuple(CodeFile(filename=f["filename"], content=found["blobs"][f["sha256"]]) for f in candidate["files"])
        assert files == given.files
        assert content_hash(files) == candidate["content_sha256"]


def test_messages_are_verbatim_and_show_where_labelers_words_stand(chain: ExportChain) -> None:
    message = line(chain)["calls"][0]["messages"][1]
    assert message["content"] == "Fix: Too small now"
    (quote,) = message["quotes"]
    assert message["content"][quote["start"] : quote["end"]] == "Too small "
    assert quote["span"] == {"critique": "k1", "start": 0, "end": 10}


def test_what_was_not_known_stays_null(chain: ExportChain) -> None:
    found = line(replace(chain, models_cost_usd=None, ended_at=None))
    assert found["costs"] == {"models_usd": None, "people_usd": 0.06}
    assert (found["created_at"], found["ended_at"]) == ("2027-01-31T18:00:00.000000Z", None)


def test_running_and_failed_chains_are_in_it_and_demo_ones_only_when_asked_for(chain: ExportChain) -> None:
    assert line(replace(chain, state="active", stop_reason=None))["state"] == "active"
    assert line(replace(chain, stop_reason="failed", error="no reply"))["error"] == "no reply"
    demo = replace(chain, is_demo=True)
    assert list(trajectory([demo], Filters())) == []
    assert line(demo, include_demo=True)["is_demo"] is True


def test_the_labelers_of_the_audit_round_have_a_say_too(chain: ExportChain) -> None:
    assert line(chain)["uses_allowed"] == []
    assert list(trajectory([chain], Filters(uses=("research",)))) == []
    assert line(replace(chain, rounds=chain.rounds[:2]), uses=("research",))["uses_allowed"] == ["research"]


def test_half_a_surrogate_pair_in_a_reply_does_not_stop_the_export(chain: ExportChain) -> None:
    (call,) = chain.calls
    assert call.reply is not None
    found = line(replace(chain, calls=(replace(call, reply=replace(call.reply, text="a\ud800b😀")),)))
    assert found["calls"][0]["reply"]["content"] == "a\ufffdb😀"
