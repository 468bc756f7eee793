"""`demo/scripted`: a stand-in for a model, shipped with Refine. There is no language model in it.

It answers Refine's own templates from the messages alone, deterministically from a seed: it writes working pages with
planted flaws, understands the known half of the phrase bank, and edits pages by the inverse of the flaws. The same
function answers in the local OpenAI-compatible server.
"""

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Sequence

from refine.errors import ModelRefused
from refine.perturb import FLAWS
from refine.prompts import Section, read_fences, read_header
from refine.types import CodeFile, Message, ModelReply, ModelRequest, Usage

MODEL = "demo/scripted"
_FEWEST_FLAWS, _MOST_FLAWS = 3, 6
_CHARS_PER_TOKEN = 4


class ScriptedClient:
    """A ModelClient without a model: provider `scripted`, cost 0, tokens counted as a quarter of the characters."""

    def __init__(self, *, latency_s: float = 0.0) -> None:
        self._latency_s = latency_s

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Raise ModelRefused for messages that none of Refine's templates made."""
        import asyncio

        started = time.perf_counter()
        text = answer(request.messages, seed=request.seed)
        if self._latency_s > 0:
            await asyncio.sleep(self._latency_s)
        finish_reason = "stop"
        if request.max_tokens is not None and _count_tokens(text) > request.max_tokens:
            text, finish_reason = text[: request.max_tokens * _CHARS_PER_TOKEN], "length"
        return ModelReply(
            text=text,
            model_returned=MODEL,
            provider="scripted",
            finish_reason=finish_reason,
            usage=Usage(
                prompt_tokens=sum(_count_tokens(message.text) for message in request.messages),
                completion_tokens=_count_tokens(text),
                reasoning_tokens=0,
                cached_tokens=0,
            ),
            cost_usd=0.0,
            latency_ms=(time.perf_counter() - started) * 1000,
        )

    def estimate_usd(self, request: ModelRequest) -> float | None:
        del request
        return 0.0

    async def aclose(self) -> None:
        return None


def answer(messages: Iterable[Message | tuple[str, str]], *, seed: int) -> str:
    """The scripted reply to messages, given as records or as (role, text). A pure function.

    Sections are read from the first user message, so a repair turn is about the same request. Raises ModelRefused for a
    template it does not know or a message without that template's sections.
    """
    pairs = [(each.role, each.text) if isinstance(each, Message) else each for each in messages]
    names = [header[0] for role, text in reversed(pairs) if role != "assistant" and (header := read_header(text))]
    request = next((text for role, text in pairs if role == "user"), "")
    digest = hashlib.sha256(request.encode("utf-8", "surrogatepass")).hexdigest()
    rng = random.Random(f"{seed}|{names[0] if names else ''}|{digest}")
    if names and (answer_controls := _CONTROLS.get(names[0])) is not None:
        system = next((text for role, text in pairs if role == "system"), "")
        return answer_controls(read_fences(request), system, rng)
    reply = _REPLIES.get(names[0]) if names else None
    if reply is None:
        raise ModelRefused("demo/scripted is no language model: it answers only Refine's own prompt templates")
    return reply(read_fences(request), rng)


def plant_flaws(page: str, rng: random.Random) -> str:
    """The page with three to six flaws that fit it."""
    wanted = rng.randint(_FEWEST_FLAWS, _MOST_FLAWS)
    for flaw in rng.sample(FLAWS, len(FLAWS)):
        flawed = flaw.apply(page, rng)
        if flawed is not None:
            page, wanted = flawed, wanted - 1
        if wanted == 0:
            break
    return page


def _draft(sections: Sequence[Section], rng: random.Random) -> str:
    from refine.llm.pages import split_script, wants_script_file, write_page
    from refine.llm.scripted_revise import render_files

    prompt = next((section.text for section in sections if section.name == "prompt"), None)
    if prompt is None:
        raise ModelRefused("demo/scripted needs a fenced prompt to draft a page")
    page = plant_flaws(write_page(prompt, rng), rng)
    files = split_script(page) if wants_script_file(prompt) else (CodeFile(filename="index.html", content=page),)
    return "Here is the page, written by a script and not by a model.\n\n" + render_files(files)


def _distil(sections: Sequence[Section], rng: random.Random) -> str:
    from refine.llm.scripted_distil import distil

    del rng
    return distil(sections)


def _revise(sections: Sequence[Section], rng: random.Random) -> str:
    from refine.llm.scripted_revise import revise_by_blocks

    return revise_by_blocks(sections, rng)


def _revise_whole(sections: Sequence[Section], rng: random.Random) -> str:
    from refine.llm.scripted_revise import revise_whole

    return revise_whole(sections, rng)


def _write_flaw(sections: Sequence[Section], system: str, rng: random.Random) -> str:
    from refine.llm.scripted_perturb import write_flaw

    return write_flaw(sections, system, rng)


def _vary(sections: Sequence[Section], system: str, rng: random.Random) -> str:
    from refine.llm.scripted_perturb import vary_request

    return vary_request(sections, system, rng)


_CONTROLS: dict[str, Callable[[Sequence[Section], str, random.Random], str]] = {
    "perturb": _write_flaw,
    "perturb_repair": _write_flaw,
    "vary": _vary,
    "vary_repair": _vary,
}
"""Their system message says what kind is wanted."""
_REPLIES: dict[str, Callable[[Sequence[Section], random.Random], str]] = {
    "draft": _draft,
    "draft_repair": _draft,
    "distil": _distil,
    "distil_repair": _distil,
    "revise": _revise,
    "revise_repair": _revise_whole,
    "revise_whole": _revise_whole,
}


def _count_tokens(text: str) -> int:
    return -(-len(text) // _CHARS_PER_TOKEN)
