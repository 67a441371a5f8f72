import { MynahError } from "@mynah/client";

export type Asked = { key: string; method?: string; body?: unknown; signal?: AbortSignal };

/** Asks this gateway. Rejects with a MynahError that says why not. */
export async function ask(path: string, { key, method = "GET", body, signal }: Asked): Promise<Response> {
  const headers: Record<string, string> = {};
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const init = {
    method,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal && { signal }),
  };
  const response = await fetch(path, init).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw MynahError.of({ code: "unreachable", message: "The gateway cannot be reached" }, { cause });
  });
  if (!response.ok) throw await MynahError.fromResponse(response);
  return response;
}

/** The same, for an answer in JSON whose form the caller knows. */
export async function askJson<T>(path: string, asked: Asked): Promise<T> {
  return (await ask(path, asked)).json() as Promise<T>;
}
