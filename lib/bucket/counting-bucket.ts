/** Passes through, counting what a store bills for and what a reader waits for. */
import type { Bucket, ListPage } from './bucket.ts'

export interface BucketCounts {
  /** Reads of bytes: get, getIfChanged, getRange, getTail. */
  gets: number
  /** Pages of listings. */
  lists: number
  /** Whole-object writes. A putStream counts once, whatever number of parts the store makes of it. */
  puts: number
  deletes: number
  heads: number
  bytesRead: number
  bytesWritten: number
  /**
   * Requests in the longest chain, where one follows another that had ended before it began. Requests
   * that run side by side are one trip. It is what the clock saw: a request that could have started earlier but
   * did not (a pool that was full, an await too many) counts, because its reader did wait.
   */
  roundTrips: number
}

export interface CountingBucketOptions {
  /**
   * Hold every answer until the current turn of the event loop is over, so that over a store that answers at once
   * (memory) parallel branches advance side by side, as they would over a network, and `roundTrips` is exact
   * and repeatable. For tests.
   */
  readonly lockstep?: boolean | undefined
}

export interface CountingBucket {
  readonly bucket: Bucket
  /** Live: goes on counting. */
  readonly counts: Readonly<BucketCounts>
  /** From zero again. To be called when no request is in flight. */
  reset(): void
}

export function countingBucket(inner: Bucket, options: CountingBucketOptions = {}): CountingBucket {
  const counts = zeroCounts()
  /** The longest chain among requests that have ended. */
  let endedDepth = 0
  const turnOver = options.lockstep
    ? () => new Promise<void>((resolve) => setImmediate(resolve))
    : undefined

  /** One request: begins now, ends when the work does, whether well or badly. */
  async function trip<T>(work: () => Promise<T>): Promise<T> {
    const depth = endedDepth + 1
    counts.roundTrips = Math.max(counts.roundTrips, depth)
    try {
      return await work()
    } finally {
      if (turnOver) await turnOver()
      endedDepth = Math.max(endedDepth, depth)
    }
  }

  const bucket: Bucket = {
    name: inner.name,
    readGap: inner.readGap,
    async get(key, get) {
      counts.gets++
      const object = await trip(() => inner.get(key, get))
      counts.bytesRead += object.body.length
      return object
    },
    async getIfChanged(key, etag, get) {
      counts.gets++
      const object = await trip(() => inner.getIfChanged(key, etag, get))
      counts.bytesRead += object?.body.length ?? 0
      return object
    },
    async getRange(key, start, end, get) {
      if (start === end) return inner.getRange(key, start, end, get) // no request: the contract says so
      counts.gets++
      const bytes = await trip(() => inner.getRange(key, start, end, get))
      counts.bytesRead += bytes.length
      return bytes
    },
    async getTail(key, length, get) {
      counts.gets++
      const tail = await trip(() => inner.getTail(key, length, get))
      counts.bytesRead += tail.body.length
      return tail
    },
    async head(key, get) {
      counts.heads++
      return trip(() => inner.head(key, get))
    },
    async *list(prefix, list) {
      const pages = inner.list(prefix, list)[Symbol.asyncIterator]()
      try {
        // A store says that a page was the last one without another request, so only pages count.
        for (;;) {
          const depthBefore = endedDepth
          let failed = true
          let page: IteratorResult<ListPage> | undefined
          try {
            page = await pages.next()
            failed = false
          } finally {
            if (failed || !page?.done) {
              counts.lists++
              counts.roundTrips = Math.max(counts.roundTrips, depthBefore + 1)
              if (turnOver) await turnOver()
              endedDepth = Math.max(endedDepth, depthBefore + 1)
            }
          }
          if (page.done) return
          yield page.value
        }
      } finally {
        await pages.return?.()
      }
    },
    async put(key, body, put) {
      counts.puts++
      counts.bytesWritten += body.length
      return trip(() => inner.put(key, body, put))
    },
    async putStream(key, parts, put) {
      counts.puts++
      let depth = endedDepth + 1
      async function* counted(): AsyncGenerator<Uint8Array> {
        for await (const part of parts) {
          counts.bytesWritten += part.length
          yield part
        }
        // The write is complete only after the last part was there, and parts may come from reads.
        depth = endedDepth + 1
      }
      try {
        return await inner.putStream(key, counted(), put)
      } finally {
        counts.roundTrips = Math.max(counts.roundTrips, depth)
        if (turnOver) await turnOver()
        endedDepth = Math.max(endedDepth, depth)
      }
    },
    async delete(key, get) {
      counts.deletes++
      return trip(() => inner.delete(key, get))
    },
  }

  return {
    bucket,
    counts,
    reset() {
      Object.assign(counts, zeroCounts())
      endedDepth = 0
    },
  }
}

function zeroCounts(): BucketCounts {
  return {
    gets: 0,
    lists: 0,
    puts: 0,
    deletes: 0,
    heads: 0,
    bytesRead: 0,
    bytesWritten: 0,
    roundTrips: 0,
  }
}
