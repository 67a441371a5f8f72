import { byId } from "./dom.ts";
import { partName } from "./wording.ts";

const POLL_MS = 15_000;
const DEADLINE_MS = 5_000;

/** Keeps the dot in the header true, by `/readyz`, while the page is looked at. */
export function watchHealth(baseUrl: string): void {
  const box = byId("health", HTMLElement);
  const text = byId("health-text", HTMLElement);

  async function look(): Promise<void> {
    if (document.hidden) return;
    const { state, words } = await ask(baseUrl);
    box.dataset.state = state;
    if (text.textContent !== words) text.textContent = words;
  }
  setInterval(() => void look(), POLL_MS);
  document.addEventListener("visibilitychange", () => void look());
  void look();
}

type Health = { state: "ready" | "degraded" | "down"; words: string };

async function ask(baseUrl: string): Promise<Health> {
  try {
    const response = await fetch(`${baseUrl}/readyz`, { signal: AbortSignal.timeout(DEADLINE_MS) });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) return { state: "down", words: "Gateway not ready" };
    const parts = degradedParts(body);
    return parts.length === 0
      ? { state: "ready", words: "Gateway ready" }
      : { state: "degraded", words: `Degraded: ${parts.join(", ")}` };
  } catch {
    return { state: "down", words: "Gateway not reachable" };
  }
}

/** `/readyz` says per part what is degraded and stays 200 while speech works. */
function degradedParts(body: unknown): string[] {
  if (typeof body !== "object" || body === null) return [];
  const parts = "parts" in body && typeof body.parts === "object" && body.parts !== null ? body.parts : {};
  const names = Object.entries(parts).flatMap(([name, part]) => {
    const status: unknown = typeof part === "object" && part !== null && "status" in part ? part.status : part;
    return status === "degraded" || status === "down" ? [partName(name)] : [];
  });
  return names.length === 0 && "status" in body && body.status === "degraded" ? ["something"] : names;
}
