import { playground } from "./playground/playground.ts";
import { watchHealth } from "./shared/health.ts";
import { sessionValue } from "./shared/session-value.ts";
import { themeButton } from "./shared/theme.ts";
import { watchViews } from "./shared/views.ts";

// Composition root of the page. The playground stands in index.html; the other views are loaded when they are wanted.
const baseUrl = location.origin;
const key = sessionValue("key");

themeButton();
watchHealth(baseUrl);
const speaking = playground({ baseUrl, key });
watchViews({
  speak: async () => speaking,
  dashboard: async (root) => (await import("./dashboard/dashboard.ts")).dashboard(root, { key }),
  admin: async (root) => (await import("./admin/admin.ts")).admin(root),
});
