/** Makes an element. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Calls `draw` before the next frame, however often it is asked to. */
export function onNextFrame(draw: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  };
}

const svgNamespace = 'http://www.w3.org/2000/svg';

/** Outlines on a square of 16 units. */
const icons = {
  close: 'M4 4l8 8M12 4l-8 8',
  down: 'M8 3v10M3.5 8.5L8 13l4.5-4.5',
  fit: 'M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10',
  up: 'M8 13V3M3.5 7.5L8 3l4.5 4.5',
  zoomIn: 'M3 8h10M8 3v10',
  zoomOut: 'M3 8h10',
} as const;

/** A button that shows an icon, and says what it does to a pointer that rests on it and to screen readers. */
export function iconButton(icon: keyof typeof icons, label: string, press: () => void): HTMLButtonElement {
  const path = document.createElementNS(svgNamespace, 'path');
  path.setAttribute('d', icons[icon]);
  const svg = document.createElementNS(svgNamespace, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.append(path);
  const button = element('button', { type: 'button', class: 'icon', title: label, 'aria-label': label });
  button.append(svg);
  button.addEventListener('click', press);
  return button;
}
