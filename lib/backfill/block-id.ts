/** Ids of backfilled blocks say what they were made of, so that a run that is repeated finds what it did before. */
import { createHash } from 'node:crypto'
import { encodeTime } from 'ulid'
import { type Labels, labelsKey } from '#lib/model/labels.ts'

/** Crockford's base 32. */
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export interface BackfilledFrom {
  /** What the samples come from: a digest of a text, or who was asked for what. */
  readonly source: string
  readonly externalLabels: Labels
  /** The window, in ms. */
  readonly startMs: number
  readonly endMs: number
}

/** A ULID of the time at which the window ends. */
export function backfilledId({ source, externalLabels, startMs, endMs }: BackfilledFrom): string {
  const text = JSON.stringify([source, labelsKey(externalLabels), startMs, endMs])
  const hash = createHash('sha256').update(text).digest()
  let random = ''
  for (let i = 0; i < 16; i++) random += DIGITS[hash[i]! & 31]
  return encodeTime(Math.max(endMs, 0), 10) + random
}
