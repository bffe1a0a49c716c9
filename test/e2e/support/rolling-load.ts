/** Questions of every kind, asked again and again: each answer is compared with the right one, and what was not right is counted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { END, START } from './rolling-world.ts'

export interface Question {
  readonly path: string
  readonly params: Readonly<Record<string, string | number>>
}

const DAY = { start: START / 1000, end: END / 1000 - 30 }

function range(query: string, step: number): Question {
  return { path: 'query_range', params: { query, ...DAY, step } }
}

export const BROKEN_QUERY = 'up{'

/** More than a function may stream: the rest goes through the bucket. */
export const WIDE = range('wide', 30)

/** About the past: whatever compaction does meanwhile, their answers stay. */
export const QUESTIONS: readonly Question[] = [
  range('sum by (job) (rate(requests_total[5m]))', 300),
  range('topk(3, max_over_time(requests_total[1h]))', 1800),
  range('absent(up{instance="host-99"})', 3600),
  { path: 'query', params: { query: 'count by (job) (up)', time: DAY.end } },
  { path: 'query', params: { query: 'requests_total{job="job-1"}[10m]', time: DAY.end } },
  { path: 'query', params: { query: BROKEN_QUERY, time: DAY.end } },
  { path: 'labels', params: { start: DAY.start, end: DAY.end } },
  { path: 'label/instance/values', params: { start: DAY.start, end: DAY.end } },
  { path: 'series', params: { 'match[]': 'up{job="job-2"}', start: DAY.start, end: DAY.end } },
]

export interface Right {
  readonly question: Question
  /** More than one where what was deployed before answers otherwise than this. */
  readonly answers: Answer[]
}

/** The body as it came: some are too long to be looked into each time. */
export interface Answer {
  readonly status: number
  readonly body: string
}

export interface Figures {
  requests: number
  /** No answer, or another status. */
  readonly failed: string[]
  readonly wrong: string[]
  longestMs: number
}

export interface LoadOptions {
  readonly url: string
  /** Of the header; each request has the next. */
  readonly credentials: readonly string[]
}

export class Load {
  readonly #options: LoadOptions
  readonly #phases = new Map<string, Figures>()
  readonly #running: Promise<void>[] = []
  #phase = ''
  #asked = 0
  #answered = 0
  #stopped = false

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** One after the other, in turn, with a pause behind each. */
  start(right: readonly Right[], pauseMs: number): void {
    this.#running.push(this.#work(right, pauseMs))
  }

  /** What is asked from now on counts as of this one. */
  phase(name: string): void {
    this.#phase = name
    this.#phases.set(name, { requests: 0, failed: [], wrong: [], longestMs: 0 })
  }

  /** Resolves when so many more are answered, rightly or not. */
  async answered(count: number): Promise<void> {
    const until = this.#answered + count
    while (this.#answered < until) await sleep(20)
  }

  async stop(): Promise<ReadonlyMap<string, Figures>> {
    this.#stopped = true
    await Promise.all(this.#running)
    return this.#phases
  }

  async #work(right: readonly Right[], pauseMs: number): Promise<void> {
    for (let i = 0; !this.#stopped; i++) {
      await this.#one(right[i % right.length]!)
      await sleep(pauseMs)
    }
  }

  async #one({ question, answers }: Right): Promise<void> {
    const { url, credentials } = this.#options
    const phase = this.#phase
    const figures = this.#phases.get(phase)!
    figures.requests++
    const startMs = performance.now()
    const name = `${phase}: ${question.path} ${JSON.stringify(question.params)}`
    try {
      const header = credentials[this.#asked++ % credentials.length]!
      // Every other time it is another text of the same meaning, which no cache has.
      const asked = this.#asked % 2 === 0 ? question : remarked(question, this.#asked)
      const answer = await ask(url, asked, header)
      if (answers.some(({ status, body }) => status === answer.status && body === answer.body)) {
        return
      }
      const isFailure = answers.every(({ status }) => status !== answer.status)
      const told = `${name}: ${answer.status} ${answer.body.slice(0, 400)}`
      ;(isFailure ? figures.failed : figures.wrong).push(told)
    } catch (error) {
      figures.failed.push(`${name}: ${String(error)}`)
    } finally {
      this.#answered++
      figures.longestMs = Math.max(figures.longestMs, Math.round(performance.now() - startMs))
    }
  }
}

function remarked({ path, params }: Question, remark: number): Question {
  const { query } = params
  if (typeof query !== 'string' || query === BROKEN_QUERY) return { path, params }
  return { path, params: { ...params, query: `${query} # ${remark}` } }
}

export async function ask(
  url: string,
  { path, params }: Question,
  authorization: string,
): Promise<Answer> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) search.append(name, String(value))
  const response = await fetch(`${url}/api/v1/${path}?${search.toString()}`, {
    headers: { authorization },
    signal: AbortSignal.timeout(40_000),
  })
  return { status: response.status, body: await response.text() }
}
