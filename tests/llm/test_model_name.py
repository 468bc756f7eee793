import pytest

from refine.errors import ModelMisconfigured
from refine.llm.model_name import ModelTarget, resolve_model
from refine.llm.opening import open_client
from refine.settings import ProjectSettings, RunOptions

KEYS = {"OPENAI_API_KEY": "sk-open", "ANTHROPIC_API_KEY": "sk-ant"}
LOCAL = "http://127.0.0.1:8000/v1"


def resolve(name: str, environ: dict[str, str] | None = None, **options: object) -> ModelTarget:
    return resolve_model(name, RunOptions.model_validate(options), KEYS if environ is None else environ)


def test_openai_names_go_to_the_openai_client_with_their_key() -> None:
    target = resolve("openai/gpt-5")
    assert (target.route, target.sent, target.api_key) == ("openai", "gpt-5", "sk-open")


def test_a_bare_name_in_the_price_list_goes_to_its_provider() -> None:
    assert resolve("gpt-5").route == "openai"
    assert resolve("claude-sonnet-4-5").provider == "anthropic"


def test_other_providers_go_to_litellm_which_reads_their_key() -> None:
    target = resolve("anthropic/claude-sonnet-4-5")
    assert (target.route, target.sent, target.api_key) == ("litellm", "anthropic/claude-sonnet-4-5", None)


def test_a_client_can_be_forced() -> None:
    assert resolve("openai/gpt-5", client="litellm").route == "litellm"
    assert resolve("anything", client="litellm", api_base=LOCAL).sent == "hosted_vllm/anything"


def test_an_endpoint_of_ones_own_takes_any_name_and_needs_no_key() -> None:
    target = resolve("Qwen/Qwen3-8B", {}, api_base=LOCAL)
    assert (target.route, target.sent, target.api_key) == ("openai", "Qwen/Qwen3-8B", "none")


def test_one_openai_prefix_is_taken_off() -> None:
    assert resolve("openai/openai/gpt-oss-20b", {}, api_base=LOCAL).sent == "openai/gpt-oss-20b"


def test_a_providers_key_is_never_sent_to_an_endpoint_of_ones_own() -> None:
    assert resolve("openai/gpt-5", api_base=LOCAL).api_key == "none"
    assert resolve("openai/gpt-5", {**KEYS, "REFINE_API_KEY": "mine"}, api_base=LOCAL).api_key == "mine"


def test_keys_are_not_shown() -> None:
    assert "sk-open" not in repr(resolve("openai/gpt-5"))


@pytest.mark.parametrize(
    ("name", "environ", "options", "wanted"),
    [
        ("", KEYS, {}, "--model provider/model"),
        ("  ", KEYS, {}, "--model provider/model"),
        ("a\nb", KEYS, {}, "--model provider/model"),
        ("openai/", KEYS, {}, "openai/MODEL"),
        ("nosuch/model", KEYS, {}, "unknown provider 'nosuch'"),
        ("nosuchmodel", KEYS, {}, "unknown model 'nosuchmodel'"),
        ("demo/other", KEYS, {}, "demo/scripted"),
        ("openai/gpt-5", {}, {}, "set OPENAI_API_KEY"),
        ("openai/gpt-5", {"OPENAI_API_KEY": ""}, {}, "set OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", {}, {}, "set ANTHROPIC_API_KEY"),
        ("gemini/gemini-2.5-pro", {}, {}, "set GEMINI_API_KEY or GOOGLE_API_KEY"),
        ("anthropic/claude-sonnet-4-5", KEYS, {"client": "openai"}, "leave --client out"),
        ("demo/scripted", KEYS, {"api_base": LOCAL}, "--api-base needs --model"),
        ("demo/scripted", KEYS, {"client": "openai"}, "leave --client out"),
        ("m", KEYS, {"api_base": "127.0.0.1:8000"}, "is not an address"),
        ("m", KEYS, {"api_base": "http://"}, "is not an address"),
        ("m", KEYS, {"api_base": "http://h:99999/v1"}, "is not an address"),
    ],
)
def test_what_cannot_be_called_is_refused_at_open_in_one_line(
    name: str, environ: dict[str, str], options: dict[str, str], wanted: str
) -> None:
    with pytest.raises(ModelMisconfigured, match=wanted) as caught:
        open_client(ProjectSettings(model=name), RunOptions.model_validate(options), environ=environ)
    assert "\n" not in str(caught.value)


def test_the_distilling_model_is_checked_too() -> None:
    with pytest.raises(ModelMisconfigured, match="nosuch"):
        open_client(ProjectSettings(distil_model="nosuch/m"), RunOptions(), environ={})
