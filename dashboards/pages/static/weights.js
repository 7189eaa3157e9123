// The weighings of one container, drawn: a bar each, and behind later ones the band that the tolerance allows.

import { svg } from "./chart.js";
import { kg, stepOf, words } from "./custody-words.js";
import { fill } from "./page.js";

const HEIGHT = 190;
const TOP = 22;
const BOTTOM = 36;

/** Draws into `place`; nothing where there is nothing. */
export function drawWeights(place, weighings, differences) {
  if (!weighings.length) {
    place.replaceChildren();
    return;
  }
  const width = Math.max(260, place.clientWidth || 520);
  const bands = new Map(differences.map((one) => [one.second, one]));
  const most = Math.max(1, ...weighings.map((one) => one.net_g), ...differences.map((one) => one.first_g + one.tolerance_g));
  const y = (grams) => HEIGHT - BOTTOM - (Math.max(0, grams) / most) * (HEIGHT - TOP - BOTTOM);
  const step = width / weighings.length;
  const wide = Math.min(54, step * 0.5);
  const said = weighings.map((one) => `${stepOf(one.step)} ${kg(one.net_g)} kg`).join(", ");
  const drawn = svg("svg", { class: "weights-svg", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": said });
  weighings.forEach((one, i) => {
    const middle = i * step + step / 2;
    const band = bands.get(one.offset);
    if (band) drawn.append(svg("rect", { class: "allowed", x: middle - wide, width: wide * 2, y: y(band.first_g + band.tolerance_g), height: Math.max(2, y(band.first_g - band.tolerance_g) - y(band.first_g + band.tolerance_g)) }));
    drawn.append(
      svg("rect", { class: `bar${one.group > 1 ? " group" : ""}${one.mode === "typed" ? " typed" : ""}`, x: middle - wide / 2, width: wide, y: y(one.net_g), height: HEIGHT - BOTTOM - y(one.net_g) }),
      svg("text", { class: "figure", x: middle, y: y(one.net_g) - 6, "text-anchor": "middle" }, kg(one.net_g)),
      svg("text", { x: middle, y: HEIGHT - 20, "text-anchor": "middle" }, stepOf(one.step)),
      svg("text", { x: middle, y: HEIGHT - 5, "text-anchor": "middle" }, one.group > 1 ? fill(words.weight_group, { n: one.group }) : words.weight_modes[one.mode] ?? ""),
    );
  });
  drawn.append(svg("line", { class: "ground", x1: 0, x2: width, y1: HEIGHT - BOTTOM + 0.5, y2: HEIGHT - BOTTOM + 0.5 }));
  place.replaceChildren(drawn);
}
