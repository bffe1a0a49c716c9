/** Reads an object front to back in pieces, some of which are on their way while one is worked on. */
import type { Bucket } from '#lib/bucket/bucket.ts'

export interface ReadAhead {
  readonly bucket: Bucket
  readonly key: string
  /** Up to here. */
  readonly size: number
  readonly pieceBytes: number
  /** How many pieces are asked for ahead. */
  readonly ahead: number
  readonly signal?: AbortSignal | undefined
}

export async function* readAhead({
  bucket,
  key,
  size,
  pieceBytes,
  ahead,
  signal,
}: ReadAhead): AsyncGenerator<Uint8Array> {
  const coming: Promise<Uint8Array>[] = []
  let start = 0
  const ask = (): void => {
    if (start >= size) return
    const end = Math.min(start + pieceBytes, size)
    const piece = bucket.getRange(key, start, end, { signal })
    // Whoever waits for it hears of its failure; until then it is nobody's.
    piece.catch(() => undefined)
    coming.push(piece)
    start = end
  }
  for (let i = 0; i <= ahead; i++) ask()
  for (let piece = coming.shift(); piece; piece = coming.shift()) {
    const bytes = await piece
    ask()
    yield bytes
  }
}
