// The fields that Django's autocomplete makes of a select have no name of their own: give them their label's.
"use strict";
addEventListener("load", () => {
  for (const shown of document.querySelectorAll(".select2-selection__rendered")) {
    const field = shown.id.replace(/^select2-|-container$/g, "");
    const label = document.querySelector(`label[for="${CSS.escape(field)}"]`);
    if (label) shown.setAttribute("aria-label", label.textContent.trim().replace(/:$/, ""));
  }
});
