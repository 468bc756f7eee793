"""What a project is run under: one typed, frozen record, versioned in the store.

Defaults are written here and nowhere else. What only says how a run is carried out (concurrency, endpoint, client)
is in `RunOptions`, is not versioned and may change from run to run.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

ChainKind = Literal["refine", "rank", "critique"]


class PanelMix(BaseModel):
    """The simulated panel: how many labelers, and which share of them is careless or hostile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    labelers: int = Field(default=24, ge=1, le=100_000)
    careless_share: float = Field(default=0.2, ge=0, le=1)
    hostile_share: float = Field(default=0.1, ge=0, le=1)
    held_out_share: float = Field(default=0.0, ge=0, le=1)
    """Share of critiques phrased from the half of the phrase bank that the scripted model does not share."""


class ProjectSettings(BaseModel):
    """Everything that shapes a project's results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ChainKind = "refine"
    instructions: str = ""
    """Shown to labelers beside the prompt."""
    criteria: tuple[Annotated[str, Field(min_length=1, max_length=60)], ...] = Field(default=(), max_length=4)
    """What labelers may also compare the best two by, a tap each; the verdict rests on the ranking alone."""
    expected_minutes: float | None = Field(default=None, gt=0, le=1440)
    """That an assignment takes, as labelers are told."""
    terms: str = Field(default="", max_length=100_000)
    """What labelers accept before they work here. None are asked to where it is empty."""
    panel: str = "simulated"
    """`simulated`, `people` or `import:FILE`."""
    mix: PanelMix = PanelMix()
    """Only for the simulated panel."""
    model: str = "demo/scripted"
    distil_model: str | None = None
    """The model that distils critiques; None: `model`."""
    temperature: float | None = Field(default=None, ge=0, le=2)
    """None: the provider's default."""
    max_tokens: int | None = Field(default=None, ge=1)
    candidates: int = Field(default=4, ge=2, le=8)
    """Drafts in round one."""
    revisions: int = Field(default=2, ge=1, le=7)
    """Challengers made for every later round."""
    rounds: int = Field(default=3, ge=1, le=100)
    rankings_per_round: int = Field(default=5, ge=1, le=1000)
    rankings_at_least: int | None = Field(default=None, ge=1)
    """A round may end with so many, as soon as it is sure who is best or whether the incumbent is beaten. None:
    `rankings_per_round`, and not sooner."""
    max_rankings: int | None = Field(default=None, ge=1)
    """Per chain, over all its rounds."""
    budget_usd: float | None = Field(default=None, ge=0)
    """For the project: models and, where pay rates are known, people."""
    deadline: datetime | None = None
    """No new round is opened after it; aware UTC."""
    plateau_rounds: int = Field(default=2, ge=1)
    """Rounds in a row in which the incumbent stood that end a chain."""
    gate: float = Field(default=0.6, ge=0.5, lt=1)
    """A challenger becomes the incumbent when P(beats incumbent) is above it."""
    browser_checks: bool | None = None
    """Candidates are opened in a browser and those that are broken mended or dropped. None: wherever there is a
    Chromium, but for the simulated panel, whose time costs nothing, and the scripted model, whose pages are known."""
    control_share: float | None = Field(default=None, ge=0, le=0.5)
    """Of each labeler's assignments, the share that carries a control: a copy of a candidate that is worse on purpose.
    They need a browser to be proven. None: a fifth for people, none for other panels."""
    written_controls: float | None = Field(default=None, ge=0, le=1)
    """Share of controls whose flaw the model writes, for one more call each. None: a tenth where people rank what a
    language model refines, else none."""
    variation_controls: float = Field(default=0.0, ge=0, le=1)
    """Share of controls that the model makes from the prompt with one requirement added, dropped or changed, for two
    more calls each; a whole page, so they are dear."""
    weigh_labelers: bool | None = None
    """Verdicts and edit plans count labelers for what is believed of them; else all alike. What is believed grows with
    what other chains bring in, so it depends on which was first. None: yes, but for the simulated panel, so that its
    runs are the same whenever they are run again."""
    audit_share: float = Field(default=0.05, ge=0, le=1)
    """Share of ended chains that get an audit round."""
    pay_rate_usd_hour: float | None = Field(default=None, ge=0)
    uses_allowed: tuple[str, ...] = ("research",)
    """What feedback in this project may be used for, as labelers are told."""
    max_candidate_bytes: int = Field(default=1_000_000, ge=1_000)
    lease_s: int = Field(default=3600, ge=1)
    """How long an assignment is kept for a labeler."""
    seed: int = Field(default=0, ge=0)

    @field_validator("panel")
    @classmethod
    def _known_panel(cls, value: str) -> str:
        if value in ("simulated", "people") or (value.startswith("import:") and len(value) > len("import:")):
            return value
        raise ValueError(f"unknown panel {value!r}; expected simulated, people or import:FILE")

    @field_validator("criteria")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a criterion is named twice")
        return value

    @field_validator("variation_controls")
    @classmethod
    def _leaves_room(cls, value: float, info: ValidationInfo) -> float:
        if value + (info.data.get("written_controls") or 0.0) > 1:
            raise ValueError("together with the share that the model writes it is more than all controls")
        return value

    @field_validator("deadline")
    @classmethod
    def _aware(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("a deadline needs a time zone, for example 2027-01-31T18:00:00Z")
        return value

    @property
    def terms_version(self) -> str | None:
        """Made of the terms' text, so that other terms are always another version; None where there are none."""
        return hashlib.sha256(self.terms.encode()).hexdigest()[:16] if self.terms.strip() else None

    @property
    def is_demo(self) -> bool:
        """A scripted model has a part in it."""
        return any(model.startswith("demo/") for model in (self.model, self.distil_model or self.model))

    @property
    def is_simulated(self) -> bool:
        """Nobody is asked: labelers are simulated."""
        return self.panel == "simulated"

    @property
    def is_checking_in_browser(self) -> bool:
        if self.browser_checks is not None:
            return self.browser_checks
        return not (self.is_simulated or self.is_demo)

    @property
    def share_of_controls(self) -> float:
        if self.control_share is not None:
            return self.control_share
        return 0.2 if self.panel == "people" else 0.0

    @property
    def share_of_written_controls(self) -> float:
        """Of controls. With those of variations it is at most 1."""
        if self.written_controls is not None:
            return self.written_controls
        is_refining = self.kind == "refine" and self.panel == "people" and not self.is_demo
        return min(0.1, 1 - self.variation_controls) if is_refining else 0.0

    @property
    def is_weighing_labelers(self) -> bool:
        return not self.is_simulated if self.weigh_labelers is None else self.weigh_labelers

    def diff(self, other: Self) -> list[tuple[str, Any, Any]]:
        """The fields in which `other` differs: (name, mine, theirs), in declaration order."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        return [(name, mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]]


class RunOptions(BaseModel):
    """How a run is carried out; changes nothing about its results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_base: str | None = None
    """An OpenAI-compatible endpoint, for example http://127.0.0.1:8000/v1."""
    api_key: str | None = Field(default=None, repr=False)
    """None: the provider's own environment variable."""
    client: Literal["auto", "openai", "litellm"] = "auto"
    concurrency: int = Field(default=16, ge=1, le=1024)
    """Model calls in flight."""
    timeout_s: float = Field(default=180.0, gt=0)
    """For one attempt of one model call."""
    retries: int = Field(default=5, ge=0, le=20)
    price_usd_per_mtok: tuple[float, float] | None = None
    """Prompt and completion price, for models that the price list does not know."""
