import { Fd, File, OpenFile, PreopenDirectory, WASI, wasi } from "@bjorn3/browser_wasi_shim";

/**
 * One run of the flite program in WASM, on files in memory. On the JavaScript WASI shim, because Node's own WASI
 * crashes the whole process with flite (nodejs/node#52402), from a worker thread as well.
 */

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

export type FliteRun = {
  readonly printed: string;
  readonly pcm: Uint8Array<ArrayBuffer>;
  readonly sampleRateHz: number;
};

const EMPTY = new Uint8Array(0);
const WAV_HEADER_BYTES = 44;

/** `text` is ASCII. Throws when the program fails. Synchronous but for the instantiation; cannot be interrupted. */
export async function runFlite(
  module: WebAssembly.Module,
  text: string,
  { voice, durationStretch, f0MeanHz, print, audio }: FliteOptions,
): Promise<FliteRun> {
  // Without the closing newline flite drops a last paragraph of one word.
  const input = new File(new TextEncoder().encode(`${text}\n`));
  const directory = new PreopenDirectory(".", new Map([["in.txt", input]]));
  const printed = new Sink();
  const args = ["flite", "-voice", voice, print, "--setf", `duration_stretch=${durationStretch}`];
  if (f0MeanHz !== undefined) args.push("--setf", `int_f0_target_mean=${f0MeanHz}`);
  // Never -ssml: flite hangs for ever on break and prosody elements.
  args.push("-f", "in.txt", "-o", audio ? "out.wav" : "none");
  const program = new WASI(args, [], [new OpenFile(new File([])), printed, new Sink(), directory], { debug: false });
  const instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: program.wasiImport });
  const status = program.start(instance as Parameters<WASI["start"]>[0]);
  if (status !== 0) throw new Error(`flite ended with status ${status}`);
  const file = directory.dir.contents.get("out.wav");
  if (!(file instanceof File)) return { printed: printed.text, pcm: EMPTY, sampleRateHz: 0 };
  const wav = file.data as Uint8Array<ArrayBuffer>;
  const sampleRateHz = new DataView(wav.buffer, wav.byteOffset).getUint32(24, true);
  return { printed: printed.text, pcm: wav.subarray(WAV_HEADER_BYTES), sampleRateHz };
}
