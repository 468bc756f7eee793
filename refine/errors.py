"""Every error Refine raises on purpose, by the boundary that failed. The docstring is the default message.

RefineError
├── InputError            bad input from a caller: files, options, feedback lines (CLI exit code 2)
│   ├── SettingsChanged   the same project was asked for with other settings
│   ├── FeedbackError     a ranking or critique that cannot be taken
│   └── AccessDenied      a key, link or session that opens nothing, or work that is not this labeler's
├── StoreError            the database
│   ├── SchemaTooNew      written by a newer version
│   ├── MigrationNeeded   an older schema, and migrating was refused
│   ├── StoreReadOnly     the file or its folder cannot be written
│   ├── StoreFull         no space left on the device
│   ├── UnreadableText    a text in it that is not UTF-8
│   └── ChainBusy         another live process owns the chain
├── ModelError            a model call that failed for good, after its retries
│   ├── ModelMisconfigured  stops the run: unknown model, missing or refused key, unknown price under a budget
│   ├── ModelUnreachable    stops the run: nothing answers at the endpoint
│   ├── ModelRefused        the provider or model declined this request
│   └── ModelFailed         rate limits, 5xx or time-outs that outlasted the retries
├── RenderError           the browser that looks at candidates
│   └── NoBrowser         stops the run: there is no Chromium, or it does not start
├── LimitReached          the budget, deadline or ranking limit does not allow the next step
└── ChainFailed           a chain cannot go on; its siblings do
"""


class RefineError(Exception):
    """Something went wrong."""

    exit_code = 1

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class InputError(RefineError):
    """The input cannot be used."""

    exit_code = 2


class SettingsChanged(InputError):
    """The project exists with other settings; pass --accept-changes to go on with the new ones."""


class FeedbackError(InputError):
    """The feedback cannot be taken."""


class AccessDenied(InputError):
    """This link or key opens nothing any more; ask for a new link."""


class StoreError(RefineError):
    """The database cannot be used."""

    exit_code = 2


class SchemaTooNew(StoreError):
    """The database was written by a newer version of Refine; upgrade Refine to open it."""


class MigrationNeeded(StoreError):
    """The database has an older schema; run `refine db upgrade`."""


class StoreReadOnly(StoreError):
    """The database cannot be written."""


class StoreFull(StoreError):
    """No space is left for the database; free some and run the same command again."""


class UnreadableText(StoreError):
    """A text in the database is not UTF-8; `refine db verify` looks for damage."""


class ChainBusy(StoreError):
    """Another running process owns this chain."""

    exit_code = 1


class ModelError(RefineError):
    """The model call failed.

    `retries` counts the attempts before the last one; `raw_reply` is what came back, if anything did; `cost_usd` is
    what it cost all the same (a refusal is paid for), None where that is unknown.
    """

    def __init__(
        self,
        message: str | None = None,
        *,
        retries: int = 0,
        raw_reply: str | None = None,
        cost_usd: float | None = None,
    ) -> None:
        super().__init__(message)
        self.retries = retries
        self.raw_reply = raw_reply
        self.cost_usd = cost_usd


class ModelMisconfigured(ModelError):
    """The model cannot be called as configured."""

    exit_code = 2


class ModelUnreachable(ModelError):
    """Nothing answers at the model's endpoint."""

    exit_code = 2


class ModelRefused(ModelError):
    """The model declined the request."""


class ModelFailed(ModelError):
    """The model kept failing."""


class RenderError(RefineError):
    """The browser cannot be used."""


class NoBrowser(RenderError):
    """There is no Chromium."""

    exit_code = 2


class LimitReached(RefineError):
    """A limit does not allow the next step.

    `reason` is the stop reason it becomes.
    """

    def __init__(self, message: str | None = None, *, reason: str = "cost") -> None:
        super().__init__(message)
        self.reason = reason


class ChainFailed(RefineError):
    """The chain cannot go on."""
