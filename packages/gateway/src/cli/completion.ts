import type { Command, Option } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What may follow a command; its path is its words below the program, each with a space before it: ` keys create`. */
type Place = {
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly description: string }[];
  readonly options: readonly Option[];
};

/** A script that completes commands, options and choices; made from the program itself, so that it cannot lag behind. */
export function completionScript(program: Command, shell: Shell): string {
  const places = placesBelow(program, "", program.options);
  if (shell === "fish") return fishScript(places);
  return shell === "bash" ? bashScript(places) : zshScript(places);
}

function placesBelow(command: Command, path: string, inherited: readonly Option[]): Place[] {
  const own = command.options.filter(({ long }) => !inherited.some((other) => other.long === long));
  const options = path === "" ? inherited : [...own, ...inherited.filter(({ long }) => long !== "--version")];
  const choices = command.registeredArguments.flatMap(({ argChoices = [] }) =>
    argChoices.map((word) => ({ word, description: "" })),
  );
  const commands = command.commands.map((one) => ({ word: one.name(), description: one.description() }));
  const below = command.commands.flatMap((one) => placesBelow(one, `${path} ${one.name()}`, inherited));
  return [{ path, words: [...commands, ...choices], options }, ...below];
}

const takesValue = ({ required, optional }: Option): boolean => required || optional;
const names = ({ short, long }: Option): string[] => [short, long].filter((name) => name !== undefined);

/** Tables that bash and zsh read alike: what may follow a path, which options take a value, and which values. */
function tables(places: readonly Place[]): string {
  const cases = (of: (place: Place) => string): string =>
    places.map((place) => `    '${place.path}') echo '${of(place)}' ;;`).join("\n");
  const values = places.flatMap(({ path, options }) =>
    options.flatMap((option) => {
      const values = option.argChoices?.join(" ");
      return values === undefined ? [] : names(option).map((name) => `    '${path} ${name}') echo '${values}' ;;`);
    }),
  );
  return `__mynah_words() {
  case "$1" in
${cases(({ words }) => words.map(({ word }) => word).join(" "))}
  esac
}
__mynah_options() {
  case "$1" in
${cases(({ options }) => ["--help", ...options.flatMap(({ long }) => long ?? [])].join(" "))}
  esac
}
# Options that take a value.
__mynah_valued() {
  case "$1" in
${cases(({ options }) => ` ${options.filter(takesValue).flatMap(names).join(" ")} `)}
  esac
}
__mynah_values() {
  case "$1 $2" in
${values.join("\n")}
  esac
}`;
}

/** The path to where the cursor is: words that are commands, past options and their values. */
const WALK = `    case "$word" in
      -*) case "$(__mynah_valued "$path")" in *" $word "*) skip=1 ;; esac ;;
      *) case " $(__mynah_words "$path") " in *" $word "*) path="$path $word" ;; esac ;;
    esac`;

function bashScript(places: readonly Place[]): string {
  return `# bash completion for mynah. Use it with: source <(mynah completion bash)
${tables(places)}
_mynah() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" skip="" word at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    word="\${COMP_WORDS[at]}"
    if [ -n "$skip" ]; then skip=""; continue; fi
${WALK}
  done
  if [ -n "$skip" ]; then
    # A value: one of its choices, or else a file.
    COMPREPLY=($(compgen -W "$(__mynah_values "$path" "$prev")" -- "$cur"))
  elif [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$(__mynah_options "$path")" -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$(__mynah_words "$path")" -- "$cur"))
  fi
}
complete -o default -F _mynah mynah
`;
}

function zshScript(places: readonly Place[]): string {
  return `#compdef mynah
# zsh completion for mynah. Use it with: source <(mynah completion zsh)
${tables(places)}
_mynah() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" found="" path_to="" skip="" word at
  for ((at = 2; at < CURRENT; at++)); do
    word="\${words[at]}"
    if [ -n "$skip" ]; then skip=""; continue; fi
${WALK.replaceAll("$path", "$path_to").replaceAll("path=", "path_to=")}
  done
  if [ -n "$skip" ]; then found="$(__mynah_values "$path_to" "$prev")"
  elif [[ "$cur" == -* ]]; then found="$(__mynah_options "$path_to")"
  else found="$(__mynah_words "$path_to")"
  fi
  if [ -n "$found" ]; then compadd -- \${=found}; else _files; fi
}
compdef _mynah mynah
`;
}

function fishScript(places: readonly Place[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = places.flatMap(({ path, words, options }) => {
    const here = `complete -c mynah -n "__mynah_at '${path}'"`;
    return [
      ...words.map(({ word, description }) => `${here} -f -a ${word} -d ${quoted(description)}`),
      ...options.map((option) => {
        const { short, long, description, argChoices } = option;
        const name = `${short === undefined ? "" : ` -s ${short.slice(1)}`} -l ${long!.slice(2)}`;
        const value = takesValue(option)
          ? argChoices === undefined
            ? " -r"
            : ` -x -a ${quoted(argChoices.join(" "))}`
          : "";
        return `${here}${name}${value} -d ${quoted(description)}`;
      }),
    ];
  });
  const valued = places.map(
    ({ path, options }) => `    case '${path}'; echo -- ${options.filter(takesValue).flatMap(names).join(" ")}`,
  );
  const known = places.map(
    ({ path, words }) => `    case '${path}'; echo -- ${words.map(({ word }) => word).join(" ")}`,
  );
  return `# fish completion for mynah. Use it with: mynah completion fish | source
function __mynah_valued
  switch $argv[1]
${valued.join("\n")}
  end
end
function __mynah_words
  switch $argv[1]
${known.join("\n")}
  end
end
# Whether the cursor is behind this command: words that are commands, past options and their values.
function __mynah_at
  set -l path ''
  set -l skip 0
  for word in (commandline -opc)[2..-1]
    if test $skip = 1
      set skip 0
    else if string match -q -- '-*' $word
      contains -- $word (string split ' ' -- (__mynah_valued "$path")); and set skip 1
    else if contains -- $word (string split ' ' -- (__mynah_words "$path"))
      set path "$path $word"
    end
  end
  test "$path" = "$argv[1]"
end
${lines.join("\n")}
`;
}
