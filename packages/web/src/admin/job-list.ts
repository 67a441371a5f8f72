import { byId, h } from "../shared/dom.ts";
import { count, money } from "../shared/wording.ts";
import type { Act } from "./admin.ts";
import type { AdminApi, Job } from "./admin-api.ts";

const BADGES = { running: "miss", done: "ok", failed: "bad", lost: "bad", cancelled: "off" } as const;

/** Purges and warmings, how far they are, and a way to stop them. */
export function jobList(api: AdminApi, act: Act): { refresh(): Promise<void>; readonly running: boolean } {
  const list = byId("jobs", HTMLElement);
  const rows = new Map<string, ReturnType<typeof jobRow>>();
  let running = false;

  async function refresh(): Promise<void> {
    const jobs = await api.jobs();
    running = jobs.some(({ state }) => state === "running");
    byId("jobs-empty", HTMLElement).hidden = jobs.length > 0;
    const wanted = jobs.map((job) => {
      const known = rows.get(job.id) ?? jobRow(() => act("The job is stopped.", () => stop(job.id)));
      rows.set(job.id, known);
      known.show(job);
      return known.element;
    });
    for (const [at, element] of wanted.entries())
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    while (list.children.length > wanted.length) list.lastElementChild?.remove();
  }
  async function stop(id: string): Promise<void> {
    await api.cancelJob(id);
    await refresh();
  }
  return {
    refresh,
    get running() {
      return running;
    },
  };
}

function jobRow(stop: () => void) {
  const badge = h("b", { class: "badge" });
  const title = h("span", { class: "job-title" });
  const bar = h("progress", { max: "1" });
  const result = h("span", { class: "hint" });
  const button = h("button", { type: "button", class: "quiet small" }, "Stop");
  button.addEventListener("click", stop);
  return {
    element: h("li", {}, badge, title, bar, result, button),
    show({ state, kind, about, by, done, total, error, purge, warm }: Job) {
      badge.dataset.state = BADGES[state];
      badge.textContent = state;
      title.textContent = `${kind} ${about}`;
      title.title = `by ${by}`;
      bar.setAttribute("aria-label", `${kind} ${about}`);
      if (state !== "running") bar.value = total === null || total === 0 ? 1 : done / total;
      else if (total) bar.value = done / total;
      else bar.removeAttribute("value"); // nobody knows how many there are
      button.hidden = state !== "running";
      result.textContent = error ?? [purge && purged(purge), warm && warmed(warm)].filter(Boolean).join("");
    },
  };
}

function purged({ seen, removed }: NonNullable<Job["purge"]>): string {
  return `${count(removed)} removed of ${count(seen)} seen`;
}

function warmed({ hits, made, failed, characters, cost }: NonNullable<Job["warm"]>): string {
  const price = cost === null ? "" : `, ${money(cost)}`;
  return `${count(made)} made, ${count(hits)} there already, ${count(failed)} failed; ${count(characters)} characters${price}`;
}
