import buildAjv from "@fastify/ajv-compiler";
import buildStringify from "@fastify/fast-json-stringify-compiler";

type Validate = ((data: unknown) => unknown) & { errors?: unknown };

/**
 * Fastify's own compilers, each schema compiled when it is first needed. All at once, at the start, they would hold the
 * loop for most of a second, in which what is on its way to Redis seems unanswered. What is frozen (`seen-bodies.ts`) is
 * checked once.
 */
export const lazyCompilers = {
  buildValidator(...args: Parameters<ReturnType<typeof buildAjv>>) {
    const compile = buildAjv()(...args) as unknown as (route: unknown) => Validate;
    return (route: unknown): Validate => {
      let made: Validate | undefined;
      const passed = new WeakSet<object>();
      const validate: Validate = (data) => {
        if (typeof data === "object" && data !== null && passed.has(data)) return true;
        made ??= compile(route);
        const valid = made(data);
        validate.errors = made.errors;
        if (valid === true && typeof data === "object" && Object.isFrozen(data)) passed.add(data as object);
        return valid;
      };
      return validate;
    };
  },
  buildSerializer(...args: Parameters<ReturnType<typeof buildStringify>>) {
    const compile = buildStringify()(...args) as unknown as (route: unknown) => (data: unknown) => string;
    return (route: unknown) => {
      let made: ((data: unknown) => string) | undefined;
      return (data: unknown): string => {
        made ??= compile(route);
        return made(data);
      };
    };
  },
};
