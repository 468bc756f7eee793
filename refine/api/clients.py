"""One client per model that the project's settings name, opened when it is first asked."""

from collections.abc import Mapping

from refine.llm import open_client
from refine.protocols import ModelClient
from refine.settings import ProjectSettings, RunOptions
from refine.types import ModelReply, ModelRequest


class ClientPool:
    """A ModelClient that hands each request to the client of its model.

    Opening it checks the models of the settings, so that a missing key is found before anything is stored.
    """

    def __init__(self, settings: ProjectSettings, options: RunOptions, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._options = options
        self._environ = environ
        self._clients: dict[str, ModelClient] = {}
        for model in {settings.model, settings.distil_model or settings.model}:
            self._client_of(model)

    async def complete(self, request: ModelRequest) -> ModelReply:
        return await self._client_of(request.model).complete(request)

    def estimate_usd(self, request: ModelRequest) -> float | None:
        return self._client_of(request.model).estimate_usd(request)

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _client_of(self, model: str) -> ModelClient:
        client = self._clients.get(model)
        if client is None:
            settings = self._settings.model_copy(update={"model": model})
            client = self._clients[model] = open_client(settings, self._options, environ=self._environ)
        return client
