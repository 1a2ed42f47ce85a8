import { SHADES } from '../model/grid';
import type { Palette } from './palette';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Pixels. */
const RADIUS = 2;
const FAINTEST = 0.35;

/** Draws a cell of a map. In high contrast it is filled from below, rather than more or less coloured. */
export function paintCell(
  context: CanvasRenderingContext2D,
  box: Box,
  shade: number,
  color: string,
  palette: Palette,
): void {
  fillBox(context, box, palette.unchanged, 1);
  if (shade > 0 && palette.highContrast) {
    const height = Math.max(2, (box.height * shade) / SHADES);
    fillBox(context, { ...box, y: box.y + box.height - height, height }, color, 1);
  } else if (shade > 0) {
    fillBox(context, box, color, FAINTEST + ((1 - FAINTEST) * (shade - 1)) / (SHADES - 1));
  }
}

/** Draws the border of a cell, on its inside. */
export function paintBorder(context: CanvasRenderingContext2D, box: Box, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1.5;
  context.beginPath();
  context.roundRect(box.x + 0.75, box.y + 0.75, box.width - 1.5, box.height - 1.5, RADIUS);
  context.stroke();
}

function fillBox(context: CanvasRenderingContext2D, box: Box, color: string, alpha: number): void {
  context.globalAlpha = alpha;
  context.fillStyle = color;
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, RADIUS);
  context.fill();
  context.globalAlpha = 1;
}
