// What is chosen, and what follows from choosing: controls, tabs, language, the address, print.
const byId = id => document.getElementById(id);
const TABS = ["profile", "ranking", "act", "own"];
const ALL_PARTS = ["controls", "map", "ranking", "act", "own", "profile"];
const state = {
  topic: TOPICS[0][0], figure: TOPICS[0][1][0], level: FINEST, quarter: NEWEST, within: 0, sort: "value", ascending: false, page: 0,
  area: 0, other: null, context: [], tab: "profile", sureness: 1, criterion: "tenth", threshold: 0.3, certainty: 90, own: [], ownHow: "all",
};
let pair = figuresOf.pair ? figuresOf.pair[0].slice(5).split("+") : [];

// Runs one after the other: a quick second choice may not overtake the first.
let drawing = Promise.resolve(), rendering = 0;
// Nothing changes before what is asked for has been read.
async function update(changes, parts = ALL_PARTS) {
  document.documentElement.dataset.busy = "yes";
  rendering += 1;
  try {
    if (!isRead({ ...state, ...changes })) await everything();
    Object.assign(state, changes);
    const levels = levelsWith(state.figure, state.quarter);
    if (levels.length && !levels.includes(state.level)) { state.level = levels[0]; parts = ALL_PARTS; }
    drawing = drawing.then(() => render(parts)).catch(error => { console.error(error); });
    await drawing;
  } catch (error) { console.error(error); }
  rendering -= 1;
  if (!charting && !rendering) delete document.documentElement.dataset.busy;
}

async function render(parts) {
  drawTabs();
  if (parts.includes("controls")) drawControls();
  byId("heading").textContent = mapTitle(state, state.quarter);
  byId("basis").textContent = isPlain(state.figure) ? featureBasis(state.figure, state.quarter) : basisText(state.quarter);
  byId("population-basis").textContent = peopleBasis(state.quarter);
  byId("stamp").textContent = [stampText(), `${document.title}, ${quarterName(state.quarter)}`, `${t("sources")}: ${sourcesText(state.quarter)}`].filter(Boolean).join(" · ");
  if (parts.includes("act") && state.tab === "act") drawAct(state);
  if (parts.includes("own") && state.tab === "own") drawOwn(state);
  if (parts.includes("map")) drawMaps(state);
  if (parts.includes("picked")) drawPicked(state);
  writeAddress();
  if (parts.includes("profile")) {
    pending = [];
    drawProfile(state);
    drawCharts(pending);
  }
  document.documentElement.dataset.ready ??= String(Math.round(performance.now()));
  if (parts.includes("ranking")) drawRanking(state); // which takes longer, and lies behind a tab
}

function basisText(quarter) {
  const { label, wave, nowcast } = DATA.quarters[quarter];
  if (!wave) return t("basis_published", { quarter: label });
  const survey = DATA.sources.find(source => source.id === wave);
  return t("basis", { quarter: label, wave: survey ? told(survey.title) : named(null, wave) }) + (nowcast ? t(`basis_${nowcast}`) : "");
}

// Shows an area's profile and moves focus there; ``keep`` leaves focus where it is, as for one who walks the map by keys.
function choose(area, { keep = false } = {}) {
  const figure = figureAt(state.figure, state.quarter, area), interval = intervalText(state.figure, figure);
  say(t("chosen", { area: areaName(area), value: `${valueText(state.figure, figure)}${interval ? ` (${interval})` : ""}` }));
  const level = AREAS.level[area];
  const other = level > 0 && level !== state.level ? { level, page: 0 } : {};
  openSheet(true);
  const drawnAnew = Object.keys(other).length || state.tab === "act";
  return update({ area, ...other, tab: "profile" }, drawnAnew ? undefined : ["ranking", "picked", "profile", "own"]).then(() => {
    byId("panels").scrollTop = byId("profile").scrollTop = 0;
    const title = document.querySelector(".side-title");
    if (!keep && title) title.focus({ preventScroll: true });
  });
}

function openSheet(open) {
  document.body.classList.toggle("sheet-open", open);
  byId("sheet").setAttribute("aria-expanded", String(open));
}

function sortBy(sort) {
  update({ ascending: state.sort === sort && !state.ascending, sort, page: 0 }, ["ranking"]).then(() => document.querySelector(`[data-sort="${sort}"]`).focus());
}

function drawTabs() {
  const tabs = byId("tabs");
  if (!tabs.children.length) tabs.append(...TABS.map(tab => make("button", { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": tab })));
  TABS.forEach(tab => {
    const on = tab === state.tab, button = byId(`tab-${tab}`);
    button.textContent = t(`tab_${tab}`);
    button.setAttribute("aria-selected", String(on));
    button.tabIndex = on ? 0 : -1;
    byId(tab).classList.toggle("off", !on);
  });
}
function showTab(tab) {
  openSheet(true);
  return update({ tab }, tab === "act" || state.tab === "act" ? ["act", "own", "map"] : [tab]);
}

function fillSelect(id, options, chosen) {
  byId(id).replaceChildren(...options.map(([value, text, group]) => make("option", { value, selected: String(value) === String(chosen), "data-group": group }, text)));
}

const topicOf = figure => isOwn(figure) ? "own" : (TOPICS.find(([, figures]) => figures.includes(figure)) || TOPICS[0])[0];
function drawControls() {
  fillSelect("topic", [...TOPICS.map(([topic]) => topic), ...(DATA.profileBits.length ? ["own"] : [])].map(topic => [topic, t(`topic_${topic}`)]), state.topic);
  const isPair = state.topic === "pair";
  byId("figure-field").hidden = isPair || state.topic === "own";
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
  } else if (state.topic !== "own") {
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
  byId("sources").replaceChildren(tableOf(t("sources"), columns.map(([key, title]) => ({ key, title: t(title), text: true })), DATA.sources.map(source => ({ ...source, title: told(source.title) }))));
}

// The view as the part of the address after #: whoever opens the address sees what its sender saw.
function addressOf() {
  const { figure, level, quarter, area, other, within, tab, sureness, criterion, threshold, certainty, sort, ascending, context } = state;
  const said = {
    lang: language, figure, level: LEVELS[level].id, quarter: quarterName(quarter), area: area ? AREAS.id[area] : null, tab,
    other: other ? `${AREAS.id[other.area]}.${quarterName(other.quarter)}` : null, within: within ? AREAS.id[within] : null,
    sure: sureness === 1 ? null : sureness, context: context.join(".") || null, sort: sort === "value" && !ascending ? null : `${sort}${ascending ? ".up" : ""}`,
    act: tab === "act" ? [criterion, threshold, certainty].join("_") : null, embed: document.body.classList.contains("embed") ? 1 : null,
  };
  return "#" + new URLSearchParams(Object.entries(said).filter(([, value]) => value !== null));
}
let written_address = "";
function writeAddress() {
  const address = addressOf();
  if (address === location.hash) return;
  written_address = address;
  history.replaceState(null, "", address);
}
// What an address leaves out is as the page opens.
function readAddress() {
  const said = new URLSearchParams(location.hash.slice(1)), get = name => said.get(name) ?? "";
  const area = code => Math.max(0, AREAS.id.indexOf(code)), quarter = text => { const q = DATA.quarters.findIndex(one => one.label === text); return q < 0 ? NEWEST : q; };
  const within = (value, least, most, otherwise) => value && value >= least && value <= most ? Number(value) : otherwise;
  if (spoken(get("lang"))) language = get("lang");
  document.body.classList.toggle("embed", get("embed") === "1");
  const asked = get("figure"), known = isPlain(asked) || hasFigure(asked) || (isOwn(asked) && asked.split(":")[2]), figure = known ? asked : TOPICS[0][1][0];
  if (figure.startsWith("pair:")) pair = figure.slice(5).split("+");
  const own = isOwn(figure) ? { ownHow: figure.split(":")[1], own: figure.split(":")[2].split("+") } : { ownHow: "all", own: [] };
  const level = LEVELS.findIndex(({ id }) => id === get("level")), [criterion, threshold, certainty] = get("act").split("_"), [code, when] = get("other").split("."), [sort, way] = get("sort").split(".");
  return {
    figure, topic: topicOf(figure), ...own, level: level > 0 ? level : FINEST, quarter: quarter(get("quarter")), area: area(get("area")), page: 0,
    other: code ? { area: area(code), quarter: quarter(when) } : null, within: area(get("within")), tab: TABS.includes(get("tab")) ? get("tab") : "profile",
    sureness: within(get("sure"), 0, 3, 1), context: get("context").split(".").filter(id => CONTEXT.some(layer => layer.id === id)), sort: sort in SORTS ? sort : "value", ascending: way === "up",
    criterion: CRITERIA.includes(criterion) ? criterion : CRITERIA[0], threshold: within(threshold, 0, 1, 0.3), certainty: within(certainty, 50, 99, 90),
  };
}

async function copied(text, button, said) {
  try { await navigator.clipboard.writeText(text); } catch {
    const box = make("textarea", { class: "offstage" }, text);
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  say(t(said));
  byId(button).textContent = t(said);
  setTimeout(() => { byId(button).textContent = t(byId(button).dataset.t); }, 2500);
}
function copyLink() {
  writeAddress();
  return copied(location.href, "link", "link_copied");
}
// For another page: this view in a frame, without controls, but with what says that figures are simulated.
function copyFrame() {
  writeAddress();
  const frame = make("iframe", { src: `${location.href}&embed=1`, title: mapTitle(state, state.quarter), width: "100%", height: "760", style: "border:0" });
  return copied(frame.outerHTML, "embed", "embed_copied");
}

// A name that was typed for another area, or in another language, would stand beside what is shown.
function clearSearch() { byId("search").value = byId("other").value = ""; }

function listen() {
  byId("topic").addEventListener("change", ({ target }) => {
    const topic = target.value, fresh = { topic, page: 0, sort: "value", ascending: false };
    if (topic !== "own") { update({ ...fresh, figure: topic === "pair" ? pairId(...pair) : figuresOf[topic][0] }); return; }
    if (!state.own.length) state.own = DATA.profileBits.slice(0, 2);
    update({ ...fresh, tab: "own", quarter: NEWEST, figure: `own:${state.ownHow}:${state.own.join("+")}` });
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
  byId("sureness").addEventListener("input", ({ target }) => update({ sureness: Number(target.value) }, ["map"]));
  byId("print").addEventListener("click", () => window.print());
  byId("link").addEventListener("click", copyLink);
  byId("embed").addEventListener("click", copyFrame);
  byId("define").addEventListener("click", () => define());
  byId("definitions-close").addEventListener("click", () => byId("definitions").close());
  byId("sheet").addEventListener("click", () => openSheet(!document.body.classList.contains("sheet-open")));
  byId("tabs").addEventListener("click", ({ target }) => { if (target.id.startsWith("tab-")) showTab(target.id.slice(4)); });
  byId("tabs").addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const tab = TABS[(TABS.indexOf(state.tab) + step + TABS.length) % TABS.length];
    showTab(tab).then(() => byId(`tab-${tab}`).focus());
  });
  document.querySelectorAll(".language").forEach(button => button.addEventListener("click", () => { language = button.dataset.lang; clearSearch(); drawWords(); update({}); }));
  searchBox("search", choose);
  searchBox("other", area => update({ other: { area, quarter: state.other ? state.other.quarter : state.quarter }, tab: "profile" }));
  NARROW.addEventListener("change", () => update({}, ["ranking"]));
  window.addEventListener("hashchange", () => {
    if (location.hash === written_address) return;
    const changes = readAddress();
    clearSearch();
    drawWords();
    update(changes);
  });
}

async function begin() {
  byId("languages").replaceWith(...LANGUAGES.map(({ code, name }) => make("button", { type: "button", class: "language", "data-lang": code, lang: code }, name)));
  document.documentElement.style.setProperty("--fonts", FONTS);
  const asked = readAddress();
  drawWords();
  listen();
  await update(asked);
  everything().catch(error => console.error(error));
}
begin();
