// What a file is, by its name: its icon, and how it may be previewed. Pure.

/** Types that browsers display and never run. HTML and SVG are not among them. */
const TYPES = {
  image: { png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", gif: "image/gif", webp: "image/webp", avif: "image/avif", bmp: "image/bmp" },
  video: { mp4: "video/mp4", m4v: "video/mp4", webm: "video/webm", mov: "video/quicktime", ogv: "video/ogg" },
  audio: { mp3: "audio/mpeg", m4a: "audio/mp4", wav: "audio/wav", ogg: "audio/ogg", oga: "audio/ogg", flac: "audio/flac" },
  pdf: { pdf: "application/pdf" },
};
const TEXTS =
  "txt text md markdown csv tsv log json jsonl ndjson yaml yml toml ini conf xml html htm svg css js mjs ts py rb go rs java c h cpp sh sql diff patch";
const ARCHIVES = "zip gz tgz bz2 xz zst tar 7z rar jar whl";

const KINDS = new Map([
  ...Object.entries(TYPES).flatMap(([name, types]) =>
    Object.entries(types).map(([ending, type]) => [ending, { icon: name, preview: name, type }]),
  ),
  // Shown as text by this page itself, whatever a browser would make of it.
  ...TEXTS.split(" ").map((ending) => [ending, { icon: "text", preview: "text", type: "text/plain" }]),
  ...ARCHIVES.split(" ").map((ending) => [ending, { icon: "archive", preview: null }]),
]);
const OTHER = { icon: "file", preview: null };

/** `{icon, preview, type}`. `preview` is null for what a page cannot show. */
export const kindOf = (name) => KINDS.get(name.slice(name.lastIndexOf(".") + 1).toLowerCase()) ?? OTHER;
