// Reads a curl command: the request that it sends. Pure. service/cli/curl_command.py is the same for the shell.

const LONG = {
  "--request": "-X",
  "--header": "-H",
  "--upload-file": "-T",
  "--data": "-d",
  "--data-raw": "-d",
  "--data-binary": "-d",
  "--data-ascii": "-d",
  "--head": "-I",
};

/**
 * Returns `{ method, url, headers }`, or null if the text is not a curl command with a URL.
 * Options that change none of them are ignored. The length of a file's content is not known here.
 */
export function parseCurl(text) {
  const words = shellWords(text);
  const urls = words.filter((word) => /^https?:\/\//.test(word));
  if (!/(^|\/)curl$/.test(words[0] ?? "") || !urls.length) return null;
  const url = urls.find((each) => each.includes("X-Amz-")) ?? urls[0];
  const sent = { method: "GET", url, headers: {} };
  let method = null;
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at];
    const option = LONG[word] ?? word.slice(0, 2);
    if (option === "-I") sent.method = "HEAD";
    if (!["-X", "-H", "-T", "-d"].includes(option) || (word.startsWith("--") && !(word in LONG))) continue;
    const value = word in LONG || word.length === 2 ? (words[(at += 1)] ?? "") : word.slice(2);
    if (option === "-X") method = value;
    else if (option === "-H") addHeader(sent.headers, value);
    else addBody(sent, option, value);
  }
  sent.method = method ?? sent.method;
  return sent;
}

function addHeader(headers, line) {
  const at = line.indexOf(":");
  const value = line.slice(at + 1).trim();
  if (at > 0 && value) headers[line.slice(0, at).trim().toLowerCase()] = value; // curl sends no empty header
}

function addBody(sent, option, value) {
  sent.method = option === "-T" ? "PUT" : "POST";
  if (option === "-T") return;
  sent.headers["content-type"] ??= "application/x-www-form-urlencoded";
  if (!value.startsWith("@")) sent.headers["content-length"] ??= String(new TextEncoder().encode(value).length);
}

const ESCAPES = { n: "\n", t: "\t", r: "\r" };
// In order: '…', $'…' (as browsers copy a request), "…", a backslash, spaces, anything else.
const PIECE = /'([^']*)'|\$'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|\\(\n|.)|(\s+)|([^\s'"\\])/gsy;

/** Splits like a shell. Returns no words if a quote is not closed. */
function shellWords(text) {
  const words = [];
  let word = null;
  let end = 0;
  for (const [piece, single, ansi, double, escaped, space, other] of text.matchAll(PIECE)) {
    end += piece.length;
    if (space !== undefined) {
      if (word !== null) words.push(word);
      word = null;
    } else if (escaped !== "\n") {
      const plain = ansi?.replace(/\\(.)/gs, (_, each) => ESCAPES[each] ?? each);
      word = (word ?? "") + (single ?? plain ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? other);
    }
  }
  if (word !== null) words.push(word);
  return end === text.length ? words : [];
}
