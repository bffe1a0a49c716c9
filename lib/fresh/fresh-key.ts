/**
 * The key of a fresh block says what a plan needs to know of it, so that a list of keys is enough to plan a query:
 *
 *     thaw/fresh/<hour of maxTime>/<external label>/…/<epoch>-<from>-<to>-<minTime>-<maxTime>-<directory bytes>
 */
import { DomainError } from '#lib/model/errors.ts'
import { type Labels, labelsFromPairs } from '#lib/model/labels.ts'

export const FRESH_PREFIX = 'thaw/fresh/'

/** Ends an epoch whose writer ships no blocks: nothing but its packs will ever have its samples. */
const ALONE = 'r'

/** `id` is a ULID: one that is made later is greater, whatever it ends with. */
export function epochOf(id: string, { shipsBlocks }: { readonly shipsBlocks: boolean }): string {
  return shipsBlocks ? id : id + ALONE
}

/** Whether a block of its writer may come in place of its packs. Of epochs that say nothing it may. */
export function mayShipBlocks(epoch: string): boolean {
  return !epoch.endsWith(ALONE)
}

/** What of what a writer wrote. */
export interface PackSpan {
  /** Names an unbroken sequence of what came in: letters and digits. A later one of the same labels is greater. */
  readonly epoch: string
  /** [from, to) of the sequence is in the pack, all of it. Whole numbers. */
  readonly from: number
  readonly to: number
}

export interface FreshKey extends PackSpan {
  /** External labels of who wrote it. */
  readonly labels: Labels
  /** First and last sample, both inclusive. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** The end of the object that says where the rest is. */
  readonly directoryBytes: number
}

/** S3's limit; a directory's file names have one too. */
const MAX_KEY_BYTES = 1024
const MAX_SEGMENT_BYTES = 255

/** Throws a DomainError where the external labels are too long for a key. */
export function freshKey(key: FreshKey): string {
  const { labels, epoch, from, to, minTimeMs, maxTimeMs, directoryBytes } = key
  const numbers = [from, to, minTimeMs, maxTimeMs, directoryBytes].map(writeNumber)
  const path = [freshHour(maxTimeMs), ...segments(labels), [epoch, ...numbers].join('-')]
  const text = FRESH_PREFIX + path.join('/')
  if (text.length > MAX_KEY_BYTES || path.some((part) => part.length > MAX_SEGMENT_BYTES)) {
    throw new DomainError(
      'invalid',
      `external labels of ${text.length} bytes are too long for the key of a fresh block, shorten their values`,
    )
  }
  return text
}

/** Where in the prefix packs with samples from `timeMs` on begin: all later ones sort behind. */
export function freshHour(timeMs: number): string {
  const within = Math.min(Math.max(timeMs, 0), LAST_MS)
  return new Date(within).toISOString().slice(0, 'YYYY-MM-DDTHH'.length)
}

const LAST_MS = Date.UTC(9999, 11, 31)

/** The part of a key that only the external labels decide; '' without any. */
export function labelsPath(labels: Labels): string {
  return segments(labels).join('/')
}

function segments(labels: Labels): string[] {
  const parts: string[] = []
  for (let i = 0; i < labels.length; i += 2) {
    parts.push(`${encodeURIComponent(labels[i]!)}=${encodeURIComponent(labels[i + 1]!)}`)
  }
  return parts
}

const FILE = /^([0-9A-Za-z]+)-(\d+)-(\d+)-(n?\d+)-(n?\d+)-(\d+)$/

/** Undefined for what is no fresh block's key. */
export function parseFreshKey(key: string): FreshKey | undefined {
  if (!key.startsWith(FRESH_PREFIX)) return undefined
  const [, ...parts] = key.slice(FRESH_PREFIX.length).split('/')
  const file = FILE.exec(parts.pop() ?? '')
  if (!file) return undefined
  const [, epoch, from, to, minTime, maxTime, directoryBytes] = file as unknown as string[]
  const labels = parseSegments(parts)
  return (
    labels && {
      labels,
      epoch: epoch!,
      from: Number(from),
      to: Number(to),
      minTimeMs: readNumber(minTime!),
      maxTimeMs: readNumber(maxTime!),
      directoryBytes: Number(directoryBytes),
    }
  )
}

function parseSegments(parts: readonly string[]): Labels | undefined {
  const pairs: [string, string][] = []
  for (const part of parts) {
    const at = part.indexOf('=')
    if (at < 1) return undefined
    try {
      pairs.push([decodeURIComponent(part.slice(0, at)), decodeURIComponent(part.slice(at + 1))])
    } catch {
      return undefined
    }
  }
  return labelsFromPairs(pairs)
}

/** A minus would look like the separator. */
export function writeNumber(value: number): string {
  return value < 0 ? `n${-value}` : String(value)
}

export function readNumber(text: string): number {
  return text.startsWith('n') ? -Number(text.slice(1)) : Number(text)
}
