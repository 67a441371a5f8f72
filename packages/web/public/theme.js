// Runs before the first paint, so that neither a chosen theme nor the playground flashes up where another is wanted.
// shared/theme.ts and shared/views.ts do the rest.
try {
  const theme = localStorage.getItem("mynah.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference holds.
}
document.documentElement.dataset.view = /^#(dashboard|admin)/.exec(location.hash)?.[1] ?? "speak";
