// Ahead of the first paint: the theme that was chosen on this machine, if one was.
"use strict";
try {
  const chosen = localStorage.getItem("modelyard-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* a browser that keeps nothing shows the system's theme */ }
