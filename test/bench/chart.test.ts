import { describe, expect, it } from 'vitest';
import { type BarChart, barChart } from './bar-chart.ts';
import { lineChart } from './line-chart.ts';
import { escapeXml, linearScale, logScale, shortNumber } from './svg.ts';

const chart: BarChart = {
  title: 'A & B',
  unit: 'ticks',
  groups: [
    {
      heading: 'one <group>',
      bars: [
        { label: '"ours"', value: 300, kind: 'ours' },
        { label: 'peer', value: 100, kind: 'peer' },
      ],
    },
    { heading: 'an empty group', bars: [] },
  ],
  caption: 'a machine; commit 0',
};

/** Widths of the bars, in their order. */
function widthsIn(picture: string): number[] {
  return [...picture.matchAll(/width="([\d.]+)" height="18"/g)].map(([, width]) => Number(width));
}

describe('scales', () => {
  it.each([
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [4_810_651, [0, 1e6, 2e6, 3e6, 4e6, 5e6]],
    [673, [0, 200, 400, 600, 800]],
    [0.003, [0, 0.001, 0.002, 0.003]],
  ])('marks 0 to %d in round steps', (max, marks) => {
    const scale = linearScale(max);
    expect(scale.marks).toHaveLength(marks.length);
    for (const [i, mark] of marks.entries()) expect(scale.marks[i]).toBeCloseTo(mark, 9);
    expect(scale.at(0)).toBe(0);
    expect(scale.at(marks.at(-1) as number)).toBeCloseTo(1);
    expect(scale.at(max)).toBeLessThanOrEqual(1 + 1e-9);
  });

  it.each([
    [20_000, 4_810_651, [1e4, 1e5, 1e6, 1e7]],
    [1_000, 100_000, [1e3, 1e4, 1e5]],
    [5, 5, [1, 10]],
    [10, 10, [10, 100]],
  ])('marks %d to %d in powers of ten', (min, max, marks) => {
    const scale = logScale(min, max);
    expect(scale.marks).toEqual(marks);
    expect(scale.at(min)).toBeGreaterThanOrEqual(0);
    expect(scale.at(max)).toBeLessThanOrEqual(1);
    expect(scale.at(marks[0] as number)).toBeCloseTo(0);
  });
});

describe('text', () => {
  it('escapes what XML would read', () => {
    expect(escapeXml('<a b="c">&amp;')).toBe('&lt;a b=&quot;c&quot;&gt;&amp;amp;');
  });

  it.each([
    [0, '0'],
    [0.2, '0.2'],
    [35, '35'],
    [999, '999'],
    [999.9, '1 k'],
    [73_604, '73.6 k'],
    [312_345, '312 k'],
    [999_600, '1 M'],
    [4_210_000, '4.21 M'],
  ])('says %d as %s', (value, text) => {
    expect(shortNumber(value)).toBe(text);
  });
});

describe('barChart', () => {
  it('draws bars as long as their values, labels escaped, and leaves empty groups out', () => {
    const picture = barChart(chart);
    const [ours = 0, peer = 0] = widthsIn(picture);
    expect(ours / peer).toBeCloseTo(3, 1);
    expect(picture).toContain('aria-label="A &amp; B"');
    expect(picture).toContain('one &lt;group&gt;');
    expect(picture).toContain('&quot;ours&quot;');
    expect(picture).not.toContain('an empty group');
    expect(picture).not.toContain('logarithmic');
  });

  it('goes over to powers of ten beyond a span of 100', () => {
    const bars = [10, 10_000].map((value) => ({ label: 'x', value, kind: 'ours' as const }));
    const picture = barChart({ ...chart, groups: [{ heading: 'wide', bars }] });
    expect(picture).toContain('logarithmic');
    expect(widthsIn(picture)).toEqual([0, 440]);
  });

  it.each([[[]], [[0]], [[Number.NaN]], [[1, Number.POSITIVE_INFINITY]]])('refuses values %j', (values) => {
    const bars = values.map((value) => ({ label: 'x', value, kind: 'ours' as const }));
    expect(() => barChart({ ...chart, groups: [{ heading: 'odd', bars }] })).toThrow(RangeError);
  });
});

describe('lineChart', () => {
  it('draws a point for each measurement and a line that stays in its panel', () => {
    const picture = lineChart({
      title: 'cost',
      caption: 'a machine',
      panels: [
        {
          heading: 'h',
          xLabel: 'x',
          yLabel: 'y',
          note: '2 ns',
          points: [
            [1, 1],
            [2, 3],
            [5, 9],
          ],
        },
      ],
    });
    expect(picture.match(/<circle/g)).toHaveLength(3);
    expect(picture).toContain('2 ns; R\u00b2 1.0000');
    const fit = /x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)" y2="([\d.]+)" class="fit"/.exec(picture);
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = (fit ?? []).slice(1).map(Number);
    // y = 2x - 1 crosses the axis at 0.5, and 9 of 10 is where it ends at 5.
    expect([x1, x2]).toEqual([96, 366]);
    expect([y1, y2]).toEqual([322, 133]);
  });
});
