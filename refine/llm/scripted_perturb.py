"""How `demo/scripted` makes controls: a flaw of the catalogue as an edit, a request with one requirement altered."""

import random
import re
from collections.abc import Sequence

from refine.errors import ModelRefused
from refine.perturb import FLAWS, Flaw
from refine.prompts import Section

_KIND = re.compile(r"One flaw of the kind (\w+)")
_CLAUSE = re.compile(r"(?:[.;,]| with | that | where )[^.;,]{4,}[.]?\s*$")
_NUMBER = re.compile(r"\d{1,4}")
_ADDED = " It shows the finished result from the start, before anything is pressed."
_OTHER = " Leave out whatever is asked for last."


def write_flaw(sections: Sequence[Section], system: str, rng: random.Random) -> str:
    """One edit that plants a flaw which the page lacks; on pages that the catalogue does not fit, none."""
    pages = {each.attributes.get("name", "index.html"): each.text for each in sections if each.name == "file"}
    if not pages:
        raise ModelRefused("demo/scripted needs a fenced file to write a flaw into")
    asked = _KIND.search(system)
    fitting = [each for each in FLAWS if asked is None or each.channel == asked[1]]
    for flaw in rng.sample(fitting, len(fitting)):
        for name, page in pages.items():
            if (block := _block(flaw, page, rng)) is not None:
                lines = f"CHANNEL: {flaw.channel}\nSEVERITY: {flaw.severity:.2f}\nNOTICE: {flaw.notice}\n"
                return f"{lines}<<<<<<< SEARCH {name}\n{block[0]}\n=======\n{block[1]}\n>>>>>>> REPLACE\n"
    return "The page has no place for a flaw that this script knows.\n"


def _block(flaw: Flaw, page: str, rng: random.Random) -> tuple[str, str] | None:
    if flaw.apply(page, rng) is None:
        return None
    return next(((pair.good, pair.bad) for pair in flaw.pairs if page.count(pair.good) == 1), None)


def vary_request(sections: Sequence[Section], system: str, rng: random.Random) -> str:
    """The request with its last clause left out, a number changed, or a sentence added."""
    prompt = next((each.text for each in sections if each.name == "prompt"), None)
    if prompt is None:
        raise ModelRefused("demo/scripted needs a fenced prompt to vary")
    varied, notice = prompt + _ADDED, "The result is given away from the start."
    if "one requirement left out" in system and (clause := _CLAUSE.search(prompt)) and clause.start() > len(prompt) / 2:
        varied, notice = prompt[: clause.start()].rstrip(), "Something that was asked for is not there."
    elif "one requirement changed" in system:
        number = _NUMBER.search(prompt)
        if number is None:
            varied, notice = prompt + _OTHER, "The last thing that was asked for is not there."
        else:
            other = str(int(number[0]) + rng.randint(1, 9))
            varied, notice = prompt[: number.start()] + other + prompt[number.end() :], "A number is not as asked for."
    return f"NOTICE: {notice}\n<<<<<<< REQUEST\n{varied}\n>>>>>>> REQUEST\n"
