/** A client that asks a store for all series, again and again, and may leave in the midst of an answer. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect } from 'node:http2'
import { ProtoReader } from '#lib/bytes/protobuf.ts'
import { storeService } from '#lib/grpc/services.ts'
import { seriesRequest } from '#lib/grpc/store-messages.ts'

export interface LoadClientOptions {
  readonly port: number
  readonly seed: number
  readonly vanishes: boolean
  /** In a whole answer. */
  readonly seriesCount: number
}

const REQUEST = seriesRequest.encode({
  maxTime: 7_200_000,
  matchers: [{ type: '=', name: '__name__', value: 'load' }],
  withoutReplicaLabels: ['replica'],
  responseBatchSize: 64,
})

/** HTTP/2 by hand: a connection is pulled without a word, and a client library takes no share of the processor. */
export class LoadClient {
  completed = 0
  vanished = 0
  seriesSeen = 0
  readonly wrong: string[] = []
  readonly vanishes: boolean
  readonly #options: LoadClientOptions
  #random: number

  constructor(options: LoadClientOptions) {
    this.#options = options
    this.vanishes = options.vanishes
    this.#random = options.seed + 1
  }

  /** Until the signal, and then to the end of what runs. */
  async run(signal: AbortSignal): Promise<void> {
    let session: ClientHttp2Session | undefined
    while (!signal.aborted) {
      if (!session || session.destroyed || session.closed) {
        session = connect(`http://127.0.0.1:${this.#options.port}`)
        session.on('error', () => undefined)
        await once(session, 'connect')
      }
      const leaves = this.vanishes && this.#chance() < 0.5
      const frames = leaves ? Math.floor(this.#chance() * 100) : Infinity
      await this.#ask(session, frames)
      if (leaves) {
        session.destroy()
        this.vanished++
      }
    }
    session?.close()
  }

  /** One stream, or as many frames of it. */
  async #ask(session: ClientHttp2Session, most: number): Promise<void> {
    const stream = session.request({
      ':method': 'POST',
      ':path': storeService.series.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    let status = 'none'
    stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])))
    stream.on('error', () => undefined)
    stream.end(Buffer.concat([Buffer.of(0, 0, 0, 0, REQUEST.length), REQUEST]))
    let series = 0
    let frames = 0
    let rest: Buffer = Buffer.alloc(0)
    for await (const data of stream) {
      rest = rest.length > 0 ? Buffer.concat([rest, data as Buffer]) : (data as Buffer)
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
        const end = 5 + rest.readUInt32BE(1)
        series += seriesIn(rest.subarray(5, end))
        rest = rest.subarray(end)
        frames++
      }
      if (frames >= most) return
    }
    this.seriesSeen += series
    if (most < Infinity) return
    this.completed++
    const { seriesCount } = this.#options
    if (series !== seriesCount || status !== '0') {
      this.wrong.push(`${series} series of ${seriesCount}, status ${status}`)
    }
  }

  /** Park and Miller's generator: the same at each run. */
  #chance(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647
    return this.#random / 2_147_483_647
  }
}

/** In a frame that is a batch. */
function seriesIn(frame: Uint8Array): number {
  let count = 0
  const reader = new ProtoReader(frame)
  while (reader.next()) {
    if (reader.field !== 4) reader.skip()
    else {
      const outer = reader.enter()
      for (; reader.next(); count++) reader.skip()
      reader.leave(outer)
    }
  }
  return count
}
