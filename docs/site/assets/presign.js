// What axe finds in the theme, which makes most of it in the browser. So it is fixed there.

function fix() {
  // Each button that copies code is in a landmark of its own.
  for (const nav of document.querySelectorAll(".md-code__nav")) nav.setAttribute("role", "none");
  // A table that is wider than the page: keys scroll it while it has the focus.
  for (const around of document.querySelectorAll(".md-typeset__scrollwrap"))
    if (around.scrollWidth > around.clientWidth) around.tabIndex = 0;
    else around.removeAttribute("tabindex");
  // The head of a column has no word.
  for (const head of document.querySelectorAll(".md-typeset th:empty")) head.replaceWith(document.createElement("td"));
}

new MutationObserver(fix).observe(document.body, { childList: true, subtree: true });
addEventListener("resize", fix);
fix();
