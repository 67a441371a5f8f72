/** An entry that cannot be understood, or an engine that is not there. One line that says what to write instead. */
export class EngineConfigError extends Error {
  override readonly name = "EngineConfigError";
}
