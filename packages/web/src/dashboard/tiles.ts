import type { StatsTick } from "@mynah/protocol";
import { byId, h } from "../shared/dom.ts";
import { bytes, count, duration, money, percent } from "../shared/wording.ts";
import type { Column, Points } from "./points.ts";

export type Tiles = { draw(points: Points, tick: StatsTick): void };

type Tile = {
  readonly name: string;
  readonly tell: (points: Points, tick: StatsTick) => [value: string, note: string];
};

const TILES: readonly Tile[] = [
  {
    name: "Answers a second",
    tell: (points) => [count(points.rate("delivered").at(-1) ?? 0), `${count(points.sum("delivered"))} in all`],
  },
  {
    name: "Whole answers cached",
    tell: (points) => [
      ratio(points, ["utteranceHits"], ["delivered"]),
      `of sentences ${ratio(points, ["hits", "stale", "coalesced"], ["hits", "stale", "coalesced", "misses"])}`,
    ],
  },
  {
    name: "First audio, cached",
    tell: (points) => [typical(points, "hitP50"), `new: ${typical(points, "missP50")}`],
  },
  {
    name: "Audio not made again",
    tell: (points) => [bytes(points.sum("savedBytes")), `${count(points.sum("savedCharacters"))} characters`],
  },
  {
    name: "Money saved",
    tell: (points, { stats }) => [
      stats.engines.some(({ cost }) => cost) ? money(points.sum("savedMoney")) : "–",
      stats.engines.some(({ cost }) => cost) ? "at the engines' prices" : "no engine has a price",
    ],
  },
  {
    name: "Open sockets",
    tell: (_, { stats }) => [count(stats.sockets.open), `${count(stats.sockets.utterances)} speaking`],
  },
];

/** The few numbers that are looked at first, over the time that is shown. */
export function tiles(): Tiles {
  const made = TILES.map(({ name }) => {
    const [value, note] = [h("dd", { class: "tile-value" }, "–"), h("dd", { class: "hint" }, " ")];
    return { value, note, element: h("div", { class: "tile" }, h("dt", {}, name), value, note) };
  });
  byId("tiles", HTMLElement).append(...made.map(({ element }) => element));
  return {
    draw(points, tick) {
      for (const [at, { tell }] of TILES.entries()) {
        const [value, note] = tell(points, tick);
        const tile = made[at];
        if (tile && tile.value.textContent !== value) tile.value.textContent = value;
        if (tile && tile.note.textContent !== note) tile.note.textContent = note;
      }
    },
  };
}

function ratio(points: Points, of: readonly Column[], all: readonly Column[]): string {
  const sum = (names: readonly Column[]) => names.reduce((total, name) => total + points.sum(name), 0);
  const whole = sum(all);
  return whole === 0 ? "–" : percent((sum(of) / whole) * 100);
}

/** The middle one of what the points tell: a slow second does not move it. */
function typical(points: Points, name: Column): string {
  const told = points.of(name).filter((value) => value !== null);
  const middle = told.toSorted((a, b) => a - b)[Math.floor(told.length / 2)];
  return middle === undefined ? "–" : duration(middle);
}
