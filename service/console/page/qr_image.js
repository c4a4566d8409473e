// A link as a QR code.

import { generate } from "./lean_qr.js";

const QUIET = 4; // modules around the code, by ISO/IEC 18004
const PIXELS = 3; // of a module: a camera needs some
const LEAST = 176; // pixels of a side, so that short links look like long ones
const SVG = "http://www.w3.org/2000/svg";

/** @throws Error whose message is a sentence for people */
export function qrImage(text) {
  const code = codeOf(text);
  const side = code.size + 2 * QUIET;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `${-QUIET} ${-QUIET} ${side} ${side}`);
  svg.setAttribute("width", String(Math.max(LEAST, PIXELS * side)));
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "QR code");
  const path = document.createElementNS(SVG, "path");
  const places = Array.from({ length: code.size }, (_, place) => place);
  const squares = places.flatMap((y) => places.map((x) => (code.get(x, y) ? `M${x} ${y}h1v1h-1z` : "")));
  path.setAttribute("d", squares.join(""));
  svg.append(path);
  return svg;
}

function codeOf(link) {
  try {
    return generate(link);
  } catch {
    throw new Error("This link is too long for a QR code.");
  }
}
