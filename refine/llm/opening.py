"""A project's model client, opened: names and keys checked at once, libraries loaded at the first call."""

from collections.abc import Mapping

from refine.errors import ModelMisconfigured
from refine.llm import prices
from refine.llm.attempt import AttemptClient
from refine.llm.model_name import ModelTarget, resolve_model
from refine.llm.retrying import RetryingClient
from refine.protocols import ModelClient
from refine.settings import ProjectSettings, RunOptions
from refine.types import ModelReply, ModelRequest


class RoutingClient:
    """Gives each request to the client of its model; one client a model."""

    def __init__(self, options: RunOptions, environ: Mapping[str, str]) -> None:
        self._options = options
        self._environ = environ
        self._clients: dict[str, AttemptClient] = {}

    def open(self, model: str) -> AttemptClient:
        """Raise ModelMisconfigured for a model that cannot be called as things stand."""
        client = self._clients.get(model)
        if client is None:
            target = resolve_model(model, self._options, self._environ)
            client = self._clients[model] = _open_target(target, self._options)
        return client

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self.open(request.model).complete(request)

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self.open(request.model).estimate_usd(request)

    async def aclose(self) -> None:
        while self._clients:
            _, client = self._clients.popitem()
            await client.aclose()


def open_client(settings: ProjectSettings, options: RunOptions, *, environ: Mapping[str, str]) -> ModelClient:
    """A client for the project's models, with the one retry layer on it; close it with `aclose`.

    Raises ModelMisconfigured, in a line that says what to set, for an unknown provider, an empty name, a missing key,
    or a budget without a known price. Whether the endpoint takes the key and knows the model is known at the first
    call. `options.api_base` stands for an endpoint of one's own: no provider's key is sent there (REFINE_API_KEY is),
    and list prices do not hold for it.
    """
    routing = RoutingClient(options, environ)
    routing.open(settings.model)
    if settings.distil_model is not None:
        routing.open(settings.distil_model)
    if settings.budget_usd is not None:
        for model in dict.fromkeys((settings.model, settings.distil_model or settings.model)):
            if routing.estimate_usd(ModelRequest(model=model, messages=(), seed=0)) is None:
                raise ModelMisconfigured(
                    f"a budget needs prices, and the price of {model} is unknown: pass --price PROMPT,COMPLETION in US"
                    " dollars per million tokens, or leave --budget-usd out"
                )
    return RetryingClient(
        routing,
        retries=options.retries,
        concurrency=options.concurrency,
        seed=settings.seed,
    )


def _open_target(target: ModelTarget, options: RunOptions) -> AttemptClient:
    if target.route == "demo":
        from refine.llm.scripted import ScriptedClient

        return ScriptedClient()
    if options.price_usd_per_mtok is not None:
        price: prices.Price | None = prices.given_price(options.price_usd_per_mtok)
    else:
        price = None if target.is_own_endpoint else prices.price_of(target.name)
    if target.route == "openai":
        from refine.llm.openai_client import OpenAIClient

        return OpenAIClient(target, price=price, concurrency=options.concurrency, timeout_s=options.timeout_s)
    from refine.llm.litellm_client import LitellmClient

    return LitellmClient(target, price=price, timeout_s=options.timeout_s)
