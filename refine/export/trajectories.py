"""`trajectory`: all that is recorded about a chain, one JSON object each. docs/trajectory-format.md has the fields."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from refine.export.records import (
    ExportCall,
    ExportCandidate,
    ExportChain,
    ExportCritique,
    ExportRanking,
    ExportReplaced,
    ExportRound,
    Filters,
    LeftOut,
    uses_allowed,
)
from refine.types import Edit, Message, ModelReply, Span

FORMAT = "refine-trajectory"
VERSION = 1


def trajectory(
    chains: Iterable[ExportChain], filters: Filters, left_out: LeftOut | None = None
) -> Iterator[dict[str, Any]]:
    """One object for every chain, also for those that still run or failed. `left_out` is added to: chains by what left
    them out."""
    left_out = Counter() if left_out is None else left_out
    for chain in chains:
        # The rankings of an audit round are in the line as well, so what their labelers allowed counts.
        uses = uses_allowed(chain, with_audit=True)
        why = filters.reason_against(chain, uses)
        if why is None:
            yield _chain(chain, uses)
        else:
            left_out[why] += 1


def _chain(chain: ExportChain, uses: tuple[str, ...]) -> dict[str, Any]:
    blobs: dict[str, str] = {}
    candidates = [_candidate(candidate, blobs) for candidate in chain.candidates]
    return {
        "format": FORMAT,
        "version": VERSION,
        "chain_id": chain.id,
        "parent_chain": chain.parent_chain,
        "project": chain.project,
        "kind": chain.kind,
        "state": chain.state,
        "stop_reason": chain.stop_reason,
        "error": chain.error,
        "seed": chain.seed,
        "is_demo": chain.is_demo,
        "is_simulated": chain.is_simulated,
        "uses_allowed": list(uses),
        "created_at": _time(chain.created_at),
        "ended_at": _time(chain.ended_at),
        "prompt": {
            "id": chain.prompt_key,
            "text": chain.prompt,
            "licence": chain.licence,
            "source": chain.source,
            "metadata": dict(chain.metadata),
        },
        "settings_version": chain.settings_version,
        "settings": {str(version): dict(chain.settings[version]) for version in sorted(chain.settings)},
        "incumbent": chain.incumbent,
        "candidates": candidates,
        "rounds": [_round(round) for round in chain.rounds],
        "calls": [_call(call) for call in chain.calls],
        "events": [
            {"seq": each.seq, "type": each.type, "round": each.round, "refs": each.refs, "at": _time(each.at)}
            for each in chain.events
        ],
        "costs": {"models_usd": chain.models_cost_usd, "people_usd": chain.people_cost_usd},
        "blobs": {sha256: blobs[sha256] for sha256 in sorted(blobs)},
    }


def _candidate(candidate: ExportCandidate, blobs: dict[str, str]) -> dict[str, Any]:
    files = []
    for file in candidate.files:
        sha256 = hashlib.sha256(file.content.encode()).hexdigest()
        blobs[sha256] = file.content
        files.append({"filename": file.filename, "sha256": sha256})
    return {
        "id": candidate.id,
        "kind": candidate.kind,
        "parent": candidate.parent,
        "made_in_round": candidate.made_in_round,
        "generator": candidate.generator,
        "given_id": candidate.given_id,
        "content_sha256": candidate.content_sha256,
        "files": files,
        "how": candidate.how,
        "edits": [_edit(edit) for edit in candidate.edits],
        "is_failed": candidate.is_failed,
        "reason": candidate.reason,
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        "issues": list(edit.issues),
        "filename": edit.filename,
        "status": edit.status,
        "how": edit.how,
        "reason": edit.reason,
        "start": edit.start,
        "end": edit.end,
        "search": edit.search,
        "replace": edit.replace,
    }


def _round(round: ExportRound) -> dict[str, Any]:
    return {
        "number": round.number,
        "kind": round.kind,
        "shown": list(round.shown),
        "controls": list(round.controls),
        "rankings": [_ranking(ranking) for ranking in round.rankings],
        "verdict": None if round.verdict is None else asdict(round.verdict),
        "pinned": round.pinned,
        "plan": None if round.plan is None else asdict(round.plan),
    }


def _ranking(ranking: ExportRanking) -> dict[str, Any]:
    return {
        "id": ranking.id,
        "labeler": ranking.labeler,
        "made_by": ranking.made_by,
        "shown": list(ranking.shown),
        "groups": [list(group) for group in ranking.groups],
        "unjudgeable": list(ranking.unjudgeable),
        "critiques": [_critique(each) for each in ranking.critiques],
        "why": ranking.why,
        "reasons": dict(ranking.reasons),
        "criteria": {name: [list(group) for group in groups] for name, groups in ranking.criteria.items()},
        "follow_ups": dict(ranking.follow_ups),
        "replaced": [_replaced(each) for each in ranking.replaced],
        "settings_version": ranking.settings_version,
        "uses_allowed": sorted(ranking.uses_allowed),
        "active_s": ranking.active_s,
        "cost_usd": ranking.cost_usd,
        "created_at": _time(ranking.created_at),
    }


def _critique(critique: ExportCritique) -> dict[str, Any]:
    return {
        "id": critique.id,
        "candidate": critique.candidate,
        "text": critique.text,
        "anchor": critique.anchor,
        "aim": critique.aim,
        "category": critique.category,
        "severity": critique.severity,
    }


def _replaced(ranking: ExportReplaced) -> dict[str, Any]:
    return {
        "id": ranking.id,
        "groups": [list(group) for group in ranking.groups],
        "unjudgeable": list(ranking.unjudgeable),
        "critiques": [_critique(each) for each in ranking.critiques],
        "created_at": _time(ranking.created_at),
        "replaced_at": _time(ranking.replaced_at),
    }


def _call(call: ExportCall) -> dict[str, Any]:
    return {
        "id": call.id,
        "round": call.round,
        "step": call.step,
        "slot": call.slot,
        "turn": call.turn,
        "attempt": call.attempt,
        "template": call.template,
        "model": call.model,
        "seed": call.seed,
        "params": dict(call.params),
        "messages": [_message(message) for message in call.messages],
        "messages_sha256": call.messages_sha256,
        "reply": None if call.reply is None else _reply(call.reply),
        "error": call.error,
        "is_copied": call.is_copied,
        "created_at": _time(call.created_at),
    }


def _message(message: Message) -> dict[str, Any]:
    """The message as the model got it, and where in it labelers' words stand."""
    quotes = []
    position = 0
    for part in message.parts:
        if part.span is not None:
            quotes.append({"start": position, "end": position + len(part.text), "span": _span(part.span)})
        position += len(part.text)
    return {"role": message.role, "content": message.text, "quotes": quotes}


def _span(span: Span) -> dict[str, Any]:
    return {"critique": span.critique, "start": span.start, "end": span.end}


def _reply(reply: ModelReply) -> dict[str, Any]:
    return {
        "content": reply.text,
        "reasoning_content": reply.reasoning,
        "reasoning_kind": reply.reasoning_kind,
        "finish_reason": reply.finish_reason,
        "model_returned": reply.model_returned,
        "provider": reply.provider,
        "usage": asdict(reply.usage),
        "cost_usd": reply.cost_usd,
        "latency_ms": reply.latency_ms,
        "errors": list(reply.errors),
        "is_cached": reply.is_cached,
    }


def _time(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, always with microseconds, as the store has it."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
