// The arrow keys walk along a strip: one box of each is a stop of the tabulator, the others are reached from it.

const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export function startKeys() {
  document.getElementById("main").addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const strip = event.target.closest?.(".strip");
    if (step === undefined || !strip) return;
    event.preventDefault();
    const boxes = Array.from(strip.children);
    const place = Math.min(Math.max(boxes.indexOf(event.target) + step, 0), boxes.length - 1);
    event.target.tabIndex = -1;
    boxes[place].tabIndex = 0;
    boxes[place].focus();
  });
}
