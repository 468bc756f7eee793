"""Simulated people: labelers with hidden skill, and the hidden truth about pages that they see. No I/O, seeded."""

from refine.simulate.critics import ATTACKS, notice_probability, spend_seconds, write_critique
from refine.simulate.labelers import (
    Preference,
    SimulatedLabeler,
    create_labelers,
    mean_preference,
    preference_probability,
    rank,
)
from refine.simulate.looks import Look, Looks, quality, take_look

__all__ = [
    "ATTACKS",
    "Look",
    "Looks",
    "Preference",
    "SimulatedLabeler",
    "create_labelers",
    "mean_preference",
    "notice_probability",
    "preference_probability",
    "quality",
    "rank",
    "spend_seconds",
    "take_look",
    "write_critique",
]
