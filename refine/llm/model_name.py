"""Which client answers for a model name, what the endpoint is told, and with which key.

Names are `provider/model`; `openai/` is taken off once before the name is sent, so a server that itself serves
`openai/gpt-oss-20b` is asked for as `openai/openai/gpt-oss-20b`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from refine.errors import ModelMisconfigured
from refine.llm import prices
from refine.llm.attempt import one_line
from refine.settings import RunOptions

Route = Literal["demo", "openai", "litellm"]

OPENAI_BASE = "https://api.openai.com/v1"

# What each provider's key is called, as litellm reads it: one of a row is enough, all in a tuple belong together.
_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ai21": (("AI21_API_KEY",),),
    "anthropic": (("ANTHROPIC_API_KEY",), ("ANTHROPIC_AUTH_TOKEN",)),
    "azure": (("AZURE_API_KEY",), ("AZURE_AD_TOKEN",), ("AZURE_CLIENT_ID",)),
    "cerebras": (("CEREBRAS_API_KEY",),),
    "cohere": (("COHERE_API_KEY",), ("CO_API_KEY",)),
    "dashscope": (("DASHSCOPE_API_KEY",),),
    "deepinfra": (("DEEPINFRA_API_KEY",),),
    "deepseek": (("DEEPSEEK_API_KEY",),),
    "fireworks_ai": (
        ("FIREWORKS_API_KEY",),
        ("FIREWORKS_AI_API_KEY",),
        ("FIREWORKSAI_API_KEY",),
        ("FIREWORKS_AI_TOKEN",),
    ),
    "gemini": (("GEMINI_API_KEY",), ("GOOGLE_API_KEY",)),
    "groq": (("GROQ_API_KEY",),),
    "mistral": (("MISTRAL_API_KEY",),),
    "moonshot": (("MOONSHOT_API_KEY",),),
    "nvidia_nim": (("NVIDIA_NIM_API_KEY",),),
    "openai": (("OPENAI_API_KEY",),),
    "openrouter": (("OPENROUTER_API_KEY",), ("OR_API_KEY",)),
    "perplexity": (("PERPLEXITYAI_API_KEY",), ("PERPLEXITY_API_KEY",)),
    "replicate": (("REPLICATE_API_KEY",), ("REPLICATE_API_TOKEN",)),
    "sambanova": (("SAMBANOVA_API_KEY",),),
    "together_ai": (("TOGETHERAI_API_KEY",), ("TOGETHER_AI_API_KEY",), ("TOGETHER_API_KEY",), ("TOGETHER_AI_TOKEN",)),
    "xai": (("XAI_API_KEY",),),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTarget:
    """Where requests for a model go."""

    name: str
    """As it was asked for."""
    route: Route
    provider: str
    sent: str
    """The name that the client is given."""
    api_base: str | None = None
    api_key: str | None = field(default=None, repr=False)
    """None: litellm finds the provider's credentials in the environment itself."""
    is_own_endpoint: bool = False
    """The endpoint was given with --api-base: list prices say nothing about it."""


def resolve_model(name: str, options: RunOptions, environ: Mapping[str, str]) -> ModelTarget:
    """Raise ModelMisconfigured, with what to set, for a name that no client can answer for as things stand."""
    if not name.strip() or len(name) > 300 or not name.isprintable():
        raise ModelMisconfigured(
            f"{one_line(name, 60)!r} is not a model name; pass --model provider/model, for example openai/gpt-5"
        )
    provider, slash, rest = name.partition("/")
    if slash and not rest:
        raise ModelMisconfigured(
            f"the model name {one_line(name, 60)!r} ends after its provider; write {provider}/MODEL"
        )
    if slash and provider == "demo":
        return _demo(name, rest, options)
    if options.api_base is not None:
        return _own_endpoint(name, options.api_base, options, environ)
    if not slash:
        provider = _provider_of_bare(name)
    elif provider not in prices.known_providers():
        raise ModelMisconfigured(
            f"unknown provider {one_line(provider, 60)!r} in the model name {one_line(name, 100)!r}; write "
            "provider/model, for example openai/gpt-5, or pass --api-base for an endpoint of your own"
        )
    if options.client == "openai" and provider != "openai":
        raise ModelMisconfigured(
            f"the openai client speaks to OpenAI or to --api-base, not to {provider}; leave --client out"
        )
    key = _find_key(provider, options, environ)
    if provider == "openai" and options.client != "litellm":
        base = environ.get("OPENAI_BASE_URL") or OPENAI_BASE
        return ModelTarget(
            name=name,
            route="openai",
            provider=provider,
            sent=rest if slash else name,
            api_base=_checked_base(base, "OPENAI_BASE_URL"),
            api_key=key,
            is_own_endpoint=base != OPENAI_BASE,
        )
    return ModelTarget(name=name, route="litellm", provider=provider, sent=name, api_key=key)


def _demo(name: str, rest: str, options: RunOptions) -> ModelTarget:
    if rest != "scripted":
        raise ModelMisconfigured(f"unknown model {one_line(name, 100)!r}; the only demo model is demo/scripted")
    if options.api_base is not None:
        raise ModelMisconfigured(
            f"--api-base needs --model: {name} answers by itself and is not what an endpoint serves"
        )
    if options.client != "auto":
        raise ModelMisconfigured(f"{name} answers by itself; leave --client out, or name another --model")
    return ModelTarget(name=name, route="demo", provider="demo", sent=rest)


def _own_endpoint(name: str, base: str, options: RunOptions, environ: Mapping[str, str]) -> ModelTarget:
    """Keys of known providers are never sent to an endpoint that was merely named; REFINE_API_KEY is meant for it."""
    sent = name.removeprefix("openai/")
    key = options.api_key or environ.get("REFINE_API_KEY") or "none"
    base = _checked_base(base, "--api-base")
    if options.client != "litellm":
        route: Route = "openai"
    else:
        route = "litellm"
        provider = name.partition("/")[0]
        # litellm's own route for OpenAI-compatible servers is its cheapest one.
        sent = name if provider != "openai" and "/" in name and _is_provider(provider) else f"hosted_vllm/{sent}"
    return ModelTarget(
        name=name,
        route=route,
        provider=urlsplit(base).netloc,
        sent=sent,
        api_base=base,
        api_key=key,
        is_own_endpoint=True,
    )


def _is_provider(prefix: str) -> bool:
    return prefix in prices.known_providers()


def _provider_of_bare(name: str) -> str:
    provider = prices.provider_of(name)
    if provider is None:
        raise ModelMisconfigured(
            f"unknown model {one_line(name, 100)!r}; write provider/model, for example openai/gpt-5, "
            "or pass --api-base for an endpoint of your own"
        )
    return provider


def _find_key(provider: str, options: RunOptions, environ: Mapping[str, str]) -> str | None:
    if options.api_key:
        return options.api_key
    rows = _KEYS.get(provider)
    if rows is None:
        return None
    for row in rows:
        if all(environ.get(variable) for variable in row):
            return environ[row[0]] if provider == "openai" else None
    wanted = " or ".join(" and ".join(row) for row in rows[:2])
    raise ModelMisconfigured(f"no key for {provider}: set {wanted}")


def _checked_base(base: str, option: str) -> str:
    try:
        parts = urlsplit(base)
        is_usable = (
            parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        is_usable = False
    if not is_usable or not base.isprintable() or " " in base:
        raise ModelMisconfigured(
            f"{option} {one_line(base, 100)!r} is not an address; expected something like http://127.0.0.1:8000/v1"
        )
    if parts.username is not None or parts.password is not None:
        raise ModelMisconfigured(f"{option} holds a name or password; leave it out and set REFINE_API_KEY instead")
    return base.rstrip("/")
