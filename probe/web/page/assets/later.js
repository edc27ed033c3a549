// Strips that are not in the page from the start: fetched when their rows come near the view, some at a time.

import { fetched } from "./fetching.js";
import { redraw } from "./rows.js";

const AT_ONCE = 50;
const AHEAD = "600px";

const near = new Set();
let due = 0;

const watcher = new IntersectionObserver(come, { rootMargin: AHEAD });

export function watchStrips() {
  watcher.disconnect();
  for (const path of document.querySelectorAll(".path[data-later]")) watcher.observe(path.closest("tr"));
}

function come(entries) {
  for (const entry of entries) {
    if (entry.isIntersecting) near.add(entry.target);
    else near.delete(entry.target);
  }
  due ||= near.size && setTimeout(fetchSome, 50);
}

async function fetchSome() {
  const rows = Array.from(near).slice(0, AT_ONCE);
  const pool = rows[0]?.closest("table").dataset.pool;
  const wanted = rows.filter((row) => row.closest("table").dataset.pool === pool);
  for (const row of wanted) near.delete(row);
  if (wanted.length) await fetchStrips(pool, wanted);
  due = near.size && setTimeout(fetchSome, 0);
}

async function fetchStrips(pool, rows) {
  const query = new URLSearchParams([["pool", pool], ...rows.map((row) => ["member", row.dataset.member])]);
  const drawn = await fetched(`/strips?${query}`);
  for (const item of Array.from(drawn?.getElementById("strips").children ?? [])) {
    const row = redraw(item);
    if (row) watcher.unobserve(row);
  }
}
