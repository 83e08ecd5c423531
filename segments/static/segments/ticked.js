// What is added in the window behind a plus appears among the boxes to tick, and is ticked.

window.addEventListener("load", () => {
  const shown = window.dismissAddRelatedObjectPopup;
  window.dismissAddRelatedObjectPopup = (popup, id, name) => {
    const boxes = document.getElementById(popup.name.replace(/__\d+$/, ""));
    if (boxes?.nodeName === "DIV") {
      const [row, label, box] = ["div", "label", "input"].map((each) => document.createElement(each));
      Object.assign(box, { type: "checkbox", name: boxes.id.replace("id_", ""), value: id, checked: true });
      label.append(box, ` ${name}`);
      row.append(label);
      boxes.append(row);
    }
    shown(popup, id, name);
  };
});
