// The pure project compiles without any runtime's ambient types. These two exist in every runtime we target
// (Node, workerd, browsers) and neither reads a clock nor does I/O, so pure code may use them.
declare class TextEncoder {
  encode(input?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(input?: ArrayBufferView | ArrayBuffer): string;
}
