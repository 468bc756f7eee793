"""What every conversation of the engine shares: replies, system messages and the one repair turn.

An engine's step is a pure function of the replies so far: it asks for a turn, or it is done. So a recorded trajectory
is replayed by giving the recorded replies to the same step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, TypeVar

from refine.prompts import render
from refine.types import Ask, Message, Part

_Result = TypeVar("_Result")

_UNUSABLE = "(This reply could not be used and is left out.)"


class ReplyLike(Protocol):
    """What the engine reads of a reply; `refine.types.ModelReply` is one."""

    @property
    def text(self) -> str: ...

    @property
    def finish_reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A recorded reply, for replay."""

    text: str
    finish_reason: str = "stop"


@lru_cache(maxsize=64)
def render_once(name: str, **variables: str) -> str:
    """The rendered template; compiling one costs more than the rest of a step, and system messages hardly vary."""
    return render(name, **variables)


def conversation(system: str, user: Sequence[Part]) -> Ask:
    """The first turn."""
    return Ask(messages=(Message("system", (Part(system),)), Message("user", tuple(user))))


def repair(first: Ask, text: str) -> Ask:
    """The first turn again, and a note on what was wrong with its reply.

    The reply itself is not sent back: it may be long or hostile, and a person's words in it would be stored again.
    """
    return Ask(
        messages=(*first.messages, Message("assistant", (Part(_UNUSABLE),)), Message("user", (Part(text),))),
    )


def run_replies(step: Callable[[Sequence[ReplyLike]], Ask | _Result], replies: Sequence[ReplyLike]) -> Ask | _Result:
    """What the step came to over the recorded replies; the open Ask when they end before it was done."""
    for count in range(len(replies) + 1):
        result = step(replies[:count])
        if not isinstance(result, Ask):
            return result
    return result
