/** What was looked at and found. `off`: not configured, and fine without. */
export type Check = {
  readonly name: string;
  readonly status: "ok" | "off" | "warn" | "fail";
  readonly detail: string;
  /** What to do about it. */
  readonly advice?: string;
};

export const ok = (name: string, detail: string): Check => ({ name, status: "ok", detail });
export const off = (name: string, detail: string, advice: string): Check => ({ name, status: "off", detail, advice });
export const warn = (name: string, detail: string, advice: string): Check => ({ name, status: "warn", detail, advice });
export const fail = (name: string, detail: string, advice: string): Check => ({ name, status: "fail", detail, advice });
