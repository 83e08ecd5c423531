// What a page of a segment does more where there are scripts: read off a plot by pointing at it, copy a command.

const HIT = 4; // pixels by which a pointer may miss a reading

for (const button of document.querySelectorAll(".a2-copy button")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    button.textContent = button.dataset.done;
  });
}

for (const figure of document.querySelectorAll(".a2-plot")) {
  const readings = JSON.parse(figure.dataset.readings);
  const [picture, output, line] = [figure.querySelector("svg"), figure.querySelector("output"), figure.querySelector(".a2-at")];
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    const place = (1000 * (event.clientX - box.left + HIT)) / box.width;
    const [, moment, size] = readings.findLast(([at]) => at <= place) ?? readings[0];
    output.textContent = `${moment} · ${size}`;
    for (const end of ["x1", "x2"]) line.setAttribute(end, event.clientX - box.left);
  });
}
