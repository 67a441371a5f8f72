import { Fd, File, OpenFile, PreopenDirectory, WASI, wasi } from "@bjorn3/browser_wasi_shim";

/**
 * The flite program in WASM, run on files in memory. On the JavaScript WASI shim, because Node's own WASI crashes the
 * whole process with flite (nodejs/node#52402), from a worker thread as well.
 *
 * A WASI program is made to run once, and a fresh instance for each run costs 6 ms and leaves 17 MB behind that V8
 * hardly feels as garbage. So one instance is used again with its memory put back: the voices below are constants
 * (.rodata), all that a run may write (.data, .bss, stack) lies in the last 83 KB of the initial memory, and the heap
 * above it starts as zeroes. The one mutable global, the stack pointer, is back in place whenever main() returns;
 * after anything else the instance is thrown away.
 */

/** Where the changeable part of the initial memory begins, counted from its end: 12 times what is needed. */
const CHANGEABLE_BYTES = 1 << 20;
/** An instance that has grown beyond this is not kept: WASM memory never shrinks. */
const MAX_KEPT_BYTES = 40 << 20;
const WAV_HEADER_BYTES = 44;
const NOTHING = new Uint8Array(0);

export type FliteOptions = {
  readonly voice: string;
  /** 2 is half as fast. */
  readonly durationStretch: number;
  readonly f0MeanHz?: number;
  /** What is printed on the way: phones, or phones with their end times. */
  readonly print: "-ps" | "-psdur";
  /** Without it no samples are kept. */
  readonly audio: boolean;
};

/** `pcm` is s16le on a buffer of its own, free to be transferred. */
export type FliteRun = {
  readonly printed: string;
  readonly pcm: Uint8Array<ArrayBuffer>;
  readonly sampleRateHz: number;
};

/** `initial`: the changeable part of its memory as it was before the first run; `heapAt`: where it ended. */
type Kept = {
  readonly instance: WebAssembly.Instance;
  readonly memory: WebAssembly.Memory;
  readonly initial: Uint8Array;
  readonly heapAt: number;
};

export class FliteProgram {
  readonly #module: WebAssembly.Module;
  #kept: Kept | undefined;
  /** The run that the instance's imports speak to. */
  #program: WASI | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  /** `text` is ASCII. Throws when the program fails. Synchronous, cannot be interrupted. */
  run(text: string, options: FliteOptions): FliteRun {
    const kept = this.#kept ?? this.#instantiate();
    this.#kept = undefined;
    restore(kept);
    const printed = new Sink();
    // Without the closing newline flite drops a last paragraph of one word.
    const input = new File(new TextEncoder().encode(`${text}\n`));
    const directory = new PreopenDirectory(".", new Map([["in.txt", input]]));
    const files = [new OpenFile(new File([])), printed, new Sink(), directory];
    this.#program = new WASI(argumentsOf(options), [], files, { debug: false });
    const status = this.#program.start(kept.instance as Parameters<WASI["start"]>[0]);
    if (status !== 0) throw new Error(`flite ended with status ${status}`);
    if (kept.memory.buffer.byteLength <= MAX_KEPT_BYTES) this.#kept = kept;
    const file = directory.dir.contents.get("out.wav");
    if (!(file instanceof File)) return { printed: printed.text, pcm: NOTHING, sampleRateHz: 0 };
    const wav = file.data as Uint8Array<ArrayBuffer>;
    const sampleRateHz = new DataView(wav.buffer, wav.byteOffset).getUint32(24, true);
    return { printed: printed.text, pcm: wav.subarray(WAV_HEADER_BYTES), sampleRateHz };
  }

  #instantiate(): Kept {
    const names = WebAssembly.Module.imports(this.#module).map(({ name }) => name);
    const imports = Object.fromEntries(
      names.map((name) => [name, (...values: unknown[]) => this.#program!.wasiImport[name]!(...values)]),
    );
    const instance = new WebAssembly.Instance(this.#module, { wasi_snapshot_preview1: imports });
    const { memory } = instance.exports as { memory: WebAssembly.Memory };
    const initial = new Uint8Array(memory.buffer).slice(-CHANGEABLE_BYTES);
    return { instance, memory, initial, heapAt: memory.buffer.byteLength };
  }
}

function restore({ memory, initial, heapAt }: Kept): void {
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(initial, heapAt - initial.byteLength);
  bytes.fill(0, heapAt);
}

function argumentsOf({ voice, durationStretch, f0MeanHz, print, audio }: FliteOptions): string[] {
  const pitch = f0MeanHz === undefined ? [] : ["--setf", `int_f0_target_mean=${f0MeanHz}`];
  // Never -ssml: flite hangs for ever on break and prosody elements.
  return [
    ...["flite", "-voice", voice, print, "--setf", `duration_stretch=${durationStretch}`, ...pitch],
    ...["-f", "in.txt", "-o", audio ? "out.wav" : "none"],
  ];
}

/** Takes what the program prints. */
class Sink extends Fd {
  readonly #chunks: Uint8Array[] = [];

  get text(): string {
    return Buffer.concat(this.#chunks).toString("latin1");
  }
  override fd_fdstat_get(): { ret: number; fdstat: wasi.Fdstat } {
    const fdstat = new wasi.Fdstat(wasi.FILETYPE_CHARACTER_DEVICE, 0);
    fdstat.fs_rights_base = BigInt(wasi.RIGHTS_FD_WRITE);
    return { ret: wasi.ERRNO_SUCCESS, fdstat };
  }
  override fd_filestat_get(): { ret: number; filestat: wasi.Filestat } {
    return { ret: wasi.ERRNO_SUCCESS, filestat: new wasi.Filestat(0n, wasi.FILETYPE_CHARACTER_DEVICE, 0n) };
  }
  override fd_write(data: Uint8Array): { ret: number; nwritten: number } {
    this.#chunks.push(data.slice());
    return { ret: wasi.ERRNO_SUCCESS, nwritten: data.byteLength };
  }
}
