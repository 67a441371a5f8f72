import { SpeechError } from "../../core/errors.ts";
import { EngineConfigError } from "../engine-config-error.ts";
import type { AwsCredentials } from "./sign-request.ts";

/** Of AWS: finds credentials in the environment, profiles, SSO, web identity, containers and instances. Loaded when named. */
const PACKAGE = "@aws-sdk/credential-provider-node";

type Chain = { readonly defaultProvider: (init?: object) => () => Promise<AwsCredentials> };

/**
 * The credentials that AWS's own tools would use here; its provider renews those that end. Rejects with an
 * EngineConfigError where AWS's package is not installed.
 */
export async function awsChain(engine: string): Promise<() => Promise<AwsCredentials>> {
  const loaded = await (import(PACKAGE) as Promise<Chain>).catch((cause: unknown) => {
    const message = `engine "${engine}": credentials: chain needs the package ${PACKAGE}; npm install it, or give keys`;
    throw new EngineConfigError(message, { cause });
  });
  const provide = loaded.defaultProvider();
  return async () => {
    try {
      return await provide();
    } catch (cause) {
      throw new SpeechError("engine_unauthorized", `${engine} finds no AWS credentials`, { cause, engine });
    }
  };
}
