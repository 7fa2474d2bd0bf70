// Bars with their values, in groups, as SVG.
import { lineAt, linearScale, logScale, px, shortNumber, svg, textAt } from './svg.ts';

export interface Bar {
  readonly label: string;
  /** Above 0. */
  readonly value: number;
  readonly kind: 'ours' | 'peer';
}

export interface BarChart {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly { readonly heading: string; readonly bars: readonly Bar[] }[];
  /** Which machine, which commit. */
  readonly caption: string;
}

/** Beyond this span short bars would be hairlines. */
const LINEAR_SPAN_MAX = 100;

const WIDTH = 760;
const PLOT = { left: 250, right: 690 };
const TOP = 78;
const ROW = 28;
const BAR = 18;
const HEADING = 34;

/** Throws RangeError when there is nothing to draw, or a value that no bar can have. */
export function barChart({ title, unit, groups, caption }: BarChart): string {
  const drawn = groups.filter(({ bars }) => bars.length > 0);
  const values = drawn.flatMap(({ bars }) => bars.map(({ value }) => value));
  if (values.length === 0) throw new RangeError(`${title}: no bars`);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  if (!(min > 0 && Number.isFinite(max))) throw new RangeError(`${title}: a bar of ${min} or ${max}`);
  const isLog = max / min > LINEAR_SPAN_MAX;
  const scale = isLog ? logScale(min, max) : linearScale(max);
  const xOf = (value: number) => PLOT.left + scale.at(value) * (PLOT.right - PLOT.left);
  const rows: string[] = [];
  let y = TOP;
  for (const { heading, bars } of drawn) {
    rows.push(textAt(24, y + 22, 'heading', heading));
    y += HEADING;
    const bottom = y + bars.length * ROW;
    // Only beside the bars: they must not run through the headings.
    rows.push(...scale.marks.map((mark) => lineAt(xOf(mark), y - 5, xOf(mark), bottom, 'grid')));
    for (const { label, value, kind } of bars) {
      const width = xOf(value) - PLOT.left;
      rows.push(textAt(PLOT.left - 10, y + 14, 'label', label, 'end'));
      rows.push(
        `<rect x="${px(PLOT.left)}" y="${px(y)}" width="${px(width)}" height="${BAR}" rx="2" class="${kind}"/>`,
      );
      rows.push(textAt(PLOT.left + width + 7, y + 14, 'value', shortNumber(value)));
      y += ROW;
    }
    rows.push(lineAt(PLOT.left, bottom - bars.length * ROW - 5, PLOT.left, bottom, 'axis'));
  }
  const marks = scale.marks.map((mark) => textAt(xOf(mark), y + 18, 'quiet', shortNumber(mark), 'middle'));
  return svg(WIDTH, y + 66, title, [
    textAt(24, 36, 'title', title),
    textAt(24, 60, 'quiet', isLog ? `${unit}; logarithmic` : unit),
    ...rows,
    ...marks,
    textAt(24, y + 48, 'quiet', caption),
  ]);
}
