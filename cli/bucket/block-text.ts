/** Blocks as people read them: times, labels, sizes, and what became of a block. */
import type { BlockRecord, Mark } from '#lib/blocks/block-record.ts'
import type { Labels } from '#lib/model/labels.ts'

/** RFC 3339 in whole seconds, UTC. */
export function goTime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}

/** `cluster=eu,replica=a`. */
export function labelList(labels: Labels): string {
  const pairs: string[] = []
  for (let i = 0; i < labels.length; i += 2) pairs.push(`${labels[i]}=${labels[i + 1]}`)
  return pairs.join(',')
}

export { blockBytes } from '#lib/compact/plan/estimate.ts'

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `512 B`, `1.5 MiB`. */
export function sizeText(bytes: number): string {
  let unit = 0
  let size = bytes
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024
    unit++
  }
  return `${unit === 0 ? size : size.toFixed(1)} ${UNITS[unit]}`
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

/** Why queries don't see it, and its marks: `superseded; no-compact: manual, by hand`. '' for a block like any other. */
export function stateText({ hidden, marks }: BlockRecord): string {
  const mark = (name: string, found: Mark | undefined): string[] => {
    if (found === undefined) return []
    const why = [found.reason, found.details].filter(Boolean).join(', ')
    return [`${name} since ${goTime(found.timeMs)}${why === '' ? '' : ` (${why})`}`]
  }
  return [
    ...(hidden === undefined ? [] : [`hidden: ${hidden}`]),
    ...mark('marked for deletion', marks.deletion),
    ...mark('no-compact', marks.noCompact),
    ...mark('no-downsample', marks.noDownsample),
  ].join('; ')
}
