"""A page that the renderer has open reaches nobody: not by HTTP, not by a socket, not by UDP, not on this machine."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from refine.render import Renderer
from tests.render.conftest import page

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Collector:
    """Counts who knocks at a TCP and a UDP port of the loopback."""

    def __init__(self) -> None:
        self.knocks = 0
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        for each in (self.tcp, self.udp):
            each.setblocking(False)

    def collect(self) -> int:
        while True:
            try:
                connection, _ = self.tcp.accept()
            except BlockingIOError:
                break
            connection.close()
            self.knocks += 1
        while True:
            try:
                self.udp.recvfrom(2000)
            except BlockingIOError:
                return self.knocks
            self.knocks += 1


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    with closing(made.tcp), closing(made.udp):
        yield made


ATTEMPTS = """<!DOCTYPE html><link rel=preconnect href="http://HOST/"><link rel=dns-prefetch href="http://HOST/">
<link rel=stylesheet href="http://HOST/s.css"><link rel=prefetch href="http://HOST/p"><img src="http://HOST/i.png">
<script src="http://HOST/a.js"></script><iframe src="http://HOST/f"></iframe><video src="http://HOST/v.mp4"></video>
<style>body { background: url(http://HOST/b.png) } @font-face { font-family: x; src: url(http://HOST/x.woff) } p { font-family: x }</style>
<p>text</p><a id=a href="http://HOST/l" target=_blank ping="http://HOST/ping">link</a><form action="http://HOST/form"><button>Send</button></form>
<script>
const no = () => {};
fetch('http://HOST/fetch', { mode: 'no-cors' }).catch(no); fetch('https://HOST/fetch', { mode: 'no-cors' }).catch(no);
navigator.sendBeacon('http://HOST/beacon', 'x'); new WebSocket('ws://HOST/'); new EventSource('http://HOST/e');
const r = new XMLHttpRequest(); r.open('GET', 'http://HOST/x'); r.send();
try { new WebTransport('https://HOST/').ready.catch(no); } catch {}
new Worker(URL.createObjectURL(new Blob(["fetch('http://HOST/w', { mode: 'no-cors' }); new WebSocket('ws://HOST/')"])));
const pc = new RTCPeerConnection({ iceServers: [{ urls: 'stun:HOST' }, { urls: 'turn:HOST', username: 'u', credential: 'c' }] });
pc.createDataChannel('x'); pc.createOffer().then((o) => pc.setLocalDescription(o)).catch(no);
open('http://HOST/popup'); a.click(); setTimeout(() => { location = 'http://HOST/go'; }, 50);
</script>"""


async def test_nothing_a_page_tries_arrives(renderer: Renderer, collector: Collector) -> None:
    reports = [
        await renderer.render(page(ATTEMPTS.replace("HOST", f"{host}:{collector.port}")))
        for host in ("127.0.0.1", "localhost")
    ]
    await asyncio.sleep(0.5)
    assert collector.collect() == 0
    for report in reports:
        assert report.outcome == "ok", report.problem
        blocked = {asked.kind for asked in report.requests if asked.result in ("blocked", "left")}
        assert {"script", "stylesheet", "image", "fetch", "xhr", "document"} <= blocked, blocked


async def test_the_collector_hears_those_who_do_arrive(collector: Collector) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", collector.port)
    writer.close()
    await writer.wait_closed()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
        sender.sendto(b"x", ("127.0.0.1", collector.port))
    await asyncio.sleep(0.1)
    assert collector.collect() == 2


async def test_two_pages_share_no_storage(renderer: Renderer) -> None:
    code = "<h1 id=h></h1><script>h.append('was ' + localStorage.x); localStorage.x = 'set'; document.title = localStorage.x</script>"
    for _ in range(2):
        report = await renderer.render(page(code))
        assert (report.title, report.text) == ("set", ("was undefined",))
