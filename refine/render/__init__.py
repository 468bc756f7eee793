"""Candidates in a real browser: a report of one walk through the page, checks over it, and probes to compare."""

from refine.artifact.probe import Differences, Probe, ProbeStep, differences
from refine.render.checks import CHECK_NAMES, PageCheck, check_report, is_broken
from refine.render.chromium import HOW_TO_GET_IT, find_chromium
from refine.render.renderer import RenderCache, Renderer
from refine.render.repair import repair_note
from refine.render.report import RenderReport
from refine.render.serving import Prepare, Prepared, Resource
from refine.render.settings import RenderSettings
from refine.render.webp import compress, pictures_of

__all__ = [
    "CHECK_NAMES",
    "HOW_TO_GET_IT",
    "Differences",
    "PageCheck",
    "Prepare",
    "Prepared",
    "Probe",
    "ProbeStep",
    "RenderCache",
    "RenderReport",
    "RenderSettings",
    "Renderer",
    "Resource",
    "check_report",
    "compress",
    "differences",
    "find_chromium",
    "is_broken",
    "pictures_of",
    "repair_note",
]
