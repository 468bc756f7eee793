"""Chromium on this machine: where it is, how it is started without a network, and how all of it is ended."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from refine.errors import NoBrowser
from refine.render.settings import RenderSettings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
VARIABLE = "REFINE_CHROMIUM"
HOW_TO_GET_IT = f"install it (Debian, Ubuntu: apt install chromium) or name one in {VARIABLE}"
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
FEATURES_OFF = (
    # What playwright turns off, and must be said again: Chromium obeys the last list only.
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "LensOverlay"),
    *("HttpsFirstBalancedModeAutoEnable", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning"),
    *("AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "PreconnectToSearch"),
    # A second renderer and a third of the browser's CPU for every page's window that nobody types into (measured).
    *("AimEnabled", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup", "OmniboxPopupViewFullWebUI"),
)


def find_chromium(environ: Mapping[str, str] | None = None) -> Path:
    """REFINE_CHROMIUM, else the first on PATH of chromium, chromium-browser and google-chrome. Raises NoBrowser."""
    environ = os.environ if environ is None else environ
    if named := environ.get(VARIABLE):
        path = shutil.which(named, path=environ.get("PATH"))
        if path is None:
            raise NoBrowser(f"{VARIABLE} names {named!r}, which is no program here; correct it or unset it")
        return Path(path)
    for name in NAMES:
        if path := shutil.which(name, path=environ.get("PATH")):
            return Path(path)
    raise NoBrowser(f"there is no Chromium on PATH; {HOW_TO_GET_IT}")


def arguments(settings: RenderSettings) -> list[str]:
    """No name resolves and every connection, loopback too, goes to a proxy that does not exist; UDP only by proxy."""
    return [
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=http://nowhere.invalid:9",
        "--proxy-bypass-list=<-loopback>",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--disable-quic",
        "--dns-prefetch-disable",
        "--no-pings",
        "--mute-audio",
        "--disable-accelerated-2d-canvas",
        "--disable-lcd-text",
        "--font-render-hinting=none",
        f"--js-flags=--max-old-space-size={settings.heap_mb}",
        f"--disable-features={','.join(FEATURES_OFF)}",
    ]


@dataclass(frozen=True, slots=True)
class Process:
    """One of the browser's, as the kernel tells."""

    pid: int
    is_renderer: bool
    cpu_s: float
    resident_mb: float


def processes_of(group: int) -> Iterator[Process]:
    """All processes of a process group; none where there is no /proc."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) != group or fields[0] == "Z":
                continue
            command = (entry / "cmdline").read_bytes()
            yield Process(
                pid=int(entry.name),
                is_renderer=b"--type=renderer" in command,
                cpu_s=(int(fields[11]) + int(fields[12])) / _TICKS,
                resident_mb=int(fields[21]) * _PAGE / 1e6,
            )
        except (OSError, ValueError, IndexError):
            continue  # it ended while we looked


class Chromium:
    """One running browser in a process group of its own."""

    def __init__(self, playwright: "Playwright", browser: "Browser", group: int, *, has_sandbox: bool) -> None:
        self._playwright = playwright
        self.browser = browser
        self.group = group
        self.version = browser.version
        self.has_sandbox = has_sandbox
        self.memory_kills: list[int] = []
        """Renderers ended for their memory, in order."""
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def launch(cls, path: Path, settings: RenderSettings) -> Self:
        """Raises NoBrowser when it does not start."""
        from playwright.async_api import Error, async_playwright

        playwright = await async_playwright().start()
        try:
            started = None
            for sandbox in _sandboxes(settings):
                try:
                    browser = await playwright.chromium.launch(
                        executable_path=path,
                        args=arguments(settings),
                        chromium_sandbox=sandbox,
                        handle_sigint=False,
                        handle_sigterm=False,
                        handle_sighup=False,
                        timeout=30_000,
                    )
                    started = cls(playwright, browser, await _group_of(browser), has_sandbox=sandbox)
                    break
                except Error as exc:
                    reason = str(exc).strip().splitlines()[0]
            if started is None:
                raise NoBrowser(f"{path} does not start as a browser ({reason[:200]}); {HOW_TO_GET_IT}")
        except BaseException:
            await playwright.stop()
            raise
        started._watch = asyncio.create_task(started._watch_memory(settings))
        return started

    @property
    def is_alive(self) -> bool:
        return self.browser.is_connected()

    def renderers(self) -> dict[int, float]:
        """CPU seconds of each page process by its id."""
        return {each.pid: each.cpu_s for each in processes_of(self.group) if each.is_renderer}

    def kill(self) -> None:
        """End every process of it, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, signal.SIGKILL)

    async def close(self) -> None:
        """End it in order, and by force what is left after five seconds."""
        from playwright.async_api import Error

        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        try:
            with contextlib.suppress(Error, TimeoutError):
                await asyncio.wait_for(self.browser.close(), 5)
        finally:
            self.kill()
            with contextlib.suppress(Error, TimeoutError):
                await asyncio.wait_for(self._playwright.stop(), 5)

    async def _watch_memory(self, settings: RenderSettings) -> None:
        while True:
            await asyncio.sleep(0.3)
            running = list(processes_of(self.group))
            for each in running:
                if each.is_renderer and each.resident_mb > settings.renderer_mb:
                    self.memory_kills.append(each.pid)
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(each.pid, signal.SIGKILL)
            if sum(each.resident_mb for each in running) > settings.browser_mb * 1.5:  # shared pages count in each
                self.memory_kills.append(self.group)
                self.kill()
                return


def _sandboxes(settings: RenderSettings) -> tuple[bool, ...]:
    if settings.sandbox != "auto":
        return (settings.sandbox == "on",)
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return (False,) if is_root else (True, False)


async def _group_of(browser: "Browser") -> int:
    session = await browser.new_browser_cdp_session()
    running = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    await session.detach()
    pid = next(int(each["id"]) for each in running if each["type"] == "browser")
    group = os.getpgid(pid)
    if group == os.getpgid(0):
        raise NoBrowser("Chromium runs in this process's own group and could not be ended alone; report this")
    return group
