// Draws outlines and places into an SVG: no tiles, nothing from outside. Positions are WGS-84.

import { el, named, texts } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
const EDGE = 26;
/** Marks nearer to each other than this are drawn as one, in pixels. */
const NEAR = 19;
/** Each condition has its own shape, for those who do not tell its colour. */
const SHAPES = { out: "M0,-8L8,6.5L-8,6.5Z", silent: "M-6,-6H6V6H-6Z", ok: "M6,0A6,6 0 1 1 -6,0A6,6 0 1 1 6,0Z", none: "M4,0A4,4 0 1 1 -4,0A4,4 0 1 1 4,0Z" };
/** Where a name may stand above or below the middle of its area, so that places do not cover it. */
const LIFTS = [0, -24, 24, -44, 44, -64, 64];
const WORST = ["out", "silent", "ok", "none"];

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export const shapeOf = (condition) => svg("path", { d: SHAPES[condition] });

/** Degrees to pixels; `bounds` is west, south, east, north. */
class Projection {
  constructor(bounds, width, height) {
    const [west, south, east, north] = bounds;
    this.narrow = Math.cos(((south + north) / 2) * (Math.PI / 180));
    const wide = Math.max((east - west) * this.narrow, 1e-6);
    const high = Math.max(north - south, 1e-6);
    this.scale = Math.min((width - 2 * EDGE) / wide, (height - 2 * EDGE) / high);
    this.x0 = width / 2 - ((west + east) / 2) * this.narrow * this.scale;
    this.y0 = height / 2 + ((south + north) / 2) * this.scale;
  }

  at(lon, lat) {
    return [this.x0 + lon * this.narrow * this.scale, this.y0 - lat * this.scale];
  }
}

export function boundsOf(points) {
  const found = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of points) {
    found[0] = Math.min(found[0], lon);
    found[1] = Math.min(found[1], lat);
    found[2] = Math.max(found[2], lon);
    found[3] = Math.max(found[3], lat);
  }
  return found[0] <= found[2] ? found : null;
}

export const pointsOf = (feature) => feature.geometry.coordinates.flat(2);

/** The middle of the largest border of a feature: where its name stands. */
function middleOf(feature) {
  let best = [0, 0, 0];
  for (const [ring] of feature.geometry.coordinates) {
    let area = 0, x = 0, y = 0;
    for (let i = 1; i < ring.length; i += 1) {
      const cross = ring[i - 1][0] * ring[i][1] - ring[i][0] * ring[i - 1][1];
      area += cross;
      x += (ring[i - 1][0] + ring[i][0]) * cross;
      y += (ring[i - 1][1] + ring[i][1]) * cross;
    }
    if (Math.abs(area) > Math.abs(best[0])) best = [area, x / (3 * area), y / (3 * area)];
  }
  return [best[1], best[2]];
}

/** Places that would overlap, together; the worst of them gives the shape. */
function gathered(places, projection) {
  const sorted = [...places].sort((a, b) => WORST.indexOf(a.condition) - WORST.indexOf(b.condition) || b.alerts - a.alerts);
  const cells = new Map();
  const found = [];
  for (const place of sorted) {
    const [x, y] = projection.at(place.lon, place.lat);
    const [column, row] = [Math.floor(x / NEAR), Math.floor(y / NEAR)];
    let home = null;
    for (let i = -1; i <= 1 && !home; i += 1) {
      for (let j = -1; j <= 1 && !home; j += 1) {
        home = (cells.get(`${column + i} ${row + j}`) ?? []).find((one) => Math.hypot(one.x - x, one.y - y) < NEAR);
      }
    }
    if (home) home.places.push(place);
    else {
      home = { x, y, places: [place] };
      found.push(home);
      const cell = `${column} ${row}`;
      cells.set(cell, [...(cells.get(cell) ?? []), home]);
    }
  }
  return found;
}

export class Drawing {
  constructor(canvas, { onArea, onPlaces }) {
    this.canvas = canvas;
    this.onArea = onArea;
    this.onPlaces = onPlaces;
  }

  /** `areas`: {feature, shade, words, chosen}; `places` have lat and lon; `chosen` is the key of one. */
  draw(bounds, areas, places, chosen) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const held = document.activeElement?.closest?.("#map [data-id]")?.dataset.id;
    this.projection = new Projection(bounds, width, height);
    this.canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const borders = areas.map((area) => this.area(area));
    const found = gathered(places, this.projection);
    const names = areas.map((area) => this.label(area, found));
    const marks = found.reverse().map((one) => this.mark(one, chosen));
    this.canvas.replaceChildren(...borders, ...names, ...marks);
    if (held) this.canvas.querySelector(`[data-id="${CSS.escape(held)}"]`)?.focus();
  }

  area({ feature, shade, words, chosen }) {
    const lines = feature.geometry.coordinates.flat().map((ring) => `M${ring.map((point) => this.projection.at(...point).map((n) => n.toFixed(1)).join()).join("L")}Z`);
    const grid = feature.properties.grid;
    const made = svg("path", { class: `area ${shade}${chosen ? " chosen" : ""}`, d: lines.join(""), "data-grid": grid, "data-id": `area ${grid}`, tabindex: 0, role: "button", "aria-label": words });
    made.append(svg("title", {}, words));
    pressed(made, () => this.onArea(grid));
    return made;
  }

  label({ feature, number, calm }, marks) {
    const [x, middle] = this.projection.at(...middleOf(feature));
    const { name_zh: zh, name_en: en } = feature.properties;
    const words = named({ zh, en });
    const half = [...words].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 7 : 4), 8);
    const covered = (at) => marks.filter((one) => Math.abs(one.x - x) < half + 9 && Math.abs(one.y - at) < 27).length;
    const y = LIFTS.map((lift) => middle + lift).reduce((best, at) => (covered(at) < covered(best) ? at : best));
    const name = svg("text", { class: "name", x, y: y - 2 }, words);
    return svg("g", { class: "label" }, name, svg("text", { class: calm ? "number calm" : "number", x, y: y + 14 }, number));
  }

  mark({ x, y, places }, chosen) {
    const [first] = places;
    const alerts = places.reduce((sum, one) => sum + one.alerts, 0);
    const words = places.length > 1 ? `${places.length} · ${named(first.name)} …` : `${named(first.name)} · ${named(first.unit_name)} · ${texts.conditions[first.condition]}`;
    const said = alerts ? `${words} · ${texts.alerts} ${alerts}` : words;
    const mine = places.some((one) => one.key === chosen);
    const made = svg("g", { class: `mark ${first.condition}${mine ? " chosen" : ""}`, transform: `translate(${x.toFixed(1)},${y.toFixed(1)})`, "data-id": `place ${first.key}`, "data-key": first.key, "data-count": places.length, tabindex: 0, role: "button", "aria-label": said });
    made.append(svg("title", {}, said));
    made.append(svg("circle", { class: "reach", r: 14 }));
    if (alerts) made.append(svg("circle", { class: "ring", r: places.length > 1 ? 14 : 11.5 }));
    if (places.length > 1) {
      made.append(svg("circle", { class: "many", r: 11 }), svg("text", { y: 4 }, places.length));
    } else {
      made.append(shapeOf(first.condition));
    }
    pressed(made, () => this.onPlaces(places));
    return made;
  }
}

function pressed(element, act) {
  element.addEventListener("click", act);
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
}

/** The legend's words of a shade: a small box and what it means. */
export const shadeKey = (shade, words) => el("span", {}, el("i", { class_: `box ${shade}` }), words);
