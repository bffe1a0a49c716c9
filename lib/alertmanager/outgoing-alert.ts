/** An alert on its way to Alertmanagers. */

export interface OutgoingAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAtMs: number
  /** When it was resolved; of a firing one, when it is so if nobody sends it again. */
  readonly endsAtMs: number
  /** Where the expression can be looked at. */
  readonly generatorUrl: string
}
