// What is chosen, and what follows from choosing: controls, search, language, print.
const byId = id => document.getElementById(id);
const state = {
  topic: TOPICS[0][0], figure: TOPICS[0][1][0], level: FINEST, quarter: NEWEST, within: 0, sort: "value", ascending: false, page: 0,
  area: 0, other: null, mapHeight: 520, context: [],
};
let pair = figuresOf.pair ? figuresOf.pair[0].slice(5).split("+") : [];

// Runs one after the other: a quick second choice may not overtake the first.
let drawing = Promise.resolve();
function update(changes, parts = ["controls", "map", "ranking", "profile"]) {
  Object.assign(state, changes);
  const levels = levelsWith(state.figure, state.quarter);
  if (levels.length && !levels.includes(state.level)) state.level = levels[0];
  document.documentElement.dataset.busy = "yes";
  const turn = drawing.then(() => render(parts)).catch(error => { console.error(error); });
  drawing = turn;
  return turn;
}

async function render(parts) {
  if (parts.includes("controls")) drawControls();
  byId("heading").textContent = t("ranking_caption", { figure: figureName(state.figure), level: levelName(state.level), quarter: quarterName(state.quarter) });
  byId("basis").textContent = basisText(state.quarter);
  byId("stamp").textContent = [stampText(), `${document.title}, ${quarterName(state.quarter)}`, `${t("sources")}: ${sourcesText(state.quarter)}`].filter(Boolean).join(" · ");
  if (parts.includes("ranking")) drawRanking(state);
  if (parts.includes("map")) await drawMaps(state);
  if (parts.includes("picked")) await drawPicked(state);
  if (parts.includes("profile")) {
    pending = [];
    drawProfile(state);
    await Promise.all(pending);
  }
  document.documentElement.dataset.ready = document.documentElement.dataset.ready || String(Math.round(performance.now()));
  delete document.documentElement.dataset.busy;
}

function basisText(quarter) {
  const { label, wave, nowcast } = DATA.quarters[quarter];
  if (!wave) return t("basis_published", { quarter: label });
  const survey = DATA.sources.find(source => source.id === wave);
  return t("basis", { quarter: label, wave: survey ? survey.title : wave }) + (nowcast ? t(`basis_${nowcast}`) : "");
}

function choose(area) {
  const figure = figureAt(state.figure, state.quarter, area), interval = intervalText(state.figure, figure);
  say(t("chosen", { area: areaName(area), value: `${valueText(state.figure, figure)}${interval ? ` (${interval})` : ""}` }));
  const level = AREAS.level[area];
  const other = level > 0 && level !== state.level ? { level, page: 0 } : {};
  return update({ area, ...other }, Object.keys(other).length ? undefined : ["ranking", "picked", "profile"]);
}

function sortBy(sort) {
  update({ ascending: state.sort === sort && !state.ascending, sort, page: 0 }, ["ranking"]).then(() => document.querySelector(`[data-sort="${sort}"]`).focus());
}

function fillSelect(id, options, chosen) {
  byId(id).replaceChildren(...options.map(([value, text, group]) => make("option", { value, selected: String(value) === String(chosen), "data-group": group }, text)));
}

function drawControls() {
  fillSelect("topic", TOPICS.map(([topic]) => [topic, t(`topic_${topic}`)]), state.topic);
  const isPair = state.topic === "pair";
  byId("figure-field").hidden = isPair;
  byId("first-field").hidden = byId("second-field").hidden = !isPair;
  if (isPair) {
    const options = INDICATORS.map(({ id }) => [id, indicatorName(id)]);
    fillSelect("first", options, pair[0]);
    fillSelect("second", options, pair[1]);
  } else if (state.topic === "feature") {
    const groups = new Map();
    for (const id of figuresOf.feature) {
      const group = groupOf(id);
      groups.set(group, [...(groups.get(group) || []), make("option", { value: id, selected: id === state.figure }, figureName(id))]);
    }
    byId("figure").replaceChildren(...[...groups].map(([group, options]) => make("optgroup", { label: t(`group_${group}`) }, ...options)));
  } else {
    fillSelect("figure", figuresOf[state.topic].map(id => [id, figureName(id)]), state.figure);
  }
  fillSelect("level", levelsWith(state.figure, state.quarter).map(level => [level, levelName(level)]), state.level);
  fillSelect("quarter", DATA.quarters.map(({ label }, q) => [q, label]).reverse(), state.quarter);
  fillSelect("other-quarter", DATA.quarters.map(({ label }, q) => [q, label]).reverse(), state.other ? state.other.quarter : state.quarter);
  byId("compare-stop").hidden = !state.other;
  drawContextControls(state);
}

function drawWords() {
  document.documentElement.lang = language;
  document.documentElement.dir = spoken(language).direction;
  document.title = t("title", { country: countryName() });
  byId("title").textContent = document.title;
  document.querySelectorAll("[data-t]").forEach(element => { element.textContent = t(element.dataset.t); });
  document.querySelectorAll("[data-t-label]").forEach(element => element.setAttribute("aria-label", t(element.dataset.tLabel)));
  document.querySelectorAll("[data-t-placeholder]").forEach(element => element.setAttribute("placeholder", t(element.dataset.tPlaceholder)));
  document.querySelectorAll(".language").forEach(button => button.setAttribute("aria-pressed", String(button.dataset.lang === language)));
  const banner = byId("banner");
  banner.hidden = !DATA.simulated;
  banner.replaceChildren(make("strong", {}, t("simulated")), ` ${t("simulated_long")}`);
  byId("build").textContent = DATA.build.built ? t("built", DATA.build) : "";
  const columns = [["title", "source"], ["publisher", "method_published"], ["licence", "licence"], ["observed", "observed"]];
  byId("sources").replaceChildren(tableOf(t("sources"), columns.map(([key, title]) => ({ key, title: t(title), text: true })), DATA.sources));
}

const plainText = text => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
const searchable = AREAS.id.map((id, area) => [...Object.values(AREAS.names).map(names => plainText(names[area] || "")), id].join("\n"));

function found(text) {
  const sought = plainText(text.trim());
  if (!sought) return [];
  const starts = [], rest = [];
  for (let area = 0; area < N_AREAS; area++) {
    const at = searchable[area].indexOf(sought);
    if (at >= 0) (at === 0 || searchable[area][at - 1] === "\n" ? starts : rest).push(area);
  }
  return [...starts, ...rest].slice(0, 12);
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
    if (active >= 0) input.setAttribute("aria-activedescendant", `${id}-${active}`);
  };
  input.addEventListener("input", () => {
    areas = found(input.value);
    list.replaceChildren(...areas.map((area, i) => make("li", { role: "option", id: `${id}-${i}`, onmousedown: event => { event.preventDefault(); take(area); } },
      areaName(area), make("span", { class: "path" }, [levelOf(area), areaPath(area)].filter(Boolean).join(" · ")))));
    active = areas.length ? 0 : -1;
    list.hidden = !areas.length;
    input.setAttribute("aria-expanded", String(Boolean(areas.length)));
    mark();
    if (input.value.trim()) say(areas.length ? t("search_found", { n: areas.length }) : t("search_none"));
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
}

function listen() {
  byId("topic").addEventListener("change", ({ target }) => {
    const topic = target.value;
    update({ topic, figure: topic === "pair" ? pairId(...pair) : figuresOf[topic][0], page: 0, sort: "value", ascending: false });
  });
  byId("figure").addEventListener("change", ({ target }) => update({ figure: target.value, page: 0 }));
  for (const [i, id] of ["first", "second"].entries()) {
    byId(id).addEventListener("change", ({ target }) => {
      if (pair[1 - i] === target.value) pair[1 - i] = pair[i]; // chosen as both: the two change places
      pair[i] = target.value;
      update({ figure: pairId(...pair), page: 0 });
    });
  }
  byId("level").addEventListener("change", ({ target }) => update({ level: Number(target.value), page: 0 }));
  byId("quarter").addEventListener("change", ({ target }) => update({ quarter: Number(target.value), page: 0 }));
  byId("other-quarter").addEventListener("change", ({ target }) => update({ other: { area: state.other ? state.other.area : state.area, quarter: Number(target.value) } }));
  byId("compare-stop").addEventListener("click", () => { byId("other").value = ""; update({ other: null }); });
  byId("context").addEventListener("change", () => update({ context: contextChosen() }, ["map"]));
  byId("print").addEventListener("click", () => window.print());
  document.querySelectorAll(".language").forEach(button => button.addEventListener("click", () => { language = button.dataset.lang; drawWords(); update({}); }));
  searchBox("search", choose);
  searchBox("other", area => update({ other: { area, quarter: state.other ? state.other.quarter : state.quarter } }));
}

byId("languages").replaceWith(...LANGUAGES.map(({ code, name }) => make("button", { type: "button", class: "language", "data-lang": code, lang: code }, name)));
document.documentElement.style.setProperty("--fonts", FONTS);
drawWords();
listen();
update({});
