/**
 * What the full stop of a known abbreviation means. One union for all languages: texts are often mixed and often not
 * labelled, and the entries hardly collide. All lower case, without the last full stop.
 */

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Never the end of a sentence: something must follow. */
export const NEVER_LAST = words(`
  mr mrs ms dr prof vs e.g i.e cf viz approx incl excl esp resp
  mme mlle mlles dra srta srtas p.ej p.ex
  bzw z.b d.h u.a o.ä s.o s.u i.d.r vgl evtl inkl exkl ggf sog bspw zzgl insb mio mrd frl
`);

/** The same, if capitalised: in lower case they are words ("one more rep."). */
export const TITLES = words("rev hon gen col capt cmdr lt sgt maj gov sen rep pres supt mt ft msgr fr sr sra dipl ing");

/** Not the end if a number follows: "No. 5", "fig. 3", "Jan. 2". */
export const BEFORE_NUMBER = words(`
  no nos nr num núm fig figs vol vols p pp ch chap sec sect art arts abs ext tel ph nº kap bd pt apt ste ca
  jan feb mar apr jun jul aug sep sept oct okt nov dec dez
`);

/** Before a month, too, if capitalised: "Mon. Jan. 5". */
export const DAYS = words("mon tue tues wed thu thur thurs fri sat sun");

/** The end only if the next word often starts a sentence: "Acme Inc. It grew" but "Acme Inc. Chairman". */
export const PERHAPS_LAST = words(`
  inc ltd co corp bros plc jr sr st ste ave av blvd rd hwy pl sq dept est assn univ min max hr hrs oz lb lbs
  ph.d m.d b.a m.a b.sc m.sc d.c u.s u.k u.n e.u s.a ud uds usw str jh geb gest
`);

/** After "7 p.m." these words go on with the time: "7 p.m. Monday", "7 p.m. Eastern". */
export const TIME_WORDS = words(`
  monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
  january february march april may june july august september october november december
  est edt et cst cdt ct mst mdt mt pst pdt pt gmt utc bst cet cest eastern central mountain pacific
`);

export const MONTHS = words(`
  january february march april may june july august september october november december
  jan feb mar apr jun jul aug sep sept oct nov dec
  januar februar märz mai juni juli oktober dezember jänner
`);

/** Months after a German ordinal: "am 3. Oktober". */
export const GERMAN_MONTHS = words(
  "januar februar märz april mai juni juli august september oktober november dezember jänner",
);

/** Names that end in a mark: "Yahoo! News". */
export const EXCLAIMING_NAMES = words("yahoo jeopardy yum");

/** Words that start sentences far more often than names. */
export const STARTERS = words(`
  i i'm i've i'll i'd it it's he he's she she's we we're we've we'll you you're you'll your they they're their his her my our its
  this that that's these those there there's here here's the a an
  what what's when where who which why how is are was were do does did don't can could would will should shall may have has had
  and but so or if in on at for from to as by with after before then also now please yes no not let let's thank thanks sorry
  okay ok sure great some any many all most one everyone however although while since because
  unfortunately absolutely actually alright certainly both each hello hi well welcome maybe perhaps otherwise today
  der die das es er sie wir ich ihr und aber ein eine wenn dann auch
  le la les il elle nous vous je on un une et mais c'est
  el los las yo ella ellos una pero y si
`);

/** May end a sentence before a capital, never before a lower-case letter: "cats, dogs etc. are pets". */
export const GO_ON_IN_LOWER_CASE = words("etc ecc assoc intl natl govt bldg misc temp avg dist min max");

/** The safest of them: after a full stop they start a sentence even in lower case. */
export const LOWER_STARTERS = words(`
  i i'm i've i'll i'd it it's you you're you'll you'd we we've we'll we're he he's she she's they they're there there's
  what what's which where when how would do does did is are can could should will shall please if your thanks
`);
