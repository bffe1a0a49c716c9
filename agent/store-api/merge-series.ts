/** Several ordered streams of series as one. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'
import type { ReadyChunk } from '#lib/tsdb/chunk/chunk.ts'

/** Equal label sets come one after the other, those of earlier streams first. Ends all streams when it is ended. */
export async function* mergeSeries<T extends { readonly labels: Labels }>(
  streams: readonly AsyncGenerator<T>[],
): AsyncGenerator<T> {
  if (streams.length === 1) return yield* streams[0]!
  try {
    const heads = await Promise.all(streams.map((stream) => stream.next()))
    for (;;) {
      let first = -1
      let least: T | undefined
      for (const [i, head] of heads.entries()) {
        if (head.done) continue
        if (least !== undefined && compareLabels(least.labels, head.value.labels) <= 0) continue
        first = i
        least = head.value
      }
      if (least === undefined) return
      yield least
      heads[first] = await streams[first]!.next()
    }
  } finally {
    await Promise.allSettled(streams.map(async (stream) => stream.return(undefined)))
  }
}

interface Chunked {
  readonly labels: Labels
  readonly chunks: readonly ReadyChunk[]
}

/** Neighbours of equal labels become one series, its chunks in order of time: without replica labels, replicas are equal. */
export async function* joinEqual<T extends Chunked>(
  stream: AsyncGenerator<T>,
): AsyncGenerator<Chunked> {
  let open: Chunked | undefined
  /** Of `open` and those equal to it, once there are any. */
  let joined: ReadyChunk[] | undefined
  const finished = (): Chunked => {
    const { labels, chunks } = open!
    return { labels, chunks: joined?.sort((a, b) => a.minTimeMs - b.minTimeMs) ?? chunks }
  }
  for await (const series of stream) {
    if (open !== undefined && compareLabels(open.labels, series.labels) === 0) {
      joined ??= [...open.chunks]
      for (const chunk of series.chunks) joined.push(chunk)
      continue
    }
    if (open !== undefined) yield finished()
    open = series
    joined = undefined
  }
  if (open !== undefined) yield finished()
}
