/** What sherpa-onnx is given to load a model; its own names. */
export type SherpaConfig = {
  readonly model: {
    readonly vits?: Readonly<Record<string, string>>;
    readonly kokoro?: Readonly<Record<string, string>>;
    readonly matcha?: Readonly<Record<string, string>>;
    readonly kitten?: Readonly<Record<string, string>>;
    readonly numThreads: number;
    readonly provider: "cpu";
    readonly debug: 0;
  };
  /** Sentences that are made at once; 1 is heard soonest. */
  readonly maxNumSentences: number;
};

/** To the process of a model. */
export type ToModel =
  | { readonly type: "load"; readonly module: string; readonly config: SherpaConfig }
  | {
      readonly type: "speak";
      readonly id: number;
      readonly text: string;
      readonly speaker: number;
      readonly speed: number;
    }
  | { readonly type: "cancel"; readonly id: number };

/** From it. Samples are signed 16 bit, mono. */
export type FromModel =
  | { readonly type: "ready"; readonly sampleRateHz: number; readonly speakers: number }
  | { readonly type: "audio"; readonly id: number; readonly samples: Uint8Array }
  | { readonly type: "done"; readonly id: number }
  /** `id` absent: the model could not be loaded. */
  | { readonly type: "failed"; readonly id?: number; readonly reason: string };
