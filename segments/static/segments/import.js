// Sending a file, and showing how far its import is until that is over; without scripts the form and a reload do.

const form = document.querySelector("#a2-import");
if (form) {
  const only = JSON.parse(form.dataset.only);
  const [kind, file, said] = [form.elements.kind, form.elements.file, form.querySelector(".a2-sending")];
  const suit = () => {
    for (const [name, itsKind] of Object.entries(only)) {
      const row = form.querySelector(`.field-${name}`);
      row.hidden = kind.value !== itsKind;
      for (const field of row.querySelectorAll("input, select, textarea")) field.disabled = row.hidden;
    }
  };
  const weigh = () => {
    const tooLarge = file.files[0]?.size > form.dataset.most * 2 ** 20;
    file.setCustomValidity(tooLarge ? form.dataset.tooLarge : "");
    said.textContent = file.validationMessage && tooLarge ? form.dataset.tooLarge : "";
  };
  kind.addEventListener("change", suit);
  file.addEventListener("change", weigh);
  form.addEventListener("submit", (event) => {
    if (file.validity.customError) return event.preventDefault();
    said.textContent = said.dataset.sending;
    form.querySelector("[type=submit]").disabled = true;
  });
  window.addEventListener("pageshow", () => { form.querySelector("[type=submit]").disabled = false; suit(); weigh(); });
  suit();
}

const panel = document.querySelector("#a2-progress");
if (panel) {
  const ask = async () => {
    try {
      const answer = await fetch(panel.dataset.progress, { headers: { Accept: "application/json" } });
      if (answer.redirected) return location.reload(); // logged out
      if (!answer.ok) throw new Error(answer.status);
      const { over, panel: html } = await answer.json();
      if (over) return location.reload();
      panel.innerHTML = html;
      panel.classList.remove("a2-stale");
    } catch {
      panel.classList.add("a2-stale"); // the service is away for a moment
    }
    setTimeout(ask, 1000);
  };
  setTimeout(ask, 1000);
}
