// How sure a figure is, in the words of a decision: ranks, probabilities, two areas compared, and whether an area has changed.
const CRITERIA = ["tenth", "fifth", "country", "threshold"];

// Quantile of sorted draws as the warehouse's own intervals have it: the one at share (n + 1).
function quantile(sorted, share) {
  const place = Math.max(Math.min(share * (sorted.length + 1) - 1, sorted.length - 1), 0), below = Math.floor(place);
  const next = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (place - below) * (next - sorted[below]);
}

// Probability that the figure lies above a threshold: the share of draws that do, half of those that equal it.
function chanceAbove(id, area, threshold) {
  const draws = drawsOf(id, area);
  if (!draws) return null;
  let sum = 0;
  for (const value of draws) sum += value > threshold ? 1 : value === threshold ? 0.5 : 0;
  return sum / draws.length;
}

// Probability that an area meets a criterion; null where the page cannot say.
function chanceOf(id, area, criterion, threshold) {
  if (criterion === "threshold") return figureAt(id, NEWEST, area).state === "known" ? chanceAbove(id, area, threshold) : null;
  const rank = rankOf(id, NEWEST, area);
  return rank && { tenth: rank.tenth, fifth: rank.fifth, country: rank.above }[criterion];
}
function criteriaOf(id) {
  return CRITERIA.filter(criterion => criterion === "threshold" ? ARRAYS.has(`draws:${id}`) : ARRAYS.has(`rank:${id}`));
}

function rankText(id, quarter, area) {
  const found = rankOf(id, quarter, area);
  if (!found) return "";
  const values = { r: whole(found.rank), n: whole(found.of), a: whole(found.low), b: whole(found.high), level: label(LEVELS[AREAS.level[area]].many) };
  return t(found.low === found.high ? "rank_sure" : "rank_between", values);
}
function rankRange(id, quarter, area) {
  const found = rankOf(id, quarter, area);
  return found ? t("range", { a: whole(found.low), b: whole(found.high) }) : "";
}
// Shares of certainty: never 0 or 100, which no number of draws can show.
function chanceText(chance) {
  if (chance === null || chance === undefined) return "";
  if (chance > 0.99) return t("chance_over");
  return chance < 0.01 ? t("chance_under") : `${Math.floor(chance * 100 + 1e-6)}%`;
}

// What a figure of one area is above that of another: from draws, which share their errors, else from the two intervals.
function differenceOf(id, quarter, a, b) {
  const [first, second] = [figureAt(id, quarter, a), figureAt(id, quarter, b)];
  if (first.state !== "known" || second.state !== "known") return null;
  const difference = first.value - second.value;
  const draws = quarter === NEWEST && drawsOf(id, a), others = draws && drawsOf(id, b);
  if (draws && others && !isWithin(a, b) && !isWithin(b, a)) {
    const sorted = Array.from(draws, (value, r) => value - others[r]).sort((x, y) => x - y);
    return { difference, low: Math.min(difference, quantile(sorted, 0.025)), high: Math.max(difference, quantile(sorted, 0.975)), basis: "drawn" };
  }
  if (first.low === null || second.low === null) return { difference, low: null, high: null, basis: "none" };
  const reach = (x, y) => Math.sqrt(x * x + y * y);
  return {
    difference, basis: "apart",
    low: difference - reach(first.value - first.low, second.high - second.value), high: difference + reach(first.high - first.value, second.value - second.low),
  };
}

function differenceWritten(id, value) {
  if (isIndex(id)) return signedIndex(value);
  return isPlain(id) ? (value > 0 ? "+" : "") + significant(value) : signed(value);
}

// One sentence on two areas of one quarter.
function differenceText(id, quarter, a, b) {
  const found = differenceOf(id, quarter, a, b);
  if (!found) return "";
  const { difference, low, high, basis } = found, unit = isPlain(id) ? unitOf(id) : isIndex(id) ? "" : t("points");
  const size = isPlain(id) ? significant(Math.abs(difference)) : isIndex(id) ? Math.abs(difference).toFixed(3) : Math.abs(difference * 100).toFixed(1);
  const values = { figure: figureName(id), a: areaName(a), b: areaName(b), v: unit ? `${size} ${unit}` : size, va: withUnit(id, figureAt(id, quarter, a).value), vb: withUnit(id, figureAt(id, quarter, b).value) };
  if (low === null) return t("difference_alone", values);
  values.interval = t("range", { a: differenceWritten(id, low), b: differenceWritten(id, high) });
  const key = low <= 0 && high >= 0 ? "difference_unclear" : difference > 0 ? "difference_more" : "difference_less";
  return t(key, values) + (basis === "apart" ? ` ${t("difference_apart")}` : "");
}

// Change, told once: between two surveys where nearly every area of the level has both, else of estimates over a year.
const changeBases = new Map();
function changeFigure(id, level) {
  const key = `${id} ${level}`;
  if (!changeBases.has(key)) {
    const areas = areasOf(level), all = areas.filter(area => estimate(`wave:${id}`, NEWEST, area).state === "known").length;
    const wave = DATA.figures[`wave:${id}`] && all >= 0.9 * areas.length;
    changeBases.set(key, wave ? `wave:${id}` : DATA.figures[`change:${id}`] ? `change:${id}` : null);
  }
  return changeBases.get(key);
}
function changeOf(id, quarter, area) {
  const change = changeFigure(id, AREAS.level[area]);
  return quarter === NEWEST && change ? estimate(change, quarter, area) : { state: "none" };
}
function baselineOf(id, level) {
  const change = changeFigure(id, level);
  return change ? DATA.baselines[change] : null;
}
function isBetweenSurveys(id, level) { return (changeFigure(id, level) || "").startsWith("wave:"); }

function isClear(change) { return change.state === "known" && change.low !== null && (change.low > 0 || change.high < 0); }

// The words of a cell: what happened, and how sure that is.
function changeText(id, change) {
  if (change.state !== "known") return change.state === "withheld" ? t("withheld") : "";
  const key = `change:${id}`, range = change.low === null ? t("no_interval") : t("range", { a: differenceWritten(id, change.low), b: differenceWritten(id, change.high) });
  if (!isClear(change)) return `${t("no_clear_change")} (${range})`;
  return `${t(change.value > 0 ? "rose" : "fell", { v: changeSize(id, change.value) })} (${range})`;
}
function changeSize(id, value) { return isIndex(id) ? Math.abs(value).toFixed(3) : `${Math.abs(value * 100).toFixed(1)} ${t("points")}`; }

// The sentence of a profile: the only place that tells the area's change in words.
function changeSentence(id, quarter, area) {
  const level = AREAS.level[area], change = changeOf(id, quarter, area);
  if (change.state !== "known" || change.low === null) return "";
  const values = {
    quarter: baselineOf(id, level), now: quarterName(quarter), v: changeSize(id, change.value),
    interval: t("range", { a: differenceWritten(id, change.low), b: differenceWritten(id, change.high) }),
  };
  if (isBetweenSurveys(id, level)) Object.assign(values, { quarter: surveyUntil(values.quarter), now: surveyUntil(null, DATA.quarters[quarter].wave) });
  const verdict = isClear(change) ? (change.value > 0 ? "change_rose" : "change_fell") : "change_unclear";
  return t(isBetweenSurveys(id, level) ? "change_between_surveys" : "change_of_estimates", { ...values, verdict: t(verdict, values) });
}

// The title of a survey: of a wave, or of the one whose fieldwork ended in a quarter; else the quarter's own name.
function surveyUntil(name, wave) {
  const ended = ({ id, observed }) => wave ? id === wave : `${observed.slice(0, 4)}Q${Math.ceil(Number(observed.slice(5, 7)) / 3)}` === name && WAVES.has(id);
  const source = DATA.sources.find(ended);
  return source ? told(source.title) : name || named(null, wave);
}
const WAVES = new Set(DATA.quarters.map(({ wave }) => wave));
