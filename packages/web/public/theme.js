// Runs before the first paint, so that a chosen theme never flashes the other one. theme.ts does the rest.
try {
  const theme = localStorage.getItem("mynah.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's preference holds.
}
