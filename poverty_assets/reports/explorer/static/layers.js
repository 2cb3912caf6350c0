// What can be shown: topics, their figures, and the value of a figure for an area, whatever kind it is.
const PICKS = {
  poverty: ["headcount_ratio", "intensity", "mpi", "vulnerable", "severe"],
  register: ["register_gap", "register_missed", "register_rate", "register_modelled"],
};
const groupOf = id => DATA.features[id].group;
const isPlain = id => id in DATA.features;

function hasFigure(id) { return id in DATA.figures && DATA.figures[id].quarters.some(text => text !== null); }

function figuresStarting(start) { return Object.keys(DATA.figures).filter(id => id.startsWith(start) && hasFigure(id)); }

function byIndicator(kind) { return INDICATORS.map(({ id }) => `${kind}:${id}`).filter(hasFigure); }

const TOPICS = [
  ["poverty", PICKS.poverty.filter(hasFigure)],
  ["uncensored", byIndicator("uncensored")],
  ["censored", byIndicator("censored")],
  ["pair", figuresStarting("pair:")],
  ["count", figuresStarting("count:").sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))],
  ["hazard", [...figuresStarting("exposed:"), ...figuresStarting("poor_exposed:"), ...Object.keys(DATA.features).filter(id => groupOf(id) === "hazard")]],
  ["vulnerability", [...figuresStarting("exposed_near_poor"), ...figuresStarting("new_poor:")]],
  ["register", PICKS.register.filter(hasFigure)],
  ["feature", Object.keys(DATA.features).filter(id => groupOf(id) !== "hazard")],
].filter(([, figures]) => figures.length);
const figuresOf = Object.fromEntries(TOPICS);

// Levels that have the figure in the quarter, the smallest areas first, without the country.
function levelsWith(id, quarter) {
  return LEVELS.map((_, level) => FINEST - level).filter(level => level > 0 && areasOf(level).some(area => figureAt(id, quarter, area).state === "known"));
}

function isShare(id) { return !isPlain(id) && DATA.figures[id].scale === "share" && id !== "intensity" && id !== "mpi"; }
function valueTitle(id) { return isShare(id) ? "value" : "value_plain"; }

function pairId(a, b) { return `pair:${[a, b].sort().join("+")}`; }

function figureAt(id, quarter, area) { return isPlain(id) ? featureValue(id, quarter, area) : estimate(id, quarter, area); }

function changeOf(id, quarter, area) {
  const change = `change:${id}`;
  return quarter === NEWEST && change in DATA.figures ? estimate(change, quarter, area) : { state: "none" };
}
function baselineOf(id) { return DATA.baselines[`change:${id}`] || null; }

function isClear(change) { return change.state === "known" && change.low !== null && (change.low > 0 || change.high < 0); }

function changeText(id, change) {
  if (change.state !== "known") return change.state === "withheld" ? t("withheld") : "";
  const key = `change:${id}`;
  const interval = change.low === null ? t("no_interval") : rangeText(key, change);
  const size = withUnit(key, Math.abs(change.value)).replace("+", "");
  const verdict = !isClear(change) ? t("no_clear_change") : t(change.value > 0 ? "rose" : "fell", { v: size });
  return `${verdict} (${interval})`;
}

// People in the area that a share stands for; a register counts households.
function peopleOf(id, figure, area) {
  if (figure.state !== "known" || !isShare(id) || id === "register_missed") return null;
  const all = id.startsWith("register") ? AREAS.households[area] : AREAS.population[area];
  return all === null ? null : figure.value * all;
}
// A share times a population is no more exact than its share: written to two digits.
function roundly(people) { return people === null ? "" : whole(people >= 100 ? Number(people.toPrecision(2)) : people); }

// Households of the survey in the area, where the figure rests on any.
function surveyHouseholds(quarter, area) { return DATA.surveyHouseholds[quarter][area]; }

function methodName(id, quarter, area) {
  const name = isPlain(id) ? null : method(id, quarter, area);
  return name ? t(`method_${name}`) : "";
}
