export { canStream, createPlayer, type Player, type PlayerOptions } from "./create-player.ts";
export type { Playback, PlaybackEnd, PlayOptions, RawAudio, Source } from "./playback.ts";
