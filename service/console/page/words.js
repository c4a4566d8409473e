// Numbers, times and names for people. Pure.

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];

/** A size as file managers show it: 1 KB is 1,024 bytes. */
export function bytes(count) {
  if (count === 1) return "1 byte";
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toFixed(value >= 100 ? 0 : 1))} ${UNITS[unit]}`;
}

const STEPS = [
  ["d", 86400],
  ["h", 3600],
  ["min", 60],
  ["s", 1],
];

/** The two largest units, as in `1 h 5 min`, rounded down. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const first = STEPS.findIndex(([, length]) => whole >= length);
  if (first < 0) return "0 s";
  const said = [];
  let left = whole;
  for (const [name, length] of STEPS.slice(first, first + 2)) {
    const count = Math.floor(left / length);
    if (count) said.push(`${count} ${name}`);
    left -= count * length;
  }
  return said.join(" ");
}

const DAY = 86400; // seconds

/** What is left of a link's life: from two days on in whole days, rounded, and exact at the end. */
export const timeLeft = (seconds) =>
  seconds >= 2 * DAY ? counted(Math.round(seconds / DAY), "day") : duration(seconds);

const LENGTHS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** A lifetime in full words and its largest unit, as in `7 days`. */
export function lifetime(seconds) {
  const [noun, length] = LENGTHS.find(([, each]) => seconds % each === 0);
  return counted(seconds / length, noun);
}

const AGES = [
  ["year", 365 * 86400],
  ["month", 30 * 86400],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** How long ago a Date was, as in `3 days ago`. `now` is in milliseconds. */
export function ago(date, now) {
  const seconds = (now - date.getTime()) / 1000;
  const age = AGES.find(([, length]) => seconds >= length);
  return age ? RELATIVE.format(-Math.floor(seconds / age[1]), age[0]) : "just now";
}

const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** A Date in the words and the time zone of the browser. */
export const dateAndTime = (date) => DATE_AND_TIME.format(date);

/** `1 file`, `20 files`. */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

export const percent = (part, whole) => `${whole ? Math.floor((100 * part) / whole) : 100} %`;

/** They turn the direction of text, so that `gnp.exe` reads as `exe.png`: Unicode Standard Annex 9. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

/** A name that people chose, as it is shown: its true ending can be seen. */
export const displayName = (name) => name.replace(TURNING, "\ufffd");

/** The file name for a downloaded object: the part after the last slash. */
export function fileName(key) {
  const segment = key.slice(key.lastIndexOf("/") + 1);
  return Array.from(segment).slice(-200).join("") || "object";
}
