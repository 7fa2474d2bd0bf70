// What the charts are drawn with: SVG text that is readable on light and on dark paper, and scales with round numbers.

export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** One decimal at most: nobody sees more, and files stay alike from run to run where the picture does. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Numbers as people say them: 4.21 M, 812 k, 35. */
export function shortNumber(value: number): string {
  const [scaled, suffix] =
    value >= 999_500 ? [value / 1e6, ' M'] : value >= 999.5 ? [value / 1e3, ' k'] : [value, ''];
  const digits = scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
  return `${Number(scaled.toFixed(digits))}${suffix}`;
}

export interface Scale {
  /** 0 to 1. */
  readonly at: (value: number) => number;
  readonly marks: readonly number[];
}

const MARKS_MAX = 5;

/** From 0 to a round number that is not below `max`, which is above 0. */
export function linearScale(max: number): Scale {
  const rough = max / MARKS_MAX;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const count = Math.ceil(max / step - 1e-9);
  return {
    at: (value) => value / (step * count),
    marks: Array.from({ length: count + 1 }, (_, i) => i * step),
  };
}

/** Powers of ten around values above 0. */
export function logScale(min: number, max: number): Scale {
  const from = Math.floor(Math.log10(min) + 1e-9);
  const to = Math.max(from + 1, Math.ceil(Math.log10(max) - 1e-9));
  return {
    at: (value) => (Math.log10(value) - from) / (to - from),
    marks: Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i)),
  };
}

type Anchor = 'start' | 'middle' | 'end';

export function textAt(
  x: number,
  y: number,
  className: string,
  text: string,
  anchor: Anchor = 'start',
): string {
  return `<text x="${px(x)}" y="${px(y)}" class="${className}" text-anchor="${anchor}">${escapeXml(text)}</text>`;
}

export function lineAt(x1: number, y1: number, x2: number, y2: number, className: string): string {
  return `<line x1="${px(x1)}" y1="${px(y1)}" x2="${px(x2)}" y2="${px(y2)}" class="${className}"/>`;
}

const STYLE = `
  text { font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif; fill: #1f2933 }
  .paper { fill: #ffffff }
  .title { font-size: 18px; font-weight: 600 }
  .heading { font-weight: 600 }
  .quiet { font-size: 12px; fill: #5b6773 }
  .grid { stroke: #dde3e9 }
  .axis { stroke: #8a96a3 }
  .ours { fill: #1668c7 }
  .peer { fill: #9aa5b1 }
  .fit { stroke: #1668c7; stroke-width: 2; stroke-dasharray: 5 4; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ee }
    .paper { fill: #12171d }
    .quiet { fill: #9daab7 }
    .grid { stroke: #2a333d }
    .axis { stroke: #6b7885 }
    .ours { fill: #5aa2f2 }
    .peer { fill: #6b7885 }
    .fit { stroke: #5aa2f2 }
  }
`;

/** A whole picture; `title` is also what a screen reader says. */
export function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  const opening = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-label="${escapeXml(title)}">`;
  const paper = `<rect width="${px(width)}" height="${px(height)}" rx="6" class="paper"/>`;
  return `${[opening, `<style>${STYLE}</style>`, paper, ...parts, '</svg>'].join('\n')}\n`;
}
