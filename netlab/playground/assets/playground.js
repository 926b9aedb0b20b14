// The page's own script: an editor, and questions to the model, which answers from a worker or from a local server.

const $ = (id) => document.getElementById(id);
const text = $("text"), marks = document.querySelector(".marks"), gutter = document.querySelector(".gutter");
const problems = $("problems"), options = $("options"), state = $("state"), page = $("page");
const REST = 150; // milliseconds without a key before the model is asked
const LONGEST_LINK = 32000;
const LONGEST_TEXT = 1 << 20;

// --- the model -------------------------------------------------------------------------------------

function say(what, wrong = false) {
  state.textContent = what;
  state.classList.toggle("wrong", wrong);
}

function worker() {
  const model = new Worker("worker.js", { type: "module" });
  const open = new Map();
  let number = 0;
  model.onmessage = ({ data }) => {
    if (data.state) return say(data.state);
    if (data.id === undefined) return say(`the model could not be loaded: ${data.failed}`, true);
    const { resolve, reject } = open.get(data.id);
    open.delete(data.id);
    if (data.failed) reject(new Error(data.failed)); else resolve(data.answer);
  };
  model.onerror = (event) => say(`the model could not be loaded: ${event.message || "worker.js"}`, true);
  return (question) => new Promise((resolve, reject) => {
    open.set(++number, { resolve, reject });
    model.postMessage({ id: number, question });
  });
}

function server() {
  const token = document.querySelector("meta[name=token]").content;
  return async (question) => {
    const got = await fetch("ask", { method: "POST", headers: { "X-Token": token }, body: JSON.stringify(question) });
    if (!got.ok) throw new Error(`the server says ${got.status}: ${await got.text()}`);
    return got.json();
  };
}

const ask = document.body.dataset.mode === "server" ? server() : worker();

// --- questions and answers -------------------------------------------------------------------------

let asked = 0, waiting = 0, shown = "";

function edited() {
  asked++; // an answer that is under way is to an older text
  draw([]);
  document.body.classList.add("stale");
  clearTimeout(waiting);
  waiting = setTimeout(predict, REST);
}

async function predict() {
  const mine = ++asked, written = text.value, began = performance.now();
  if (!state.classList.contains("wrong") && performance.timeOrigin && shown) say("predicting …");
  let answer;
  try {
    answer = await ask({ ask: "answer", text: written });
  } catch (error) {
    if (mine === asked) say(`no answer: ${error.message}`, true);
    return;
  }
  if (mine !== asked) return; // a newer question is under way
  draw(answer.problems);
  if (answer.page === null) {
    const count = answer.problems.length;
    say(count === 1 ? "one error in the file" : `${count} errors in the file`, true);
    return;
  }
  document.body.classList.remove("stale");
  say(`predicted in ${((performance.now() - began) / 1000).toFixed(2)} s, without a kernel`);
  if (answer.page !== shown) page.srcdoc = shown = answer.page;
  $("command").textContent = `netlab run ${fileName()}`;
}

// --- the editor ------------------------------------------------------------------------------------

function draw(found) {
  const lines = text.value.split("\n");
  const worst = new Map();
  for (const one of found) if (worst.get(one.line) !== "error") worst.set(one.line, one.severity);
  gutter.replaceChildren(...lines.map((_, i) => {
    const kind = worst.get(i + 1);
    const number = document.createElement(kind === "error" ? "b" : kind ? "i" : "span");
    number.textContent = `${i + 1}\n`;
    return number;
  }));
  marks.replaceChildren(...lines.flatMap((line, i) => {
    const here = found.filter((one) => one.line === i + 1).sort((a, b) => a.column - b.column);
    if (!here.length) return [document.createTextNode(`${line}\n`)];
    const at = Math.min(here[0].column - 1, Math.max(line.length - 1, 0));
    const end = at + Math.max(1, (line.slice(at).match(/^[^\s,{}[\]:]+/) || [" "])[0].length);
    const under = document.createElement("u");
    under.className = here[0].severity;
    under.textContent = line.slice(at, end) || " ";
    return [document.createTextNode(line.slice(0, at)), under, document.createTextNode(`${line.slice(end)}\n`)];
  }));
  problems.replaceChildren(...found.map((one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const place = document.createElement("b"), hint = document.createElement("em");
    item.className = one.severity;
    button.type = "button";
    place.textContent = `${one.line}:${one.column}`;
    hint.textContent = one.hint ? `; ${one.hint}` : "";
    button.append(place, one.message, hint);
    button.addEventListener("click", () => goto(one.line, one.column));
    item.append(button);
    return item;
  }));
}

function goto(line, column) {
  const lines = text.value.split("\n").slice(0, line - 1);
  const at = lines.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  text.focus();
  text.setSelectionRange(at, at);
  const editor = document.querySelector(".editor");
  editor.scrollTop = Math.max(0, (line - 5) * 20);
}

function cursor() {
  const before = text.value.slice(0, text.selectionStart);
  const line = before.split("\n").length - 1;
  return { line, column: before.length - (before.lastIndexOf("\n") + 1) };
}

function insert(start, end, replacement) {
  text.setSelectionRange(start, end);
  // The browser's own undo knows of what this command does, and not of a changed value.
  if (!document.execCommand("insertText", false, replacement)) {
    text.setRangeText(replacement, start, end, "end");
    edited();
  }
}

// --- completion ------------------------------------------------------------------------------------

let proposal = null, completions = 0;

async function propose(forced = false) {
  const at = text.selectionStart, { line, column } = cursor(), mine = ++completions;
  const before = text.value.slice(at - column, at);
  if (text.selectionStart !== text.selectionEnd || (!forced && !/[\w.-]$|[:{,-] $/.test(before))) return dismiss();
  let found;
  try {
    found = await ask({ ask: "complete", text: text.value, line, column });
  } catch {
    return dismiss();
  }
  if (mine !== completions || text.selectionStart !== at) return;
  if (!found.options.length) return dismiss();
  proposal = { from: at - column + found.start, to: at, at: 0 };
  options.replaceChildren(...found.options.map((option, i) => {
    const item = document.createElement("li"), name = document.createElement("span"), detail = document.createElement("small");
    item.setAttribute("role", "option");
    item.dataset.text = option.text;
    name.textContent = option.text;
    detail.textContent = option.detail;
    item.append(name, detail);
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(i); });
    return item;
  }));
  const wide = measure();
  options.style.left = `${4 + found.start * wide}px`;
  options.style.top = `${10 + (line + 1) * 20 + 2}px`;
  options.hidden = false;
  choose(0);
}

function measure() {
  const range = document.createElement("canvas").getContext("2d");
  range.font = getComputedStyle(text).font;
  return range.measureText("0000000000").width / 10;
}

function choose(i) {
  const items = [...options.children];
  proposal.at = (i + items.length) % items.length;
  items.forEach((item, k) => item.setAttribute("aria-selected", String(k === proposal.at)));
  items[proposal.at].scrollIntoView({ block: "nearest" });
}

function take(i) {
  const { from, to } = proposal, chosen = options.children[i].dataset.text;
  dismiss();
  insert(from, to, chosen);
  if (chosen.endsWith(": ")) propose();
}

function dismiss() {
  completions++;
  proposal = null;
  options.hidden = true;
}

text.addEventListener("input", () => { edited(); propose(); });
text.addEventListener("blur", dismiss);
text.addEventListener("click", dismiss);
text.addEventListener("keydown", (event) => {
  if (proposal) {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) { event.preventDefault(); return choose(proposal.at + move); }
    if (event.key === "Enter" || event.key === "Tab") { event.preventDefault(); return take(proposal.at); }
    if (event.key === "Escape") { event.preventDefault(); return dismiss(); }
    if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") dismiss();
  }
  if (event.key === " " && event.ctrlKey) { event.preventDefault(); return propose(true); }
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const { column } = cursor(), at = text.selectionStart, line = text.value.slice(at - column, at);
    const indent = line.match(/^ */)[0] + (/^\s*- /.test(line) ? "  " : "") + (/:\s*$/.test(line) ? "  " : "");
    insert(at, text.selectionEnd, `\n${indent}`);
  }
});

// --- files and links -------------------------------------------------------------------------------

function fileName() {
  const name = (text.value.match(/^name:[ \t]*["']?([\w.-]+)/m) || [])[1] || "topology";
  return `${name}.yaml`;
}

async function packed(value) {
  const stream = new Blob([value]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function unpacked(value) {
  const binary = atob(value.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let found = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    found += part.value;
    if (found.length > LONGEST_TEXT) throw new Error("too long");
  }
  return found;
}

$("share").addEventListener("click", async () => {
  const link = `${location.href.split("#")[0]}#t=${await packed(text.value)}`;
  if (link.length > LONGEST_LINK) return say("this topology is too long for a link: save it as a file", true);
  history.replaceState(null, "", link);
  try {
    await navigator.clipboard.writeText(link);
    say("the link is copied: it holds the whole topology");
  } catch {
    say("the address of this page is the link now: it holds the whole topology");
  }
});

$("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text.value], { type: "text/yaml" }));
  link.download = fileName();
  link.click();
  URL.revokeObjectURL(link.href);
});

const shipped = $("shipped");
shipped.addEventListener("change", () => {
  const one = topologies.find((other) => other.name === shipped.value);
  if (one) open(one.text);
});

function open(value) {
  dismiss();
  text.value = value;
  document.querySelector(".editor").scrollTo(0, 0);
  draw([]);
  predict();
}

// --- the divider -----------------------------------------------------------------------------------

const divider = $("divider");
function widen(percent) {
  document.documentElement.style.setProperty("--left", `${Math.min(75, Math.max(18, percent))}%`);
}
divider.addEventListener("pointerdown", (event) => {
  divider.setPointerCapture(event.pointerId);
  page.style.pointerEvents = "none";
  const move = (moved) => widen((100 * moved.clientX) / innerWidth);
  divider.addEventListener("pointermove", move);
  divider.addEventListener("pointerup", () => {
    divider.removeEventListener("pointermove", move);
    page.style.pointerEvents = "";
  }, { once: true });
});
divider.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
  if (step) widen(parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--left")) + step);
});

// --- start -----------------------------------------------------------------------------------------

const topologies = await (await fetch("topologies.json")).json();
shipped.append(...topologies.map((one) => new Option(one.name, one.name)));
for (const option of shipped.options) option.title = (topologies.find((one) => one.name === option.value) || {}).description || "";

async function start() {
  const held = location.hash.match(/^#t=([\w-]+)$/);
  if (held) {
    try {
      return open(await unpacked(held[1]));
    } catch {
      say("the link is damaged: it holds no topology", true);
    }
  }
  const first = topologies.find((one) => one.name === location.hash.slice(1)) || topologies.find((one) => one.name === "bridge-two-node");
  shipped.value = first.name;
  open(first.text);
}
addEventListener("hashchange", start);
await start();
