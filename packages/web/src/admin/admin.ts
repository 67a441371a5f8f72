import "../dashboard/dashboard.css";
import "./admin.css";
import { MynahError } from "@mynah/client";
import { byId } from "../shared/dom.ts";
import { keyForm } from "../shared/key-form.ts";
import { sessionValue } from "../shared/session-value.ts";
import type { View } from "../shared/views.ts";
import html from "./admin.html?raw";
import { adminApi, isKeyRefused } from "./admin-api.ts";
import { configTable } from "./config-table.ts";
import { engineSwitches } from "./engine-switches.ts";
import { jobList } from "./job-list.ts";
import { purgeForm } from "./purge-form.ts";
import { userLimits } from "./user-limits.ts";
import { warmForm } from "./warm-form.ts";

/** Does something and says so, or says why it could not be done. */
export type Act = (done: string, work: () => Promise<void>) => void;

const LOOK_MS = 1_000;
/** While nothing runs, every so many looks. */
const IDLE_LOOKS = 4;

/** The view of administrators. Nothing is asked without a key, or while nobody looks. */
export function admin(root: HTMLElement): View {
  root.innerHTML = html; // ours, and built in
  const key = sessionValue("admin-key");
  const api = adminApi(() => key.value);
  const form = keyForm({ id: "admin-key", value: key });
  const banner = byId("admin-banner", HTMLElement);
  const live = byId("admin-live", HTMLElement);
  const engines = engineSwitches(api, act);
  const jobs = jobList(api, act);
  const users = userLimits(api, act);
  const config = configTable(api);
  let looking: ReturnType<typeof setInterval> | undefined;
  let looks = 0;
  purgeForm(api, act, jobs.refresh);
  warmForm(api, act, jobs.refresh);

  function act(done: string, work: () => Promise<void>): void {
    banner.textContent = "";
    work().then(() => {
      live.textContent = done;
    }, refuse);
  }
  function refuse(error: unknown): void {
    if (!(error instanceof MynahError)) throw error; // a defect of this page
    if (isKeyRefused(error)) close(error.message);
    else banner.textContent = error.message;
  }
  function close(why?: string): void {
    stop();
    byId("admin-body", HTMLElement).hidden = true;
    byId("admin-leave", HTMLElement).hidden = true;
    form.ask(why);
  }
  async function open(): Promise<void> {
    stop();
    if (root.hidden || document.hidden) return;
    if (key.value === "") return close();
    try {
      await Promise.all([engines.refresh(), jobs.refresh(), users.refresh(), config.refresh()]);
    } catch (error) {
      return refuse(error);
    }
    form.done();
    byId("admin-body", HTMLElement).hidden = false;
    byId("admin-leave", HTMLElement).hidden = false;
    looking = setInterval(() => void look(), LOOK_MS);
  }
  async function look(): Promise<void> {
    if (!jobs.running && ++looks % IDLE_LOOKS !== 0) return;
    await Promise.all([engines.refresh(), jobs.refresh()]).catch(refuse);
  }
  function stop(): void {
    clearInterval(looking);
    looking = undefined;
  }
  byId("admin-leave", HTMLButtonElement).addEventListener("click", () => {
    key.value = "";
    byId("admin-key", HTMLInputElement).value = "";
  });
  key.onChange(() => void open());
  document.addEventListener("visibilitychange", () => void open());
  return { show: () => void open(), hide: stop };
}
