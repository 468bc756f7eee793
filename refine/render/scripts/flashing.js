// Whether large surfaces flash. A part of the walker: see walker.js.
// --- Flashing ------------------------------------------------------------------------------------------------------
// Luminance of large surfaces every 50 ms of the virtual clock over 2 s; a flash is a pair of opposing changes of a
// tenth or more where the darker is below 0.8 (WCAG 2.3.1). Large: a quarter of a ten-degree field, 341 x 256 px.
const AREA = 21824;
function channelOf(value) { const c = value / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }
function luminance(element) {
  const style = getComputedStyle(element), match = /rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)/.exec(style.backgroundColor);
  const alpha = match ? (match[4] === undefined ? 1 : Number(match[4])) : 0;
  const own = match ? 0.2126 * channelOf(+match[1]) + 0.7152 * channelOf(+match[2]) + 0.0722 * channelOf(+match[3]) : 1;
  const shown = style.visibility === 'hidden' || style.display === 'none' ? 0 : Number(style.opacity) * alpha;
  const filter = /invert\(1\)|invert\(100%\)/.test(style.filter) ? -1 : 1;
  const light = own * shown + (1 - shown);
  return filter < 0 ? 1 - light : light;
}
function flashes(values) {
  let pairs = 0, direction = 0, extreme = values[0];
  for (const value of values) {
    const change = value - extreme;
    if (Math.abs(change) >= 0.1 && Math.min(value, extreme) < 0.8) {
      const turn = Math.sign(change);
      if (turn !== direction) { pairs++; direction = turn; }
      extreme = value;
    } else if (direction !== 0 && Math.sign(change) === direction) extreme = value;
  }
  return Math.floor(pairs / 2);
}
api.flash = async () => {
  const moving = document.getAnimations().filter((each) => each.effect && each.effect.target && !Number.isFinite(each.effect.getComputedTiming().endTime));
  const suspects = new Map();
  const consider = (element) => { if (!element || element.nodeType !== 1 || suspects.size >= 30) return; const rect = element.getBoundingClientRect(); if (rect.width * rect.height >= AREA) suspects.set(element, []); };
  for (const each of moving.slice(0, 200)) consider(each.effect.target);
  for (const element of [document.documentElement, document.body]) if (element && noisy.has(element)) consider(element);
  for (const element of walk(document, { left: 3000 })) if (noisy.has(element)) consider(element);
  const canvases = isAnimated ? [] : null, canvasAreas = [...document.querySelectorAll('canvas')].slice(0, 4).map((each) => { const r = each.getBoundingClientRect(); return r.width * r.height >= AREA; });
  let worst = 0, where = '';
  if (suspects.size || canvases) {
    for (let at = 0; at <= 2000; at += 50) {
      lastCanvas = null;
      await run(50, { frame: 50, sample: !!canvases });
      for (const each of moving) { try { each.pause(); each.currentTime = at; } catch { /* stays as it is */ } }
      for (const [element, values] of suspects) values.push(luminance(element));
      if (canvases && lastCanvas) canvases.push(lastCanvas.lights);
    }
    for (const [element, values] of suspects) { const per = flashes(values) / 2; if (per > worst) { worst = per; where = selectorOf(element); } }
    for (let i = 0; canvases && canvases.length && i < canvases[0].length; i++) { const per = flashes(canvases.map((each) => channelOf((each[i] ?? 1) * 255))) / 2; if (canvasAreas[i] && per > worst) { worst = per; where = `canvas ${i + 1}`; } }
    for (const each of moving) { try { each.currentTime = 0; } catch { /* stays as it is */ } }
  }
  return JSON.stringify({ per_second: worst, where });
};
