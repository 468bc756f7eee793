"""How a page is looked at, and the limits nothing a page does can pass. Part of every cached report's key."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Size(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(ge=100, le=4000)
    height: int = Field(ge=100, le=4000)


class RenderSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    desktop: Size = Size(width=1280, height=800)
    phone: Size = Size(width=390, height=844)
    with_accessibility: bool = True
    """Run axe-core; a quarter of a page's CPU."""
    with_walk: bool = True
    pages: int = Field(default=2, ge=1, le=16)
    """At once, in the one browser."""
    page_timeout_s: float = Field(default=60.0, gt=0)
    """Wall time for one page, whatever it does."""
    hang_cpu_s: float = Field(default=4.0, gt=0)
    """CPU a page may burn without answering."""
    hang_s: float = Field(default=30.0, gt=0)
    """Wall time it may take to answer."""
    heap_mb: int = Field(default=384, ge=64)
    """For a page's JavaScript."""
    renderer_mb: int = Field(default=1024, ge=128)
    """Resident memory of a page's process; above it, the process is killed."""
    browser_mb: int = Field(default=3072, ge=512)
    """Resident memory of all of the browser's processes; above it, it is killed and started anew."""
    sandbox: Literal["auto", "on", "off"] = "auto"
    """Chromium's own. auto: on, except for root, for whom Chromium has none."""
