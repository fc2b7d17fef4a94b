// Before anything is shown: the colours that the reader chose on an earlier page.
"use strict";
document.documentElement.classList.add("scripted");
try {
  const chosen = localStorage.getItem("harness-colours");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser may refuse to keep anything for pages from disk.
}
