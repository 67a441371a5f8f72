/** Who a caller has proved to be. */
export type Identity = {
  readonly user: string;
  /** A key without one is its own tenant, so that the end users it names are nobody else's. */
  readonly tenant?: string;
  readonly plan?: string;
  readonly admin: boolean;
  readonly by: "key" | "token" | "address" | "link";
  /** Epoch ms at which a link's permission ends. */
  readonly expiresAtMs?: number;
};

/** One API key as it is kept: never the key itself. */
export type KeyRecord = {
  /** `sha256:` and 64 hex digits. */
  readonly hash: string;
  readonly user: string;
  readonly tenant?: string | undefined;
  readonly plan?: string | undefined;
  readonly admin?: boolean | undefined;
  readonly createdAtMs?: number | undefined;
};
