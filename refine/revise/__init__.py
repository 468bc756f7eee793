"""From critiques to better code: draft, distil and revise, as pure functions of the replies so far."""

from refine.revise.distil import distil_from_replies, distil_step
from refine.revise.draft import draft_from_replies, draft_step
from refine.revise.edit import Prefer, revise_from_replies, revise_step
from refine.revise.repair import MAX_REPAIRS, repair_from_replies, repair_plan, repair_step, repaired
from refine.revise.scan import scan
from refine.revise.turns import Reply, ReplyLike

__all__ = [
    "MAX_REPAIRS",
    "Prefer",
    "Reply",
    "ReplyLike",
    "distil_from_replies",
    "distil_step",
    "draft_from_replies",
    "draft_step",
    "repair_from_replies",
    "repair_plan",
    "repair_step",
    "repaired",
    "revise_from_replies",
    "revise_step",
    "scan",
]
