"""Candidates in a real browser: a report of one walk through the page, checks over it, and probes to compare."""

from refine.artifact.probe import Differences, Probe, ProbeStep, differences
from refine.render.chromium import find_chromium
from refine.render.renderer import RenderCache, Renderer
from refine.render.report import RenderReport
from refine.render.serving import Prepare, Prepared, Resource
from refine.render.settings import RenderSettings

__all__ = [
    "Differences",
    "Prepare",
    "Prepared",
    "Probe",
    "ProbeStep",
    "RenderCache",
    "RenderReport",
    "RenderSettings",
    "Renderer",
    "Resource",
    "differences",
    "find_chromium",
]
