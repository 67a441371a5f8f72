import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { jwtVerifier } from "./jwt.ts";

const jose = await import("jose").catch(() => undefined);
if (jose === undefined) process.stdout.write("skipped: tokens, because the package jose is not installed\n");

const secret = "a secret of more than thirty-two characters";
const clockToleranceSeconds = 2;

describe.skipIf(jose === undefined)("jwtVerifier()", () => {
  const token = (alg: string, key: CryptoKey | Uint8Array, { expiresIn = 60, claims = {} as object, kid = alg } = {}) =>
    new jose!.SignJWT({ tenant: "acme", plan: "pro", ...claims })
      .setProtectedHeader({ alg, kid })
      .setSubject("ann")
      .setExpirationTime(Math.floor(Date.now() / 1000) + expiresIn)
      .sign(key);
  const ann = { user: "ann", tenant: "acme", plan: "pro", admin: false, by: "token" };

  it.each(["RS256", "PS256", "ES256", "ES384", "EdDSA"])(
    "takes %s from a JWKS, as a file and from a URL",
    async (alg) => {
      const { publicKey, privateKey } = await jose!.generateKeyPair(alg);
      const jwks = JSON.stringify({ keys: [{ ...(await jose!.exportJWK(publicKey)), kid: alg, alg }] });
      const file = join(mkdtempSync(join(tmpdir(), "mynah-jwks-")), "jwks.json");
      writeFileSync(file, jwks);
      const server = createServer(
        (_, response) => void response.setHeader("content-type", "application/json").end(jwks),
      );
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
      const stranger = await jose!.generateKeyPair(alg);
      for (const place of [file, url]) {
        const verify = await jwtVerifier({ jwks: place, clockToleranceSeconds });
        expect(await verify(await token(alg, privateKey))).toEqual(ann);
        expect(await verify(await token(alg, stranger.privateKey))).toBeUndefined();
        // The public key as if it were a shared secret.
        expect(await verify(await token("HS256", new TextEncoder().encode(jwks)))).toBeUndefined();
      }
      server.close();
    },
  );

  it("allows clocks to differ a little, and wants an end and a name", async () => {
    const verify = await jwtVerifier({ secret, clockToleranceSeconds });
    const key = new TextEncoder().encode(secret);
    expect(await verify(await token("HS512", key, { expiresIn: -1 }))).toEqual(ann);
    expect(await verify(await token("HS512", key, { expiresIn: -10 }))).toBeUndefined();
    const endless = await new jose!.SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ann").sign(key);
    expect(await verify(endless)).toBeUndefined();
    expect(await verify("a.b.c")).toBeUndefined();
  });

  it("says that it is not the caller's fault when keys cannot be fetched", async () => {
    const { privateKey } = await jose!.generateKeyPair("ES256");
    const verify = await jwtVerifier({ jwks: "http://127.0.0.1:1/jwks", clockToleranceSeconds });
    await expect(verify(await token("ES256", privateKey))).rejects.toMatchObject({ code: "overloaded" });
  });

  it("stops the start for settings that cannot be used", async () => {
    await expect(jwtVerifier({ secret: "short", clockToleranceSeconds })).rejects.toThrow(/JWT_SECRET/);
    await expect(jwtVerifier({ jwks: "/no/such/file", clockToleranceSeconds })).rejects.toThrow(/JWT_JWKS/);
  });
});
