// QR codes by ISO/IEC 18004: byte mode and error correction level L, in the smallest of the 40 versions that
// fits. Pure.

/** By version, from 1: error correction codewords of a block, and blocks (table 9 of the standard). */
const CHECKS = [
  7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28,
  28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30,
];
const BLOCKS = [
  1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8,
  8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25,
];
const LEVEL_L = 1;
const MASKS = [
  (x, y) => (x + y) % 2,
  (_, y) => y % 2,
  (x) => x % 3,
  (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

/** Rows of booleans, true where the code is dark. Throws a RangeError if the text has more than 2,953 bytes. */
export function qrCode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = CHECKS.findIndex((_, index) => bitsOf(bytes, index + 1) <= 8 * dataCodewords(index + 1)) + 1;
  if (version === 0) throw new RangeError("The text is too long for a QR code.");
  const codewords = interleaved(dataOf(bytes, version), version);
  const drawn = MASKS.map((_, mask) => draw(version, codewords, mask));
  const penalties = drawn.map(penalty);
  return drawn[penalties.indexOf(Math.min(...penalties))];
}

const countBits = (version) => (version < 10 ? 8 : 16);
const bitsOf = (bytes, version) => 4 + countBits(version) + 8 * bytes.length;
const sideOf = (version) => 17 + 4 * version;

/** Codewords of data and of error correction: the modules that no pattern takes. */
function allCodewords(version) {
  const aligned = alignments(version).length;
  const alignmentModules = aligned ? 25 * (aligned * aligned - 3) - 10 * (aligned - 2) : 0;
  const taken = 3 * 64 + 2 * (sideOf(version) - 16) + 31 + (version < 7 ? 0 : 36) + alignmentModules;
  return Math.floor((sideOf(version) ** 2 - taken) / 8);
}

const dataCodewords = (version) => allCodewords(version) - CHECKS[version - 1] * BLOCKS[version - 1];

/** Where the centres of the alignment patterns are, in both directions (annex E of the standard). */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = 2 * Math.floor((8 * version + 3 * count + 5) / (4 * count - 4));
  const last = sideOf(version) - 7;
  return [6, ...Array.from({ length: count - 1 }, (_, index) => last - step * (count - 2 - index))];
}

/** Mode, length, bytes, and padding up to the codewords of the version. */
function dataOf(bytes, version) {
  const bits = [];
  const add = (value, length) => {
    for (let bit = length - 1; bit >= 0; bit -= 1) bits.push((value >> bit) & 1);
  };
  add(0b0100, 4);
  add(bytes.length, countBits(version));
  for (const each of bytes) add(each, 8);
  const capacity = 8 * dataCodewords(version);
  add(0, Math.min(4, capacity - bits.length));
  add(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < capacity; pad ^= 0xec ^ 0x11) add(pad, 8);
  return Array.from({ length: capacity / 8 }, (_, at) => parseInt(bits.slice(8 * at, 8 * at + 8).join(""), 2));
}

/** The codewords of all blocks, alternately, then those of their error correction. */
function interleaved(data, version) {
  const [checks, count] = [CHECKS[version - 1], BLOCKS[version - 1]];
  const short = Math.floor(data.length / count);
  const shorts = count - (data.length % count);
  const generator = generatorOf(checks);
  let start = 0;
  const blocks = Array.from({ length: count }, (_, index) => {
    const block = data.slice(start, start + short + (index < shorts ? 0 : 1));
    start += block.length;
    return block;
  });
  const corrections = blocks.map((block) => remainder(block, generator));
  const made = [];
  for (let at = 0; at <= short; at += 1) for (const block of blocks) if (at < block.length) made.push(block[at]);
  for (let at = 0; at < checks; at += 1) for (const block of corrections) made.push(block[at]);
  return made;
}

/** Multiplies in GF(256) modulo x^8 + x^4 + x^3 + x^2 + 1. */
function multiply(one, other) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >> 7) * 0x11d);
    product ^= ((other >> bit) & 1) * one;
  }
  return product;
}

/** Coefficients of (x - 1)(x - 2)(x - 4)…, without the first, which is 1. */
function generatorOf(degree) {
  let made = [...Array(degree - 1).fill(0), 1];
  for (let count = 0, root = 1; count < degree; count += 1, root = multiply(root, 2))
    made = made.map((each, at) => multiply(each, root) ^ (made[at + 1] ?? 0));
  return made;
}

function remainder(data, generator) {
  let rest = generator.map(() => 0);
  for (const each of data) {
    const factor = each ^ rest[0];
    rest = generator.map((coefficient, at) => (rest[at + 1] ?? 0) ^ multiply(coefficient, factor));
  }
  return rest;
}

function draw(version, codewords, mask) {
  const side = sideOf(version);
  const rows = Array.from({ length: side }, () => Array(side).fill(null)); // null: not drawn yet
  const set = (x, y, isDark) => {
    if (rows[y]?.[x] !== undefined) rows[y][x] = Boolean(isDark);
  };
  drawPatterns(version, set);
  drawFormat(side, mask, set);
  if (version >= 7) drawVersion(version, side, set);
  let bit = 0;
  for (const [x, y] of zigzag(side)) {
    if (rows[y][x] !== null) continue;
    const isDark = (codewords[bit >> 3] >> (7 - (bit & 7))) & 1; // undefined after the last: light
    rows[y][x] = Boolean(isDark ^ (MASKS[mask](x, y) === 0));
    bit += 1;
  }
  return rows;
}

function drawPatterns(version, set) {
  const side = sideOf(version);
  for (let at = 0; at < side; at += 1) {
    set(6, at, at % 2 === 0);
    set(at, 6, at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [side - 4, 3], [3, side - 4]]) drawSquares(x, y, 4, [0, 1, 3], set);
  const centres = alignments(version);
  const last = centres.at(-1);
  for (const x of centres)
    for (const y of centres) {
      const isFinder = (x === 6 && (y === 6 || y === last)) || (x === last && y === 6);
      if (!isFinder) drawSquares(x, y, 2, [0, 2], set);
    }
}

/** Squares around a centre: dark at the distances `dark`. */
function drawSquares(x, y, radius, dark, set) {
  for (let dy = -radius; dy <= radius; dy += 1)
    for (let dx = -radius; dx <= radius; dx += 1)
      set(x + dx, y + dy, dark.includes(Math.max(Math.abs(dx), Math.abs(dy))));
}

/** Appends a BCH code of `length` bits. */
function withCode(value, generator, length) {
  let rest = value;
  for (let bit = 0; bit < length; bit += 1) rest = (rest << 1) ^ ((rest >> (length - 1)) * generator);
  return (value << length) | rest;
}

function drawFormat(side, mask, set) {
  const bits = withCode((LEVEL_L << 3) | mask, 0x537, 10) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const isDark = (bits >> at) & 1;
    if (at < 8) set(8, at < 6 ? at : at + 1, isDark); // without the timing pattern
    else set(at === 8 ? 7 : 14 - at, 8, isDark);
    if (at < 8) set(side - 1 - at, 8, isDark);
    else set(8, side - 15 + at, isDark);
  }
  set(8, side - 8, true);
}

function drawVersion(version, side, set) {
  const bits = withCode(version, 0x1f25, 12);
  for (let at = 0; at < 18; at += 1) {
    const [long, short] = [side - 11 + (at % 3), Math.floor(at / 3)];
    set(long, short, (bits >> at) & 1);
    set(short, long, (bits >> at) & 1);
  }
}

/** Places of the data: pairs of columns from the right, alternately upwards and downwards. */
function* zigzag(side) {
  let isUpwards = true;
  for (let right = side - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // the timing pattern
    for (let step = 0; step < side; step += 1)
      for (const x of [right, right - 1]) yield [x, isUpwards ? side - 1 - step : step];
    isUpwards = !isUpwards;
  }
}

/** How hard a code is to read: runs, squares, what looks like a finder pattern, and uneven darkness. */
function penalty(rows) {
  const lines = [...rows, ...rows.map((_, x) => rows.map((row) => row[x]))];
  const texts = lines.map((line) => line.map(Number).join(""));
  let sum = 0;
  for (const text of texts) {
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) sum += run.length - 2;
    sum += 40 * [...text.matchAll(/(?=0000(1011101)|(1011101)0000)/g)].length;
  }
  for (let y = 1; y < rows.length; y += 1)
    for (let x = 1; x < rows.length; x += 1) {
      const of = rows[y][x];
      if (of === rows[y - 1][x] && of === rows[y][x - 1] && of === rows[y - 1][x - 1]) sum += 3;
    }
  const dark = rows.flat().filter(Boolean).length / rows.length ** 2;
  return sum + 10 * Math.floor(Math.abs(dark - 0.5) * 20);
}
