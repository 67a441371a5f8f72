import { Command, CommanderError, Option } from "commander";
import { ConfigError } from "../config/config.ts";
import { AUDIO_FORMAT_NAMES } from "../core/audio-format.ts";
import { SpeechError } from "../core/errors.ts";
import { SUBTITLE_FORMATS } from "../core/subtitles/subtitles.ts";
import { VERSION } from "../version.ts";
import { showEngines } from "./engines.ts";
import { createApiKey, listApiKeys, revokeApiKey } from "./keys.ts";
import { resetLimits, showLimits } from "./limits.ts";
import { readConfig } from "./read-config.ts";
import { say } from "./say.ts";
import { listVoices } from "./voices.ts";

/** Exit codes: 0 done, 1 failed, 2 used wrongly (bad flags, bad settings, bad input). */
const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function program(): Command {
  const mynah = new Command("mynah")
    .description("Text-to-speech gateway: any engine, one shared cache, never silent.")
    .version(VERSION)
    .option("-c, --config <file>", "config file (default: mynah.config.yaml here, if there is one)")
    .exitOverride()
    .showHelpAfterError("(mynah --help shows how)");

  mynah
    .command("serve", { isDefault: true })
    .description("start the gateway")
    .option("-p, --port <number>", "TCP port (default: PORT or 8080)")
    .option("--host <address>", "address to listen on (default: HOST; else 127.0.0.1, with keys 0.0.0.0)")
    .action(async ({ port, host }: { port?: string; host?: string }, command: Command) => {
      const { config, warnings } = readConfig(command, { ...(port && { port }), ...(host && { host }) });
      const { serve } = await import("../main.ts");
      await serve({ config, warnings, out: process.stdout });
    });

  mynah
    .command("say")
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
    .option("-l, --language <tag>", "BCP-47, for example de or en-GB")
    .addOption(
      new Option("-f, --format <name>", "default: by the file's ending, else mp3").choices([...AUDIO_FORMAT_NAMES]),
    )
    .option("--ssml", "the text is SSML 1.1")
    .option("--subtitles <file>", "subtitles of it: .srt, .vtt or .json; `-` is stdout")
    .addOption(
      new Option("--subtitles-format <name>", "default: by the file's ending, else vtt").choices([...SUBTITLE_FORMATS]),
    )
    .option("-q, --quiet", "no progress, no summary")
    .action((text: string | undefined, options, command: Command) => say(text, options, readConfig(command).config));

  mynah
    .command("voices")
    .description("list the voices of all engines")
    .option("-e, --engine <name>", "only this engine's")
    .option("-l, --language <tag>", "only this language, for example en or en-GB")
    .addOption(new Option("-g, --gender <name>", "only these").choices(["female", "male", "neutral"]))
    .option("--json", "as JSON")
    .action((options, command: Command) => listVoices(options, readConfig(command).config));

  mynah
    .command("engines")
    .description("how the engines of a running gateway are doing, or whether yours can speak")
    .option("-u, --url <address>", "of the gateway (default: HOST and PORT here)")
    .option("-k, --key <key>", "if the gateway wants one")
    .option("--try", "no gateway: have each engine of the configuration say one word; remote ones charge for it")
    .option("--json", "as JSON")
    .action((options, command: Command) => showEngines(options, readConfig(command).config));

  const keys = mynah.command("keys").description("API keys: create, list, revoke");
  keys
    .command("create")
    .description("make a key; it is kept in Redis, or printed as a line for the config file")
    .requiredOption("-u, --user <name>", "who it belongs to")
    .option("-t, --tenant <name>", "default: the user alone")
    .option("-p, --plan <name>", "a plan of the config file")
    .option("--admin", "opens the /admin routes")
    .action((options, command: Command) => createApiKey(options, readConfig(command).config));
  keys
    .command("list")
    .description("all keys, by the id that revoke takes")
    .action((_, command: Command) => listApiKeys(readConfig(command).config));
  keys
    .command("revoke")
    .description("end a key that is kept in Redis")
    .argument("<id>")
    .action((id: string, _, command: Command) => revokeApiKey(id, readConfig(command).config));

  const limits = mynah.command("limits").description("what users have left: show, reset");
  for (const [name, description, run] of [
    ["show", "what a user has left", showLimits],
    ["reset", "forget what a user took", resetLimits],
  ] as const) {
    limits
      .command(name)
      .description(description)
      .argument("<user>")
      .option("-t, --tenant <name>", "default: the one of the user's key")
      .option("-p, --plan <name>", "default: the one of the user's key")
      .action((user: string, options, command: Command) => run(user, options, readConfig(command).config));
  }

  return mynah;
}

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE; // commander has printed it
  if (error instanceof ConfigError) {
    process.stderr.write(`mynah: ${error.message}\n`);
    return EXIT_USAGE;
  }
  if (error instanceof SpeechError) {
    process.stderr.write(`mynah: ${error.message} (${error.code})\n`);
    return error.status < 500 ? EXIT_USAGE : EXIT_FAILED;
  }
  process.stderr.write(`mynah: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT_FAILED;
}
