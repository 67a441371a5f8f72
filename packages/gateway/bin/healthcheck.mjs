// Ends with 0 if the gateway in this container answers, else with 1 and why. Loads nothing of ours: it runs every few seconds.
const { PORT = "8080", HEALTH_PATH = "/healthz" } = process.env;
try {
  const response = await fetch(`http://127.0.0.1:${PORT}${HEALTH_PATH}`, { signal: AbortSignal.timeout(3_000) });
  if (!response.ok) throw new Error(`answered ${response.status}`);
} catch (error) {
  process.stderr.write(`mynah: ${error instanceof Error ? (error.cause ?? error).message : error}\n`);
  process.exitCode = 1;
}
