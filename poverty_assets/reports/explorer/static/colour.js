// Colour: light is few and dark is many (ColorBrewer's YlOrBr), purple is fewer and orange more for differences (PuOr); both are read by
// colour-blind people. Classes suit the figures that there are. How sure a figure is has a channel of its own: hatching, or grey.
const PALETTES = {
  sequential: ["#ffffd4", "#fee391", "#fec44f", "#fe9929", "#ec7014", "#cc4c02", "#8c2d04"],
  diverging: ["#542788", "#998ec3", "#d8daeb", "#f7f7f7", "#fee0b6", "#f1a340", "#b35806"],
};
const NO_COLOUR = "#d4d4d4", GREYED = "#ececec";
// What is done where an interval spans at least so many colours, by place of the slider.
const STOPS = [{ span: Infinity }, { span: 4, hatch: true }, { span: 3, hatch: true }, { span: 3, hatch: false }];
const NICE = [0.001, 0.002, 0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2];
const MOST_CLASSES = 7;

const scales = new Map();
function scaleOf(id, level) {
  const key = `${id} ${level}`;
  if (!scales.has(key)) scales.set(key, makeScale(id, level));
  return scales.get(key);
}

// {cuts, colours}: a value below cuts[0] has colours[0], and so on; one scale for all quarters. Areas that are all alike have one colour.
function makeScale(id, level) {
  const values = [];
  for (let quarter = 0; quarter <= NEWEST; quarter++) {
    for (const area of areasOf(level)) {
      const figure = figureAt(id, quarter, area);
      if (figure.state === "known") values.push(figure.value);
    }
  }
  values.sort((a, b) => a - b);
  const at = part => values.length ? values[Math.round(part * (values.length - 1))] : 0;
  if (isDifference(id)) {
    const reach = Math.max(Math.abs(at(0.02)), Math.abs(at(0.98)));
    const step = 2 * (NICE.find(nice => 5 * nice >= 0.8 * reach) || 0.2);
    return { diverging: true, cuts: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map(part => tidy(part * step)), colours: PALETTES.diverging };
  }
  const cuts = (isPlain(id) ? null : evenCuts(values, at)) || quantileCuts(id, at);
  const colours = Array.from({ length: cuts.length + 1 }, (_, i) => PALETTES.sequential[cuts.length ? Math.round(i * (MOST_CLASSES - 1) / cuts.length) : 3]);
  return { diverging: false, cuts, colours, least: at(0), greatest: at(1) };
}
const tidy = value => Number(value.toPrecision(6));

// Even steps over all but the outermost figures; not where most areas would have one colour.
function evenCuts(values, at) {
  const step = NICE.find(nice => Math.ceil(at(0.98) / nice) - Math.floor(at(0.02) / nice) <= MOST_CLASSES) || 0.2;
  const first = Math.floor(at(0.02) / step) + 1, last = Math.max(first, Math.ceil(at(0.98) / step) - 1);
  const cuts = Array.from({ length: last - first + 1 }, (_, i) => tidy((first + i) * step));
  const counts = new Array(cuts.length + 1).fill(0);
  values.forEach(value => counts[binOf({ cuts }, value)]++);
  return cuts.length >= 3 && Math.max(...counts) <= 0.5 * values.length ? cuts : null;
}

// As many areas in each colour, at figures that are written as they are.
function quantileCuts(id, at) {
  const rounded = value => isPlain(id) ? Number(value.toPrecision(2)) : tidy(Math.round(value * 1000) / 1000);
  const cuts = Array.from({ length: MOST_CLASSES - 2 }, (_, i) => rounded(at((i + 1) / (MOST_CLASSES - 1))));
  return [...new Set(cuts)].filter(cut => cut > at(0) && cut <= at(1));
}

function binOf({ cuts }, value) {
  let bin = 0;
  while (bin < cuts.length && value >= cuts[bin]) bin++;
  return bin;
}

// How many colours the interval spans; all of them where it leaves open whether a difference is one.
function spanOf(scale, figure) {
  if (figure.low === null || figure.high === null) return 1;
  if (scale.diverging && figure.low <= 0 && figure.high >= 0) return scale.colours.length;
  return binOf(scale, figure.high) - binOf(scale, figure.low) + 1;
}

function hasIntervals(id) { return !isPlain(id) && !isOwn(id) && !["register_rate"].includes(id); }

// {fill, hatch} of an area.
function paintOf(scale, figure, stop) {
  if (figure.state !== "known") return { fill: NO_COLOUR, hatch: "none" };
  const unsure = spanOf(scale, figure) >= stop.span;
  if (unsure && !stop.hatch) return { fill: GREYED, hatch: null };
  return { fill: scale.colours[binOf(scale, figure.value)], hatch: unsure ? "unsure" : null };
}
