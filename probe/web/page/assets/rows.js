// The rows of the members: kept current by what the event stream tells, a frame's worth at a time.
// Whatever is told becomes text, never markup.

import { add, fared, isFailing, isLater } from "./strips.js";
import { printable, tellSince } from "./words.js";

const rows = new Map();
const waiting = new Map();
const undrawn = new Map(); // What finished since, of members whose strips are not drawn yet.
const MOST_KEPT = 200;
let frame = 0;

const key = (pool, member) => JSON.stringify([pool, member]);

// Finds the rows of the page; to be called again when they are exchanged.
export function findRows() {
  rows.clear();
  undrawn.clear();
  for (const table of document.querySelectorAll("table[data-pool]")) {
    for (const row of table.rows) {
      if (row.dataset.member !== undefined) rows.set(key(table.dataset.pool, row.dataset.member), row);
    }
  }
}

// Takes a probe that finished; it is shown with the next frame.
export function probeEnded(probe) {
  const place = key(probe.pool, probe.member);
  if (!rows.has(place)) return;
  keep(waiting, place, [probe]);
  frame ||= requestAnimationFrame(show);
}

// Takes a verdict; returns whether what a load balancer hears has changed.
export function verdictFormed(verdict) {
  const row = rows.get(key(verdict.pool, verdict.member));
  if (!row) return false;
  const word = row.querySelector(".verdict strong");
  const changed = word.textContent !== verdict.verdict;
  word.textContent = word.className = verdict.verdict;
  tellSince(row.querySelector(".verdict time"), verdict.since);
  row.querySelector(".reason").textContent = printable(verdict.reason);
  flag(row.querySelector(".verdict"), verdict);
  judge(row);
  return changed;
}

// Takes the strips of a member as the server drew them, and returns its row; null if there is none.
export function redraw(item) {
  const place = key(item.dataset.pool, item.dataset.member);
  const row = rows.get(place);
  if (!row) return null;
  row.querySelector(".paths").replaceChildren(...item.childNodes);
  showIn(row, undrawn.get(place) ?? []);
  undrawn.delete(place);
  return row;
}

// Takes what else there is to say of members, as the server wrote it.
export function tellAsides(list) {
  const said = new Map(Array.from(list.children, (item) => [key(item.dataset.pool, item.dataset.member), item]));
  for (const [place, row] of rows) {
    const aside = row.querySelector(".aside");
    const item = said.get(place);
    if ((item?.innerHTML ?? "") !== aside.innerHTML) aside.replaceChildren(...(item?.childNodes ?? []));
  }
}

function show() {
  frame = 0;
  for (const [place, probes] of waiting) {
    const row = rows.get(place);
    if (!row) continue;
    if (Array.from(row.querySelectorAll(".path")).some(isLater)) keep(undrawn, place, probes);
    showIn(row, probes);
  }
  waiting.clear();
}

function keep(map, place, probes) {
  map.set(place, [...(map.get(place) ?? []), ...probes].slice(-MOST_KEPT));
}

function showIn(row, probes) {
  for (const path of row.querySelectorAll(".path")) {
    const own = probes.filter((probe) => probe.route === path.dataset.route);
    if (own.length) add(path, own);
  }
  const failed = probes.findLast((probe) => fared(probe) === "bad");
  if (failed) {
    const proof = row.querySelector("a.proof");
    proof.href = `/probes/${encodeURIComponent(failed.id)}`;
    proof.hidden = false;
  }
  judge(row);
}

// Writes in a word or two what else is true of a verdict, as the server does (rows.py).
function flag(cell, verdict) {
  const words = {
    "held by hand": verdict.hold,
    maintenance: verdict.maintenance,
    "kept up": verdict.guarded,
    flapping: verdict.flapping,
  };
  cell.querySelectorAll(".flag").forEach((flag) => flag.remove());
  for (const word of Object.keys(words).filter((word) => words[word])) {
    const flag = document.createElement("span");
    flag.className = "flag";
    flag.textContent = word;
    cell.append(flag);
  }
}

// Whether somebody should look at a member, by the same rule as on the server (rows.py).
function judge(row) {
  const failing = Array.from(row.querySelectorAll(".path")).some(isFailing);
  const up = row.querySelector(".verdict strong").textContent === "up";
  row.classList.toggle("trouble", failing || !up || row.querySelector(".flag") !== null);
  row.dispatchEvent(new CustomEvent("judged", { bubbles: true }));
}
