/** Documents of any shape as JSON, with label sets among their values: answers that are not large enough for a writer of their own. */
import type { Labels } from '#lib/model/labels.ts'
import { cappedWarnings } from './annotations.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { JsonBytes } from './json-bytes.ts'
import { writeLabels, writeStrings } from './write-labels.ts'

export type Document =
  | string
  | number
  | boolean
  | null
  | LabelsDocument
  | readonly Document[]
  | ReadonlyMap<string, Document>
  | { readonly [key: string]: Document | undefined }

/** Labels are written in their order, and escaped otherwise than other strings. */
export class LabelsDocument {
  readonly labels: Labels

  constructor(labels: Labels) {
    this.labels = labels
  }
}

/** `{"status":"success","data":…}` */
export function documentAnswer(
  data: Document,
  warnings: readonly string[],
  maxBytes: number,
): Answer {
  const out = new JsonBytes(maxBytes)
  out.ascii('{"status":"success","data":')
  writeDocument(out, data)
  writeStrings(out, 'warnings', cappedWarnings(warnings))
  out.ascii('}')
  return jsonAnswer(out.bytes(), warnings.length === 0)
}

/** What is undefined is left out. */
function writeDocument(out: JsonBytes, value: Document): void {
  if (typeof value === 'string') out.string(value)
  else if (typeof value !== 'object' || value === null) out.ascii(JSON.stringify(value))
  else if (value instanceof LabelsDocument) writeLabels(out, value.labels)
  else if (isList(value)) writeList(out, value)
  else writeObject(out, value instanceof Map ? value : Object.entries(value))
}

/** `Array.isArray` does not know lists that are read-only. */
function isList(value: Document): value is readonly Document[] {
  return Array.isArray(value)
}

function writeList(out: JsonBytes, values: readonly Document[]): void {
  out.ascii('[')
  for (const [i, value] of values.entries()) {
    if (i > 0) out.ascii(',')
    writeDocument(out, value)
  }
  out.ascii(']')
}

function writeObject(
  out: JsonBytes,
  entries: Iterable<readonly [string, Document | undefined]>,
): void {
  let separator = '{'
  for (const [key, value] of entries) {
    if (value === undefined) continue
    out.ascii(separator)
    out.string(key)
    out.ascii(':')
    writeDocument(out, value)
    separator = ','
  }
  out.ascii(separator === '{' ? '{}' : '}')
}
