/** Several ordered streams of series as one. */
import { compareLabels, type Labels } from '#lib/model/labels.ts'

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
