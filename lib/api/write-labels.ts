/** Label sets and lists of strings as JSON: the answers of labels, label values and series. */
import type { Labels } from '#lib/model/labels.ts'
import { JsonBytes } from './json-bytes.ts'

/** `{"status":"success","data":[{…labels…},…]}`: the answer of the series endpoint, which may hold a million. */
export function writeSeriesAnswer(
  series: readonly Labels[],
  warnings: readonly string[],
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const out = new JsonBytes(maxBytes)
  out.ascii('{"status":"success","data":[')
  for (let i = 0; i < series.length; i++) {
    if (i > 0) out.ascii(',')
    writeLabels(out, series[i]!)
  }
  out.ascii(']')
  writeStrings(out, 'warnings', warnings)
  out.ascii('}')
  return out.bytes()
}

/** The answer of labels and label values. */
export function writeStringsAnswer(
  values: readonly string[],
  warnings: readonly string[],
  maxBytes: number,
): Uint8Array<ArrayBuffer> {
  const out = new JsonBytes(maxBytes)
  out.ascii('{"status":"success","data":[')
  for (let i = 0; i < values.length; i++) {
    if (i > 0) out.ascii(',')
    out.string(values[i]!)
  }
  out.ascii(']')
  writeStrings(out, 'warnings', warnings)
  out.ascii('}')
  return out.bytes()
}

/** Labels are sorted by name already, as Prometheus writes them. */
export function writeLabels(out: JsonBytes, labels: Labels): void {
  out.ascii('{')
  for (let i = 0; i < labels.length; i += 2) {
    if (i > 0) out.ascii(',')
    out.label(labels[i]!)
    out.ascii(':')
    out.label(labels[i + 1]!)
  }
  out.ascii('}')
}

/** `,"warnings":[…]`, or nothing. */
export function writeStrings(out: JsonBytes, key: string, texts: readonly string[]): void {
  if (texts.length === 0) return
  out.ascii(`,"${key}":[`)
  for (let i = 0; i < texts.length; i++) {
    if (i > 0) out.ascii(',')
    out.string(texts[i]!)
  }
  out.ascii(']')
}
