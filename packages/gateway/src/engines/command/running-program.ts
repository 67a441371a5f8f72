import { spawn } from "node:child_process";

export type ProgramOptions = {
  /** A path, not a name to look for. */
  readonly file: string;
  readonly args: readonly string[];
  /** All that it gets to see: nothing of ours is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** What it reads; nothing if absent. */
  readonly input?: string;
  /** From asking it to end until it is killed. */
  readonly graceMs: number;
};

export type ProgramEnd = {
  /** Absent when a signal ended it, or it never began. */
  readonly status?: number;
  /** Why it could not be started. */
  readonly failure?: Error;
};

const STDERR_BYTES = 2048;

/**
 * A program in a process group of its own, so that what it starts ends with it. Its output waits for its reader: the
 * pipe is full until somebody reads on. It is over when the program has ended and nobody holds its output any more;
 * then what is left of its group is killed.
 */
export class RunningProgram {
  readonly ended: Promise<ProgramEnd>;
  readonly #child;
  readonly #graceMs: number;
  #stderr = Buffer.alloc(0);
  #failure: Error | undefined;
  #over = false;
  #stopping: NodeJS.Timeout | undefined;

  constructor({ file, args, env, input, graceMs }: ProgramOptions) {
    this.#graceMs = graceMs;
    this.#child = spawn(file, args, { env, detached: true, windowsHide: true, stdio: ["pipe", "pipe", "pipe"] });
    const { stdin, stdout, stderr } = this.#child;
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#failure = error;
        if (this.#child.pid === undefined) resolve({ failure: error });
      });
      this.#child.once("close", (status) => resolve(this.#end(status)));
    });
    for (const stream of [stdin, stdout, stderr]) stream.on("error", () => {}); // its end tells what was wrong
    stderr.on("data", (bytes: Buffer) => {
      this.#stderr = Buffer.concat([this.#stderr, bytes]).subarray(-STDERR_BYTES);
    });
    stdin.end(input ?? "");
  }

  /** What it writes, as it is read. */
  get output(): AsyncIterable<Uint8Array> {
    return this.#child.stdout;
  }

  /** The last that it complained of. */
  get complaint(): string {
    return this.#stderr.toString("utf8").trim();
  }

  /** Asks it to end, and kills it when it does not. Returns at once; `ended` tells when it is over. */
  stop(): void {
    if (this.#over || this.#stopping !== undefined || this.#child.pid === undefined) return;
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.#signal("SIGTERM");
    this.#stopping = setTimeout(() => this.#signal("SIGKILL"), this.#graceMs);
  }

  #end(status: number | null): ProgramEnd {
    clearTimeout(this.#stopping);
    this.#signal("SIGKILL"); // whatever it has left behind
    this.#over = true;
    return { ...(status !== null && { status }), ...(this.#failure && { failure: this.#failure }) };
  }

  #signal(name: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (this.#over || pid === undefined) return;
    try {
      process.kill(-pid, name);
    } catch {
      // nobody is left in the group
    }
  }
}
