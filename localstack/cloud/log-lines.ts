/** What a process prints, cut into lines, with the last of it kept. */

export type LogSink = (functionName: string, line: string) => void

const TAIL_BYTES = 4096

export class LogLines {
  readonly #sink: (line: string) => void
  readonly #decoder = new TextDecoder()
  #rest = ''
  #tail = ''

  constructor(sink: (line: string) => void) {
    this.#sink = sink
  }

  push(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    this.#tail = (this.#tail + text).slice(-TAIL_BYTES)
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#sink(line)
  }

  startTail(): void {
    this.#tail = ''
  }

  tail(): string {
    return this.#tail
  }
}
