// The fields that Django's autocomplete makes of a select, and makes anew, have no name of their own: give them their label's.
"use strict";
const nameFields = () => {
  for (const shown of document.querySelectorAll(".select2-selection__rendered:not([aria-label])")) {
    const field = shown.id.replace(/^select2-|-container$/g, "");
    const label = document.querySelector(`label[for="${CSS.escape(field)}"]`);
    if (label) shown.setAttribute("aria-label", label.textContent.trim().replace(/:$/, ""));
  }
};
new MutationObserver(nameFields).observe(document.body, { childList: true, subtree: true });
nameFields();
