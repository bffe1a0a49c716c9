/** A queue as SQS keeps it: a message that was received comes back unless it is deleted, and after too often goes aside. */
import { createHash, randomUUID } from 'node:crypto'

import type { QueueSpec } from './assembly.ts'

export interface Message {
  readonly id: string
  readonly body: string
  readonly sentMs: number
  receives: number
  visibleMs: number
}

export class Queue {
  /** May become another: the messages stay. */
  spec: QueueSpec
  readonly #now: () => number
  readonly #messages = new Map<string, Message>()
  readonly #deadLetters: () => Queue | undefined
  #arrived: () => void = () => {}

  constructor(spec: QueueSpec, now: () => number, deadLetters: () => Queue | undefined) {
    this.spec = spec
    this.#now = now
    this.#deadLetters = deadLetters
  }

  /** Messages that are waiting or being worked on. */
  get size(): number {
    return this.#messages.size
  }

  bodies(): string[] {
    return [...this.#messages.values()].map(({ body }) => body)
  }

  onArrival(arrived: () => void): void {
    this.#arrived = arrived
  }

  send(body: string): { id: string; md5: string } {
    const id = randomUUID()
    const nowMs = this.#now()
    this.#messages.set(id, { id, body, sentMs: nowMs, receives: 0, visibleMs: nowMs })
    this.#arrived()
    return { id, md5: createHash('md5').update(body).digest('hex') }
  }

  /** At most `limit` messages, invisible to others for the visibility timeout. */
  receive(limit: number): Message[] {
    const nowMs = this.#now()
    const received: Message[] = []
    for (const message of this.#messages.values()) {
      if (received.length === limit) break
      if (message.visibleMs > nowMs) continue
      if (message.receives >= (this.spec.deadLetter?.maxReceives ?? Infinity)) {
        this.#messages.delete(message.id)
        this.#deadLetters()?.send(message.body)
        continue
      }
      message.receives++
      message.visibleMs = nowMs + this.spec.visibilityMs
      received.push(message)
    }
    return received
  }

  delete(id: string): void {
    this.#messages.delete(id)
  }

  /** When the next message can be received; undefined when there is none. */
  nextVisibleMs(): number | undefined {
    let nextMs: number | undefined
    for (const { visibleMs } of this.#messages.values()) {
      nextMs = Math.min(nextMs ?? Infinity, visibleMs)
    }
    return nextMs
  }
}
