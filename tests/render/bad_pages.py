"""Pages that do their worst to a browser, each with the outcomes that may come of it."""

BAD_PAGES: dict[str, tuple[str, set[str]]] = {
    "loop at load": ("<h1>a</h1><script>while (true);</script>", {"hung"}),
    "loop in a timer": ("<h1>a</h1><script>setTimeout(() => { for (;;); }, 100)</script>", {"hung"}),
    "loop in a handler": ("<button onclick='for(;;);'>Go</button>", {"hung"}),
    "loop of microtasks": ("<h1>a</h1><script>(function f() { Promise.resolve().then(f); })()</script>", {"hung"}),
    "loop of a pattern": (
        "<button onclick=\"/^(a+)+$/.test('a'.repeat(40) + 'b')\">Go</button>",
        {"hung"},
    ),
    "loop in a getter": (
        "<h1>a</h1><script>Object.defineProperty(Object.prototype, 'toJSON', { get() { for (;;); } })</script>",
        {"hung"},
    ),
    "heap bomb": (
        "<h1>a</h1><script>const a = []; for (;;) a.push(new Array(10000).fill({}))</script>",
        {"hung", "crashed", "memory"},
    ),
    "buffer bomb": (
        "<h1>a</h1><script>const a = []; setInterval(() => { for (let i = 0; i < 20; i++)"
        " a.push(new Uint8Array(2e7).fill(7)); }, 1)</script>",
        {"memory", "crashed", "hung"},
    ),
    "string bomb": ("<script>let s = 'x'; for (;;) s += s + s.slice(1)</script>", {"ok", "hung", "crashed", "memory"}),
    "DOM bomb": (
        "<script>for (;;) document.documentElement.append(document.createElement('div'))</script>",
        {"hung", "crashed", "memory"},
    ),
    "canvas bomb": (
        "<h1>a</h1><script>const all = []; for (let i = 0; i < 60; i++) { const c = document.createElement('canvas');"
        " c.width = c.height = 4000; c.getContext('2d').fillRect(0, 0, 4000, 4000); all.push(c); document.body.append(c); }"
        "</script>",
        {"ok", "memory", "crashed", "hung", "timeout"},
    ),
    "alert flood": ("<h1>a</h1><script>setInterval(() => { for (;;) { alert(1); break; } }, 1)</script>", {"ok"}),
    "confirm until it stops": ("<h1>a</h1><script>while (confirm('Stay?')); while (!confirm('Go?'));</script>", {"ok"}),
    "console flood": (
        "<h1>a</h1><script>for (let i = 0; i < 200000; i++) console.error('x'.repeat(999))</script>",
        {"ok"},
    ),
    "exception flood": ("<h1>a</h1><script>setInterval(() => { throw new Error('e'); }, 0)</script>", {"ok"}),
    "timer storm": (
        "<h1>a</h1><script>(function f() { setTimeout(f, 0); setTimeout(f, 0); })()</script>",
        {"ok", "hung", "timeout"},
    ),
    "endless animation": (
        "<canvas id=c width=800 height=600></canvas><script>const x = c.getContext('2d'); let t = 0;"
        "(function f() { x.fillStyle = `hsl(${t++} 90% 50%)`; x.fillRect(0, 0, 800, 600); requestAnimationFrame(f); })()"
        "</script>",
        {"ok"},
    ),
    "slow frames": (
        "<h1>a</h1><script>(function f() { for (let i = 0, s = 0; i < 2e8; i++) s += i; requestAnimationFrame(f); })()</script>",
        {"ok", "hung", "timeout"},
    ),
    "service worker": (
        "<h1>a</h1><script>navigator.serviceWorker.register('sw.js').then(() => document.title = 'in')</script>",
        {"ok"},
    ),
    "worker that spins": (
        "<h1>a</h1><script>for (let i = 0; i < 4; i++) new Worker(URL.createObjectURL(new Blob(['for(;;);'])))</script>",
        {"ok"},
    ),
    "huge DOM": (
        "<script>document.write('<p>' + '<b>x</b>'.repeat(100000) + '</p>')</script>",
        {"ok", "hung", "timeout", "memory"},
    ),
    "deep DOM": ("<div>" * 20000 + "x", {"ok", "crashed", "hung", "timeout"}),
    "ten megabytes": (
        "<h1>a</h1>" + "<p>" + "word " * 20000 + "</p>\n" * 1 + "<!--" + "x" * 10_000_000 + "-->",
        {"ok"},
    ),
    "ten megabytes of script": ("<h1>a</h1><script>const s = '" + "y" * 10_000_000 + "';</script>", {"ok"}),
    "many frames": (
        "<h1>a</h1><script>for (let i = 0; i < 100; i++) { const f = document.createElement('iframe');"
        " f.srcdoc = '<script>while(1);<\\/script>'; document.body.append(f); }</script>",
        {"ok", "hung", "timeout", "memory"},
    ),
    "frames of itself": ("<h1>a</h1><iframe src='index.html'></iframe>", {"ok", "hung", "timeout"}),
    "popups": ("<h1>a</h1><script>for (let i = 0; i < 50; i++) window.open('about:blank')</script>", {"ok"}),
    "reload loop": ("<h1>a</h1><script>location.reload()</script>", {"ok"}),
    "refresh": ("<meta http-equiv=refresh content=0><h1>a</h1>", {"ok"}),
    "navigates to data": ("<h1>a</h1><script>location = 'data:text/html,x'</script>", {"ok", "crashed"}),
    "navigates to a blob": (
        "<h1>a</h1><script>location = URL.createObjectURL(new Blob(['<h1>b</h1>'], { type: 'text/html' }))</script>",
        {"ok", "crashed"},
    ),
    "navigates to about:blank": ("<h1>a</h1><script>location = 'about:blank'</script>", {"ok", "crashed"}),
    "writes itself anew": (
        "<h1>a</h1><script>setTimeout(() => { document.open(); document.write('<h1>new</h1>'); document.close(); }, 50)</script>",
        {"ok"},
    ),
    "removes everything": ("<h1>a</h1><script>document.documentElement.remove()</script>", {"ok", "unread"}),
    "history flood": (
        "<h1>a</h1><script>for (let i = 0; i < 1e5; i++) history.pushState(i, '', '#' + i)</script>",
        {"ok", "hung"},
    ),
    "takes the globals away": (
        "<h1>a</h1><button>b</button><script>for (const k of Object.getOwnPropertyNames(window))"
        " { try { window[k] = null } catch {} } Array.prototype.push = Map.prototype.get = null</script>",
        {"ok", "unread"},
    ),
    "forges answers": (
        "<h1>a</h1><script>EventTarget.prototype.dispatchEvent = () => true; window.dispatchEvent = () => { throw 1 };"
        "JSON.stringify = () => '{\"more\":true}'; CustomEvent = function () {}</script>",
        {"ok", "unread"},
    ),
    "odd characters": (
        "<title>\ufffe\u202e</title><button>\u202e\ufffd</button><p id=p></p><script>p.append('\\ud800')</script>",
        {"ok"},
    ),
    "unload traps": (
        "<h1>a</h1><script>onbeforeunload = (e) => { e.preventDefault(); for (;;); }</script>",
        {"ok", "hung"},
    ),
    "print loop": ("<h1>a</h1><script>setInterval(print, 1)</script>", {"ok"}),
    "downloads": (
        "<a id=l download=x href='data:,x'>l</a><script>for (let i = 0; i < 20; i++) l.click()</script>",
        {"ok"},
    ),
    "asks for everything": (
        "<h1>a</h1><script>navigator.geolocation.getCurrentPosition(() => {}); Notification.requestPermission();"
        "navigator.mediaDevices?.getUserMedia({ audio: true, video: true }); document.body.requestPointerLock()</script>",
        {"ok"},
    ),
    "sound": (
        "<h1>a</h1><script>const a = new AudioContext(), o = a.createOscillator(); o.connect(a.destination); o.start()</script>",
        {"ok"},
    ),
    "wide grid of buttons": (
        "<button onclick='n.textContent++'>x</button>" * 3000 + "<p id=n>0</p>",
        {"ok", "timeout"},
    ),
    "empty": ("", {"ok"}),
    "no text at all": ("\x00\x01\x02", {"ok"}),
    "crash by recursion": (
        "<h1>a</h1><script>function f() { f(); } setInterval(() => { try { f(); } catch {} }, 1)</script>",
        {"ok"},
    ),
    "big table layout": (
        "<script>document.write('<table>' + ('<tr>' + '<td>1</td>'.repeat(100) + '</tr>').repeat(300) + '</table>')</script>",
        {"ok", "hung", "timeout"},
    ),
    "filter bomb": (
        "<style>div { position: fixed; inset: 0; filter: blur(40px); backdrop-filter: blur(40px); }</style>"
        + "<div>a</div>" * 150,
        {"ok", "hung", "timeout", "crashed", "memory"},
    ),
    "shader bomb": (
        "<canvas id=c width=600 height=400></canvas><script>const g = c.getContext('webgl'); if (g) { const s = (t, x) => { const h ="
        " g.createShader(t); g.shaderSource(h, x); g.compileShader(h); return h; }; const p = g.createProgram();"
        " g.attachShader(p, s(g.VERTEX_SHADER, 'attribute vec2 a; void main() { gl_Position = vec4(a, 0., 1.); }'));"
        " g.attachShader(p, s(g.FRAGMENT_SHADER, 'precision highp float; void main() { float f = 0.; for (int i = 0; i < 20000; i++)"
        " f += sin(f + gl_FragCoord.x); gl_FragColor = vec4(f); }')); g.linkProgram(p); g.useProgram(p);"
        " g.bindBuffer(g.ARRAY_BUFFER, g.createBuffer()); g.bufferData(g.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]),"
        " g.STATIC_DRAW); g.enableVertexAttribArray(0); g.vertexAttribPointer(0, 2, g.FLOAT, false, 0, 0);"
        " (function f() { g.drawArrays(g.TRIANGLES, 0, 3); requestAnimationFrame(f); })(); }</script>",
        {"ok", "hung", "timeout", "crashed", "memory"},
    ),
}
