// The status page while it is open: it follows the event stream, and asks for the rest now and then.

import { fetched } from "./fetching.js";
import { filterSoon, startFilter } from "./filter.js";
import { startKeys } from "./keys.js";
import { watchStrips } from "./later.js";
import { findRows, probeEnded, tellAsides, verdictFormed } from "./rows.js";
import { keepTimesTrue, printable } from "./words.js";

const PARTS_EVERY = 15_000;
const PARTS_WITHIN = 10_000;
const TIMES_EVERY = 5_000;
const TRY_AGAIN_AFTER = 10_000;
const WHOLE_AT_MOST_EVERY = 5_000;
const REST_AFTER = 10_000;
const TOLD_TO_EARS = 5;

const live = document.getElementById("live");
const announcements = document.getElementById("announcements");
const soon = new Map();
let stream = null;
let resting = 0;
let meanwhile = null; // What was told while the whole page is fetched: it may be newer than that.

function listen() {
  const after = encodeURIComponent(document.getElementById("main").dataset.lastEvent);
  stream = new EventSource(`/api/v1/events?after=${after}`);
  stream.addEventListener("open", () => tellLive(true));
  stream.addEventListener("probe", (event) => heard(probeEnded, JSON.parse(event.data)));
  stream.addEventListener("verdict", (event) => heard(verdict, JSON.parse(event.data)));
  stream.addEventListener("resync", () => before(WHOLE_AT_MOST_EVERY, fetchWhole));
  stream.addEventListener("error", () => {
    tellLive(false);
    // Refused for good: the browser does not come back by itself.
    if (!isListening()) setTimeout(startAnew, TRY_AGAIN_AFTER);
  });
}

async function startAnew() {
  if (isListening() || document.hidden) return;
  await fetchWhole();
  if (!isListening()) listen();
}

function isListening() {
  return stream.readyState !== EventSource.CLOSED;
}

// A browser has few connections to a server, for all its tabs together: one that nobody sees gives its own back.
function restOrWake() {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(rest, REST_AFTER);
  else startAnew();
}

function rest() {
  stream.close();
  tellLive(false);
}

function heard(what, told) {
  meanwhile?.push([what, told]);
  what(told);
}

function verdict(told) {
  if (verdictFormed(told)) announce(printable(`${told.pool}/${told.member} is ${told.verdict}: ${told.reason}`));
  before(1_000, fetchParts);
}

// What is called again and again is done once, within so many milliseconds: not when all other pages do it.
function before(milliseconds, action) {
  if (soon.has(action)) return;
  soon.set(action, setTimeout(() => soon.delete(action) && action(), milliseconds * Math.random()));
}

async function fetchParts() {
  if (document.hidden) return;
  const parts = await fetched("/parts", { signal: AbortSignal.timeout(PARTS_WITHIN) });
  // The stream of a server that is frozen, or cut off, stays open: only who answers is live.
  tellLive(parts !== null && stream.readyState === EventSource.OPEN);
  if (!parts) return;
  exchange("overview", parts);
  exchange("mailboxes", parts);
  tellAsides(parts.getElementById("asides"));
  document.title = document.getElementById("overview").dataset.title;
}

async function fetchWhole() {
  const since = (meanwhile = []);
  const whole = await fetched("/");
  if (whole) exchangeWhole(whole);
  if (meanwhile === since) meanwhile = null;
  for (const [what, told] of since) what(told);
}

function exchangeWhole(whole) {
  const main = document.getElementById("main");
  main.dataset.lastEvent = whole.getElementById("main").dataset.lastEvent;
  exchange("overview", whole);
  exchange("mailboxes", whole);
  main.querySelectorAll(".pool").forEach((pool) => pool.remove());
  document.getElementById("mailboxes").before(...whole.querySelectorAll(".pool"));
  document.title = document.getElementById("overview").dataset.title;
  begin();
  filterSoon();
}

function begin() {
  findRows();
  watchStrips();
}

// Exchanges an element for its newer self, unless somebody is in it, or nothing is new.
function exchange(id, from) {
  const [old, renewed] = [document.getElementById(id), from.getElementById(id)];
  if (old.outerHTML !== renewed.outerHTML && !old.contains(document.activeElement)) old.replaceWith(renewed);
}

function announce(words) {
  const line = document.createElement("p");
  line.textContent = words;
  announcements.append(line);
  while (announcements.childElementCount > TOLD_TO_EARS) announcements.firstElementChild.remove();
}

function tellLive(on) {
  const words = on ? "live" : "not live, trying again";
  if (live.textContent === words) return;
  live.textContent = words;
  live.classList.toggle("on", on);
}

begin();
startFilter();
startKeys();
listen();
document.addEventListener("visibilitychange", restOrWake);
setInterval(keepTimesTrue, TIMES_EVERY);
setInterval(fetchParts, PARTS_EVERY);
