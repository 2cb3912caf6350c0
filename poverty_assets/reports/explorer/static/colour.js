// Colour: value-suppressing palettes (Correll, Moritz and Heer 2018). The wider an interval, the fewer colours and the paler,
// so that areas that cannot be told apart are not told apart. Viridis (Smith and van der Walt 2015) and purple to orange
// (Brewer 2003) serve colour-blind readers.
const PALETTES = {
  sequential: ["#fde725", "#a0da39", "#4ac16d", "#1fa187", "#277f8e", "#365c8d", "#46327e", "#440154"],
  diverging: ["#542788", "#8073ac", "#b2abd2", "#d8daeb", "#fee0b6", "#fdb863", "#e08214", "#b35806"],
};
const BINS = [8, 4, 2, 1];
const PALE = [0, 0.3, 0.55, 0.8];
const WIDTHS = [0.25, 0.5, 1]; // widest interval of each class, as a part of the scale's range
const NO_COLOUR = "#ffffff";

function scaleOf(id, level) {
  const values = [];
  for (let quarter = 0; quarter <= NEWEST; quarter++) {
    for (const area of areasOf(level)) {
      const figure = figureAt(id, quarter, area);
      if (figure.state === "known") values.push(figure.value);
    }
  }
  values.sort((a, b) => a - b);
  if (isPlain(id)) return byRank(values);
  const diverging = DATA.figures[id].scale === "difference";
  const at = part => Math.abs(values[Math.round(part * (values.length - 1))] || 0);
  const reach = Math.max(at(0.005), at(0.995)); // a few extreme areas share the last colour
  const most = niceReach(Math.max(reach, 0.008));
  const least = diverging ? -most : 0;
  const cuts = Array.from({ length: 9 }, (_, i) => least + (most - least) * i / 8);
  return { diverging, cuts, range: most - least, beyond: values.some(value => Math.abs(value) > most) };
}

// Features are skewed (night lights above all): each colour holds as many areas.
function byRank(values) {
  const at = part => values.length ? values[Math.round(part * (values.length - 1))] : 0;
  return { diverging: false, cuts: Array.from({ length: 9 }, (_, i) => at(i / 8)), range: null };
}

function niceReach(value) {
  const steps = [0.008, 0.016, 0.024, 0.04, 0.08, 0.16, 0.24, 0.32, 0.4, 0.48, 0.56, 0.64, 0.8, 1];
  return steps.find(step => step >= value - 1e-9) || 1;
}

// Colour at a part, 0 to 1, of a palette; more is darker.
function paletteAt(diverging, part) {
  const colours = PALETTES[diverging ? "diverging" : "sequential"];
  const at = part * (colours.length - 1), below = Math.min(Math.floor(at), colours.length - 2);
  const [from, to] = [parse(colours[below]), parse(colours[below + 1])];
  return from.map((channel, i) => channel + (to[i] - channel) * (at - below));
}

function parse(colour) {
  if (colour.startsWith("#")) return [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16));
  return colour.match(/\d+/g).slice(0, 3).map(Number);
}

function colourAt(scale, bin, certainty) {
  const bins = BINS[certainty];
  const merged = Math.floor(bin / (8 / bins));
  const [r, g, b] = paletteAt(scale.diverging, bins === 1 ? 0.5 : merged / (bins - 1));
  const mix = channel => Math.round(channel + (226 - channel) * PALE[certainty]);
  return `rgb(${mix(r)}, ${mix(g)}, ${mix(b)})`;
}

function certaintyOf(scale, figure) {
  if (scale.range === null) return 0;
  if (figure.low === null || figure.high === null) return 3;
  if (scale.diverging && figure.low <= 0 && figure.high >= 0) return 3; // its sign is not known
  const width = figure.high - figure.low;
  const at = WIDTHS.findIndex(part => width <= part * scale.range + 1e-9);
  return at >= 0 ? at : scale.diverging ? 2 : 3;
}

function binOf(scale, value) {
  let bin = 0;
  while (bin < 7 && value >= scale.cuts[bin + 1]) bin++;
  return bin;
}

function fillOf(scale, figure) {
  return figure.state === "known" ? colourAt(scale, binOf(scale, figure.value), certaintyOf(scale, figure)) : NO_COLOUR;
}
