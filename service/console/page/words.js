// Numbers for people. Pure.

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count) {
  if (count === 1) return "1 byte";
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
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

export const percent = (part, whole) => `${whole ? Math.floor((100 * part) / whole) : 100} %`;

/** The file name for a downloaded object: the part after the last slash. */
export function fileName(key) {
  const segment = key.slice(key.lastIndexOf("/") + 1);
  return Array.from(segment).slice(-200).join("") || "object";
}
