import { type OggPage, OggReader, OggWriter } from "./ogg.ts";
import { isOpusTags, OPUS_CLOCK_HZ, opusHeadPages, opusPacketSamples, readOpusHead } from "./opus-packets.ts";
import type { Seam } from "./seam.ts";

type Timed = { readonly packet: Uint8Array; readonly samples: number };

const SERIAL = 1;
/** A page has 255 segments, and a packet may need several. */
const MAX_PAGE_SEGMENTS = 250;

const segmentsOf = (packet: Uint8Array): number => Math.floor(packet.length / 255) + 1;

/**
 * One logical Ogg stream with the packets of all. A page goes out for each that comes in. Inside a stream nothing can
 * be trimmed, so a part in the middle keeps its encoder's run-in (6.5 ms) and the padding of its last packet, and the
 * page times count them. That last packet waits until it is known whether the stream ends with it: only then may its
 * page say that it is the last, and at which of its samples to stop.
 */
class OpusSeam implements Seam {
  readonly #writer = new OggWriter(SERIAL);
  #reader = new OggReader();
  #position: "head" | "tags" | "audio" = "head";
  /** The run-in that listeners are told of and skip: the first part's; undefined until its head was read. */
  #preSkip: number | undefined;
  /** When the present part's own run-in is over, on the clock of the pages; undefined until its head was read. */
  #partStart: number | undefined;
  /** 48 kHz samples given out, of this part alone and of all. */
  #partSamples = 0;
  #granule = 0n;
  #last: { readonly timed: Timed; readonly granule: bigint } | undefined;

  startPart(): void {
    this.#reader = new OggReader();
    this.#position = "head";
    this.#partSamples = 0;
    this.#partStart = undefined;
  }

  get partStartMs(): number | undefined {
    return this.#partStart === undefined ? undefined : this.#ms(this.#partStart);
  }

  get lengthMs(): number {
    return Math.max(0, this.#ms(Number(this.#granule)));
  }

  #ms(granule: number): number {
    return ((granule - (this.#preSkip ?? 0)) / OPUS_CLOCK_HZ) * 1000;
  }

  push(bytes: Uint8Array): Uint8Array[] {
    return this.#reader.push(bytes).flatMap((page) => this.#pass(page));
  }

  endPart(): Uint8Array[] {
    this.#reader.finish();
    if (this.#position !== "audio") throw new Error("no Opus in this audio");
    return [];
  }

  finish(): Uint8Array[] {
    if (this.#preSkip === undefined) return [];
    if (this.#last === undefined) return [this.#writer.page([], this.#granule, { last: true })];
    this.#granule = this.#last.granule;
    return [this.#writer.page([this.#last.timed.packet], this.#granule, { last: true })];
  }

  #pass(page: OggPage): Uint8Array[] {
    if (this.#position === "head") return this.#passHead(page);
    const packets = this.#position === "tags" ? page.packets.filter((packet) => !isOpusTags(packet)) : page.packets;
    if (packets.length < page.packets.length || packets.length > 0) this.#position = "audio";
    const timed = packets.map((packet) => {
      const samples = opusPacketSamples(packet);
      if (samples === 0) throw new Error("an Opus packet that cannot be");
      return { packet, samples };
    });
    return page.last && page.granule > 0n ? this.#passLast(timed, Number(page.granule)) : this.#give(timed);
  }

  #passHead(page: OggPage): Uint8Array[] {
    const head = readOpusHead(page.packets[0] ?? new Uint8Array(0));
    this.#position = "tags";
    // The last packet of the part before is still here, and will be heard to its end.
    this.#partStart = Number(this.#granule) + (this.#last?.timed.samples ?? 0) + head.preSkip;
    if (this.#preSkip !== undefined) return [];
    this.#preSkip = head.preSkip;
    return opusHeadPages(this.#writer, head);
  }

  /** `end` is the part's own time at which its sound ends; packets wholly behind it are left out. */
  #passLast(timed: readonly Timed[], end: number): Uint8Array[] {
    let at = this.#partSamples;
    const heard = timed.filter(({ samples }) => {
      at += samples;
      return at - samples < end;
    });
    const last = heard.at(-1);
    if (last === undefined) return this.#give([]);
    const out = this.#give(heard.slice(0, -1));
    const keep = Math.min(last.samples, end - this.#partSamples);
    const before = this.#flushLast();
    this.#last = { timed: last, granule: this.#granule + BigInt(keep) };
    return [...out, ...before];
  }

  #give(timed: readonly Timed[]): Uint8Array[] {
    const out = timed.length > 0 ? this.#flushLast() : [];
    let pending: Uint8Array[] = [];
    let segments = 0;
    const flush = (): void => {
      if (pending.length > 0) out.push(this.#writer.page(pending, this.#granule));
      pending = [];
      segments = 0;
    };
    for (const { packet, samples } of timed) {
      if (segments + segmentsOf(packet) > MAX_PAGE_SEGMENTS) flush();
      pending.push(packet);
      segments += segmentsOf(packet);
      this.#granule += BigInt(samples);
      this.#partSamples += samples;
    }
    flush();
    return out;
  }

  /** The last packet of the part before, once it is known that it is not the last of all. */
  #flushLast(): Uint8Array[] {
    if (this.#last === undefined) return [];
    const { packet, samples } = this.#last.timed;
    this.#last = undefined;
    this.#granule += BigInt(samples);
    return [this.#writer.page([packet], this.#granule)];
  }
}

export function createOpusSeam(): Seam {
  return new OpusSeam();
}
