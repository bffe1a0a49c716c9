/**
 * Makes things that run at once run in an order that a seed decides: each operation on a bucket waits until it is its turn, and may then be where its
 * process dies.
 */
import type { Bucket, ListPage } from '#lib/bucket/bucket.ts'
import { unavailableError } from '#lib/bucket/faulty-bucket.ts'
import type { Chance } from '#test/e2e/support/thanos-random.ts'

/** What becomes of an operation. To die before it is done, or after: then nobody hears of it. */
type Fate = 'done' | 'dies-before' | 'dies-after' | 'fails' | 'answer-lost'

export interface Dangers {
  /** Of each operation. */
  readonly dies: number
  readonly fails: number
}

export const NO_DANGERS: Dangers = { dies: 0, fails: 0 }

/** Something that runs: a worker with its job, a planner, an agent that ships a block. */
export interface Process {
  readonly name: string
  readonly dangers: Dangers
  dead: boolean
  /** The process as seen by who started it: gone, its promise will never settle. */
  readonly onDeath: () => void
}

interface Waiting {
  readonly process: Process
  readonly what: string
  readonly go: (fate: Fate) => void
}

export class Turns {
  /** What happened, in order. */
  readonly log: string[] = []
  readonly #chance: Chance
  #waiting: Waiting[] = []

  constructor(chance: Chance) {
    this.#chance = chance
  }

  get isIdle(): boolean {
    return this.#waiting.length === 0
  }

  /** Lets one of the waiting operations happen, and everything that follows from it up to the next ones. */
  async next(): Promise<void> {
    const [waiting] = this.#waiting.splice(this.#chance.whole(0, this.#waiting.length - 1), 1)
    if (!waiting) return settled()
    const fate = this.#fate(waiting.process.dangers)
    this.log.push(`${waiting.process.name}: ${waiting.what}${fate === 'done' ? '' : ` ${fate}`}`)
    waiting.go(fate)
    await settled()
  }

  kill(process: Process): void {
    if (process.dead) return
    process.dead = true
    this.#waiting = this.#waiting.filter((one) => one.process !== process)
    process.onDeath()
  }

  /** The bucket as a process sees it. */
  bucketOf(process: Process, inner: Bucket): Bucket {
    const turn = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const fate = await this.#wait(process, what)
      if (fate === 'fails') throw unavailableError(`${what} fails`)
      if (fate === 'dies-before') return this.#die(process)
      const answer = await work()
      if (fate === 'dies-after') return this.#die(process)
      if (fate === 'answer-lost') throw unavailableError(`the answer to ${what} is lost`)
      return answer
    }
    return {
      name: inner.name,
      readGap: inner.readGap,
      get: (key, options) => turn(`get ${key}`, () => inner.get(key, options)),
      getIfChanged: (key, etag, options) =>
        turn(`getIfChanged ${key}`, () => inner.getIfChanged(key, etag, options)),
      getRange: (key, start, end, options) =>
        turn(`getRange ${key}`, () => inner.getRange(key, start, end, options)),
      getTail: (key, length, options) =>
        turn(`getTail ${key}`, () => inner.getTail(key, length, options)),
      head: (key, options) => turn(`head ${key}`, () => inner.head(key, options)),
      /** Each page is a request. */
      async *list(prefix, options) {
        const pages = inner.list(prefix, options)[Symbol.asyncIterator]()
        for (;;) {
          const page: IteratorResult<ListPage> = await turn(`list ${prefix}`, () => pages.next())
          if (page.done) return
          yield page.value
        }
      },
      put: (key, body, options) => turn(`put ${key}`, () => inner.put(key, body, options)),
      /** Nothing of it is there before all is: it is one operation when its parts have come. */
      async putStream(key, parts, options) {
        const all: Uint8Array[] = []
        for await (const part of parts) all.push(part.slice())
        return turn(`putStream ${key}`, () => inner.putStream(key, again(all), options))
      },
      delete: (key, options) => turn(`delete ${key}`, () => inner.delete(key, options)),
    }
  }

  #wait(process: Process, what: string): Promise<Fate> {
    if (process.dead) return never()
    return new Promise((go) => this.#waiting.push({ process, what, go }))
  }

  #die<T>(process: Process): Promise<T> {
    this.kill(process)
    return never()
  }

  #fate({ dies, fails }: Dangers): Fate {
    if (this.#chance.is(dies)) return this.#chance.one(['dies-before', 'dies-after'])
    if (this.#chance.is(fails)) return this.#chance.one(['fails', 'answer-lost'])
    return 'done'
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined)
}

async function* again(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}

/** When all that runs waits for an operation. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
