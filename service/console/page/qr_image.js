// A link as a QR code.

import { qrCode } from "./qr_code.js";

const QUIET = 4; // modules around the code, by ISO/IEC 18004
const PIXELS = 3; // of a module: a camera needs some
const LEAST = 176; // pixels of a side, so that short links look like long ones
const SVG = "http://www.w3.org/2000/svg";

export function qrImage(text) {
  const rows = qrCode(text);
  const side = rows.length + 2 * QUIET;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `${-QUIET} ${-QUIET} ${side} ${side}`);
  svg.setAttribute("width", String(Math.max(LEAST, PIXELS * side)));
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "QR code");
  const path = document.createElementNS(SVG, "path");
  const squares = rows.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")));
  path.setAttribute("d", squares.join(""));
  svg.append(path);
  return svg;
}
