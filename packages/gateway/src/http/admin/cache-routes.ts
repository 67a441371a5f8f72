import type { FastifyInstance } from "fastify";
import { type Static, Type } from "typebox";
import type { CacheKey } from "../../core/cache-key.ts";
import { TAG_PATTERN } from "../../core/entry-match.ts";
import { SpeechError } from "../../core/errors.ts";
import { DEFAULT_CACHE_POLICY } from "../../core/utterance.ts";
import { abortedWhenClientLeaves } from "../client-gone.ts";
import { SpeechBody, utteranceOf } from "../openai/speech-body.ts";
import type { AdminRouteContext } from "./admin-deps.ts";
import { actor, answers, common, JobBody, jobShown } from "./admin-schemas.ts";

const { stream_format: _format, user: _user, model, input, turns, turn_pause_ms, ...sound } = SpeechBody.properties;
const settings = { ...sound, model: Type.Optional(model) };

const PurgeBody = Type.Object(
  {
    all: Type.Optional(Type.Literal(true, { description: "Everything, of every engine." })),
    engine: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: "What this engine said." })),
    voice: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: "The engine's own voice id." })),
    tag: Type.Optional(Type.String({ pattern: TAG_PATTERN, description: "What was said or heard under this tag." })),
    key: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$", description: "One entry." })),
    speech: Type.Optional(
      Type.Object(
        { ...settings, input, turns, turn_pause_ms },
        {
          additionalProperties: false,
          description: "What this request would hear: its segments, of every engine, in every format.",
        },
      ),
    ),
  },
  { additionalProperties: false, minProperties: 1 },
);
const Removed = Type.Object({ removed: Type.Integer({ minimum: 0, description: "Entries." }) });

/** Most phrases of one job, and the largest body that carries them. */
const MAX_PHRASES = 10_000;
const MAX_WARM_BODY_BYTES = 4 * 1024 * 1024;
const MAX_CONCURRENCY = 8;

const WarmBody = Type.Object(
  {
    phrases: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: MAX_PHRASES }),
    ...settings,
    concurrency: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_CONCURRENCY, default: 2, description: "Phrases at once." }),
    ),
  },
  { additionalProperties: false },
);

/** What is stored: taken away, or made before anybody asks for it. */
export function cacheRoutes(app: FastifyInstance, context: AdminRouteContext): void {
  purgeRoute(app, context);
  warmRoute(app, context);
}

function purgeRoute(app: FastifyInstance, { cache, formats, audit }: AdminRouteContext): void {
  const schema = {
    ...common,
    summary: "Purge stored audio",
    description:
      "One of `all`, `key` and `speech`, or any of `engine`, `voice` and `tag` together. Reaches the memory of all servers within a second. " +
      "`key` and `speech` are answered when it is done, the others with a job that walks through the entries.",
    body: PurgeBody,
    response: { ...answers(200, Removed), ...answers(202, JobBody) },
  };
  app.post<{ Body: Static<typeof PurgeBody> }>("/admin/cache/purge", { schema }, async (request, reply) => {
    const { all, key, speech, ...match } = request.body;
    const given = [all, key, speech, Object.keys(match).length > 0 || undefined];
    if (given.filter((one) => one !== undefined).length !== 1)
      throw new SpeechError("invalid_request", "purge one of: all, key, speech, or engine, voice and tag together");
    const { by } = actor(request);
    const signal = abortedWhenClientLeaves(reply.raw);
    if (key !== undefined || speech !== undefined) {
      const removed = await reachingRedis(
        key !== undefined
          ? cache.deleteKey(key as CacheKey, { signal }).then(Number)
          : cache.unsay(utteranceOf({ model: "auto", ...speech! }, formats, DEFAULT_CACHE_POLICY, { subject: by }), {
              signal,
            }),
      );
      audit({ action: "cache.purged", ...(key !== undefined && { key }), removed, ...actor(request) });
      return { removed };
    }
    const about = all
      ? "everything"
      : Object.entries(match)
          .map((pair) => pair.join(" "))
          .join(", ");
    const job = cache.purge(match, { about, by });
    audit({ action: "cache.purge", about, jobId: job.id, ...actor(request) });
    return reply.status(202).header("location", `/admin/jobs/${job.id}`).send(jobShown(job));
  });
}

function warmRoute(app: FastifyInstance, { cache, formats, audit }: AdminRouteContext): void {
  const schema = {
    ...common,
    summary: "Make audio before anybody asks for it",
    description:
      "A job that says the phrases into the cache, behind every caller and within the engines' bounds. Counts for nobody's limit. " +
      "Only the engine that callers would hear now is asked.",
    body: WarmBody,
    response: answers(202, JobBody),
  };
  const options = { schema, bodyLimit: MAX_WARM_BODY_BYTES };
  app.post<{ Body: Static<typeof WarmBody> }>("/admin/cache/warm", options, async (request, reply) => {
    const { phrases, concurrency = 2, tag, ...how } = request.body;
    const { by } = actor(request);
    const who = { subject: by, ...(tag !== undefined && { tags: [tag] }) };
    const { text: _, ...said } = utteranceOf({ model: "auto", ...how, input: "" }, formats, DEFAULT_CACHE_POLICY, who);
    const about = `${said.voice}, ${said.format.name}, ${phrases.length} phrases`;
    const job = cache.warm({ phrases, settings: said, concurrency, about, by });
    audit({ action: "cache.warm", about, jobId: job.id, ...actor(request) });
    return reply.status(202).header("location", `/admin/jobs/${job.id}`).send(jobShown(job));
  });
}

/** An administrator is told when Redis cannot be reached: a purge that only this server knows would be a lie. */
async function reachingRedis<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw SpeechError.from(error, "overloaded", "Redis cannot be reached, so other servers still have it");
  }
}
