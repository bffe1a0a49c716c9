/** Says on standard error what is in a bucket and is no block. */
import type { PartialBlock } from '#lib/blocks/scan.ts'
import type { CliContext } from '../context.ts'

export function warnPartial(partial: readonly PartialBlock[], { writeError }: CliContext): void {
  for (const { id, reason } of partial) {
    const text =
      reason === 'no meta.json'
        ? 'has no meta.json: it is being uploaded, or its upload broke off'
        : `is no whole block: ${reason}`
    writeError(`warning: ${id} ${text}\n`)
  }
}
