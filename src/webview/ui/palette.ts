/** Colours of the theme for what is drawn on a canvas; style.css says which ones of the editor's they are. */
export interface Palette {
  readonly foreground: string;
  readonly faint: string;
  readonly unchanged: string;
  readonly modified: string;
  readonly added: string;
  readonly removed: string;
  readonly focus: string;
  /** Whether colours must not be blended, and borders tell things apart. */
  readonly highContrast: boolean;
}

function read(): Palette {
  const style = getComputedStyle(document.body);
  const color = (name: string): string => style.getPropertyValue(`--blocks-${name}`).trim();
  return {
    foreground: color('foreground'),
    faint: color('faint'),
    unchanged: color('unchanged'),
    modified: color('modified'),
    added: color('added'),
    removed: color('removed'),
    focus: color('focus'),
    highContrast: /\bvscode-high-contrast/.test(document.body.className),
  };
}

/** Keeps the palette, and calls `changed` when the theme is another one. Returns a function that tells it. */
export function watchPalette(changed: () => void): () => Palette {
  let palette = read();
  const observer = new MutationObserver(() => {
    palette = read();
    changed();
  });
  observer.observe(document.documentElement, { attributeFilter: ['style'] });
  observer.observe(document.body, { attributeFilter: ['class'] });
  return () => palette;
}
