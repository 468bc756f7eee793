"""Deliberate degradations of web pages: operators that fit any page, and the catalogue of planted flaws."""

from refine.perturb.degrade import Operator, Site
from refine.perturb.difficulty import Difficulty, Sighting, fit_difficulty, operator_weights
from refine.perturb.edits import ByteEdit, apply_edits, invert_edits, undo_edits
from refine.perturb.evening import even_out
from refine.perturb.flaw import Channel, Flaw, Pair
from refine.perturb.flaws import BY_NAME, FLAWS, find_flaws, find_wishes, is_known_page, understand
from refine.perturb.operators import OPERATORS, operator_named
from refine.perturb.perturbing import Perturbation, apply_site, find_sites, perturb, propose, syntax_problem
from refine.perturb.phrases import EMPTY_REMARKS, HELD_OUT_PRAISES, PRAISES
from refine.perturb.placing import Control, Past, Placement, PlacingSettings, place_control
from refine.perturb.proof import REFUSALS, Claim, Proof, count_refusals, judge_originals, prove
from refine.perturb.proving import Proven, find_proven, prove_one
from refine.perturb.record import edits_of, perturbation_record, proof_record, propose_control
from refine.perturb.source import Source, read_source
from refine.perturb.varied import CHANGES, VARIATION, Change, Variation, propose_variation, vary_from_replies, vary_step
from refine.perturb.wishes import WISHES, Wish, without_wishes
from refine.perturb.written import WRITTEN, write_from_replies, write_step

__all__ = [
    "BY_NAME",
    "CHANGES",
    "EMPTY_REMARKS",
    "FLAWS",
    "HELD_OUT_PRAISES",
    "OPERATORS",
    "PRAISES",
    "REFUSALS",
    "VARIATION",
    "WISHES",
    "WRITTEN",
    "ByteEdit",
    "Change",
    "Channel",
    "Claim",
    "Control",
    "Difficulty",
    "Flaw",
    "Operator",
    "Pair",
    "Past",
    "Perturbation",
    "Placement",
    "PlacingSettings",
    "Proof",
    "Proven",
    "Sighting",
    "Site",
    "Source",
    "Variation",
    "Wish",
    "apply_edits",
    "apply_site",
    "count_refusals",
    "edits_of",
    "even_out",
    "find_flaws",
    "find_proven",
    "find_sites",
    "find_wishes",
    "fit_difficulty",
    "invert_edits",
    "is_known_page",
    "judge_originals",
    "operator_named",
    "operator_weights",
    "perturb",
    "perturbation_record",
    "place_control",
    "proof_record",
    "propose",
    "propose_control",
    "propose_variation",
    "prove",
    "prove_one",
    "read_source",
    "syntax_problem",
    "understand",
    "undo_edits",
    "vary_from_replies",
    "vary_step",
    "without_wishes",
    "write_from_replies",
    "write_step",
]
