// Moments and durations in words, as the server writes them (markup.py).

const LONGEST = 400;
const AHEAD = Date.parse(document.getElementById("main").dataset.now) - Date.now(); // How far the server's clock is.

// Text from outside, made safe to show: nothing in it moves a line or reverses the reading (net/text.py).
export function printable(text) {
  const characters = Array.from(text);
  const kept = characters.length > LONGEST ? [...characters.slice(0, LONGEST - 1), "…"] : characters;
  return kept.join("").replace(/(?! )[\p{C}\p{Z}]/gu, escaped);
}

function escaped(character) {
  const number = character.codePointAt(0);
  const [letter, digits] = number < 0x100 ? ["x", 2] : number < 0x10000 ? ["u", 4] : ["U", 8];
  return NAMED[character] ?? `\\${letter}${number.toString(16).padStart(digits, "0")}`;
}

const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

export function short(seconds) {
  return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${(seconds * 1000).toFixed(0)} ms`;
}

export function lasting(seconds) {
  seconds = Math.max(Math.floor(seconds), 0);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / (24 * 60))} days`;
}

// Sets what a <time> says: how long ago a moment is, with the exact moment behind it.
export function tellSince(element, moment) {
  const exact = `${moment.slice(0, 19)}Z`;
  element.dateTime = exact;
  element.title = `${exact.slice(0, 10)} ${exact.slice(11, 19)} UTC`;
  tellAgo(element);
}

export function keepTimesTrue() {
  for (const element of document.querySelectorAll("main time")) tellAgo(element);
}

function tellAgo(element) {
  const words = lasting((Date.now() + AHEAD - Date.parse(element.dateTime)) / 1000);
  if (element.textContent !== words) element.textContent = words;
}
