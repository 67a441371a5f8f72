import { Command } from "commander";
import type { LoadedConfig } from "../config/load.ts";
import type { OptionName } from "../config/options.ts";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import { SUBTITLE_FORMATS } from "../core/subtitles/subtitles.ts";
import { VERSION } from "../version.ts";
import { completionScript, SHELLS, type Shell } from "./completion.ts";
import { asksGateway, choice, numberFrom, partsOf, withJson } from "./options.ts";

/** The command that was chosen; its parts are loaded when it runs, so that no command waits for those of another. */
export function program(): Command {
  const mynah = new Command("mynah")
    .description("Text-to-speech gateway: any engine, one shared cache, never silent.")
    .version(VERSION)
    .option("-c, --config <file>", "config file (default: mynah.config.yaml here, if there is one)")
    .exitOverride()
    .showHelpAfterError("(mynah --help shows how)");
  serving(mynah);
  speaking(mynah);
  looking(mynah);
  caching(mynah);
  loading(mynah);
  letting(mynah);
  mynah
    .command("completion")
    .description("print a script for your shell: source <(mynah completion bash)")
    .addArgument(mynah.createArgument("<shell>", "which one").choices([...SHELLS]))
    .action((shell: Shell) => void process.stdout.write(completionScript(mynah, shell)));
  return mynah;
}

async function read(command: Command, flags: Partial<Record<OptionName, string>> = {}): Promise<LoadedConfig> {
  const { readConfig } = await import("./read-config.ts");
  return readConfig(command, flags);
}

async function configOf(command: Command): Promise<LoadedConfig["config"]> {
  return (await read(command)).config;
}

function serving(mynah: Command): void {
  mynah
    .command("serve", { isDefault: true })
    .description("start the gateway")
    .option("-p, --port <number>", "TCP port (default: PORT or 8080)")
    .option("--host <address>", "address to listen on (default: HOST; else 127.0.0.1, with keys 0.0.0.0)")
    .option("-w, --workers <number>", "processes on one port, 0 for one a core; needs Redis (default: WORKERS or 1)")
    .action(async (flags: { port?: string; host?: string; workers?: string }, command: Command) => {
      const { config, warnings } = await read(command, flags);
      const { start } = await import("../main.ts");
      process.exitCode = await start({ config, warnings, out: process.stdout });
    });

  withJson(mynah.command("doctor"))
    .description("look at everything that a start depends on, and say what to do about it")
    .option(
      "--skip <parts>",
      "of engines (remote ones charge for a word), codecs, redis: those not to look at",
      partsOf,
      [],
    )
    .action(async (options, command: Command) => {
      const [{ doctor }, { readConfig }] = await Promise.all([
        import("./doctor/doctor.ts"),
        import("./read-config.ts"),
      ]);
      await doctor(options, () => readConfig(command));
    });
}

function speaking(mynah: Command): void {
  withJson(mynah.command("say"))
    .description("speak a text into a file, or to stdout when piped; needs no server")
    .argument("[text]", "what to say; read from stdin if left out or `-`")
    .option("-o, --output <file>", "file to write; `-` is stdout (default: speech.<format>)")
    .option("-v, --voice <name>", "a voice of `mynah voices`", "alloy")
    .option("-e, --engine <names>", "engines in order, separated by commas", "auto")
    .option("-s, --speed <factor>", "0.25 to 4", "1")
    .option("--pitch <factor>", "0.5 to 2", "1")
    .option("--volume <factor>", "0.1 to 4", "1")
    .option("--instructions <text>", "how to speak, for engines that can be told")
    .option("--style <name>", "one of the voice's own styles")
    .option("--seed <number>", "for engines that draw lots")
    .option("--clean", "take a chat's markup out first: Markdown, emoji, code blocks, bare links")
    .option("--no-clean", "not, whatever the config file says")
    .option("--show-text", "say nothing: print what would be spoken, segment by segment")
    .option("-l, --language <tag>", "BCP-47, for example de or en-GB")
    .addOption(choice("-f, --format <name>", "default: by the file's ending, else mp3", AUDIO_FORMAT_NAMES))
    .option("--ssml", "the text is SSML 1.1")
    .option("--subtitles <file>", "subtitles of it: .srt, .vtt or .json; `-` is stdout")
    .addOption(choice("--subtitles-format <name>", "default: by the file's ending, else vtt", SUBTITLE_FORMATS))
    .option("-q, --quiet", "no progress, no summary")
    .action(async (text: string | undefined, options, command: Command) => {
      const { say } = await import("./say.ts");
      await say(text, options, await configOf(command));
    });

  withJson(mynah.command("voices"))
    .description("list the voices of all engines")
    .option("-e, --engine <name>", "only this engine's")
    .option("-l, --language <tag>", "only this language, for example en or en-GB")
    .addOption(choice("-g, --gender <name>", "only these", ["female", "male", "neutral"]))
    .action(async (options, command: Command) => {
      const { listVoices } = await import("./voices.ts");
      await listVoices(options, await configOf(command));
    });
}

function looking(mynah: Command): void {
  withJson(asksGateway(mynah.command("stats")))
    .description("counters of a running gateway, live in a terminal")
    .option("--once", "print them once (so it is where output goes elsewhere)")
    .option("-i, --interval <seconds>", "between two looks", numberFrom(0.2, 3600), 1)
    .action(async (options, command: Command) => {
      const { showStats } = await import("./stats.ts");
      await showStats(options, await configOf(command));
    });

  const engines = withJson(asksGateway(mynah.command("engines")))
    .description("how the engines of a running gateway are doing, or whether yours can speak")
    .option("--try", "no gateway: have each engine of the configuration say one word; remote ones charge for it")
    .action(async (options, command: Command) => {
      const { showEngines } = await import("./engines.ts");
      await showEngines(options, await configOf(command));
    });
  for (const [to, description] of [
    ["on", "switch an engine on again"],
    ["off", "switch an engine off, on all servers and after a restart"],
    ["reset", "close an engine's breaker on that server"],
  ] as const) {
    engines
      .command(to)
      .description(description)
      .argument("<name>")
      .action(async (name: string, _, command: Command) => {
        const { switchEngine } = await import("./engines.ts");
        await switchEngine(name, to, command.optsWithGlobals(), await configOf(command));
      });
  }
}

function caching(mynah: Command): void {
  withJson(asksGateway(mynah.command("warm")))
    .description("make audio before anybody asks for it; run again it goes on where it was interrupted")
    .argument("<file>", "phrases, one a line; .gz is unpacked, `-` is stdin")
    .option("-v, --voice <name>", "a voice of `mynah voices`", "alloy")
    .option("-e, --engine <names>", "engines in order, separated by commas", "auto")
    .addOption(choice("-f, --format <name>", "what callers will ask for", AUDIO_FORMAT_NAMES).default("mp3"))
    .option("-s, --speed <factor>", "0.25 to 4", numberFrom(0.25, 4), 1)
    .option("--pitch <factor>", "0.5 to 2", numberFrom(0.5, 2))
    .option("--volume <factor>", "0.1 to 4", numberFrom(0.1, 4))
    .option("--instructions <text>", "how to speak, for engines that can be told")
    .option("--style <name>", "one of the voice's own styles")
    .option("--seed <number>", "for engines that draw lots", numberFrom(0, 2 ** 32 - 1, { whole: true }))
    .option("-l, --language <tag>", "BCP-47, for example de or en-GB; auto: as each is written")
    .option("-t, --tag <name>", "what it can be purged by")
    .option("-n, --concurrency <number>", "phrases at once", numberFrom(1, 8, { whole: true }), 2)
    .action(async (file: string, options, command: Command) => {
      const { warm } = await import("./warm.ts");
      await warm(file, options, await configOf(command));
    });

  withJson(asksGateway(mynah.command("purge")))
    .description("take stored audio away, on all servers of a running gateway")
    .option("--all", "everything")
    .option("-t, --tag <name>", "what was said or heard under this tag")
    .option("-e, --engine <name>", "what this engine said")
    .option("-v, --voice <id>", "the engine's own id; with --text any voice")
    .option("--text <text>", "what this would say: its sentences, of every engine, in every format")
    .option("--entry <key>", "one entry, by its 64 hex digits")
    .action(async (options, command: Command) => {
      const { purge } = await import("./purge.ts");
      await purge(options, await configOf(command));
    });
}

function loading(mynah: Command): void {
  withJson(mynah.command("load"))
    .description("a load test of your own deployment: callers that do not wait for each other")
    .argument("<url>", "of the gateway; nothing else is spoken to")
    .option("-r, --rate <number>", "requests a second", numberFrom(0.01, 100_000), 20)
    .option("-d, --duration <seconds>", "how long", numberFrom(0.1, 86_400), 30)
    .option("--ramp <seconds>", "the rate grows from nothing over so long", numberFrom(0, 86_400), 0)
    .option("-n, --users <number>", "who asks, each counted for itself", numberFrom(1, 100_000, { whole: true }), 100)
    .option("--no-name-users", "do not send the users' names: all are counted as the key's own user")
    .option("--phrases <file>", "one a line; .gz is unpacked (default: a hundred of ours)")
    .option("--trace <file>", "the same, said in the order in which they stand there")
    .addOption(choice("--order <name>", "default: random, with --trace sequence", ["random", "zipf", "sequence"]))
    .option("--socket", "a WebSocket for each user instead of HTTP")
    .option("--connections <number>", "most HTTP connections", numberFrom(1, 20_000, { whole: true }), 256)
    .option("-v, --voice <name>", "a voice of the gateway", "alloy")
    .option("-m, --model <name>", "engines in order, separated by commas", "auto")
    .addOption(choice("-f, --format <name>", "of the audio", AUDIO_FORMAT_NAMES).default("mp3"))
    .option("-k, --key <key>", "an API key")
    .option("--timeout <seconds>", "an answer that takes longer is an error", numberFrom(0.1, 3600), 10)
    .option("--seed <number>", "the same requests at the same times", numberFrom(0, 2 ** 32 - 1, { whole: true }))
    .option("--html <file>", "page with histograms", "mynah-load.html")
    .option("--no-html", "no page")
    .action(async (url: string, options) => {
      const { load } = await import("./load/load.ts");
      await load(url, options);
    });
}

function letting(mynah: Command): void {
  const keys = mynah.command("keys").description("API keys: create, list, revoke");
  withJson(keys.command("create"))
    .description("make a key; it is kept in Redis, or printed as a line for the config file")
    .requiredOption("-u, --user <name>", "who it belongs to")
    .option("-t, --tenant <name>", "default: the user alone")
    .option("-p, --plan <name>", "a plan of the config file")
    .option("--admin", "opens the /admin routes")
    .action(async (options, command: Command) => {
      const { createApiKey } = await import("./keys.ts");
      await createApiKey(options, await configOf(command));
    });
  withJson(keys.command("list"))
    .description("all keys, by the id that revoke takes")
    .action(async (options, command: Command) => {
      const { listApiKeys } = await import("./keys.ts");
      await listApiKeys(options, await configOf(command));
    });
  withJson(keys.command("revoke"))
    .description("end a key that is kept in Redis")
    .argument("<id>")
    .action(async (id: string, options, command: Command) => {
      const { revokeApiKey } = await import("./keys.ts");
      await revokeApiKey(id, options, await configOf(command));
    });

  const limits = mynah.command("limits").description("what users have left: show, reset");
  for (const [name, description] of [
    ["show", "what a user has left"],
    ["reset", "forget what a user took"],
  ] as const) {
    withJson(limits.command(name))
      .description(description)
      .argument("<user>")
      .option("-t, --tenant <name>", "default: the one of the user's key")
      .option("-p, --plan <name>", "default: the one of the user's key")
      .action(async (user: string, options, command: Command) => {
        const { resetLimits, showLimits } = await import("./limits.ts");
        const run = name === "show" ? showLimits : resetLimits;
        await run(user, options, await configOf(command));
      });
  }
}
