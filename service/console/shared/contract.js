// Shows openapi.json with Redoc, in the colours of base.css.

const root = document.getElementById("contract");
const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** The colour of a custom property as rgb(): Redoc reads nothing newer. */
function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  context.fillRect(0, 0, 1, 1);
  return `rgb(${[...context.getImageData(0, 0, 1, 1).data].slice(0, 3).join(", ")})`;
}

function theme() {
  const [ink, soft, card, sunk, line, bad] = ["ink", "soft", "card", "sunk", "line", "bad"].map((name) => colour(`--${name}`));
  const accent = colour("--accent-strong");
  const { fontFamily } = getComputedStyle(document.body);
  const mono = getComputedStyle(document.documentElement).getPropertyValue("--mono");
  const answer = (color) => ({ color, backgroundColor: sunk, tabTextColor: color });
  return {
    colors: {
      primary: { main: accent },
      success: { main: accent },
      error: { main: bad },
      text: { primary: ink, secondary: soft },
      border: { dark: line, light: line },
      responses: { success: answer(accent), error: answer(bad), redirect: answer(soft), info: answer(soft) },
    },
    schema: { nestedBackground: sunk, linesColor: line, typeNameColor: soft, typeTitleColor: soft, requireLabelColor: bad },
    typography: {
      fontFamily,
      fontSize: "15px",
      headings: { fontFamily, fontWeight: "600" },
      code: { fontFamily: mono, color: ink, backgroundColor: sunk },
      links: { color: accent },
    },
    sidebar: { backgroundColor: sunk, textColor: ink, activeTextColor: accent },
    rightPanel: { backgroundColor: sunk, textColor: ink },
    fab: { backgroundColor: card, color: accent },
    codeBlock: { backgroundColor: card },
  };
}

// Its search would need a worker from a blob, and the page is one document: the browser's own search finds all.
const options = { theme: theme(), disableSearch: true, nativeScrollbars: true, hideLoading: true };
window.Redoc.init("openapi.json", options, root, () => {
  for (const heading of root.querySelectorAll("h5")) heading.ariaLevel = "3"; // they follow an h2
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
