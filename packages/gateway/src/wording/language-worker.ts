import { eld } from "eld/extrasmall";
import { serveJobs } from "../threads/serve-jobs.ts";
import { chosenLanguage } from "./chosen-language.ts";
import type { LanguageJob, LanguageMessage } from "./language-job.ts";

serveJobs<LanguageJob, LanguageMessage>(({ text, among }, { send }) => {
  const found = eld.detect(text);
  const language = chosenLanguage(text, { ...found, scores: found.getScores(), reliable: found.isReliable() }, among);
  send(language === undefined ? {} : { language });
});
