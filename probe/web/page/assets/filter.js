// Shows only the members that are looked for.

const find = document.getElementById("find");
const trouble = document.getElementById("trouble");
const shown = document.getElementById("shown");
let due = 0;

export function startFilter() {
  document.getElementById("tools").hidden = false;
  find.addEventListener("input", filterSoon);
  trouble.addEventListener("change", filterSoon);
  document.addEventListener("judged", () => (find.value || trouble.checked) && filterSoon());
  document.getElementById("main").addEventListener("click", unhide);
  filterSoon();
}

// A link to a row that is not shown shows all of them.
function unhide(event) {
  const name = event.target.closest?.('a[href^="#"]')?.hash.slice(1);
  if (!name || !document.getElementById(decodeURIComponent(name))?.hidden) return;
  find.value = "";
  trouble.checked = false;
  filter();
}

// Many rows may change at once: they are looked through once for all of them.
export function filterSoon() {
  due ||= requestAnimationFrame(() => {
    due = 0;
    filter();
  });
}

function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = document.querySelectorAll("tr[data-member]");
  let count = 0;
  for (const row of rows) {
    const wanted = (!trouble.checked || row.classList.contains("trouble")) && fits(row, words);
    if (row.hidden === wanted) row.hidden = !wanted;
    count += wanted;
  }
  // Of groups that are not laid out yet nobody knows how much of them is left.
  document.getElementById("main").classList.toggle("filtered", count < rows.length);
  const said = count === rows.length ? "" : `${count} of ${rows.length} members are shown`;
  if (shown.textContent !== said) shown.textContent = said;
}

function fits(row, words) {
  if (!words.length) return true;
  const text = `${row.id} ${row.querySelector("th").textContent} ${row.querySelector(".verdict strong").textContent} ${row.querySelector(".reason").textContent}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
