// Search as people type: without spaces, doubled letters and signs that are not seen, with the pack's spellings, and near misses.
const SPELLINGS = Object.entries(DATA.country.spellings || {});

function folded(text) {
  let out = text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").normalize("NFC").toLowerCase().replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, "");
  for (const [from, to] of SPELLINGS) out = out.replaceAll(from, to);
  return out.replace(/[^\p{L}\p{M}\p{N}]+/gu, " ").trim();
}
const squeezed = text => text.replace(/ /g, "").replace(/(\p{L})\1+/gu, "$1");

// Every name of an area, folded: [squeezed, and the squeezed rest from each later word on].
let names_folded = null;
const searchable = () => names_folded ??= AREAS.id.map((id, area) => [...Object.values(AREAS.names).map(names => names[area] || ""), id].filter(Boolean).map(name => {
  const words = folded(name).split(" ");
  return words.map((_, i) => squeezed(words.slice(i).join(" ")));
}));

// The least number of letters to add, leave out or change, if it is at most ``most``.
function distance(a, b, most) {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) row[j] = Math.min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    before = row;
  }
  return before[b.length];
}

function found(text) {
  const sought = squeezed(folded(text));
  if (!sought) return [];
  const hits = [], taken = new Set();
  const add = (area, score) => { taken.add(area); hits.push([score, AREAS.level[area], area]); };
  searchable().forEach((names, area) => {
    const scores = names.map(([whole, ...rest]) => whole === sought ? 0 : whole.startsWith(sought) ? 1 : rest.some(word => word.startsWith(sought)) ? 2 : whole.includes(sought) ? 3 : 9);
    const best = Math.min(...scores);
    if (best < 9) add(area, best);
  });
  const most = sought.length >= 9 ? 2 : sought.length >= 5 ? 1 : 0;
  if (most && !hits.some(([score]) => score < 2)) {
    searchable().forEach((names, area) => { if (!taken.has(area) && names.some(([whole]) => distance(sought, whole, most) <= most)) add(area, 4); });
  }
  return hits.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]).slice(0, 12).map(([, , area]) => area);
}

// A combobox as in the ARIA authoring practices: type, arrow keys, Enter, Escape.
function searchBox(id, act) {
  const input = byId(id), list = byId(`${id}-list`);
  let active = -1, areas = [];
  const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
  Object.entries(attributes).forEach(([name, value]) => input.setAttribute(name, value));
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", t("search"));
  const close = () => { list.hidden = true; active = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
  const take = area => { close(); input.value = areaName(area); act(area); };
  const mark = () => {
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) { input.setAttribute("aria-activedescendant", `${id}-${active}`); list.children[active].scrollIntoView({ block: "nearest" }); }
  };
  input.addEventListener("input", () => {
    areas = found(input.value);
    list.replaceChildren(...areas.map((area, i) => make("li", { role: "option", id: `${id}-${i}`, onmousedown: event => { event.preventDefault(); take(area); } },
      areaName(area), make("span", { class: "path" }, [levelOf(area), areaPath(area)].filter(Boolean).join(" · ")))));
    active = areas.length ? 0 : -1;
    list.hidden = !areas.length;
    input.setAttribute("aria-expanded", String(Boolean(areas.length)));
    mark();
    if (input.value.trim()) say(areas.length ? t("search_found", { n: whole(areas.length) }) : t("search_none"));
  });
  input.addEventListener("keydown", event => {
    if (event.key === "Escape") close();
    if (list.hidden || !areas.length) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : areas.length - 1)) % areas.length;
      mark();
    }
    if (event.key === "Enter") { event.preventDefault(); take(areas[Math.max(active, 0)]); }
  });
  input.addEventListener("blur", close);
  input.addEventListener("focus", () => input.select()); // what is typed takes the place of the last name
}
