// What can be shown: topics, their figures, and the value of a figure for an area, whatever kind it is.
const PICKS = {
  poverty: ["headcount_ratio", "intensity", "mpi", "vulnerable", "severe"],
  register: ["register_gap", "register_missed", "register_rate", "register_modelled"],
};
const groupOf = id => DATA.features[id].group;
const isPlain = id => id in DATA.features;

const isOwn = id => id.startsWith("own:");

function hasFigure(id) { return id in DATA.figures && DATA.figures[id].quarters.some(text => text !== null); }

function figuresStarting(start) { return Object.keys(DATA.figures).filter(id => id.startsWith(start) && hasFigure(id)); }

function byIndicator(kind) { return INDICATORS.map(({ id }) => `${kind}:${id}`).filter(hasFigure); }

const TOPICS = [
  ["poverty", PICKS.poverty.filter(hasFigure)],
  ["uncensored", byIndicator("uncensored")],
  ["censored", byIndicator("censored")],
  ["pair", figuresStarting("pair:")],
  ["change", [...figuresStarting("wave:"), ...figuresStarting("change:")].filter(id => !id.includes("pair:") && !id.endsWith("intensity"))],
  ["count", figuresStarting("count:").sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))],
  ["hazard", [...figuresStarting("exposed:"), ...figuresStarting("poor_exposed:"), ...Object.keys(DATA.features).filter(id => groupOf(id) === "hazard")]],
  ["vulnerability", [...figuresStarting("exposed_near_poor"), ...figuresStarting("new_poor:")]],
  ["register", PICKS.register.filter(hasFigure)],
  ["feature", Object.keys(DATA.features).filter(id => groupOf(id) !== "hazard")],
].filter(([, figures]) => figures.length);
const figuresOf = Object.fromEntries(TOPICS);

// Levels that have the figure in the quarter, the smallest areas first, without the country.
function levelsWith(id, quarter) {
  const known = level => areasOf(level).filter(area => figureAt(id, quarter, area).state === "known").length / areasOf(level).length;
  const shares = LEVELS.map((_, level) => FINEST - level).filter(level => level > 0).map(level => [level, known(level)]);
  const most = Math.max(...shares.map(([, share]) => share));
  return shares.filter(([, share]) => share > 0 && share >= most / 3).map(([level]) => level); // a survey visits few of the smallest
}

function isShare(id) { return isOwn(id) || !isPlain(id) && DATA.figures[id].scale === "share" && id !== "intensity" && id !== "mpi"; }
function valueTitle(id) { return isShare(id) ? "value" : "value_plain"; }

function pairId(a, b) { return `pair:${[a, b].sort().join("+")}`; }

function isDifference(id) { return !isPlain(id) && !isOwn(id) && DATA.figures[id].scale === "difference"; }

const isChange = id => /^(change|wave):/.test(id);

function figureAt(id, quarter, area) { return isPlain(id) ? featureValue(id, quarter, area) : estimate(id, quarter, area); }

function peopleIn(area, quarter) { return (DATA.populations[quarter] || AREAS.population)[area]; }
// Whose figure the people of a quarter are, and of which day.
function peopleBasis(quarter) {
  const basis = DATA.people[quarter];
  return basis ? t(basis.total ? "population_laid" : "population_basis", { ...basis, source: told(basis.source), total: whole(basis.total || 0) }) : "";
}

// People in the area that a share stands for; a register counts households.
function peopleOf(id, figure, area, quarter) {
  if (figure.state !== "known" || !isShare(id) || id === "register_missed") return null;
  const all = id.startsWith("register") ? AREAS.households[area] : peopleIn(area, quarter);
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

// Sums over the finest areas leave out those whose people nobody counts; where nobody's are counted all weigh alike, and none is left out.
const SUMS = new Set(["composite", "modelled", "downscaled"]);
const uncounted = AREAS.id.map(() => []), unpeopled = AREAS.id.map(() => []), parts = AREAS.id.map(() => 0), children = AREAS.id.map(() => 0);
AREAS.parent.forEach(larger => { if (larger >= 0) children[larger] += 1; });
areasOf(FINEST).forEach(area => {
  const unknown = AREAS.population[area] === null, lost = unknown && AREAS.households[area] === null; // households stand in for people in sums
  for (let i = AREAS.parent[area]; i >= 0; i = AREAS.parent[i]) {
    parts[i] += 1;
    if (unknown) unpeopled[i].push(area);
    if (lost) uncounted[i].push(area);
  }
});
function leftOut(area) { return uncounted[area].length < parts[area] ? uncounted[area] : []; }
// The first that is named is a whole region by itself, if one is.
function without(lost) {
  const area = lost.find(one => children[AREAS.parent[one]] === 1) ?? lost[0];
  return lost.length ? t(lost.length > 1 ? "without_many" : "without_one", { n: whole(lost.length), area: areaName(area) }) : "";
}
function evidence(id, quarter, area) {
  return [methodName(id, quarter, area), !isPlain(id) && SUMS.has(method(id, quarter, area)) ? without(leftOut(area)) : ""].filter(Boolean).join(", ");
}
