/** Which alerts were taken by anybody, as the sendings to all Alertmanagers tell it while they run. */
import type { Outgoing } from './batches.ts'
import type { OutgoingAlert } from './outgoing-alert.ts'

export class Deliveries {
  readonly #taken = new Set<OutgoingAlert>()
  readonly #refused = new Set<OutgoingAlert>()
  readonly #failed = new Set<OutgoingAlert>()

  taken(batch: readonly Outgoing[]): void {
    for (const { source } of batch) this.#taken.add(source)
  }

  /** For good. */
  refused(batch: readonly Outgoing[]): void {
    for (const { source } of batch) this.#refused.add(source)
  }

  /** For now. */
  failed(batch: readonly Outgoing[]): void {
    for (const { source } of batch) this.#failed.add(source)
  }

  areTaken(batch: readonly Outgoing[]): boolean {
    return batch.every(({ source }) => this.#taken.has(source))
  }

  /** Whether a later try may bring it to somebody. */
  isOpen(alert: OutgoingAlert): boolean {
    return !this.#taken.has(alert) && !this.isLost(alert)
  }

  /** Whoever answered refused it. */
  isLost(alert: OutgoingAlert): boolean {
    return this.#refused.has(alert) && !this.#taken.has(alert) && !this.#failed.has(alert)
  }
}
