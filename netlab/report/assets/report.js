"use strict";
(() => {
const root = document.documentElement;
const record = JSON.parse(document.getElementById("record").textContent);
const { words, rules } = record;
for (const step of record.steps)
  for (const name of Object.keys(step.layers)) step.layers[name] = record.layers[step.layers[name]];
/* Of a lab that was only covered each row has what was asked: "3:R 75:RU". */
function whole(row, size, blank) {
  const letters = Array(size).fill(blank);
  for (const run of row.split(" ").filter(Boolean)) {
    const colon = run.indexOf(":");
    [...run.slice(colon + 1)].forEach((letter, k) => { letters[Number(run.slice(0, colon)) + k] = letter; });
  }
  return letters.join("");
}
for (const layer of record.layers) {
  if (layer.packed === null) continue;
  for (const name of ["expected", "observed", "verdict", "again"])
    layer[name] = layer[name] && layer[name].map((row) => whole(row, layer.packed, " "));
  layer.rules.rows = layer.rules.rows.map((row) => whole(row, layer.packed, "."));
}
const sections = [...document.querySelectorAll(".step")];
const tabs = [...document.querySelectorAll("[role=tab]")];
const LOOKS = { R: "r", A: "a", B: "a", U: "u", "?": "q", ".": "x", " ": "x" };
let current = 0, shown = null, pinned = false;
root.classList.add("js");

/* Everything that comes from the record goes in as text, never as markup. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
}
const svg = (tag, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};

/* ---- cells ------------------------------------------------------------------------------------ */

const endpointsOf = (k) => record.steps[k].endpoints || record.endpoints;
/* The rows and the columns of a layer's matrix. An address that several interfaces have, or none, has no link of its own. */
const byHost = (k, layer) => record.steps[k].layers[layer].asked === "host";
const sourcesOf = (k, layer) => byHost(k, layer) ? record.steps[k].hosts || record.hosts : endpointsOf(k);
function targetsOf(k, layer) {
  if (!byHost(k, layer)) return endpointsOf(k);
  const ends = new Map(endpointsOf(k).map((one) => [one.id, one]));
  return (record.steps[k].addresses || record.addresses).map((one) => ends.get(one.id) || { id: one.id, link: one.links.length === 1 ? one.links[0] : null });
}

/* Row and column of a pair; -1 where there is none. */
const places = (k, layer, from, to) =>
  [[sourcesOf, from], [targetsOf, to]].map(([side, name]) => side(k, layer).findIndex((one) => one.id === name));

/* Where a table leaves columns out: the places in the record of those that it has. */
const placesOf = (table) => table.dataset.places ? table.dataset.places.split(" ").map(Number) : [];

function locate(td) {
  const table = td.closest("table.m"), row = td.parentNode;
  const step = Number(td.closest(".step").dataset.step);
  if (table.dataset.layers !== undefined)
    return { step, layer: table.dataset.layers.split(" ")[td.cellIndex - 1], i: Number(row.dataset.i), j: Number(row.dataset.j) };
  const i = row.sectionRowIndex, j = placesOf(table)[td.cellIndex - 1] ?? td.cellIndex - 1;
  if (table.dataset.hosts === undefined) {
    // Of layers with one table: the one that is told about already, else ping.
    const names = table.dataset.layer.split(" "), wanted = [shown && shown.layer, "icmp", "icmp6"].find((name) => names.includes(name));
    return { step, layer: wanted || names[0], i, j };
  }
  // What a cell shows is the first layer that applies.
  const names = table.dataset.hosts.split(" "), layers = record.steps[step].layers;
  return { step, layer: names.find((name) => !". ".includes(layers[name].observed[i][j])) || names[0], i, j };
}

function cell(target) {
  const td = target instanceof Element ? target.closest("table.m:not(.groups) tbody td") : null;
  return td && !td.classList.contains("x") ? td : null;
}

function makeGrids() {
  for (const table of document.querySelectorAll("table.m:not(.groups)")) {
    const first = table.querySelector("tbody td:not(.x)");
    if (!first) continue;
    table.setAttribute("role", "grid");
    table.setAttribute("aria-label", (table.dataset.hosts ? "who can reach whom" : table.dataset.layer || "pair by pair") + ", cells tell their story");
    first.tabIndex = 0;
    // The table itself is reached by the keyboard now, its frame needn't be.
    table.closest(".scroll").removeAttribute("tabindex");
  }
}

function move(td, key, whole) {
  const row = td.parentNode, rows = row.parentNode.rows;
  let r = row.sectionRowIndex, c = td.cellIndex;
  if (key === "ArrowUp") r -= 1;
  else if (key === "ArrowDown") r += 1;
  else if (key === "ArrowLeft") c -= 1;
  else if (key === "ArrowRight") c += 1;
  else if (key === "Home") { c = 1; if (whole) r = 0; }
  else if (key === "End") { c = row.cells.length - 1; if (whole) r = rows.length - 1; }
  else return false;
  if (r < 0 || r >= rows.length || c < 1 || c >= row.cells.length) return true;
  focusCell(rows[r].cells[c]);
  return true;
}

function focusCell(td) {
  const table = td.closest("table");
  for (const other of table.querySelectorAll("td[tabindex]")) other.removeAttribute("tabindex");
  td.tabIndex = 0;
  td.focus();
}

/* ---- the story of a pair ------------------------------------------------------------------------ */

function facts(at) {
  const step = record.steps[at.step], layer = step.layers[at.layer], key = at.i + "," + at.j;
  const ruleKey = (layer.rules.rows[at.i] || "")[at.j];
  const story = layer.stories[key];
  const again = layer.again.length ? layer.again[at.i][at.j].trim() : "";
  return {
    step, layer, story,
    from: sourcesOf(at.step, at.layer)[at.i], to: targetsOf(at.step, at.layer)[at.j],
    observed: layer.observed[at.i][at.j], verdict: layer.verdict[at.i][at.j],
    expected: (layer.expected || layer.observed)[at.i][at.j],
    rule: layer.rules.keys[ruleKey] || null,
    evidence: layer.evidence[key] || {},
    hops: story ? story[1].map((number) => record.hops[number]) : [],
    path: story ? story[0] : [],
    again,
  };
}

function nameOf(k, mac) {
  const found = endpointsOf(k).filter((one) => one.mac === mac);
  return found.length ? mac + " (" + found.map((one) => one.id).join(", ") + ")" : mac;
}

function evidenceRows(at, f) {
  const rows = [];
  const said = (name) => f.evidence[name] === undefined ? null : [].concat(f.evidence[name]);
  const entered = said("entered"), answered = said("answered_by"), elsewhere = said("elsewhere");
  if (entered) rows.push(["came in by", entered.join(", ")]);
  if (answered) rows.push(["answered by", answered.map((mac) => nameOf(at.step, mac)).join("; ")]);
  if (elsewhere) rows.push(["seen at", elsewhere.join(", ")]);
  if (f.evidence.reason) rows.push(["seen", words.reasons[f.evidence.reason] || f.evidence.reason]);
  if (f.evidence.finding) rows.push(["besides", words.reasons[f.evidence.finding] || f.evidence.finding]);
  if (f.again) rows.push(["second try", f.again + ", " + words.letters[f.again]]);
  for (const [name, value] of Object.entries(f.evidence))
    if (!["entered", "answered_by", "elsewhere", "reason", "finding"].includes(name))
      rows.push([name.replaceAll("_", " "), typeof value === "string" ? value : JSON.stringify(value)]);
  return rows;
}

function expectedBy(at, f) {
  for (const [text, where, cells] of f.step.expectations)
    if (cells.some(([layer, src, dst]) => layer === at.layer && src === f.from.id && dst === f.to.id)) return [text, where];
  return null;
}

function ruleBlock(name) {
  const rule = rules[name];
  if (!rule) return null;
  return el("div", { class: "rule" }, el("div", {}, rule.sentence),
    el("div", { class: "soft" }, el("a", { href: "#rule-" + name }, name), " · ",
      el("a", { href: rule.link, rel: "noopener noreferrer" }, rule.source)));
}

function layersSide(at) {
  const step = record.steps[at.step];
  const beside = Object.entries(step.layers).filter(([name]) => byHost(at.step, name) === byHost(at.step, at.layer));
  return el("ul", { class: "side", "aria-label": "Its layers side by side" }, beside.map(([name, layer]) => {
    const letter = layer.observed[at.i][at.j];
    const wrong = layer.verdict[at.i][at.j] === "F" ? " !" : "";
    return el("li", {}, el("button", { type: "button", "data-layer": name, "aria-pressed": String(name === at.layer), title: words.letters[letter] },
      el("span", { class: "dot " + LOOKS[letter], "aria-hidden": "true" }, words.marks[letter]), words.does[name] + wrong));
  }));
}

function hopsList(f) {
  const list = el("ol", { class: "hops" });
  let phase = null;
  for (const [name, at, what, rule, end] of f.hops) {
    if (name !== phase) list.append(el("li", { class: "phase" }, (phase = name).replaceAll("-", " ").replace("arp", "ARP")));
    const why = rule && end && rules[rule] ? ": " + rules[rule].sentence : "";
    list.append(el("li", { class: "hop" + (end ? " end" : ""), "data-place": at },
      el("span", { class: "mark", "aria-hidden": "true" }, end ? "✗" : "·"), el("code", {}, at), el("span", {}, what + why)));
  }
  return list;
}

function tell(at) {
  const f = facts(at), box = sections[at.step].querySelector(".story");
  const by = expectedBy(at, f);
  const mark = { P: "✓", F: "✗", "?": "?", S: "–" }[f.verdict] || "";
  const look = { P: "pass", F: "fail", "?": "inconclusive", S: "skip" }[f.verdict] || "skip";
  const rows = [];
  if (f.expected !== f.observed || f.verdict === "F") rows.push(["expected", f.expected + ", " + words.letters[f.expected]]);
  if (by) rows.push(["the file says", el("code", {}, by[0])]);
  rows.push(...evidenceRows(at, f));
  const close = el("button", { type: "button", class: "close", "aria-label": "Close the story" }, "×");
  close.addEventListener("click", () => { pinned = false; clear(); });
  box.replaceChildren(...[close,
    el("h3", {}, f.from.id + " → " + f.to.id), layersSide(at),
    el("p", { class: "outcome" }, el("span", { class: "dot " + LOOKS[f.observed] }, f.observed), " " + at.layer + ": " + words.letters[f.observed] + " ",
      el("span", { class: "badge " + look }, mark + " " + words.verdicts[f.verdict])),
    f.rule && f.observed !== "R" ? ruleBlock(f.rule) : null,
    rows.length ? el("dl", {}, rows.map(([term, text]) => [el("dt", {}, term), el("dd", {}, text)])) : null,
    f.hops.length ? el("details", { open: f.observed !== "R" || pinned }, el("summary", {}, "Hop by hop, as the model tells it"), hopsList(f)) : null,
    f.rule && f.observed === "R" ? ruleBlock(f.rule) : null].filter(Boolean));
  box.classList.remove("idle");
  box.scrollTop = 0;
}

/* ---- light on the diagram ------------------------------------------------------------------------ */

const pictures = new WeakMap();

function picture(drawing) {
  if (pictures.has(drawing)) return pictures.get(drawing);
  const places = new Map(), wires = new Map(), alias = new Map(), next = new Map();
  for (const group of drawing.querySelectorAll("[data-at]")) {
    const glyph = group.querySelector(":scope > .glyph");
    const point = glyph ? [Number(glyph.getAttribute("x")) + 4.5, Number(glyph.getAttribute("y")) + 4.5] : null;
    places.set(group.dataset.at, { group, point, bus: group.dataset.bus, of: group.dataset.switch });
  }
  for (const path of drawing.querySelectorAll("path[data-a]")) {
    const { a, b } = path.dataset;
    wires.set(a + "\n" + b, { path, back: false });
    wires.set(b + "\n" + a, { path, back: true });
    for (const [x, y] of [[a, b], [b, a]]) next.set(x, [...(next.get(x) || []), y]);
  }
  for (const one of drawing.querySelectorAll("[data-alias]")) alias.set(one.dataset.alias, one.dataset.of);
  const made = { places, wires, alias, next, light: drawing.querySelector(".light"), graves: svg("g", { class: "light" }) };
  drawing.append(made.graves);
  pictures.set(drawing, made);
  return made;
}

/* The legs from one place to another that is beside it: a wire, a way through a switch, or two wires. */
function legs(map, a, b) {
  const of = (name) => (map.places.get(name) || {}).of;
  const beside = (x, y) => map.wires.has(x + "\n" + y) || (of(x) !== undefined && of(x) === of(y));
  if (beside(a, b)) return [[a, b]];
  for (const middle of map.next.get(a) || []) if (beside(middle, b)) return [[a, middle], [middle, b]];
  for (const middle of map.next.get(b) || []) if (beside(a, middle)) return [[a, middle], [middle, b]];
  return null;
}

/* What the events show: every leg that a frame of the story took, in order. */
function trail(map, source, hops) {
  const taken = [], phases = new Map();
  let before = source;
  for (const [phase, name] of hops) {
    const at = map.alias.get(name) || name;
    if (!map.places.has(at)) continue;
    if (!phases.has(phase)) phases.set(phase, [before]);
    const seen = phases.get(phase);
    before = at;
    if (seen.includes(at)) continue;
    const port = map.places.get(at).of;
    // Copies leave a switch from where the frame came in: by the first of its ports in the phase.
    const came = port ? seen.find((one) => (map.places.get(one) || {}).of === port) : null;
    for (const from of came ? [came] : [...seen].reverse()) {
      const found = legs(map, from, at);
      if (!found) continue;
      taken.push(...found.map(([a, b]) => [a, b]));
      break;
    }
    seen.push(at);
  }
  return taken;
}

function between(taken, source, goal) {
  const came = new Map([[source, null]]), queue = [source];
  while (queue.length) {
    const at = queue.shift();
    if (at === goal) break;
    for (const [a, b] of taken) if (a === at && !came.has(b)) { came.set(b, a); queue.push(b); }
  }
  const way = [];
  for (let at = goal; came.has(at) && came.get(at) !== null; at = came.get(at)) way.unshift([came.get(at), at]);
  return way;
}

function deathOf(map, f) {
  if (f.observed !== "U") return null;
  const ends = f.hops.filter((hop) => hop[4]).map((hop) => hop[1]);
  const last = f.path[f.path.length - 1];
  if (f.path.length > 1 && last !== f.to.link && (ends.includes(last) || !ends.length)) return last;
  return ends.length ? ends[ends.length - 1] : last || null;
}

/* The interface that answered in the destination's place: what came in by, or the MAC of the answer, says which. */
function insteadOf(at, f) {
  if (f.observed !== "A") return null;
  const entered = [].concat(f.evidence.entered || []).filter((name) => name !== f.to.link && name !== f.to.id);
  const macs = [].concat(f.evidence.answered_by || []).filter((mac) => mac !== f.to.mac);
  const machine = f.to.id.split(":")[0] + ":";
  const beside = endpointsOf(at.step).filter((one) => one.id.startsWith(machine) && one.link !== f.to.link);
  const answered = beside.find((one) => macs.includes(one.mac));
  return entered.find((name) => f.path.includes(name)) || entered[0] || (answered && answered.link) || null;
}

/* The legs that lead to a goal along the places of a path, in the order in which these were met. A copy goes out
   from where the frame has been: from the port where it came in to the switch, else from the last place beside. */
function wayAlong(map, path, goal) {
  const before = [null], chains = [[]];
  for (let k = 1; k < path.length; k += 1) {
    const of = (map.places.get(path[k]) || {}).of;
    const came = of ? path.findIndex((name, n) => n < k && (map.places.get(name) || {}).of === of) : -1;
    const order = came >= 0 ? [came] : [...Array(k).keys()].reverse();
    before[k] = order.find((n) => before[n] !== undefined && legs(map, path[n], path[k]));
    chains[k] = before[k] === undefined ? [] : [...chains[before[k]], ...legs(map, path[before[k]], path[k])];
  }
  const at = path.indexOf(goal);
  return at > 0 ? chains[at] : [];
}

function draw(map, [a, b], look) {
  const wire = map.wires.get(a + "\n" + b);
  if (wire) return svg("path", { d: wire.path.getAttribute("d"), class: look + (wire.back ? " back" : "") });
  const p = map.places.get(a), q = map.places.get(b), bus = p.bus;
  return svg("path", { d: `M${p.point.join(" ")}H${bus}V${q.point[1]}H${q.point[0]}`, class: look });
}

function light(at) {
  const f = facts(at);
  for (const drawing of sections[at.step].querySelectorAll("svg.diagram")) {
    dark(drawing);
    const map = picture(drawing), real = (name) => map.alias.get(name) || name;
    // A host asks by the interface that its routing chose: the first of the path.
    const source = real(f.from.link || f.path.find((name) => map.places.has(real(name)))), target = real(f.to.link || f.path[f.path.length - 1]);
    if (!source) for (const [name, place] of map.places) if (name.startsWith(f.from.id + ":")) place.group.classList.add("from");
    for (const [name, look] of [[source, "from"], [target, "to"]]) if (map.places.has(name)) map.places.get(name).group.classList.add(look);
    const instead = insteadOf(at, f), stand = instead ? map.places.get(real(instead)) : null;
    if (stand) {
      stand.group.classList.add("instead");
      if (map.places.has(target)) map.places.get(target).group.classList.add("missed");
      if (stand.point) map.graves.append(badge(stand.point, "A", "stand"));
    }
    if (!f.hops.length) continue;
    const taken = trail(map, source, f.hops), death = deathOf(map, f);
    const goal = death || instead ? real(death || instead) : target;
    let main = wayAlong(map, f.path.map(real), goal);
    if (!main.length) main = between(taken, source, goal);
    const chosen = new Set(main.map((leg) => leg.join("\n")));
    const drawn = new Set();
    for (const leg of taken) {
      const name = leg.join("\n"), back = [...leg].reverse().join("\n");
      if (chosen.has(name) || chosen.has(back) || drawn.has(name)) continue;
      drawn.add(name);
      map.light.append(draw(map, leg, "aside"));
    }
    for (const leg of main) map.light.append(draw(map, leg, "run"));
    for (const name of new Set([source, ...main.flat()])) {
      const place = map.places.get(name);
      if (place && place.point) place.group.classList.add("lit");
    }
    const grave = death ? map.places.get(real(death)) : null;
    if (grave && grave.point) map.graves.append(badge(grave.point, "", "dead"));
  }
}

/* A disc on an interface: a cross where a frame died, else a letter. */
function badge([x, y], letter, look) {
  const made = svg("g", { class: look, transform: `translate(${x} ${y})` }), sign = letter ? svg("text", {}) : svg("path", { d: "M-3.4-3.4 3.4 3.4M3.4-3.4-3.4 3.4" });
  if (letter) sign.textContent = letter;
  made.append(svg("circle", { r: 8.5 }), sign);
  return made;
}

function dark(drawing) {
  const { light: lines, graves } = picture(drawing);
  lines.replaceChildren();
  graves.replaceChildren();
  for (const group of drawing.querySelectorAll(".lit,.from,.to,.told,.instead,.missed"))
    group.classList.remove("lit", "from", "to", "told", "instead", "missed");
}

/* ---- selecting ----------------------------------------------------------------------------------- */

function mark(at, on) {
  const section = sections[at.step];
  if (!on) {
    for (const one of section.querySelectorAll("table.m .now, table.m .pinned")) one.classList.remove("now", "pinned");
    return;
  }
  const host = byHost(at.step, at.layer);
  for (const table of section.querySelectorAll(host ? "table.m[data-hosts]" : "table.m[data-layer]")) {
    const places = placesOf(table), column = (places.length ? places.indexOf(at.j) : at.j) + 1;
    if (!column) continue;
    const row = table.tBodies[0].rows[at.i];
    row.cells[column].classList.add("now");
    if (!(table.dataset.hosts || table.dataset.layer).split(" ").includes(at.layer)) continue;
    row.cells[0].classList.add("now");
    table.tHead.rows[0].cells[column].classList.add("now");
    if (pinned) row.cells[column].classList.add("pinned");
  }
}

function show(at) {
  const old = shown;
  if (old) mark(old, false);
  shown = at;
  mark(at, true);
  tell(at);
  light(at);
  root.classList.add("telling");
  for (const figure of document.querySelectorAll(".picture")) figure.classList.toggle("here", figure.closest(".step") === sections[at.step]);
}

function clear() {
  if (!shown) return;
  mark(shown, false);
  const section = sections[shown.step];
  for (const drawing of section.querySelectorAll("svg.diagram")) dark(drawing);
  section.querySelector(".story").classList.add("idle");
  shown = null;
  root.classList.remove("telling");
}

function pin(at) {
  pinned = true;
  show(at);
  const name = [at.step, at.layer, sourcesOf(at.step, at.layer)[at.i].id, targetsOf(at.step, at.layer)[at.j].id].map(encodeURIComponent).join("&");
  try { history.replaceState(null, "", "#cell&" + name); } catch { /* a page without an address of its own */ }
}

document.addEventListener("pointerover", (event) => {
  if (event.pointerType === "mouse") {
    const td = cell(event.target);
    if (td && !pinned) show(locate(td));
    tip(event);
  }
});
document.addEventListener("focusin", (event) => {
  const td = cell(event.target);
  if (td && !pinned) show(locate(td));
});
document.addEventListener("click", (event) => {
  const td = cell(event.target), layer = event.target.closest && event.target.closest(".side button");
  if (td) {
    const at = locate(td);
    if (pinned && shown && ["step", "layer", "i", "j"].every((name) => shown[name] === at[name])) { pinned = false; show(at); }
    else pin(at);
    for (const other of td.closest("table").querySelectorAll("td[tabindex]")) other.removeAttribute("tabindex");
    td.tabIndex = 0;
  } else if (layer && shown) {
    const name = layer.dataset.layer;
    pin({ ...shown, layer: name });
    [...sections[shown.step].querySelectorAll(".side button")].find((one) => one.dataset.layer === name).focus();
  } else tip(event);
});
document.addEventListener("keydown", (event) => {
  const td = cell(event.target) || (event.target.closest && event.target.closest("table.m[role=grid] td"));
  if (event.key === "Escape" && shown) { if (pinned) { pinned = false; show(shown); } else clear(); }
  if (!td || event.altKey || event.metaKey) return;
  if (event.key === "Enter" || event.key === " ") {
    if (cell(td)) pin(locate(td));
    event.preventDefault();
  } else if (move(td, event.key, event.ctrlKey)) event.preventDefault();
});
for (const section of sections) {
  section.querySelector(".story").addEventListener("pointerover", (event) => {
    const hop = event.target.closest(".hop");
    for (const group of section.querySelectorAll(".told")) group.classList.remove("told");
    if (!hop) return;
    for (const drawing of section.querySelectorAll("svg.diagram")) {
      const map = picture(drawing), place = map.places.get(map.alias.get(hop.dataset.place) || hop.dataset.place);
      if (place) place.group.classList.add("told");
    }
  });
}

/* ---- a closer look at the diagram ------------------------------------------------------------------ */

const titles = new WeakMap();
let note = null;

function tip(event) {
  const group = event.target.closest ? event.target.closest("svg.diagram [data-at]") : null;
  if (note) { note.remove(); note = null; }
  if (!group) return;
  if (!titles.has(group)) {
    const title = group.querySelector(":scope > title");
    titles.set(group, title ? title.textContent : "");
    if (title) title.remove();
  }
  const [name, ...lines] = titles.get(group).split("\n");
  if (!name) return;
  note = el("div", { class: "tip", role: "status" }, el("b", {}, name), "\n" + lines.join("\n"));
  document.body.append(note);
  const box = group.getBoundingClientRect(), size = note.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left + box.width / 2 - size.width / 2), root.clientWidth - size.width - 8);
  const top = box.top > size.height + 12 ? box.top - size.height - 8 : box.bottom + 8;
  note.style.left = left + scrollX + "px";
  note.style.top = top + scrollY + "px";
}

/* ---- tabs, theme, start ------------------------------------------------------------------------------ */

function select(k, focus) {
  current = k;
  tabs.forEach((tab, number) => {
    tab.setAttribute("aria-selected", String(number === k));
    tab.tabIndex = number === k ? 0 : -1;
  });
  sections.forEach((section, number) => { section.hidden = number !== k; });
  if (focus) tabs[k].focus();
  if (!shown || shown.step === k) return;
  // The same pair in the other step, where it has one.
  const { layer } = shown, [from, to] = [sourcesOf(shown.step, layer)[shown.i].id, targetsOf(shown.step, layer)[shown.j].id];
  const cells = record.steps[k].layers[layer], [i, j] = cells ? places(k, layer, from, to) : [-1, -1];
  clear();
  if (i >= 0 && j >= 0 && !". ".includes(cells.observed[i][j])) show({ step: k, layer, i, j });
  else pinned = false;
}

tabs.forEach((tab, k) => {
  tab.addEventListener("click", () => select(k));
  tab.addEventListener("keydown", (event) => {
    const last = tabs.length - 1;
    const to = { ArrowRight: k === last ? 0 : k + 1, ArrowLeft: k === 0 ? last : k - 1, Home: 0, End: last }[event.key];
    if (to !== undefined) { select(to, true); event.preventDefault(); }
  });
});

function themes() {
  const kept = () => { try { return localStorage.getItem("netlab-theme") || "auto"; } catch { return "auto"; } };
  const button = el("button", { type: "button", class: "theme" });
  const apply = (theme) => {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    button.textContent = { auto: "◐ auto", dark: "● dark", light: "○ light" }[theme];
    button.setAttribute("aria-label", "Colours: " + theme);
    button.dataset.theme = theme;
  };
  button.addEventListener("click", () => {
    const theme = { auto: "dark", dark: "light", light: "auto" }[button.dataset.theme];
    try { localStorage.setItem("netlab-theme", theme); } catch { /* not kept, then */ }
    apply(theme);
  });
  apply(kept());
  document.querySelector(".kicker").append(button);
}

function start() {
  themes();
  makeGrids();
  if (tabs.length) {
    select(0);
    const bar = document.querySelector(".tabs");
    const measure = () => root.style.setProperty("--tabs", (getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0) + "px");
    measure();
    addEventListener("resize", measure);
  }
  const [kind, step, layer, from, to] = location.hash.slice(1).split("&").map((part) => { try { return decodeURIComponent(part); } catch { return part; } });
  const k = Number(step);
  if (kind !== "cell" || !record.steps[k] || !record.steps[k].layers[layer]) return;
  const [i, j] = places(k, layer, from, to);
  if (i < 0 || j < 0 || ". ".includes(record.steps[k].layers[layer].observed[i][j])) return;
  if (tabs.length) select(k);
  pin({ step: k, layer, i, j });
  sections[k].querySelector(".lab").scrollIntoView();
}

// Paper shows everything.
let worn = null;
addEventListener("beforeprint", () => {
  worn = root.dataset.theme || null;
  root.dataset.theme = "light";
  for (const one of document.querySelectorAll("details:not([open])")) { one.open = true; one.dataset.folded = ""; }
});
addEventListener("afterprint", () => {
  if (worn) root.dataset.theme = worn; else delete root.dataset.theme;
  for (const one of document.querySelectorAll("details[data-folded]")) { one.open = false; delete one.dataset.folded; }
});
start();
})();
