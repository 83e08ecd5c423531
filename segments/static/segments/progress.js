// Keeps what says how far something has come up to date, asking for its page again until that says it is done.

async function follow(part) {
  while (part.dataset.again) {
    await new Promise((resolve) => setTimeout(resolve, 1000 * part.dataset.again));
    if (document.hidden) continue;
    const answer = await fetch(location.href).catch(() => null);
    if (!answer?.ok) continue;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
    if (!next) return;
    part.replaceWith(next);
    part = next;
  }
}

document.querySelectorAll("[data-again]").forEach(follow);
