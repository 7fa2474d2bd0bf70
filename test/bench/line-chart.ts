// Measured points and the straight line through them, side by side in panels, as SVG.
import { lineThrough, type Point } from './least-squares.ts';
import { lineAt, linearScale, px, shortNumber, svg, textAt } from './svg.ts';

export interface Panel {
  readonly heading: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Said beside how straight the line is. */
  readonly note: string;
  /** At least two, differing in x; x and y above 0. */
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Which machine, which commit. */
  readonly caption: string;
}

const PANEL = { width: 300, height: 210, gap: 110, left: 66, top: 112 };
const POINT_RADIUS = 4;

function drawPanel({ heading, xLabel, yLabel, note, points }: Panel, left: number): string[] {
  const { width, height, top } = PANEL;
  const bottom = top + height;
  const xScale = linearScale(Math.max(...points.map(([x]) => x)));
  const yScale = linearScale(Math.max(...points.map(([, y]) => y)));
  const xOf = (value: number) => left + xScale.at(value) * width;
  const yOf = (value: number) => bottom - yScale.at(value) * height;
  const { slope, intercept, r2 } = lineThrough(points);
  const xMax = xScale.marks.at(-1) ?? 0;
  const yMax = yScale.marks.at(-1) ?? 0;
  // A fit that runs out of the panel ends at its edge.
  const xEnd = slope > 0 ? Math.min(xMax, (yMax - intercept) / slope) : xMax;
  const xStart = intercept < 0 ? -intercept / slope : 0;
  return [
    textAt(left, top - 26, 'heading', heading),
    textAt(left, top - 10, 'quiet', yLabel),
    ...yScale.marks.flatMap((mark) => [
      lineAt(left, yOf(mark), left + width, yOf(mark), 'grid'),
      textAt(left - 8, yOf(mark) + 4, 'quiet', shortNumber(mark), 'end'),
    ]),
    ...xScale.marks.map((mark) => textAt(xOf(mark), bottom + 18, 'quiet', shortNumber(mark), 'middle')),
    lineAt(left, bottom, left + width, bottom, 'axis'),
    lineAt(xOf(xStart), yOf(intercept + slope * xStart), xOf(xEnd), yOf(intercept + slope * xEnd), 'fit'),
    ...points.map(
      ([x, y]) => `<circle cx="${px(xOf(x))}" cy="${px(yOf(y))}" r="${POINT_RADIUS}" class="ours"/>`,
    ),
    textAt(left + width, bottom - 10, 'quiet', `${note}; R\u00b2 ${r2.toFixed(4)}`, 'end'),
    textAt(left + width, bottom + 38, 'quiet', xLabel, 'end'),
  ];
}

/** Throws RangeError on a panel without two points that differ in x. */
export function lineChart({ title, panels, caption }: LineChart): string {
  const width = PANEL.left + panels.length * (PANEL.width + PANEL.gap) - PANEL.gap + 50;
  const height = PANEL.top + PANEL.height + 86;
  return svg(width, height, title, [
    textAt(24, 36, 'title', title),
    ...panels.flatMap((panel, i) => drawPanel(panel, PANEL.left + i * (PANEL.width + PANEL.gap))),
    textAt(24, height - 20, 'quiet', caption),
  ]);
}
