/** What a mutant would change without changing what the program does: the wording of errors, which is for people. */
import { declareValuePlugin, PluginKind } from "@stryker-mutator/api/plugin";

type Node = { readonly type: string; readonly callee?: { readonly name?: string } };
type Path = { readonly node: Node; readonly key: unknown; readonly parentPath: Path | null };

const ERRORS = new Set(["Error", "SpeechError", "RedisError"]);

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, "messages", {
    shouldIgnore(path) {
      const { node, parentPath } = path as Path;
      const text = node.type === "StringLiteral" || node.type === "TemplateLiteral";
      const thrown = parentPath?.node.type === "NewExpression" && ERRORS.has(parentPath.node.callee?.name ?? "");
      return text && thrown ? "the wording of an error" : undefined;
    },
  }),
];
