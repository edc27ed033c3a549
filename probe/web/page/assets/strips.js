// The strip of boxes of a member on a route, with the line above it; the server draws the same (strips.py).

import { short } from "./words.js";

const PITCH = 11;
const HEIGHT = 20;
const NOT_DELIVERED = "-";
const longest = () => Number(document.getElementById("main").dataset.strip);

// What a probe of /api/v1/events came to: "ok", "bad", or "none" where nobody can tell.
export function fared(probe) {
  if (probe.outcome === probe.expected) return "ok";
  return probe.outcome === "unknown" ? "none" : "bad";
}

// Adds probes to the strip of a path, the newest last; those that it shows already are left out.
export function add(path, probes) {
  path.dataset.newest = fared(probes.at(-1));
  if (isLater(path)) return;
  const strip = path.querySelector(".strip");
  const shown = new Set(Array.from(strip.children, (box) => box.pathname));
  const times = strip.dataset.times.split(" ").filter(Boolean);
  for (const probe of probes) {
    const box = drawn(probe);
    if (shown.has(box.pathname)) continue;
    shown.add(box.pathname);
    strip.append(box);
    times.push(probe.delivery_seconds ?? NOT_DELIVERED);
  }
  times.splice(0, Math.max(times.length - longest(), 0));
  trim(strip);
  strip.dataset.times = times.join(" ");
  strip.ariaLabel = told(Array.from(strip.children));
  const seconds = times.map((time) => (time === NOT_DELIVERED ? null : Number(time)));
  path.querySelector("path").setAttribute("d", line(seconds));
  path.querySelector(".times").textContent = inWords(seconds);
}

export function isFailing(path) {
  return path.dataset.newest === "bad";
}

// Whether the strip of a path is not drawn yet.
export function isLater(path) {
  return path.dataset.later !== undefined;
}

function drawn(probe) {
  const box = document.createElement("a");
  box.className = `${fared(probe)} ${probe.outcome} new`;
  box.href = `/probes/${encodeURIComponent(probe.id)}`;
  const seconds = probe.delivery_seconds;
  const suffix = seconds === null ? "" : `, ${short(seconds)}`;
  box.title = `${probe.outcome} ${probe.finished.slice(11, 19)} UTC${suffix}`;
  return box;
}

function trim(strip) {
  const focused = strip.contains(document.activeElement) ? document.activeElement : null;
  while (strip.childElementCount > longest()) strip.firstElementChild.remove();
  if (focused && !focused.isConnected) strip.firstElementChild.focus();
  for (const box of strip.children) box.tabIndex = -1;
  const stop = strip.contains(document.activeElement) ? document.activeElement : strip.lastElementChild;
  if (stop) stop.tabIndex = 0;
}

function told(boxes) {
  const ok = boxes.filter((box) => box.classList.contains("ok")).length;
  const newest = boxes.at(-1).title.split(" ", 1)[0];
  return `last ${boxes.length} probes, newest last: ${ok} as expected; the newest: ${newest}`;
}

function line(times) {
  const slowest = Math.max(...times.filter((seconds) => seconds !== null), 0) || 1;
  let drawn = "";
  let pen = "M";
  times.forEach((seconds, place) => {
    if (seconds === null) {
      pen = "M";
      return;
    }
    const y = HEIGHT - 2 - Math.floor(((HEIGHT - 4) * seconds) / slowest + 0.5);
    drawn += `${pen}${place * PITCH + 5} ${y}${pen === "M" ? "h0" : ""}`;
    pen = "L";
  });
  return drawn;
}

function inWords(times) {
  const known = times.filter((seconds) => seconds !== null);
  if (!known.length) return times.length ? "nothing was delivered" : "no probe has finished yet";
  return `last delivery ${short(known.at(-1))}, median ${short(median(known))}, slowest ${short(Math.max(...known))}`;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
