/** Memory for answers that must be sorted before they can be sent, shared by all that run. */
import { LimitError } from '#lib/model/errors.ts'
import type { Labels } from '#lib/model/labels.ts'
import type { EncodedChunk } from '#lib/tsdb/chunk/chunk.ts'

const SERIES_BYTES = 200
const LABEL_BYTES = 40
const CHUNK_BYTES = 150

export class SortBudget {
  readonly #maxBytes: number
  #taken = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Of one answer. To be released. */
  share(): SortShare {
    let own = 0
    return {
      take: (bytes) => {
        own += bytes
        this.#taken += bytes
        if (this.#taken <= this.#maxBytes) return
        throw new LimitError(
          `series must be sorted since they have labels with the names of external or replica labels, and those of this and other requests have more than ${this.#maxBytes} bytes; ask for fewer series or a shorter range`,
          this.#maxBytes,
          this.#taken,
        )
      },
      release: () => {
        this.#taken -= own
        own = 0
      },
    }
  }
}

export interface SortShare {
  take(bytes: number): void
  release(): void
}

/** About what a series takes. */
export function seriesBytes(labels: Labels, chunks: readonly EncodedChunk[]): number {
  let bytes = SERIES_BYTES + LABEL_BYTES * labels.length
  for (const { data } of chunks) bytes += CHUNK_BYTES + data.length
  return bytes
}
